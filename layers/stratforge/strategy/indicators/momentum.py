"""Indicators of speed and direction."""

from __future__ import annotations

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.moving_average import ema, mamode, moving_average, rma
from stratforge.strategy.indicators.registry import Floats, indicator, length, number


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
    raw = 100.0 * (close - lowest) / k.non_zero_range(k.rolling_max(high, k_), lowest)
    slow = moving_average(mamode, raw, smooth_k)
    return slow, moving_average(mamode, slow, d)
