"""Indicators of whether there is a trend, and which way."""

from __future__ import annotations

import itertools

import numpy as np

from stratforge.market.columns import BarColumns
from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.moving_average import moving_average, sma
from stratforge.strategy.indicators.overlap import hl2
from stratforge.strategy.indicators.registry import Floats, indicator, length, number
from stratforge.strategy.indicators.volatility import atr, true_range
from stratforge.strategy.reach import of_the_day


def directional_movement(high: Floats, low: Floats, drift: int) -> tuple[Floats, Floats]:
    """Wilder (1978): how far the bar reached above or below the one before, the larger of the two only."""
    up, down = high - k.shift(high, drift), k.shift(low, drift) - low
    plus = np.where((up > down) & (up > 0), up, 0.0)
    minus = np.where((down > up) & (down > 0), down, 0.0)
    return plus, minus


def wilder_sum(x: Floats, length: int) -> Floats:
    """Wilder's running sum: seeded with the sum of `length - 1` values after the first, then s += x - s / length."""
    return k.recursion(x, 1.0 - 1.0 / length, 1.0, length, summed=True)


@indicator("plus_dm", "trend", "Positive directional movement", "high low", length(14), length(1, "drift"))
def plus_dm(high: Floats, low: Floats, length: int, drift: int) -> Floats:
    """Wilder's sum of the movement up."""
    return wilder_sum(directional_movement(high, low, drift)[0], length)


@indicator("minus_dm", "trend", "Negative directional movement", "high low", length(14), length(1, "drift"))
def minus_dm(high: Floats, low: Floats, length: int, drift: int) -> Floats:
    """Wilder's sum of the movement down."""
    return wilder_sum(directional_movement(high, low, drift)[1], length)


@indicator("dm", "trend", "Directional movement", "high low", length(14), length(1, "drift"), outputs="plus minus")
def dm(high: Floats, low: Floats, length: int, drift: int) -> tuple[Floats, Floats]:
    """Wilder's sums of both movements."""
    return plus_dm(high, low, length, drift), minus_dm(high, low, length, drift)


@indicator("aroon", "trend", "Aroon", "high low", length(14), number("scalar", 100.0), outputs="down up oscillator")
def aroon(high: Floats, low: Floats, length: int, scalar: float) -> tuple[Floats, Floats, Floats]:
    """Chande (1995): how long ago the extremes were."""
    up = scalar * (1.0 - k.rolling_arg_extreme(high, length + 1, largest=True) / length)
    down = scalar * (1.0 - k.rolling_arg_extreme(low, length + 1, largest=False) / length)
    return down, up, up - down


@indicator(
    "chop",
    "trend",
    "Choppiness index",
    "high low close",
    length(14, minimum=2),
    length(1, "atr_length"),
    number("scalar", 100.0),
)
def chop(high: Floats, low: Floats, close: Floats, length: int, atr_length: int, scalar: float) -> Floats:
    """Dreiss: the way walked by the range covered, as a logarithm."""
    spread = k.rolling_max(high, length) - k.rolling_min(low, length)
    walked = k.rolling_sum(atr(high, low, close, atr_length, "rma", 1, False), length)
    return np.asanyarray(scalar * (np.log10(walked) - np.log10(spread)) / np.log10(length))


@indicator(
    "cksp",
    "trend",
    "Chande-Kroll stop",
    "high low close",
    length(10, "p"),
    number("x", 1.0, 0.001, 1000),
    length(9, "q"),
    outputs="long short",
)
def cksp(high: Floats, low: Floats, close: Floats, p: int, x: float, q: int) -> tuple[Floats, Floats]:
    """Chande and Kroll (1994)."""
    width = x * atr(high, low, close, p, "rma", 1, False)
    return k.rolling_max(k.rolling_max(high, p) - width, q), k.rolling_min(k.rolling_min(low, p) + width, q)


@indicator("increasing", "trend", "Whether the value rose over length bars", "close", length(1), logical=True)
def increasing(close: Floats, length: int) -> Floats:
    """True when the value is above that of `length` bars ago."""
    return (k.diff(close, length) > 0).astype(np.float64)


@indicator("decreasing", "trend", "Whether the value fell over length bars", "close", length(1), logical=True)
def decreasing(close: Floats, length: int) -> Floats:
    """True when the value is below that of `length` bars ago."""
    return (k.diff(close, length) < 0).astype(np.float64)


@indicator("dpo", "trend", "Detrended price oscillator (not centered: that would look ahead)", "close", length(20))
def dpo(close: Floats, length: int) -> Floats:
    """The close less the average of half a length ago."""
    return close - k.shift(sma(close, length), int(0.5 * length) + 1)


@indicator(
    "psar",
    "trend",
    "Parabolic stop and reverse of the day",
    "high low close",
    number("af0", 0.02, 0.0001, 1),
    number("max_af", 0.2, 0.0001, 1),
    outputs="sar reversal",
    anchored=True,
)
def psar(
    bars: BarColumns, high: Floats, low: Floats, close: Floats, af0: float, max_af: float
) -> tuple[Floats, Floats]:
    """Wilder (1978): the stop that follows the trend, and 1 on bars on which it turns. Begins anew with the day: where it
    stands depends on every turn before."""
    out, turned = k.nans(len(high)), np.zeros(len(high))
    edges = [*np.flatnonzero(np.diff(bars.anchor, prepend=-1)).tolist(), len(high)]
    for first, last in itertools.pairwise(edges):
        day = slice(first, last)
        out[day], turned[day] = _psar_of_day(high[day], low[day], float(close[first]), af0, max_af)
    return of_the_day(out, high, low, close), of_the_day(turned, high, low, close)


def _psar_of_day(high: Floats, low: Floats, close: float, af0: float, max_af: float) -> tuple[Floats, Floats]:
    n = len(high)
    out, turned = k.nans(n), np.zeros(n)
    if n < 2:
        return out, turned
    highs, lows = high.tolist(), low.tolist()
    down = lows[0] - lows[1]
    falling = down > 0 and down > highs[1] - highs[0]
    sar, extreme, speed = close, (lows[1] if falling else highs[1]), af0
    for i in range(1, n):
        now = sar + speed * (extreme - sar)
        if falling:
            if lows[i] < extreme:
                extreme, speed = lows[i], min(speed + af0, max_af)
            now = max(highs[i - 1], highs[max(0, i - 2)], now)
            reverse = highs[i] > now
        else:
            if highs[i] > extreme:
                extreme, speed = highs[i], min(speed + af0, max_af)
            now = min(lows[i - 1], lows[max(0, i - 2)], now)
            reverse = lows[i] < now
        if reverse:
            now, speed, falling = extreme, af0, not falling
            extreme = lows[i] if falling else highs[i]
            turned[i] = 1.0
        sar = now
        out[i] = sar
    return out, turned


@indicator("qstick", "trend", "Qstick", "open close", length(10))
def qstick(open: Floats, close: Floats, length: int) -> Floats:
    """Chande: the average body."""
    return sma(close - open, length)


@indicator("vhf", "trend", "Vertical horizontal filter", "close", length(28), length(1, "drift"))
def vhf(close: Floats, length: int, drift: int) -> Floats:
    """White (1991): the range by the way walked."""
    spread = k.rolling_max(close, length) - k.rolling_min(close, length)
    return spread / k.rolling_sum(np.abs(k.diff(close, drift)), length)


@indicator("vortex", "trend", "Vortex", "high low close", length(14), length(1, "drift"), outputs="plus minus")
def vortex(high: Floats, low: Floats, close: Floats, length: int, drift: int) -> tuple[Floats, Floats]:
    """Botes and Siepman (2010)."""
    spread = k.rolling_sum(true_range(high, low, close, 1), length)
    plus = k.rolling_sum(np.abs(high - k.shift(low, drift)), length)
    minus = k.rolling_sum(np.abs(low - k.shift(high, drift)), length)
    return plus / spread, minus / spread


@indicator("ttm_trend", "trend", "TTM trend: 1 or -1", "high low close", length(6))
def ttm_trend(high: Floats, low: Floats, close: Floats, length: int) -> Floats:
    """Carter: whether the close is above the average middle."""
    return np.where(close > sma(hl2(high, low), length), 1.0, -1.0)


@indicator(
    "adx",
    "trend",
    "Average directional index",
    "high low close",
    length(14),
    length(14, "lensig"),
    number("scalar", 100.0),
    length(1, "drift"),
    outputs="adx plus minus",
)
def adx(
    high: Floats, low: Floats, close: Floats, length: int, lensig: int, scalar: float, drift: int
) -> tuple[Floats, Floats, Floats]:
    """Wilder (1978): strength of the trend, and the directional indicators."""
    ranges = wilder_sum(np.where(np.isnan(k.shift(close, drift)), 0.0, true_range(high, low, close, drift)), length)
    plus = scalar * plus_dm(high, low, length, drift) / ranges
    minus = scalar * minus_dm(high, low, length, drift) / ranges
    # Where the sums begin there is no direction yet.
    first = k.begins(ranges)
    plus, minus = np.where(first, np.nan, plus), np.where(first, np.nan, minus)
    strength = moving_average("rma", scalar * np.abs(plus - minus) / (plus + minus), lensig)
    return strength, plus, minus
