"""Stored bars as they were when later ones were new: with those that were stored by then, the prices they had before later corrections, on the scale of the splits that
were followed by then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS, Chosen, Integers, exchange_timezone
from stratforge.market.corporate_actions import SplitScale, scaled
from stratforge.storage.market import archive
from stratforge.storage.market.market_data import SPLIT_TIME, seconds
from stratforge.storage.postgres.database import Connection


def read_record(
    connection: Connection,
    symbol: str,
    first: datetime,
    last: datetime,
    length: int,
    snapshot: str | None = None,
    known_by: datetime | None = None,
) -> Record:
    """The record of the bars from the window of the first on, that is so many bars long, of those that were stored when the bar at `known_by` (the first, if nothing else is said) was new; a
    snapshot of the database says which splits and corrections count whatever the bar."""
    rows = _stored_rows(connection, symbol, first, last, length - 1, known_by or first)
    bars = BarColumns.from_rows(rows, exchange_timezone(symbol))
    return Record(
        bars=bars,
        adjusted_at=seconds([row[6] for row in rows]),
        after_bar=seconds([row[7] for row in rows]),
        splits=_splits(connection, symbol, snapshot),
        undo=_corrections(connection, symbol, bars, snapshot),
        start=int(np.searchsorted(bars.time, int(first.timestamp()))),
        length=length,
    )


_ROWS = """
    SELECT time, open::float8, high::float8, low::float8, close::float8, volume::float8, adjusted_at, after_bar, (
        SELECT max(ends_at) FROM archived_bars WHERE symbol = %(symbol)s AND only_here)
    FROM market_data WHERE symbol = %(symbol)s AND timeframe = '1Min' AND time <= %(last)s
"""
_FROM_FIRST_WINDOW = """
    time >= coalesce((
        SELECT min(time) FROM (
            SELECT time FROM market_data WHERE symbol = %(symbol)s AND timeframe = '1Min' AND time < %(first)s
              AND (after_bar IS NULL OR after_bar < %(known_by)s) ORDER BY time DESC LIMIT %(before)s) first_window), %(first)s)
"""


def _stored_rows(
    connection: Connection, symbol: str, first: datetime, last: datetime, before: int, known_by: datetime
) -> list[tuple[Any, ...]]:
    """The bars up to the one at `last`, from so many on before `first` that were there when the one at `known_by` was new; from the table, and where that does not go back so far from the archive."""
    parameters = {"symbol": symbol, "first": first, "last": last, "before": before, "known_by": known_by}
    rows = connection.execute(f"{_ROWS} AND {_FROM_FIRST_WINDOW} ORDER BY time", parameters).fetchall()
    known = {row[0] for row in rows if row[0] < first and (row[7] is None or row[7] < known_by)}
    if rows and (rows[0][8] is None or (len(known) >= before and rows[0][8] <= rows[0][0] <= first)):
        return rows
    if len(known) < before:
        # All that the table has: what came late lies before the first that was known, too.
        rows = connection.execute(_ROWS, parameters).fetchall()
    found = {row[0]: row for row in rows}
    for entry in archive.entries(connection, symbol, end=last + timedelta(minutes=1)):
        enough = not before or (len(known) >= before and sorted(known)[-before] >= entry.ends_at)
        if enough and entry.ends_at <= first:
            break
        for bar in archive.bars_within(connection, entry):
            # Also where the table has one: that came again after the month was archived, and what was there first stands.
            if bar.time <= last:
                prices = (float(bar.open), float(bar.high), float(bar.low), float(bar.close), float(bar.volume))
                found[bar.time] = (bar.time, *prices, bar.adjusted_at, bar.after_bar)
                known.discard(bar.time)
                if bar.time < first and (bar.after_bar is None or bar.after_bar < known_by):
                    known.add(bar.time)
    begins = min(sorted(known)[-before:] if before else [], default=first)
    return [found[time] for time in sorted(found) if time >= begins]


@dataclass(frozen=True, slots=True)
class Record:
    """The stored record of bars. Times are seconds since the epoch; see the columns of market_data for `adjusted_at` and
    `after_bar`.

    Attributes:
        splits: The splits that were followed, each with the last bar that was evaluated before.
        undo: What bars were before they were corrected.
        start: The place of the first bar that was evaluated.
        length: Bars of a window.
        views: The positions that a session saw, from the bars at which they changed.
        accounts: What it saw of its account, by bar.
        gaps: Pairs of bars between which it saw none.
    """

    bars: BarColumns
    adjusted_at: Integers
    after_bar: Integers
    splits: list[tuple[int, SplitScale]]
    undo: _Undo
    start: int
    length: int
    views: dict[int, tuple[float, float]] = field(default_factory=dict)
    accounts: dict[int, dict[str, float]] = field(default_factory=dict)
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def known_with(self, index: int) -> Integers:
        """The places of the bars that were stored when the one at a place was new, that one included."""
        return np.flatnonzero(self.after_bar[: index + 1] < self.bars.time[index])

    def as_of(self, chosen: Chosen, time: int) -> BarColumns:
        """Some of the bars as they were when the bar at a time was new."""
        followed = [scale for after, scale in self.splits if after < time]
        return scaled(_as_of(self.bars.take(chosen), self.undo, time), self.adjusted_at[chosen], followed)


def _splits(connection: Connection, symbol: str, snapshot: str | None) -> list[tuple[int, SplitScale]]:
    """The splits that were followed, each with the last bar that was evaluated before; those that a snapshot shows were before every bar."""
    rows = connection.execute(
        f"""
        SELECT CASE WHEN %(snapshot)s::pg_snapshot IS NULL THEN coalesce(extract(epoch FROM after_bar), 0) ELSE 0 END::bigint,
               extract(epoch FROM {SPLIT_TIME})::bigint, ratio::float8
        FROM corporate_actions WHERE symbol = %(symbol)s AND kind = 'split' AND applied_at IS NOT NULL AND NOT of_earlier_owner
          AND pg_visible_in_snapshot(applied_by, %(snapshot)s::pg_snapshot) IS NOT FALSE ORDER BY effective_on, id
        """,  # noqa: S608 - an expression of ours
        {"symbol": symbol, "snapshot": snapshot},
    )
    return [(after, SplitScale(at, ratio)) for after, at, ratio in rows]


# For each bar: what it was before each of its corrections, with the last bar that was evaluated with those values.
_Undo = dict[int, list[tuple[int, tuple[float, ...]]]]


def _corrections(connection: Connection, symbol: str, bars: BarColumns, snapshot: str | None) -> _Undo:
    if not len(bars):
        return {}
    rows = connection.execute(
        """
        SELECT extract(epoch FROM time)::bigint,
               extract(epoch FROM CASE WHEN %(snapshot)s::pg_snapshot IS NULL THEN after_bar ELSE greatest(after_bar, to_timestamp(%(last)s)) END)::bigint,
               open::float8, high::float8, low::float8, close::float8, volume::float8
        FROM market_data_corrections
        WHERE symbol = %(symbol)s AND timeframe = '1Min' AND time BETWEEN to_timestamp(%(first)s) AND to_timestamp(%(last)s)
          AND (%(snapshot)s::pg_snapshot IS NULL OR NOT pg_visible_in_snapshot(made_by, %(snapshot)s::pg_snapshot)) ORDER BY time, correction
        """,
        {"symbol": symbol, "first": int(bars.time[0]), "last": int(bars.time[-1]), "snapshot": snapshot},
    )
    undo: _Undo = {}
    for time, after, *prices in rows:
        undo.setdefault(time, []).append((after, tuple(prices)))
    return undo


def _as_of(window: BarColumns, undo: _Undo, time: int) -> BarColumns:
    """The window with the values its bars had when the bar at `time` was evaluated."""
    changed = [each for each in undo if window.time[0] <= each <= window.time[-1] and each in window.time]
    columns = {name: getattr(window, name) for name in PRICE_COLUMNS}
    if changed:
        columns = {name: column.copy() for name, column in columns.items()}
    for each in changed:
        # The first correction that came after this evaluation tells what the bar was at the time.
        before = next((prices for after, prices in undo[each] if after >= time), None)
        if before is not None:
            index = int(np.searchsorted(window.time, each))
            for name, price in zip(PRICE_COLUMNS, before, strict=True):
                columns[name][index] = price
    return BarColumns(window.time, timezone=window.timezone, **columns)
