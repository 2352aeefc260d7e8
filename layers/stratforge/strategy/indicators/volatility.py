"""Indicators of how much the price moves."""

from __future__ import annotations

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.moving_average import ema, mamode, moving_average, sma
from stratforge.strategy.indicators.registry import Floats, Parameter, flag, indicator, length, number


def ddof(default: int) -> Parameter:
    """Delta degrees of freedom of a standard deviation."""
    return length(default, "ddof", minimum=0)


@indicator("true_range", "volatility", "True range", "high low close", length(1, "drift"))
def true_range(high: Floats, low: Floats, close: Floats, drift: int) -> Floats:
    """Wilder (1978): the largest of the bar's range and the distances from the previous close."""
    previous = k.shift(close, drift)
    return np.maximum(np.maximum(np.abs(high - low), np.abs(high - previous)), np.abs(previous - low))


@indicator(
    "atr",
    "volatility",
    "Average true range",
    "high low close",
    length(14),
    mamode("rma"),
    length(1, "drift"),
    flag("percent", False),
)
def atr(high: Floats, low: Floats, close: Floats, length: int, mamode: str, drift: int, percent: bool) -> Floats:
    """Wilder (1978): the moving average of the true range, in percent of the close when asked."""
    average = moving_average(mamode, true_range(high, low, close, drift), length)
    return average * 100.0 / close if percent else average


@indicator(
    "bbands",
    "volatility",
    "Bollinger bands",
    "close",
    length(5, minimum=2),
    number("std", 2.0, 1e-6, 100),
    ddof(0),
    mamode("sma"),
    outputs="lower mid upper bandwidth percent",
)
def bbands(
    close: Floats, length: int, std: float, ddof: int, mamode: str
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Bollinger: a moving average and bands at `std` standard deviations."""
    deviation = std * k.rolling_std(close, length, ddof)
    mid = moving_average(mamode, close, length)
    lower, upper = mid - deviation, mid + deviation
    spread = upper - lower
    return lower, mid, upper, 100.0 * spread / mid, (close - lower) / spread


@indicator("stdev", "statistics", "Standard deviation", "close", length(30, minimum=2), ddof(1))
def stdev(close: Floats, length: int, ddof: int) -> Floats:
    """Standard deviation of the last `length` values."""
    return k.rolling_std(close, length, ddof)


@indicator(
    "donchian",
    "volatility",
    "Donchian channel",
    "high low",
    length(20, "lower_length"),
    length(20, "upper_length"),
    outputs="lower mid upper",
)
def donchian(high: Floats, low: Floats, lower_length: int, upper_length: int) -> tuple[Floats, Floats, Floats]:
    """Lowest low and highest high, and their middle."""
    lower = k.rolling_min(low, lower_length)
    upper = k.rolling_max(high, upper_length)
    return lower, 0.5 * (lower + upper), upper


@indicator(
    "natr",
    "volatility",
    "Normalized average true range",
    "high low close",
    length(14),
    mamode("rma"),
    number("scalar", 100.0),
    length(1, "drift"),
)
def natr(high: Floats, low: Floats, close: Floats, length: int, mamode: str, scalar: float, drift: int) -> Floats:
    """The average true range in percent of the close."""
    return scalar / close * atr(high, low, close, length, mamode, drift, False)


@indicator(
    "aberration",
    "volatility",
    "Aberration",
    "high low close",
    length(5),
    length(15, "atr_length"),
    outputs="middle upper lower atr",
)
def aberration(
    high: Floats, low: Floats, close: Floats, length: int, atr_length: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """The average typical price and bands one average true range away."""
    width = atr(high, low, close, atr_length, "rma", 1, False)
    middle = sma((high + low + close) / 3.0, length)
    return middle, middle + width, middle - width, width


@indicator(
    "accbands",
    "volatility",
    "Acceleration bands",
    "high low close",
    length(20),
    number("c", 4.0, 0.001, 1000),
    mamode("sma"),
    outputs="lower mid upper",
)
def accbands(
    high: Floats, low: Floats, close: Floats, length: int, c: float, mamode: str
) -> tuple[Floats, Floats, Floats]:
    """Computes the acceleration bands: lower, middle and upper (Headley, 2002)."""
    ratio = c * (high - low) / (high + low)
    return (
        moving_average(mamode, low * (1.0 - ratio), length),
        moving_average(mamode, close, length),
        moving_average(mamode, high * (1.0 + ratio), length),
    )


@indicator(
    "ce",
    "volatility",
    "Chandelier exit",
    "high low close",
    length(22),
    number("multiplier", 3.0, 0.001, 1000),
    mamode("rma"),
    outputs="long short",
)
def ce(high: Floats, low: Floats, close: Floats, length: int, multiplier: float, mamode: str) -> tuple[Floats, Floats]:
    """Le Beau: stops at a multiple of the ATR from the extremes."""
    width = multiplier * atr(high, low, close, length, mamode, 1, False)
    return k.rolling_max(high, length) - width, k.rolling_min(low, length) + width


@indicator("cvi", "volatility", "Chaikin volatility", "high low", length(10))
def cvi(high: Floats, low: Floats, length: int) -> Floats:
    """Rate of change of the smoothed range, in percent."""
    spread = ema(high - low, length)
    return 100.0 * k.diff(spread, length) / k.shift(spread, length)


@indicator(
    "hvol",
    "volatility",
    "Historical volatility",
    "close",
    length(20, minimum=2),
    number("annualization", 252.0, 1, 1e6),
)
def hvol(close: Floats, length: int, annualization: float) -> Floats:
    """Standard deviation of log returns, annualized, in percent."""
    return np.asanyarray(100.0 * k.rolling_std(np.log(close / k.shift(close, 1)), length, 1) * np.sqrt(annualization))


@indicator("avolume", "volatility", "Annualized volatility", "close", length(20, minimum=2))
def avolume(close: Floats, length: int) -> Floats:
    """Standard deviation of log returns, annualized by 252."""
    return np.asanyarray(k.rolling_std(np.log(close / k.shift(close, 1)), length, 0) * np.sqrt(252.0))


@indicator(
    "kc",
    "volatility",
    "Keltner channel",
    "high low close",
    length(20),
    number("scalar", 2.0, 0.001, 1000),
    mamode("ema"),
    outputs="lower basis upper",
)
def kc(
    high: Floats, low: Floats, close: Floats, length: int, scalar: float, mamode: str
) -> tuple[Floats, Floats, Floats]:
    """Keltner (1960), Raschke: an average and bands at a multiple of the smoothed true range."""
    basis = moving_average(mamode, close, length)
    band = scalar * moving_average(mamode, true_range(high, low, close, 1), length)
    return basis - band, basis, basis + band


@indicator("massi", "volatility", "Mass index", "high low", length(9, "fast"), length(25, "slow"))
def massi(high: Floats, low: Floats, fast: int, slow: int) -> Floats:
    """Dorsey (1992): how the range widens."""
    if slow < fast:
        fast, slow = slow, fast
    once = ema(high - low, fast)
    return k.rolling_sum(once / ema(once, fast), slow)


@indicator("pdist", "volatility", "Price distance", "open high low close", length(1, "drift"))
def pdist(open: Floats, high: Floats, low: Floats, close: Floats, drift: int) -> Floats:
    """The way the price moved within and between bars."""
    return 2.0 * (high - low) + np.abs(open - k.shift(close, drift)) - np.abs(close - open)


@indicator(
    "rvi",
    "volatility",
    "Relative volatility index",
    "close",
    length(14, minimum=2),
    number("scalar", 100.0),
    mamode("ema"),
    length(1, "drift"),
)
def rvi(close: Floats, length: int, scalar: float, mamode: str, drift: int) -> Floats:
    """Dorsey (1993): the standard deviation of rising bars against all."""
    deviation = k.rolling_std(close, length, 1)
    change = k.diff(close, drift)
    up = moving_average(mamode, np.where(change > 0, 1.0, 0.0) * deviation, length)
    down = moving_average(mamode, np.where(change < 0, 1.0, 0.0) * deviation, length)
    return scalar * up / (up + down)


@indicator(
    "thermo",
    "volatility",
    "Elder's thermometer",
    "high low",
    length(20),
    number("long", 2.0, 0.001, 1000),
    number("short", 0.5, 0.001, 1000),
    mamode("ema"),
    length(1, "drift"),
    outputs="thermo average long short",
)
def thermo(
    high: Floats, low: Floats, length: int, long: float, short: float, mamode: str, drift: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Elder (2002): how far the bar reaches out of the one before."""
    down, up = np.abs(k.shift(low, drift) - low), np.abs(high - k.shift(high, drift))
    reach = np.where(up < down, down, up)
    average = moving_average(mamode, reach, length)
    return reach, average, (reach < average * long).astype(np.float64), (reach > average * short).astype(np.float64)


@indicator("ui", "volatility", "Ulcer index", "close", length(14), number("scalar", 100.0, 0))
def ui(close: Floats, length: int, scalar: float) -> Floats:
    """Martin (1987): root mean square of the drawdown from the rolling high."""
    highest = k.rolling_max(close, length)
    fall = scalar * (close - highest) / highest
    return np.sqrt(k.rolling_sum(fall * fall, length) / length)
