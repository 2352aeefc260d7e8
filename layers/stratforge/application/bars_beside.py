"""The days of the exchange, and the bars of other symbols, beside stored bars that a strategy is run on where it is looked at, not traded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from stratforge.market import BarColumns
from stratforge.market.resampling import minutes_of
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies.other_bars import days_alone, days_length, with_days
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import MAX_DAYS, MAX_TOGETHER, OfOther, day_window_length

_MOST = MAX_TOGETHER // 2


def with_beside(connection: Connection, symbol: str, strategy: Strategy, bars: BarColumns) -> BarColumns:
    """The bars with the days before each of them, as many as the strategy looks back on, and the bars of the other symbols that it looks at, all as they are known now; as they
    are where it looks at nothing else.

    Where nobody has read the days up to the last of the bars none are known: an average over those that were read before would be of other days.
    """
    if not len(bars):
        return bars
    if strategy.reads_days:
        bars = replace(bars, days=_days(connection, symbol, bars, day_window_length(strategy.day_lookback)))
    if strategy.other_symbols:
        needed = strategy.lookbacks.others
        bars = replace(bars, others={each: _other(connection, each, bars, needed[each], strategy) for each in needed})
    return bars


def _other(connection: Connection, symbol: str, bars: BarColumns, needed: OfOther, strategy: Strategy) -> BarColumns:
    if bars.daily:
        day = date.fromordinal(date(1970, 1, 1).toordinal() + int(bars.day[-1]) + 1)
        return daily_bars.days_before(connection, {symbol: day}, MAX_DAYS)[symbol].bars
    length = days_length(needed, strategy.bar_minutes)
    days = _days(connection, symbol, bars, length) if length else None
    if not needed.bars:
        return days_alone(days, symbol)
    first, last = (datetime.fromtimestamp(int(bars.time[place]), UTC) for place in (0, -1))
    # Those that came in the same time, where its own bars lie far apart many to each, and before them what the first looks back on.
    since = max(len(bars), market_data.count_between(connection, symbol, first, last))
    count = min(_MOST, needed.bars + since + minutes_of(needed.back, strategy.bar_minutes))
    return with_days(market_data.bars_between(connection, symbol, None, last, count), days)


def _days(connection: Connection, symbol: str, bars: BarColumns, length: int) -> BarColumns:
    """The days before each of some bars, so many before the first."""
    first, last = (
        daily_bars.exchange_day(symbol, datetime.fromtimestamp(int(bars.time[place]), UTC)) for place in (0, -1)
    )
    history = daily_bars.histories_of(connection, [symbol]).get(symbol)
    ready = history is not None and history.ready(last)
    count = length + (last - first).days if ready else 0
    return daily_bars.days_before(connection, {symbol: last}, count)[symbol].bars
