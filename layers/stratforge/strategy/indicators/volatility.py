"""Indicators of how much the price moves."""

from __future__ import annotations

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.moving_average import mamode, moving_average
from stratforge.strategy.indicators.registry import Floats, Parameter, flag, indicator, length, number


def ddof(default: int) -> Parameter:
    """Delta degrees of freedom of a standard deviation."""
    return length(default, "ddof", minimum=0)


@indicator("true_range", "volatility", "True range", "high low close", length(1, "drift"))
def true_range(high: Floats, low: Floats, close: Floats, drift: int) -> Floats:
    """Wilder (1978): the largest of the bar's range and the distances from the previous close."""
    previous = k.shift(close, drift)
    spread = np.abs(k.non_zero_range(high, low))
    return np.maximum(np.maximum(spread, np.abs(high - previous)), np.abs(previous - low))


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
    spread = k.non_zero_range(upper, lower)
    return lower, mid, upper, 100.0 * spread / mid, k.non_zero_range(close, lower) / spread


@indicator("stdev", "volatility", "Standard deviation", "close", length(30, minimum=2), ddof(1))
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
