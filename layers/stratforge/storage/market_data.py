"""Bars and latest prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from stratforge.market import Bar, BarColumns
from stratforge.market.columns import exchange_timezone
from stratforge.storage.database import Connection

_COLUMNS = "symbol, timeframe, time, open, high, low, close, volume"


def ensure_months(connection: Connection, times: Sequence[datetime]) -> None:
    """Makes sure that bars of these times have a partition to go to."""
    months = sorted({(time.year, time.month): time for time in times}.values())
    for month in months:
        connection.execute("SELECT ensure_market_data_month(%s)", (month,))


def add_bars(connection: Connection, bars: Sequence[Bar]) -> int:
    """Adds bars that are not there yet; returns how many were new."""
    if not bars:
        return 0
    row = connection.execute(
        f"""
        WITH added AS (
            INSERT INTO market_data ({_COLUMNS})
            SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::numeric[], %s::numeric[], %s::numeric[],
                                 %s::numeric[], %s::numeric[])
            ON CONFLICT DO NOTHING
            RETURNING 1)
        SELECT count(*) FROM added
        """,  # noqa: S608 - column names of this module
        _transposed(bars),
    ).fetchone()
    assert row is not None
    return int(row[0])


def correct_bar(connection: Connection, bar: Bar) -> bool:
    """Replaces the prices of a bar that the vendor corrected, keeping what it was; False when there was nothing to change.

    A bar that was never published is left to the backfill: added here, it would never be evaluated.
    """
    row = connection.execute(
        """
        WITH before AS (
            SELECT m.* FROM market_data m
            WHERE m.symbol = %(symbol)s AND m.timeframe = %(timeframe)s AND m.time = %(time)s
              AND (m.open, m.high, m.low, m.close, m.volume)
                  IS DISTINCT FROM (%(open)s::numeric, %(high)s::numeric, %(low)s::numeric, %(close)s::numeric, %(volume)s::numeric)
            FOR UPDATE),
        kept AS (
            INSERT INTO market_data_corrections (symbol, timeframe, time, correction, after_bar, open, high, low, close, volume)
            SELECT b.symbol, b.timeframe, b.time, b.correction + 1,
                   coalesce((SELECT time FROM latest_prices l WHERE l.symbol = b.symbol), b.time),
                   b.open, b.high, b.low, b.close, b.volume
            FROM before b)
        UPDATE market_data m SET open = %(open)s, high = %(high)s, low = %(low)s, close = %(close)s, volume = %(volume)s,
                                 correction = m.correction + 1
        FROM before b WHERE m.symbol = b.symbol AND m.timeframe = b.timeframe AND m.time = b.time
        RETURNING 1
        """,
        {
            "symbol": bar.symbol,
            "timeframe": bar.timeframe,
            "time": bar.time,
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "volume": bar.volume,
        },
    ).fetchone()
    return row is not None


def set_latest_price(connection: Connection, symbol: str, price: Decimal, time: datetime) -> None:
    """Notes the latest price of a symbol, unless a later one is known."""
    connection.execute(
        """
        INSERT INTO latest_prices (symbol, price, time) VALUES (%s, %s, %s)
        ON CONFLICT (symbol) DO UPDATE SET price = excluded.price, time = excluded.time
        WHERE latest_prices.time <= excluded.time
        """,
        (symbol, price, time),
    )


def trailing_window(connection: Connection, symbol: str, until: datetime, length: int) -> BarColumns:
    """The last `length` bars of a symbol up to and including the bar at `until`, in ascending time."""
    rows = connection.execute(
        """
        SELECT time, open::float8, high::float8, low::float8, close::float8, volume::float8
        FROM market_data WHERE symbol = %s AND timeframe = '1Min' AND time <= %s ORDER BY time DESC LIMIT %s
        """,
        (symbol, until, length),
    ).fetchall()
    rows.reverse()
    return BarColumns.from_rows(rows, exchange_timezone(symbol))


def bars_between(connection: Connection, symbol: str, start: datetime, end: datetime, limit: int) -> BarColumns:
    """At most `limit` bars from `start` (included) to `end` (excluded): the latest ones, in ascending time."""
    rows = connection.execute(
        """
        SELECT time, open::float8, high::float8, low::float8, close::float8, volume::float8
        FROM market_data WHERE symbol = %s AND timeframe = '1Min' AND time >= %s AND time < %s ORDER BY time DESC LIMIT %s
        """,
        (symbol, start, end, limit),
    ).fetchall()
    rows.reverse()
    return BarColumns.from_rows(rows, exchange_timezone(symbol))


def last_bar_times(connection: Connection, symbols: Sequence[str]) -> dict[str, datetime]:
    """The time of the latest bar of each symbol that has any."""
    rows = connection.execute(
        """
        SELECT wanted.symbol, latest.time FROM unnest(%s::text[]) AS wanted (symbol)
        CROSS JOIN LATERAL (SELECT time FROM market_data m WHERE m.symbol = wanted.symbol AND m.timeframe = '1Min'
                            ORDER BY time DESC LIMIT 1) latest
        """,
        (list(symbols),),
    )
    return dict(rows.fetchall())


def _transposed(bars: Sequence[Bar]) -> tuple[list[object], ...]:
    return (
        [bar.symbol for bar in bars],
        [bar.timeframe for bar in bars],
        [bar.time for bar in bars],
        [bar.open for bar in bars],
        [bar.high for bar in bars],
        [bar.low for bar in bars],
        [bar.close for bar in bars],
        [bar.volume for bar in bars],
    )
