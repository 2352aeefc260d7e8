"""Stored bars as they were when later ones were new: with those that were stored by then, the prices they had before later corrections, on the scale of the splits that
were followed by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS, Chosen, Integers, exchange_timezone
from stratforge.market.corporate_actions import SplitScale, scaled
from stratforge.storage.market import archive
from stratforge.storage.market.market_data import FOLLOWED_SPLIT, SPLIT_TIME, seconds
from stratforge.storage.postgres.database import Connection

# Of each symbol the first bar and the last one of which the windows are wanted.
Spans = Mapping[str, tuple[datetime, datetime]]


def read_record(
    connection: Connection,
    symbol: str,
    first: datetime,
    last: datetime,
    length: int,
    known_by: datetime | None = None,
) -> Record:
    """The record of one symbol's bars; see `read_records`."""
    return read_records(connection, {symbol: (first, last)}, length, None, known_by)[symbol]


def read_records(
    connection: Connection, spans: Spans, length: int, snapshot: str | None, known_by: datetime | None = None
) -> dict[str, Record]:
    """The records of the bars of symbols, each from the window of its first on, that is so many bars long, of those that were stored when the bar at `known_by` (the first, if nothing else is said) was
    new; a snapshot of the database says which splits and corrections count whatever the bar."""
    stored = _stored_rows(connection, spans, length - 1, known_by)
    bars = {symbol: BarColumns.from_rows(rows, exchange_timezone(symbol)) for symbol, rows in stored.items()}
    splits, undo = _splits(connection, list(spans), snapshot), _corrections(connection, bars, snapshot)
    return {
        symbol: Record(
            bars=bars[symbol],
            adjusted_at=seconds([row[6] for row in rows]),
            after_bar=seconds([row[7] for row in rows]),
            splits=splits[symbol],
            undo=undo[symbol],
            start=int(np.searchsorted(bars[symbol].time, int(spans[symbol][0].timestamp()))),
            length=length,
        )
        for symbol, rows in stored.items()
    }


# Where each window begins is found once for a symbol, and not for every bar that may lie in it; each symbol is looked up by the index.
_ROWS = """
    WITH wanted AS MATERIALIZED (
        SELECT w.symbol, w.last, {} AS begins, (SELECT max(ends_at) FROM archived_bars a WHERE a.symbol = w.symbol AND a.only_here) AS archived
        FROM unnest(%(symbols)s::text[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[]) AS w (symbol, first, last))
    SELECT m.*, w.symbol, w.archived FROM wanted w CROSS JOIN LATERAL (
        SELECT time, open::float8, high::float8, low::float8, close::float8, volume::float8, adjusted_at, after_bar FROM market_data
        WHERE symbol = w.symbol AND timeframe = '1Min' AND time BETWEEN w.begins AND w.last) m
    ORDER BY w.symbol, m.time
"""
_FROM_FIRST_WINDOW = """
    coalesce((
        SELECT min(time) FROM (
            SELECT time FROM market_data WHERE symbol = w.symbol AND timeframe = '1Min' AND time < w.first
              AND (after_bar IS NULL OR after_bar < coalesce(%(known_by)s::timestamptz, w.first)) ORDER BY time DESC LIMIT %(before)s) first_window), w.first)
"""
_FROM_THE_BEGINNING = "'-infinity'::timestamptz"


def _table_rows(
    connection: Connection, spans: Spans, before: int, known_by: datetime | None, *, whole: bool = False
) -> dict[str, list[tuple[Any, ...]]]:
    parameters = {
        "symbols": list(spans),
        "firsts": [first for first, _ in spans.values()],
        "lasts": [last for _, last in spans.values()],
        "before": before,
        "known_by": known_by,
    }
    rows: dict[str, list[tuple[Any, ...]]] = {symbol: [] for symbol in spans}
    for row in connection.execute(_ROWS.format(_FROM_THE_BEGINNING if whole else _FROM_FIRST_WINDOW), parameters):
        rows[row[8]].append(row)
    return rows


def _stored_rows(
    connection: Connection, spans: Spans, before: int, known_by: datetime | None
) -> dict[str, list[tuple[Any, ...]]]:
    """The bars of each symbol up to its last, from so many on before its first that were there when the bar at `known_by` was new, or the first; from the table, and where that does not go back so far from the archive."""
    return {
        symbol: _with_archived(connection, symbol, *spans[symbol], before, known_by, rows)
        for symbol, rows in _table_rows(connection, spans, before, known_by).items()
    }


def _with_archived(
    connection: Connection,
    symbol: str,
    first: datetime,
    last: datetime,
    before: int,
    known_by: datetime | None,
    rows: list[tuple[Any, ...]],
) -> list[tuple[Any, ...]]:
    by = known_by or first
    known = {row[0] for row in rows if row[0] < first and (row[7] is None or row[7] < by)}
    if rows and (rows[0][9] is None or (len(known) >= before and rows[0][9] <= rows[0][0] <= first)):
        return rows
    if len(known) < before:
        # All that the table has: what came late lies before the first that was known, too.
        rows = _table_rows(connection, {symbol: (first, last)}, before, known_by, whole=True)[symbol]
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
                if bar.time < first and (bar.after_bar is None or bar.after_bar < by):
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


def _splits(
    connection: Connection, symbols: Sequence[str], snapshot: str | None
) -> dict[str, list[tuple[int, SplitScale]]]:
    """The splits that were followed of symbols, each with the last bar that was evaluated before; those that a snapshot shows were before every bar."""
    rows = connection.execute(
        f"""
        SELECT symbol, CASE WHEN %(snapshot)s::pg_snapshot IS NULL THEN coalesce(extract(epoch FROM after_bar), 0) ELSE 0 END::bigint,
               extract(epoch FROM {SPLIT_TIME})::bigint, ratio::float8
        FROM corporate_actions WHERE symbol = ANY(%(symbols)s) AND {FOLLOWED_SPLIT}
          AND pg_visible_in_snapshot(applied_by, %(snapshot)s::pg_snapshot) IS NOT FALSE ORDER BY effective_on, id
        """,  # noqa: S608 - an expression of ours
        {"symbols": list(symbols), "snapshot": snapshot},
    )
    found: dict[str, list[tuple[int, SplitScale]]] = {symbol: [] for symbol in symbols}
    for symbol, after, at, ratio in rows:
        found[symbol].append((after, SplitScale(at, ratio)))
    return found


# For each bar: what it was before each of its corrections, with the last bar that was evaluated with those values.
_Undo = dict[int, list[tuple[int, tuple[float, ...]]]]


def _corrections(connection: Connection, bars: Mapping[str, BarColumns], snapshot: str | None) -> dict[str, _Undo]:
    spans = [(symbol, int(each.time[0]), int(each.time[-1])) for symbol, each in bars.items() if len(each)]
    rows = connection.execute(
        """
        SELECT c.symbol, extract(epoch FROM c.time)::bigint,
               extract(epoch FROM CASE WHEN %(snapshot)s::pg_snapshot IS NULL THEN c.after_bar ELSE greatest(c.after_bar, to_timestamp(w.last)) END)::bigint,
               c.open::float8, c.high::float8, c.low::float8, c.close::float8, c.volume::float8
        FROM unnest(%(symbols)s::text[], %(firsts)s::bigint[], %(lasts)s::bigint[]) AS w (symbol, first, last)
        JOIN market_data_corrections c ON c.symbol = w.symbol AND c.timeframe = '1Min' AND c.time BETWEEN to_timestamp(w.first) AND to_timestamp(w.last)
        WHERE %(snapshot)s::pg_snapshot IS NULL OR NOT pg_visible_in_snapshot(c.made_by, %(snapshot)s::pg_snapshot) ORDER BY c.time, c.correction
        """,
        {
            "symbols": [symbol for symbol, *_ in spans],
            "firsts": [first for _, first, _ in spans],
            "lasts": [last for *_, last in spans],
            "snapshot": snapshot,
        },
    )
    undo: dict[str, _Undo] = {symbol: {} for symbol in bars}
    for symbol, time, after, *prices in rows:
        undo[symbol].setdefault(time, []).append((after, tuple(prices)))
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
