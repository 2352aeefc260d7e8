"""Indicators of volume."""

from __future__ import annotations

import numpy as np

from stratforge.market.columns import BarColumns
from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.registry import Floats, indicator


@indicator("obv", "volume", "On-balance volume of the day", "close volume", anchored=True)
def obv(bars: BarColumns, close: Floats, volume: Floats) -> Floats:
    """Granville: volume added on up bars and taken off on down bars, since the beginning of the exchange's day."""
    change = np.sign(k.diff(close, 1))
    return k.sum_since_day_start(change * volume, bars.day)
