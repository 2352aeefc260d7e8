"""The days of the exchange beside stored bars that a strategy is run on where it is looked at, not traded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from stratforge.market import BarColumns
from stratforge.storage.market import daily_bars
from stratforge.storage.postgres.database import Connection
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import day_window_length


def with_days_beside(connection: Connection, symbol: str, strategy: Strategy, bars: BarColumns) -> BarColumns:
    """The bars with the days before each of them, as many as the strategy looks back on and as they are known now; as they are where it reads none.

    Where nobody has read the days up to the last of the bars none are known: an average over those that were read before would be of other days.
    """
    if not strategy.reads_days or not len(bars):
        return bars
    first, last = (
        daily_bars.exchange_day(symbol, datetime.fromtimestamp(int(bars.time[place]), UTC)) for place in (0, -1)
    )
    history = daily_bars.histories_of(connection, [symbol]).get(symbol)
    ready = history is not None and history.ready(last)
    length = day_window_length(strategy.day_lookback) + (last - first).days if ready else 0
    return replace(bars, days=daily_bars.days_before(connection, {symbol: last}, length)[symbol].bars)
