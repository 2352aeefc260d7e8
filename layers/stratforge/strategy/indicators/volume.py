"""Indicators computed from volume and price."""

from __future__ import annotations

import numpy as np

from stratforge.market.columns import BarColumns
from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.moving_average import mamode, moving_average, sma
from stratforge.strategy.indicators.overlap import hl2, hlc3
from stratforge.strategy.indicators.registry import Floats, flag, indicator, length, number


@indicator("obv", "volume", "On-balance volume of the day", "close volume", anchored=True)
def obv(bars: BarColumns, close: Floats, volume: Floats) -> Floats:
    """Granville: volume added on up bars and taken off on down bars, since the beginning of the exchange's day."""
    change = np.sign(k.diff(close, 1))
    return k.sum_since_day_start(change * volume, bars.anchor)


def _accumulated(high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
    """Volume by where the close lies in the bar's range (Chaikin)."""
    return k.share((2.0 * close - (high + low)) * volume, high - low)


@indicator("ad", "volume", "Accumulation/distribution of the day", "high low close volume", anchored=True)
def ad(bars: BarColumns, high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
    """Chaikin's line, since the beginning of the exchange's day."""
    return k.sum_since_day_start(_accumulated(high, low, close, volume), bars.anchor)


@indicator("pvt", "volume", "Price volume trend of the day", "close volume", length(1, "drift"), anchored=True)
def pvt(bars: BarColumns, close: Floats, volume: Floats, drift: int) -> Floats:
    """Volume by the rate of change in percent, since the beginning of the exchange's day."""
    return k.sum_since_day_start(100.0 * k.diff(close, drift) / k.shift(close, drift) * volume, bars.anchor)


@indicator("cmf", "volume", "Chaikin money flow", "high low close volume", length(20))
def cmf(high: Floats, low: Floats, close: Floats, volume: Floats, length: int) -> Floats:
    """Chaikin: accumulated volume by volume."""
    return k.rolling_sum(_accumulated(high, low, close, volume), length) / k.rolling_sum(volume, length)


@indicator("efi", "volume", "Elder's force index", "close volume", length(13), mamode("ema"), length(1, "drift"))
def efi(close: Floats, volume: Floats, length: int, mamode: str, drift: int) -> Floats:
    """Elder (1993): change times volume, smoothed."""
    return moving_average(mamode, k.diff(close, drift) * volume, length)


@indicator(
    "emv",
    "volume",
    "Ease of movement of a bar",
    "high low volume",
    number("divisor", 10_000.0, 1e-9, 1e18),
    length(1, "drift"),
)
def emv(high: Floats, low: Floats, volume: Floats, divisor: float, drift: int) -> Floats:
    """Arms: how easily the middle moved."""
    return k.diff(hl2(high, low), drift) * (high - low) * divisor / volume


@indicator(
    "eom",
    "volume",
    "Ease of movement",
    "high low close volume",
    length(14),
    number("divisor", 1e8, 1e-9, 1e18),
    length(1, "drift"),
)
def eom(high: Floats, low: Floats, close: Floats, volume: Floats, length: int, divisor: float, drift: int) -> Floats:  # noqa: ARG001 - pandas-ta's arguments
    """Arms: the average ease of movement."""
    return sma(emv(high, low, volume, divisor, drift), length)


@indicator(
    "kvo",
    "volume",
    "Klinger volume oscillator",
    "high low close volume",
    length(34, "fast"),
    length(55, "slow"),
    length(13, "signal"),
    mamode("ema"),
    outputs="kvo signal",
)
def kvo(
    high: Floats, low: Floats, close: Floats, volume: Floats, fast: int, slow: int, signal: int, mamode: str
) -> tuple[Floats, Floats]:
    """Klinger (1997): fast less slow average of the signed volume."""
    # The first bar counts as rising, as in pandas-ta.
    way = np.sign(k.diff(hlc3(high, low, close), 1))
    way[:1] = 1.0
    signed = volume * way
    line = moving_average(mamode, signed, fast) - moving_average(mamode, signed, slow)
    return line, moving_average(mamode, line, signal)


@indicator("mfi", "volume", "Money flow index", "high low close volume", length(14), length(1, "drift"))
def mfi(high: Floats, low: Floats, close: Floats, volume: Floats, length: int, drift: int) -> Floats:
    """Quong and Soudack (1989): the RSI of money flow."""
    typical = hlc3(high, low, close)
    change, flow = k.diff(typical, drift), typical * volume
    inflow = k.rolling_sum(np.where(change > 0, flow, 0.0), length)
    outflow = k.rolling_sum(np.where(change < 0, flow, 0.0), length)
    return 100.0 * inflow / (inflow + outflow)


@indicator("pvol", "volume", "Price times volume", "close volume", flag("signed", False))
def pvol(close: Floats, volume: Floats, signed: bool) -> Floats:
    """Money traded, with the sign of the change when asked."""
    value = close * volume
    return value * np.sign(k.diff(close, 1)) if signed else value


@indicator("pvr", "volume", "Price volume rank: 1 to 4", "close volume")
def pvr(close: Floats, volume: Floats) -> Floats:
    """1: both rise; 2: price rises; 3: volume rises; 4: both fall."""
    up, more = np.nan_to_num(k.diff(close, 1)) >= 0, np.nan_to_num(k.diff(volume, 1)) >= 0
    return np.where(up, np.where(more, 1.0, 2.0), np.where(more, 3.0, 4.0))


@indicator("vosc", "volume", "Volume oscillator", "volume", length(14, "fast"), length(28, "slow"))
def vosc(volume: Floats, fast: int, slow: int) -> Floats:
    """Fast less slow average of the volume, in percent."""
    if fast > slow:
        fast, slow = slow, fast
    slower = sma(volume, slow)
    return 100.0 * (sma(volume, fast) - slower) / slower


@indicator("marketfi", "volume", "Market facilitation index", "high low volume")
def marketfi(high: Floats, low: Floats, volume: Floats) -> Floats:
    """Williams: the range a unit of volume moves."""
    return (high - low) / volume
