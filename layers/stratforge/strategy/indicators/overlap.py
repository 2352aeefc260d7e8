"""Indicators on the scale of the price."""

from __future__ import annotations

import numpy as np

from stratforge.market.columns import BarColumns
from stratforge.strategy import kernels as k
from stratforge.strategy.indicators import moving_average as averages
from stratforge.strategy.indicators.registry import Floats, indicator, length

indicator("sma", "overlap", "Simple moving average", "close", length(10))(averages.sma)
indicator("ema", "overlap", "Exponential moving average", "close", length(10))(averages.ema)
indicator("rma", "overlap", "Wilder's moving average", "close", length(10))(averages.rma)
indicator("wma", "overlap", "Weighted moving average", "close", length(10))(averages.wma)


@indicator("hl2", "overlap", "Middle of high and low", "high low")
def hl2(high: Floats, low: Floats) -> Floats:
    """(high + low) / 2."""
    return 0.5 * (high + low)


@indicator("hlc3", "overlap", "Typical price", "high low close")
def hlc3(high: Floats, low: Floats, close: Floats) -> Floats:
    """(high + low + close) / 3."""
    return (high + low + close) / 3.0


@indicator("ohlc4", "overlap", "Average of open, high, low and close", "open high low close")
def ohlc4(open: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """(open + high + low + close) / 4."""
    return 0.25 * (open + high + low + close)


@indicator("vwap", "overlap", "Volume-weighted average price of the day", "high low close volume", anchored=True)
def vwap(bars: BarColumns, high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
    """Typical price weighted by volume, since the beginning of the exchange's day."""
    traded = k.sum_since_day_start(volume, bars.day)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(k.sum_since_day_start(hlc3(high, low, close) * volume, bars.day) / traded)
