"""Trading days as the broker knows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from stratforge.portfolio.calendar import MarketCalendar, MarketDay
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value


def read_calendar(connection: Connection, start: date) -> MarketCalendar:
    """The trading days that are known from `start` on."""
    query = "SELECT opens_at, closes_at, day FROM market_days WHERE day >= %s ORDER BY day LIMIT 400"
    return MarketCalendar(fetch_all(connection, MarketDay, query, (start,)))


def store_calendar(connection: Connection, days: Iterable[MarketDay]) -> bool:
    """Stores trading days in place of those that were known from the first to the last of them. Returns whether anything is otherwise than before.

    A day among them that is not in the list any more is none: the exchange stays closed on it.
    """
    rows = list(days)
    if not rows:
        return False
    dates = [each.day for each in rows]
    gone = connection.execute(
        "DELETE FROM market_days WHERE day BETWEEN %s AND %s AND day <> ALL (%s::date[])",
        (min(dates), max(dates), dates),
    )
    told = connection.execute(
        """
        INSERT INTO market_days AS known (day, opens_at, closes_at) SELECT * FROM unnest(%s::date[], %s::timestamptz[], %s::timestamptz[])
        ON CONFLICT (day) DO UPDATE SET opens_at = excluded.opens_at, closes_at = excluded.closes_at
        WHERE (known.opens_at, known.closes_at) <> (excluded.opens_at, excluded.closes_at)
        """,
        (dates, [each.opens_at for each in rows], [each.closes_at for each in rows]),
    )
    return gone.rowcount + told.rowcount > 0


def count_trading_days(connection: Connection, first: date, last: date) -> int:
    """The trading days from `first` to `last`; weekdays before and after those that are known."""
    count: int = fetch_value(
        connection,
        """
        WITH known AS (SELECT min(day) AS first, max(day) AS last FROM market_days)
        SELECT count(*) FROM generate_series(%s::date, %s::date, interval '1 day') each (day), known
        WHERE CASE WHEN each.day BETWEEN known.first AND known.last THEN EXISTS (SELECT FROM market_days m WHERE m.day = each.day)
                   ELSE extract(isodow FROM each.day) < 6 END
        """,
        (first, last),
    )
    return count
