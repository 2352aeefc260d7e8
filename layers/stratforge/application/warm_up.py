"""The bars before a period that its indicators know: as many as a session that starts then is given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from stratforge.backtest.sweep import Point, grid
from stratforge.market import Bar, is_crypto
from stratforge.market.resampling import minutes_of
from stratforge.strategy import Strategy, StrategyError
from stratforge.strategy.lookback import longest_window, window_length
from stratforge.strategy.rotation import PortfolioStrategy

# What trades seldom is looked for longer, as far back as for a session.
_FARTHEST = timedelta(days=366)
_LONGER_LOOK = 8
# Measuring one takes some milliseconds.
_MEASURED_POINTS = 64


class Minutes(Protocol):
    """A source of past bars of a minute."""

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
        """Finished 1-minute bars from `start` (included) to `end` (excluded), oldest first; the latest `limit` ones."""
        ...


def window_of(strategy: Strategy | PortfolioStrategy, sweep: Mapping[str, Sequence[float]] | None = None) -> int:
    """Returns the number of its own bars that a strategy knows before the first that it decides on: as many as a session is evaluated on.

    Of a sweep it is the longest window of its points, of a large one of its corners: a lookback adds up lengths, so that points in between have no longer one but for
    the strangest. Where a corner cannot be a session, points beside it may, with any window up to the longest there is. What cannot be a session has none: 0.
    """
    windows = [_window(strategy, each) for each in _measured(sweep)]
    if 0 in windows and _is_large(sweep) and isinstance(strategy, Strategy):
        return longest_window(strategy.timeframe)
    return max(windows)


def others_before(strategy: Strategy, sweep: Mapping[str, Sequence[float]] | None = None) -> dict[str, int]:
    """Returns how many bars of each other symbol a strategy, or any point of a sweep, looks back on before its own first that it knows: bars of a minute, of a strategy on days the days."""
    found = dict.fromkeys(strategy.other_symbols, 0)
    for point in _measured(sweep) if found else ():
        try:
            others = (strategy.with_parameters(**point) if point else strategy).lookbacks.others
        except StrategyError:
            # What cannot be a session has no history before its period either.
            continue
        found |= {symbol: max(found[symbol], each.bars) for symbol, each in others.items() if symbol in found}
    return found


def _is_large(sweep: Mapping[str, Sequence[float]] | None) -> bool:
    return math.prod(map(len, (sweep or {}).values())) > _MEASURED_POINTS


def _measured(sweep: Mapping[str, Sequence[float]] | None) -> list[Point]:
    """The points of a sweep that are measured: all, of a large one its corners; without one the strategy as it is."""
    values = sweep or {}
    return grid({name: sorted({min(each), max(each)}) for name, each in values.items()} if _is_large(sweep) else values)


def _window(strategy: Strategy | PortfolioStrategy, point: Point) -> int:
    try:
        return window_length((strategy.with_parameters(**point) if point else strategy).lookback)
    except StrategyError:
        return 0


def minutes_before(history: Minutes, strategy: Strategy, symbol: str, first: datetime, window: int) -> Sequence[Bar]:
    """The last bars of a minute before a time that make so many bars of a strategy's own, or all that there are in a year."""
    return last_minutes(history, symbol, first, minutes_of(window, strategy.bar_minutes))


def last_minutes(history: Minutes, symbol: str, first: datetime, count: int) -> Sequence[Bar]:
    """The last so many bars of a minute before a time, or all that there are in a year."""
    if not count:
        return []
    # A stock trades for a fifth of all minutes, and not on the days around a holiday.
    look = timedelta(minutes=count) if is_crypto(symbol) else timedelta(days=4, minutes=6 * count)
    while True:
        look = min(look, _FARTHEST)
        found = history.bars(symbol, first - look, first, count)
        if len(found) >= count or look == _FARTHEST:
            return found
        look *= _LONGER_LOOK


def said_of(before: int, window: int) -> str:
    """Says in a report how many bars before its period are known.

    Args:
        before: As many as there were.
        window: As many as a session is given.
    """
    if before >= window:
        return f"Indicators know the {window:,} bars before the period, as those of a session that starts then do."
    return (
        f"Indicators know {before or 'no'} bars before the period: there are no more. A session knows {window:,}; "
        "until there are as many, what looks back further is unknown."
    )
