"""The last bars that the platform has of a strategy's symbols: what a preview shows, and what a sweep is tried on before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stratforge.application.bars_beside import with_beside
from stratforge.application.portfolio_bars import decisions_in
from stratforge.application.warm_up import window_of
from stratforge.backtest.portfolio_sweep import run_seconds
from stratforge.market import BarColumns
from stratforge.market.columns import Integers
from stratforge.market.resampling import minutes_of
from stratforge.storage.market import market_data
from stratforge.storage.market.clock import market_clock
from stratforge.storage.market.daily_bars import days_before, exchange_day
from stratforge.storage.postgres.database import Connection
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import DAY_MINUTES
from stratforge.strategy.rotation import PortfolioStrategy

# Numbers of bars that a strategy is shown or tried on, a trading week of minutes at best: of dear code fewer.
LENGTHS = (1_950, 780, 390, 180, 60)
_FEWEST = LENGTHS[-1]
# Bars that are read, of all symbols together: those that are known before the first, and the minutes of which longer ones are made.
MOST_READ = 16_000


def nominal_nanoseconds(strategy: Strategy | PortfolioStrategy, bars: int) -> float:
    """The nominal processor time of a backtest over so many bars of each symbol."""
    if isinstance(strategy, Strategy):
        return strategy.backtest_nanoseconds(bars)
    return 1e9 * run_seconds(strategy, bars, decisions_in(strategy, bars))


def is_daily(strategy: Strategy | PortfolioStrategy) -> bool:
    """Returns whether a strategy decides on days."""
    if isinstance(strategy, PortfolioStrategy):
        return not strategy.schedule.minutes
    return strategy.bar_minutes == DAY_MINUTES


def recorded_bars(
    connection: Connection, strategy: Strategy | PortfolioStrategy, symbols: list[str], length: int
) -> dict[str, BarColumns]:
    """The last bars that are recorded of each symbol, days or minutes, to make so many of the strategy's own."""
    most = MOST_READ // len(symbols)
    if is_daily(strategy):
        now = market_clock(connection).now
        days = days_before(connection, {each: exchange_day(each, now) for each in symbols}, min(length, most))
        if isinstance(strategy, PortfolioStrategy):
            return {each: days[each].bars for each in symbols}
        return {each: with_beside(connection, each, strategy, days[each].bars) for each in symbols}
    needed = minutes_of(length, strategy.bar_minutes)
    bars = {each: market_data.bars_between(connection, each, None, None, min(needed, most)) for each in symbols}
    if isinstance(strategy, PortfolioStrategy):
        return bars
    return {each: with_beside(connection, each, strategy, minutes) for each, minutes in bars.items()}


def are_recorded(bars: BarColumns) -> bool:
    """Returns whether there are bars, of days that are wanted beside them those, and as much of the other symbols that are looked at."""
    own = bars if bars.days is None else bars.days
    return len(own) > 0 and all(map(are_recorded, bars.others.values()))


def times_of(bars: Mapping[str, BarColumns]) -> Integers:
    """The times of the bars of several symbols, in order."""
    return np.unique(np.concatenate([each.time for each in bars.values()]))


def shown_since(time: Integers, strategy: Strategy | PortfolioStrategy, affordable: int) -> int | None:
    """The beginning of the last bars of which figures are shown: all that are affordable and whose indicators are known, and the fewest at least. None where there are too few."""
    if len(time) < _FEWEST:
        return None
    return int(time[-min(affordable, max(_FEWEST, len(time) - window_of(strategy)))])
