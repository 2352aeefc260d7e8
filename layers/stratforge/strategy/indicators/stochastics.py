"""Momentum by the place of a price in the range of the last bars."""

from __future__ import annotations

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.momentum import rsi
from stratforge.strategy.indicators.moving_average import mamode, moving_average, rma
from stratforge.strategy.indicators.registry import Floats, indicator, length


@indicator(
    "stoch",
    "momentum",
    "Stochastic oscillator",
    "high low close",
    length(14, "k"),
    length(3, "d"),
    length(3, "smooth_k"),
    mamode("sma"),
    outputs="k d",
)
def stoch(
    high: Floats, low: Floats, close: Floats, k_: int, d: int, smooth_k: int, mamode: str
) -> tuple[Floats, Floats]:
    """Lane: where the close lies in the range of the last k bars, smoothed."""
    lowest = k.rolling_min(low, k_)
    raw = 100.0 * k.share(close - lowest, k.rolling_max(high, k_) - lowest)
    slow = moving_average(mamode, raw, smooth_k)
    return slow, moving_average(mamode, slow, d)


@indicator("kdj", "momentum", "KDJ", "high low close", length(9), length(3, "signal"), outputs="k d j")
def kdj(high: Floats, low: Floats, close: Floats, length: int, signal: int) -> tuple[Floats, Floats, Floats]:
    """The stochastic with Wilder smoothing, and three times k less twice d."""
    lowest = k.rolling_min(low, length)
    fast = 100.0 * k.share(close - lowest, k.rolling_max(high, length) - lowest)
    slow = rma(fast, signal)
    slower = rma(slow, signal)
    return slow, slower, 3.0 * slow - 2.0 * slower


@indicator(
    "stochf",
    "momentum",
    "Fast stochastic",
    "high low close",
    length(5, "fastk"),
    length(3, "fastd"),
    mamode("sma"),
    outputs="k d",
)
def stochf(high: Floats, low: Floats, close: Floats, fastk: int, fastd: int, mamode: str) -> tuple[Floats, Floats]:
    """Lane's stochastic without smoothing of k."""
    lowest = k.rolling_min(low, fastk)
    line = 100.0 * k.share(close - lowest, k.rolling_max(high, fastk) - lowest)
    return line, moving_average(mamode, line, fastd)


@indicator(
    "stochrsi",
    "momentum",
    "Stochastic RSI",
    "close",
    length(14),
    length(14, "rsi_length"),
    length(3, "k"),
    length(3, "d"),
    mamode("sma"),
    outputs="k d",
)
def stochrsi(close: Floats, length: int, rsi_length: int, k_: int, d: int, mamode: str) -> tuple[Floats, Floats]:
    """Chande and Kroll (1994): the stochastic of the RSI."""
    strength = rsi(close, rsi_length, 100.0, 1)
    lowest = k.rolling_min(strength, length)
    raw = 100.0 * k.share(strength - lowest, k.rolling_max(strength, length) - lowest)
    line = moving_average(mamode, raw, k_)
    return line, moving_average(mamode, line, d)


@indicator("willr", "momentum", "Williams %R", "high low close", length(14))
def willr(high: Floats, low: Floats, close: Floats, length: int) -> Floats:
    """Williams: where the close lies below the range's top, in percent."""
    lowest, highest = k.rolling_min(low, length), k.rolling_max(high, length)
    return 100.0 * ((close - lowest) / (highest - lowest) - 1.0)
