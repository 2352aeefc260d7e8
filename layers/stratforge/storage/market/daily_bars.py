"""Bars of days: read before each trading day, kept as they were known, and asked for as somebody saw them.

A day's bar is written again when the vendor says something else of it, most often because a split changed the scale of all days before it. Each
reading that brings anything new is an edition of the symbol's history: whoever decides notes which one he saw, and sees it again.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np

from stratforge.market import Bar, BarColumns
from stratforge.market.columns import exchange_timezone
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value

# So many windows of days a process keeps, the longest of a hundred kilobytes.
_KEPT = 128


def exchange_day(symbol: str, at: datetime) -> date:
    """The day at a symbol's exchange."""
    return at.astimezone(exchange_timezone(symbol)).date()


def begins_at(symbol: str, day: date) -> datetime:
    """The time at which a day of a symbol's exchange begins, in UTC: that of its bar."""
    return datetime(day.year, day.month, day.day, tzinfo=exchange_timezone(symbol)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DailyHistory:
    """The state of a symbol's days: as far as they have been read.

    Attributes:
        through: The first day that was not over; all before it are there.
        edition: The number of the last reading that brought something new; 0 before the first.
        days: How many days back were asked for when they were last read: what lies before may be of an earlier scale, or have gaps.
        refused: Why the vendor has none of the symbol; None where it has.
        read_at: When they were last read.
        overtaken: Whether a split was followed since they were read, so that they may be on the scale before it.
    """

    symbol: str
    through: date
    edition: int
    days: int
    refused: str | None
    read_at: datetime
    overtaken: bool = False

    def ready(self, today: date) -> bool:
        """Returns whether all days before one are there, on its scale."""
        return self.through >= today and not self.overtaken


def histories_of(connection: Connection, symbols: Sequence[str]) -> dict[str, DailyHistory]:
    """The state of the days of these symbols; without those that were never asked for."""
    # The splits of all of them at once: symbol by symbol, each would look through all actions that there were.
    query = """
        SELECT h.symbol, h.through, h.edition, h.days, h.refused, h.read_at,
            coalesce(s.applied_at >= h.read_at, false) AS overtaken
        FROM daily_histories h LEFT JOIN (
            SELECT symbol, max(applied_at) AS applied_at FROM corporate_actions
            WHERE symbol = ANY(%(symbols)s) AND kind = 'split' AND NOT of_earlier_owner GROUP BY symbol) s ON s.symbol = h.symbol
        WHERE h.symbol = ANY(%(symbols)s)
    """
    return {each.symbol: each for each in fetch_all(connection, DailyHistory, query, {"symbols": list(symbols)})}


def is_read(history: DailyHistory | None, symbol: str, length: int, at: datetime) -> bool:
    """Returns whether all days of a symbol before that of a time are there, and so many back."""
    return history is not None and history.ready(exchange_day(symbol, at)) and history.days >= length


def unread(connection: Connection, days: Mapping[str, int], at: datetime) -> list[str]:
    """The symbols of which not all days before that of a time are there, or not so many back as are given."""
    known = histories_of(connection, list(days))
    return [symbol for symbol, length in days.items() if not is_read(known.get(symbol), symbol, length, at)]


def store_days(
    connection: Connection, symbol: str, bars: Sequence[Bar], through: date, days: int, refused: str | None = None
) -> int:
    """Stores what a reading found of a symbol's days; storing it again changes nothing.

    Args:
        connection: In whose transaction.
        symbol: The symbol.
        bars: Its days that are over, each at the time at which it began.
        through: The first day that was not over when it was read.
        days: How many days back were asked for.
        refused: Why the vendor has none.

    Returns:
        How many days are new, or other than they were.
    """
    edition: int = fetch_value(
        connection,
        """
        INSERT INTO daily_histories AS h (symbol, through, edition, days, refused) VALUES (%(symbol)s, %(through)s, 0, %(days)s, %(refused)s)
        ON CONFLICT (symbol) DO UPDATE SET through = greatest(h.through, excluded.through), refused = excluded.refused, read_at = now(),
            days = CASE WHEN excluded.through < h.through THEN h.days ELSE excluded.days END
        RETURNING edition
        """,
        {"symbol": symbol, "through": through, "days": days, "refused": refused},
    )
    columns = [[getattr(each, name) for each in bars] for name in ("open", "high", "low", "close", "volume")]
    added: int = fetch_value(
        connection,
        """
        WITH found AS (
            SELECT * FROM unnest(%(days)s::date[], %(open)s::numeric[], %(high)s::numeric[], %(low)s::numeric[], %(close)s::numeric[], %(volume)s::numeric[])
                AS f (day, open, high, low, close, volume)),
        known AS (
            SELECT DISTINCT ON (day) day, open, high, low, close, volume FROM daily_bars
            WHERE symbol = %(symbol)s AND day = ANY(%(days)s::date[]) ORDER BY day, edition DESC),
        added AS (
            INSERT INTO daily_bars (symbol, day, edition, open, high, low, close, volume)
            SELECT %(symbol)s, f.day, %(edition)s, f.open, f.high, f.low, f.close, f.volume FROM found f LEFT JOIN known k USING (day)
            WHERE (k.open, k.high, k.low, k.close, k.volume) IS DISTINCT FROM (f.open, f.high, f.low, f.close, f.volume)
            RETURNING 1)
        SELECT count(*) FROM added
        """,
        {
            "symbol": symbol,
            "edition": edition + 1,
            "days": [exchange_day(symbol, each.time) for each in bars],
            **dict(zip(("open", "high", "low", "close", "volume"), columns, strict=True)),
        },
    )
    if added:
        connection.execute("UPDATE daily_histories SET edition = edition + 1 WHERE symbol = %s", (symbol,))
    return added


@dataclass(frozen=True, slots=True)
class SeenDays:
    """The last days of a symbol before a moment, and the edition of its history in which they are so."""

    bars: BarColumns
    edition: int


def days_before(
    connection: Connection,
    before: Mapping[str, date],
    length: int,
    editions: Mapping[str, int] | None = None,
) -> dict[str, SeenDays]:
    """The last `length` days of each symbol before a day of its, as they are known now or were in an earlier edition.

    Symbols of which nothing was ever read have no days and the edition 0.
    """
    symbols = list(before)
    rows = connection.execute(
        """
        SELECT wanted.symbol, wanted.edition, seen.* FROM (
            SELECT w.symbol, w.before, coalesce(w.edition, h.edition, 0) AS edition
            FROM unnest(%(symbols)s::text[], %(before)s::date[], %(editions)s::int[]) AS w (symbol, before, edition)
            LEFT JOIN daily_histories h ON h.symbol = w.symbol) wanted
        LEFT JOIN LATERAL (
            SELECT DISTINCT ON (b.day) b.day, b.open::float8, b.high::float8, b.low::float8, b.close::float8, b.volume::float8 FROM daily_bars b
            WHERE b.symbol = wanted.symbol AND b.day < wanted.before AND b.edition <= wanted.edition
            ORDER BY b.day DESC, b.edition DESC LIMIT %(length)s) seen ON true
        ORDER BY wanted.symbol, seen.day
        """,
        {
            "symbols": symbols,
            "before": list(before.values()),
            "editions": [None if editions is None else editions.get(each) for each in symbols],
            "length": length,
        },
    ).fetchall()
    found: dict[str, list[tuple[object, ...]]] = {each: [] for each in symbols}
    edition = {row[0]: row[1] for row in rows}
    for symbol, _, day, *prices in rows:
        if day is not None:
            found[symbol].append((begins_at(symbol, day), *prices))
    return {symbol: SeenDays(_columns(symbol, each), edition[symbol]) for symbol, each in found.items()}


def days_of_edition(connection: Connection, history: DailyHistory, before: date, length: int) -> SeenDays:
    """The last `length` days before a day as the edition of a history has them. What an edition has never changes: it is read once in a process, though it is needed with every bar of a day."""
    # When it was read tells the history of one database from that of another that was there before.
    kept = _kept(history.symbol, history.edition, history.read_at, before, length)
    if not kept:
        symbol = history.symbol
        kept.append(days_before(connection, {symbol: before}, length, {symbol: history.edition})[symbol])
    return kept[0]


@lru_cache(maxsize=_KEPT)
def _kept(*_key: Hashable) -> list[SeenDays]:
    """A place for days, empty until they are read."""
    return []


def _columns(symbol: str, rows: list[tuple[object, ...]]) -> BarColumns:
    bars = BarColumns.from_rows(rows, exchange_timezone(symbol))
    prices = (np.ascontiguousarray(each) for each in (bars.open, bars.high, bars.low, bars.close, bars.volume))
    return BarColumns(bars.time, *prices, timezone=bars.timezone, daily=True)


# How many days of the calendar hold so many trading days, generously: holidays, and a symbol that was halted for a while.
def calendar_days(length: int) -> timedelta:
    """The time back that history is asked for to hold `length` trading days."""
    return timedelta(days=length * 3 // 2 + 14)
