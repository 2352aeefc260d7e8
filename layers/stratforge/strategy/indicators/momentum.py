"""Indicators of speed and direction."""

from __future__ import annotations

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.moving_average import ema, mamode, moving_average, rma, sma, wma
from stratforge.strategy.indicators.overlap import hl2, hlc3, symmetric_average, vwma
from stratforge.strategy.indicators.registry import Floats, indicator, length, number
from stratforge.strategy.indicators.regression import linreg
from stratforge.strategy.indicators.statistics import mad
from stratforge.strategy.indicators.volatility import atr, rvi


@indicator(
    "rsi",
    "momentum",
    "Relative strength index",
    "close",
    length(14),
    number("scalar", 100.0),
    length(1, "drift"),
)
def rsi(close: Floats, length: int, scalar: float, drift: int) -> Floats:
    """Wilder, New Concepts in Technical Trading Systems (1978)."""
    change = k.diff(close, drift)
    gain = rma(np.where(change < 0, 0.0, change), length)
    loss = rma(np.where(change > 0, 0.0, change), length)
    return scalar * gain / (gain + np.abs(loss))


@indicator(
    "macd",
    "momentum",
    "Moving average convergence/divergence",
    "close",
    length(12, "fast"),
    length(26, "slow"),
    length(9, "signal"),
    outputs="macd histogram signal",
)
def macd(close: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats, Floats]:
    """Appel (1979): fast EMA less slow EMA, and its EMA."""
    if slow < fast:
        fast, slow = slow, fast
    line = ema(close, fast) - ema(close, slow)
    smooth = ema(line, signal)
    return line, line - smooth, smooth


@indicator("mom", "momentum", "Momentum: change over length bars", "close", length(10))
def mom(close: Floats, length: int) -> Floats:
    """Change over `length` bars."""
    return k.diff(close, length)


@indicator("roc", "momentum", "Rate of change in percent", "close", length(10), number("scalar", 100.0))
def roc(close: Floats, length: int, scalar: float) -> Floats:
    """Relative change over `length` bars, times `scalar`."""
    return scalar * k.diff(close, length) / k.shift(close, length)


@indicator("rocp", "momentum", "Rate of change as a fraction", "close", length(10))
def rocp(close: Floats, length: int) -> Floats:
    """Relative change over `length` bars."""
    return k.diff(close, length) / k.shift(close, length)


@indicator("rocr", "momentum", "Rate of change as a ratio", "close", length(10))
def rocr(close: Floats, length: int) -> Floats:
    """The value over the value of `length` bars ago."""
    return close / k.shift(close, length)


@indicator("rocr100", "momentum", "Rate of change as a ratio times 100", "close", length(10))
def rocr100(close: Floats, length: int) -> Floats:
    """100 times the value over the value of `length` bars ago."""
    return 100.0 * close / k.shift(close, length)


@indicator("ao", "momentum", "Awesome oscillator", "high low", length(5, "fast"), length(34, "slow"))
def ao(high: Floats, low: Floats, fast: int, slow: int) -> Floats:
    """Williams: fast less slow average of the middles."""
    if slow < fast:
        fast, slow = slow, fast
    middle = hl2(high, low)
    return sma(middle, fast) - sma(middle, slow)


@indicator(
    "apo", "momentum", "Absolute price oscillator", "close", length(12, "fast"), length(26, "slow"), mamode("sma")
)
def apo(close: Floats, fast: int, slow: int, mamode: str) -> Floats:
    """Fast less slow average."""
    if slow < fast:
        fast, slow = slow, fast
    return moving_average(mamode, close, fast) - moving_average(mamode, close, slow)


@indicator("bias", "momentum", "Distance from the average", "close", length(26), mamode("sma"))
def bias(close: Floats, length: int, mamode: str) -> Floats:
    """Relative distance of the close from its average."""
    return close / moving_average(mamode, close, length) - 1.0


@indicator("bop", "momentum", "Balance of power", "open high low close", number("scalar", 1.0))
def bop(open: Floats, high: Floats, low: Floats, close: Floats, scalar: float) -> Floats:
    """Livshin (2001): the bar's body by its range."""
    return scalar * k.share(close - open, high - low)


@indicator(
    "brar",
    "momentum",
    "BRAR sentiment",
    "open high low close",
    length(26),
    number("scalar", 100.0),
    length(1, "drift"),
    outputs="ar br",
)
def brar(
    open: Floats, high: Floats, low: Floats, close: Floats, length: int, scalar: float, drift: int
) -> tuple[Floats, Floats]:
    """Highs against lows, seen from the open (AR) and from the previous close (BR)."""
    ar = scalar * k.rolling_sum(high - open, length) / k.rolling_sum(open - low, length)
    before = k.shift(close, drift)
    up, down = np.maximum(high - before, 0.0), np.maximum(before - low, 0.0)
    br = k.rolling_sum(up, length) / k.rolling_sum(down, length)
    return ar, scalar * br


@indicator("cci", "momentum", "Commodity channel index", "high low close", length(14), number("c", 0.015, 1e-6, 1e6))
def cci(high: Floats, low: Floats, close: Floats, length: int, c: float) -> Floats:
    """Lambert (1980): distance from the average in mean absolute deviations."""
    typical = hlc3(high, low, close)
    return (typical - sma(typical, length)) / (c * mad(typical, length))


@indicator("cg", "momentum", "Center of gravity", "close", length(10))
def cg(close: Floats, length: int) -> Floats:
    """Ehlers (2002): the balance point of the last values."""
    return -k.rolling_dot(close, np.arange(length, 0, -1, dtype=np.float64)) / k.rolling_sum(close, length)


@indicator(
    "cmo", "momentum", "Chande momentum oscillator", "close", length(14), number("scalar", 100.0), length(1, "drift")
)
def cmo(close: Floats, length: int, scalar: float, drift: int) -> Floats:
    """Chande (1994): gains less losses over gains and losses."""
    change = k.diff(close, drift)
    gain = k.rolling_sum(np.maximum(change, 0.0), length)
    loss = k.rolling_sum(-np.minimum(change, 0.0), length)
    return scalar * (gain - loss) / (gain + loss)


@indicator("coppock", "momentum", "Coppock curve", "close", length(10), length(11, "fast"), length(14, "slow"))
def coppock(close: Floats, length: int, fast: int, slow: int) -> Floats:
    """Coppock (1962): the weighted average of two rates of change."""
    return wma(roc(close, fast, 100.0) + roc(close, slow, 100.0), length)


@indicator("er", "momentum", "Efficiency ratio", "close", length(10), length(1, "drift"))
def er(close: Floats, length: int, drift: int) -> Floats:
    """Kaufman (1995): the way moved by the way walked."""
    return np.abs(k.diff(close, length)) / k.rolling_sum(np.abs(k.diff(close, drift)), length)


@indicator("eri", "momentum", "Elder ray index", "high low close", length(13), outputs="bull bear")
def eri(high: Floats, low: Floats, close: Floats, length: int) -> tuple[Floats, Floats]:
    """Elder (1993): high and low against the EMA."""
    average = ema(close, length)
    return high - average, low - average


@indicator(
    "fisher", "momentum", "Fisher transform", "high low", length(9), length(1, "signal"), outputs="fisher signal"
)
def fisher(high: Floats, low: Floats, length: int, signal: int) -> tuple[Floats, Floats]:
    """Computes the Fisher transform and its signal line (Ehlers, 2002)."""
    middle = hl2(high, low)
    lowest = k.rolling_min(middle, length)
    place = (middle - lowest) / (k.rolling_max(middle, length) - lowest) - 0.5

    def smoothed(value: Floats, now: Floats) -> Floats:
        value = 0.66 * now + 0.67 * value
        return np.where(value < -0.99, -0.999, np.where(value > 0.99, 0.999, value))

    value = k.followed(place, k.reach(0.67), lambda now: 0.0 * now, smoothed)
    change = np.where(np.isnan(place), 0.0, 0.5 * np.log((1 + value) / (1 - value)))
    out = k.affine_mean(np.full(len(place), 0.5), change, k.begins(place), k.reach(0.5))
    out = np.where(np.isnan(place), np.nan, out)
    return out, k.shift(out, signal)


@indicator(
    "inertia",
    "momentum",
    "Inertia",
    "close",
    length(20, minimum=2),
    length(14, "rvi_length"),
    number("scalar", 100.0),
    mamode("ema"),
)
def inertia(close: Floats, length: int, rvi_length: int, scalar: float, mamode: str) -> Floats:
    """Dorsey (1995): the regression of the relative volatility index."""
    return linreg(rvi(close, rvi_length, scalar, mamode, 1), length)


@indicator(
    "kst",
    "momentum",
    "Know sure thing",
    "close",
    length(10, "roc1"),
    length(15, "roc2"),
    length(20, "roc3"),
    length(30, "roc4"),
    length(10, "sma1"),
    length(10, "sma2"),
    length(10, "sma3"),
    length(15, "sma4"),
    length(9, "signal"),
    outputs="kst signal",
)
def kst(
    close: Floats, roc1: int, roc2: int, roc3: int, roc4: int, sma1: int, sma2: int, sma3: int, sma4: int, signal: int
) -> tuple[Floats, Floats]:
    """Pring (1992): four smoothed rates of change in percent, weighted (pandas-ta multiplies by a hundred twice)."""
    pairs = ((roc1, sma1), (roc2, sma2), (roc3, sma3), (roc4, sma4))
    total = sum(weight * sma(roc(close, change, 100.0), smooth) for weight, (change, smooth) in enumerate(pairs, 1))
    line = np.asanyarray(total)
    return line, sma(line, signal)


@indicator("pgo", "momentum", "Pretty good oscillator", "high low close", length(14))
def pgo(high: Floats, low: Floats, close: Floats, length: int) -> Floats:
    """Johnson: distance from the average in smoothed ranges."""
    return (close - sma(close, length)) / ema(atr(high, low, close, length, "rma", 1, False), length)


@indicator(
    "ppo",
    "momentum",
    "Percentage price oscillator",
    "close",
    length(12, "fast"),
    length(26, "slow"),
    length(9, "signal"),
    number("scalar", 100.0),
    mamode("sma"),
    outputs="ppo histogram signal",
)
def ppo(close: Floats, fast: int, slow: int, signal: int, scalar: float, mamode: str) -> tuple[Floats, Floats, Floats]:
    """Fast less slow average, in percent of the slow one."""
    if slow < fast:
        fast, slow = slow, fast
    slower = moving_average(mamode, close, slow)
    line = scalar * (moving_average(mamode, close, fast) - slower) / slower
    smooth = ema(line, signal)
    return line, line - smooth, smooth


@indicator(
    "pvo",
    "momentum",
    "Percentage volume oscillator",
    "volume",
    length(12, "fast"),
    length(26, "slow"),
    length(9, "signal"),
    number("scalar", 100.0),
    outputs="pvo histogram signal",
)
def pvo(volume: Floats, fast: int, slow: int, signal: int, scalar: float) -> tuple[Floats, Floats, Floats]:
    """The percentage oscillator of the volume."""
    return ppo(volume, fast, slow, signal, scalar, "ema")


@indicator("psl", "momentum", "Psychological line", "close", length(12), number("scalar", 100.0), length(1, "drift"))
def psl(close: Floats, length: int, scalar: float, drift: int) -> Floats:
    """The part of the last bars that rose, in percent."""
    rose = (np.nan_to_num(k.diff(close, drift)) > 0).astype(np.float64)
    return scalar * k.rolling_sum(rose, length) / length


@indicator(
    "rvgi",
    "momentum",
    "Relative vigor index",
    "open high low close",
    length(14),
    length(4, "swma_length"),
    outputs="rvgi signal histogram",
)
def rvgi(
    open: Floats, high: Floats, low: Floats, close: Floats, length: int, swma_length: int
) -> tuple[Floats, Floats, Floats]:
    """Ehlers: bodies by ranges, symmetrically weighted."""
    body = symmetric_average(close - open, swma_length)
    spread = symmetric_average(high - low, swma_length)
    line = k.share(k.rolling_sum(body, length), k.rolling_sum(spread, length))
    smooth = symmetric_average(line, swma_length)
    return line, smooth, line - smooth


@indicator("slope", "momentum", "Slope", "close", length(1))
def slope(close: Floats, length: int) -> Floats:
    """Change a bar over `length` bars."""
    return k.diff(close, length) / length


def _twice_smoothed(close: Floats, fast: int, slow: int) -> Floats:
    change = k.diff(close, 1)
    return ema(ema(change, slow), fast) / ema(ema(np.abs(change), slow), fast)


@indicator(
    "tsi",
    "momentum",
    "True strength index",
    "close",
    length(13, "fast"),
    length(25, "slow"),
    length(13, "signal"),
    number("scalar", 100.0),
    mamode("ema"),
    outputs="tsi signal",
)
def tsi(close: Floats, fast: int, slow: int, signal: int, scalar: float, mamode: str) -> tuple[Floats, Floats]:
    """Blau (1991): the change, smoothed twice, by its size, smoothed twice."""
    if slow < fast:
        fast, slow = slow, fast
    line = scalar * _twice_smoothed(close, fast, slow)
    return line, moving_average(mamode, line, signal)


@indicator(
    "smi",
    "momentum",
    "SMI ergodic",
    "close",
    length(5, "fast"),
    length(20, "slow"),
    length(5, "signal"),
    number("scalar", 1.0),
    outputs="smi signal oscillator",
)
def smi(close: Floats, fast: int, slow: int, signal: int, scalar: float) -> tuple[Floats, Floats, Floats]:
    """Blau: the true strength index with its signal line."""
    line, smooth = tsi(close, fast, slow, signal, scalar, "ema")
    return line, smooth, line - smooth


@indicator(
    "trix",
    "momentum",
    "TRIX",
    "close",
    length(30),
    length(9, "signal"),
    number("scalar", 100.0),
    length(1, "drift"),
    outputs="trix signal",
)
def trix(close: Floats, length: int, signal: int, scalar: float, drift: int) -> tuple[Floats, Floats]:
    """Hutson (1983): the rate of change of the EMA, smoothed three times."""
    third = ema(ema(ema(close, length), length), length)
    line = scalar * (third / k.shift(third, drift) - 1.0)
    return line, sma(line, signal)


@indicator(
    "trixh",
    "momentum",
    "TRIX with histogram",
    "close",
    length(18),
    length(9, "signal"),
    number("scalar", 100.0),
    length(1, "drift"),
    outputs="trix signal histogram",
)
def trixh(close: Floats, length: int, signal: int, scalar: float, drift: int) -> tuple[Floats, Floats, Floats]:
    """TRIX, its signal line and their difference."""
    line, smooth = trix(close, length, signal, scalar, drift)
    return line, smooth, line - smooth


@indicator(
    "uo",
    "momentum",
    "Ultimate oscillator",
    "high low close",
    length(7, "fast"),
    length(14, "medium"),
    length(28, "slow"),
    number("fast_w", 4.0, 0),
    number("medium_w", 2.0, 0),
    number("slow_w", 1.0, 0),
    length(1, "drift"),
)
def uo(
    high: Floats,
    low: Floats,
    close: Floats,
    fast: int,
    medium: int,
    slow: int,
    fast_w: float,
    medium_w: float,
    slow_w: float,
    drift: int,
) -> Floats:
    """Williams (1976): buying pressure over three lengths."""
    before = k.shift(close, drift)
    top, bottom = np.fmax(high, before), np.fmin(low, before)
    top, bottom = np.where(np.isnan(before), high, top), np.where(np.isnan(before), low, bottom)
    pressure, spread = close - bottom, top - bottom
    pairs = ((fast, fast_w), (medium, medium_w), (slow, slow_w))
    total = sum(weight * k.rolling_sum(pressure, n) / k.rolling_sum(spread, n) for n, weight in pairs)
    return 100.0 * np.asanyarray(total) / (fast_w + medium_w + slow_w)


@indicator(
    "macdfix", "momentum", "MACD of 12 and 26 bars", "close", length(9, "signal"), outputs="macd histogram signal"
)
def macdfix(close: Floats, signal: int) -> tuple[Floats, Floats, Floats]:
    """The MACD with its classic lengths."""
    return macd(close, 12, 26, signal)


@indicator(
    "vwmacd",
    "momentum",
    "Volume-weighted MACD",
    "close volume",
    length(12, "fast"),
    length(26, "slow"),
    length(9, "signal"),
    outputs="macd histogram signal",
)
def vwmacd(close: Floats, volume: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats, Floats]:
    """The MACD of volume-weighted averages."""
    if slow < fast:
        fast, slow = slow, fast
    line = vwma(close, volume, fast) - vwma(close, volume, slow)
    smooth = vwma(line, volume, signal)
    return line, line - smooth, smooth
