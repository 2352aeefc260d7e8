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


def correct_bar(connection: Connection, bar: Bar) -> None:
    """Replaces the prices of a bar that the vendor corrected (or adds it)."""
    connection.execute(
        f"""
        INSERT INTO market_data ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (symbol, timeframe, time) DO UPDATE
        SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume,
            correction = market_data.correction + 1
        WHERE (market_data.open, market_data.high, market_data.low, market_data.close, market_data.volume)
              IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)
        """,  # noqa: S608 - column names of this module
        (bar.symbol, bar.timeframe, bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume),
    )


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
