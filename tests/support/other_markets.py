"""Markets of another symbol beside one, awkward both, and what a session is given of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.resampling import minutes_of
from stratforge.strategy.lookback import OfOther

from tests.support.random_programs import awkward_bars


def beside(own: BarColumns, seed: int, share: float = 0.7, before: int = 4_000) -> BarColumns:
    """The minutes of another symbol around these bars: some are missing at random, and it is halted for a while now and then."""
    chance = np.random.default_rng(seed)
    grid = np.arange(int(own.time[0]) - 60 * before, int(own.time[-1]) + 120, 60)
    kept = chance.random(len(grid)) < share
    for _ in range(6):
        first = int(chance.integers(len(grid)))
        kept[first : first + int(chance.integers(10, 900))] = False
    time = grid[kept]
    prices = awkward_bars(seed, len(time))
    return BarColumns(time, *(getattr(prices, name) for name in PRICE_COLUMNS))


def needed_window(bars: BarColumns, needed: OfOther, bar_minutes: int = 1) -> BarColumns:
    """The bars with no more of the other symbol than a session is given with the last of them."""
    other = bars.others["SPY"]
    first = bars.time[max(0, len(bars) - minutes_of(needed.back + 1, bar_minutes))]
    begin = max(0, int(np.searchsorted(other.time, first - 60, side="right")) - needed.bars)
    end = int(np.searchsorted(other.time, bars.time[-1] - 60, side="right"))
    return replace(bars, others={"SPY": other.slice(begin, end)})
