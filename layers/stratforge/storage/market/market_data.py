"""Bars and latest prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from stratforge.market import Bar, BarColumns, Quote, Trade
from stratforge.market.columns import Integers, exchange_timezone
from stratforge.market.corporate_actions import SplitScale, scaled
from stratforge.portfolio.orders import ExchangeState
from stratforge.storage.market import archive
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one, fetch_value

_COLUMNS = "symbol, timeframe, time, open, high, low, close, volume"
# When a row of corporate_actions takes effect: the beginning of the exchange's day.
SPLIT_TIME = "(effective_on::timestamp AT TIME ZONE 'America/New_York')"
# The splits that the ledger has followed, and windows with it: not those of whoever had the symbol before.
FOLLOWED_SPLIT = "kind = 'split' AND applied_at IS NOT NULL AND NOT of_earlier_owner"


def ensure_months(connection: Connection, times: Sequence[datetime]) -> None:
    """Makes sure that bars of these times have a partition to go to."""
    months = sorted({(time.year, time.month): time for time in times}.values())
    for month in months:
        connection.execute("SELECT ensure_market_data_month(%s)", (month,))


def add_bars(connection: Connection, bars: Sequence[Bar], *, adjusted_at: datetime | None = None) -> int:
    """Adds bars that are not there yet; returns how many were new.

    Args:
        connection: In whose transaction.
        bars: The bars, as they were traded.
        adjusted_at: For bars from history: the market's time until which their prices are adjusted for splits.
    """
    if not bars:
        return 0
    added: int = fetch_value(
        connection,
        f"""
        WITH added AS (
            INSERT INTO market_data ({_COLUMNS}, after_bar, adjusted_at)
            SELECT b.*, (SELECT l.bar_time FROM latest_prices l WHERE l.symbol = b.symbol AND l.bar_time >= b.time), %s
            FROM unnest(%s::text[], %s::text[], %s::text::timestamptz[], %s::text::numeric[], %s::text::numeric[], %s::text::numeric[], %s::text::numeric[],
                        %s::text::numeric[]) AS b (symbol, timeframe, time, open, high, low, close, volume)
            ON CONFLICT DO NOTHING
            RETURNING 1)
        SELECT count(*) FROM added
        """,  # noqa: S608 - column names of this module
        (adjusted_at, *_arrays(bars)),
    )
    return added


def correct_bar(connection: Connection, bar: Bar) -> bool:
    """Replaces the prices of a bar that the vendor corrected, keeping what it was; False when there was nothing to change.

    A bar that was never published is left to the backfill: added here, it would never be evaluated.
    """
    # Whoever evaluates a bar notes it before its window is read: either that is over, and counts as what saw the old prices, or it waits and sees the new ones.
    connection.execute("SELECT 1 FROM latest_prices WHERE symbol = %s FOR UPDATE", (bar.symbol,))
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
                   coalesce((SELECT bar_time FROM latest_prices l WHERE l.symbol = b.symbol), b.time),
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


def set_bar_price(connection: Connection, bar: Bar) -> None:
    """Notes a finished bar: its range, and its close as the price at its end unless a later one is known."""
    connection.execute(
        """
        INSERT INTO latest_prices AS l (symbol, price, time, bar_time, bar_low, bar_high)
        VALUES (%(symbol)s, %(price)s, %(end)s, %(start)s, %(low)s, %(high)s)
        ON CONFLICT (symbol) DO UPDATE SET
            price = CASE WHEN l.time <= excluded.time THEN excluded.price ELSE l.price END,
            time = greatest(l.time, excluded.time),
            -- A bar that came late makes no fresh price.
            received_at = CASE WHEN excluded.time < (SELECT market_now()) - interval '2 minutes' THEN l.received_at ELSE now() END,
            bar_time = excluded.bar_time, bar_low = excluded.bar_low, bar_high = excluded.bar_high
        WHERE l.bar_time IS NULL OR l.bar_time <= excluded.bar_time
        """,
        {
            "symbol": bar.symbol,
            "price": bar.close,
            "start": bar.time,
            "end": bar.time + timedelta(minutes=1),
            "low": bar.low,
            "high": bar.high,
        },
    )


# A print or quote with a time far ahead of the exchange's clock would stand for the price until then: it is of now.
_NOT_AHEAD = (
    "CASE WHEN %(time)s > (SELECT market_now()) + interval '1 hour' THEN (SELECT market_now()) ELSE %(time)s END"
)


# A stock's bar of an earlier day: what it reached and was not executed then is not executed any more.
_OF_EARLIER_DAY = """
    strpos(l.symbol, '/') = 0 AND (l.bar_time AT TIME ZONE 'America/New_York')::date < (excluded.time AT TIME ZONE 'America/New_York')::date
"""


def set_trade_price(connection: Connection, trade: Trade) -> bool:
    """Notes the price of a trade; False when a later price is known. With the first of a day the range of the last bar of the day before says nothing any more."""
    changed = connection.execute(
        f"""
        INSERT INTO latest_prices AS l (symbol, price, time) VALUES (%(symbol)s, %(price)s, {_NOT_AHEAD})
        ON CONFLICT (symbol) DO UPDATE SET price = excluded.price, time = excluded.time, received_at = now(),
            bar_low = CASE WHEN {_OF_EARLIER_DAY} THEN NULL ELSE l.bar_low END, bar_high = CASE WHEN {_OF_EARLIER_DAY} THEN NULL ELSE l.bar_high END
        WHERE l.time < excluded.time
        """,  # noqa: S608 - expressions of ours
        {"symbol": trade.symbol, "price": trade.price, "time": trade.time},
    )
    return changed.rowcount == 1


def set_quote(connection: Connection, quote: Quote) -> bool:
    """Notes the best bid and offer of a symbol that has a price; False when later ones are known."""
    changed = connection.execute(
        f"""
        UPDATE latest_prices SET bid = %(bid)s, ask = %(ask)s, quoted_at = {_NOT_AHEAD}
        WHERE symbol = %(symbol)s AND (quoted_at IS NULL OR quoted_at < {_NOT_AHEAD})
        """,  # noqa: S608 - an expression of ours
        {"bid": quote.bid, "ask": quote.ask, "time": quote.time, "symbol": quote.symbol},
    )
    return changed.rowcount == 1


def set_exchange_state(connection: Connection, symbol: str, state: ExchangeState) -> bool:
    """Notes what the exchange says of a symbol that has a price; False when nothing changes."""
    changed = connection.execute(
        "UPDATE latest_prices SET exchange_state = %s WHERE symbol = %s AND exchange_state <> %s",
        (state, symbol, state),
    )
    return changed.rowcount == 1


def exchange_states(connection: Connection) -> dict[str, ExchangeState]:
    """The symbols that do not trade, with what the exchange says of them."""
    rows = connection.execute("SELECT symbol, exchange_state FROM latest_prices WHERE exchange_state <> 'TRADING'")
    return {symbol: ExchangeState(state) for symbol, state in rows}


def take_back_trade(connection: Connection, voided_at: datetime, standing: Trade) -> bool:
    """Puts the last trade that stands in the place of one that was canceled or corrected; False when that made no price."""
    changed = connection.execute(
        "UPDATE latest_prices SET price = %s, time = %s WHERE symbol = %s AND time = %s",
        (standing.price, standing.time, standing.symbol, voided_at),
    )
    return changed.rowcount == 1


def change_is_announced(connection: Connection, symbol: str) -> bool:
    """Returns whether a corporate action of the symbol takes effect within a day of its latest price."""
    return bool(
        fetch_value(
            connection,
            """
            SELECT EXISTS (SELECT FROM corporate_actions a JOIN latest_prices l ON l.symbol = a.symbol
                           WHERE a.symbol = %s AND a.effective_on BETWEEN (l.time AT TIME ZONE 'America/New_York')::date - 1
                                                                      AND (l.time AT TIME ZONE 'America/New_York')::date + 1)
            """,
            (symbol,),
        )
    )


@dataclass(frozen=True, slots=True)
class LatestPrice:
    """A symbol's latest price in dollars, and whether its trading is halted."""

    price: Decimal
    time: datetime
    halted: bool


def latest_price(connection: Connection, symbol: str) -> LatestPrice | None:
    """The latest price of a symbol; None when it has none."""
    return fetch_one(
        connection,
        LatestPrice,
        """
        SELECT price, time, EXISTS (SELECT FROM symbol_halts h WHERE h.symbol = l.symbol)
               OR EXISTS (SELECT FROM corporate_halts c WHERE c.symbol = l.symbol) AS halted FROM latest_prices l WHERE symbol = %s
        """,
        (symbol,),
    )


# The splits that windows up to the bar at %(until)s follow.
_SPLITS = f"""
    SELECT json_agg(json_build_array(extract(epoch FROM {SPLIT_TIME})::bigint, ratio::float8) ORDER BY effective_on, id)
    FROM corporate_actions
    WHERE symbol = %(symbol)s AND {FOLLOWED_SPLIT} AND (after_bar IS NULL OR after_bar < %(until)s)
"""  # noqa: S608 - an expression of ours
# Until when bars of a symbol are in the archive and nowhere else.
_SEARCHED_ARCHIVE = "SELECT max(ends_at) FROM archived_bars WHERE symbol = %(symbol)s AND only_here"
# Columns of a query for bars; the splits, and until when there are archived bars, come along in each row, and are read once.
_BARS = f"""
    SELECT time, open::float8, high::float8, low::float8, close::float8, volume::float8, adjusted_at, ({_SPLITS}), ({_SEARCHED_ARCHIVE})
    FROM market_data WHERE symbol = %(symbol)s AND timeframe = '1Min'
"""  # noqa: S608 - expressions of ours
_ARCHIVED_UNTIL = 8


def trailing_window(connection: Connection, symbol: str, until: datetime, length: int) -> BarColumns:
    """The last `length` bars of a symbol up to and including the bar at `until`, in ascending time, on one scale whatever was split.

    The table has enough of them, but of a symbol that trades so seldom that they are older than what it keeps.

    Raises:
        ArchiveUnavailable: if the archive has bars of the window and does not give them.
    """
    query = _BARS + " AND time <= %(until)s ORDER BY time DESC LIMIT %(length)s"
    rows = connection.execute(query, {"symbol": symbol, "until": until, "length": length}).fetchall()
    if len(rows) < length and rows and rows[0][_ARCHIVED_UNTIL] is not None:
        bounds: dict[str, datetime | str] = {"start": "-infinity", "end": until + timedelta(minutes=1)}
        rows = _with_archive(connection, symbol, rows, bounds, until, length)
    return _columns(symbol, rows)


def count_between(connection: Connection, symbol: str, start: datetime, end: datetime) -> int:
    """The number of bars of a minute from `start` (included) to `end` (excluded), of those in the table."""
    query = "SELECT count(*) FROM market_data WHERE symbol = %s AND timeframe = '1Min' AND time >= %s AND time < %s"
    return int(fetch_value(connection, query, (symbol, start, end)))


def bars_back(connection: Connection, symbol: str, last: datetime, count: int) -> datetime | None:
    """The time of the bar of a minute that lies so many before the last one up to a time, of those in the table; the first where there are fewer, None without any."""
    found: datetime | None = fetch_value(
        connection,
        """
        SELECT min(time) FROM (
            SELECT time FROM market_data WHERE symbol = %s AND timeframe = '1Min' AND time <= %s ORDER BY time DESC LIMIT %s) back
        """,
        (symbol, last, count + 1),
    )
    return found


def bars_between(
    connection: Connection, symbol: str, start: datetime | None, end: datetime | None, limit: int
) -> BarColumns:
    """At most `limit` bars from `start` (included; None: the first) to `end` (excluded; None: the last one too): the latest ones, in ascending time, on today's scale.

    Bars of months that are over for long come from the archive.

    Raises:
        ArchiveUnavailable: if the archive has bars of that time and does not give them.
    """
    bounds = {"start": start or "-infinity", "end": end or "infinity"}
    parameters = {"symbol": symbol, "until": "infinity", "limit": limit, **bounds}
    query = (
        _BARS + " AND time >= %(start)s::timestamptz AND time < %(end)s::timestamptz ORDER BY time DESC LIMIT %(limit)s"
    )
    rows = connection.execute(query, parameters).fetchall()
    archived_until = (
        rows[0][_ARCHIVED_UNTIL] if rows else fetch_value(connection, _SEARCHED_ARCHIVE, {"symbol": symbol})
    )
    if archived_until is None or (start is not None and start >= archived_until):
        return _columns(symbol, rows)
    if len(rows) == limit and rows[-1][0] >= archived_until:
        return _columns(symbol, rows)
    return _columns(symbol, _with_archive(connection, symbol, rows, bounds, "infinity", limit))


def _with_archive(
    connection: Connection,
    symbol: str,
    rows: list[Any],
    bounds: Mapping[str, datetime | str],
    until: datetime | str,
    limit: int,
) -> list[Any]:
    """The latest rows of those of the table and of the archive between two times, the latest first; the archive's where both have one. Splits are those up to a bar."""
    found = {row[0]: row for row in rows}
    splits = rows[0][7] if rows else fetch_value(connection, _SPLITS, {"symbol": symbol, "until": until})
    start, end = bounds["start"], bounds["end"]
    for entry in archive.entries(connection, symbol, start, end):
        if len(found) >= limit and min(sorted(found)[-limit:]) >= entry.ends_at:
            break
        for bar in archive.bars_within(connection, entry):
            if (isinstance(start, str) or bar.time >= start) and (isinstance(end, str) or bar.time < end):
                prices = (float(bar.open), float(bar.high), float(bar.low), float(bar.close), float(bar.volume))
                found[bar.time] = (bar.time, *prices, bar.adjusted_at, splits)
    return [found[time] for time in sorted(found, reverse=True)[:limit]]


def _columns(symbol: str, rows: list[Any]) -> BarColumns:
    """Columns of the rows of `_BARS`, the latest first."""
    rows.reverse()
    bars = BarColumns.from_rows(rows, exchange_timezone(symbol))
    splits = rows[-1][7] if rows else None
    if splits is None:
        return bars
    return scaled(bars, seconds([row[6] for row in rows]), [SplitScale(at, ratio) for at, ratio in splits])


def seconds(times: Sequence[datetime | None]) -> Integers:
    """Times in seconds since the epoch; 0 where there is none."""
    return np.array([int(time.timestamp()) if time else 0 for time in times], dtype=np.int64)


def recent_closes(connection: Connection, symbols: Sequence[str], count: int) -> dict[str, list[float]]:
    """The last closes of each symbol, oldest first."""
    rows = connection.execute(
        """
        SELECT wanted.symbol, latest.close FROM unnest(%s::text[]) AS wanted (symbol)
        CROSS JOIN LATERAL (SELECT time, close::float8 FROM market_data m WHERE m.symbol = wanted.symbol AND m.timeframe = '1Min'
                            ORDER BY time DESC LIMIT %s) latest
        ORDER BY wanted.symbol, latest.time
        """,
        (list(symbols), count),
    )
    closes: dict[str, list[float]] = {}
    for symbol, close in rows:
        closes.setdefault(symbol, []).append(close)
    return closes


def closes_at(
    connection: Connection, symbols: Sequence[str], times: Sequence[datetime]
) -> list[tuple[str, int, float, datetime]]:
    """The last close of each symbol in the seven days before each time, where there is one in the table: the symbol, the place of the time, the close, and of when the scale is that it has."""
    rows: list[tuple[str, int, float, datetime]] = connection.execute(
        """
        SELECT wanted.symbol, at.place::int - 1, latest.close, latest.scale_of
        FROM unnest(%s::text[]) AS wanted (symbol) CROSS JOIN unnest(%s::timestamptz[]) WITH ORDINALITY AS at (time, place)
        CROSS JOIN LATERAL (SELECT close::float8, greatest(m.time, m.adjusted_at) AS scale_of FROM market_data m
                            WHERE m.symbol = wanted.symbol AND m.timeframe = '1Min' AND m.time < at.time AND m.time >= at.time - interval '7 days'
                            ORDER BY m.time DESC LIMIT 1) latest
        """,
        (list(symbols), list(times)),
    ).fetchall()
    return rows


def bars_until(connection: Connection, until: Mapping[str, datetime], limit: int) -> dict[str, int]:
    """The number of bars of each symbol that are stored up to its time (included), counted no further than `limit`."""
    rows = connection.execute(
        """
        SELECT wanted.symbol, stored.bars FROM unnest(%s::text[], %s::timestamptz[]) AS wanted (symbol, until)
        CROSS JOIN LATERAL (SELECT count(*) AS bars FROM (
            SELECT FROM market_data m WHERE m.symbol = wanted.symbol AND m.timeframe = '1Min' AND m.time <= wanted.until LIMIT %s) counted) stored
        """,
        (list(until), list(until.values()), limit),
    )
    return dict(rows.fetchall())


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


def _arrays(bars: Sequence[Bar]) -> tuple[object, ...]:
    """The columns of bars as parameters. Times and numbers are written as PostgreSQL writes arrays: given as lists they are each looked through for what must be quoted, which takes
    four times as long, and a start with thousands of symbols stores hundreds of thousands."""
    return (
        [bar.symbol for bar in bars],
        [bar.timeframe for bar in bars],
        f"{{{','.join([bar.time.isoformat() for bar in bars])}}}",
        f"{{{','.join([str(bar.open) for bar in bars])}}}",
        f"{{{','.join([str(bar.high) for bar in bars])}}}",
        f"{{{','.join([str(bar.low) for bar in bars])}}}",
        f"{{{','.join([str(bar.close) for bar in bars])}}}",
        f"{{{','.join([str(bar.volume) for bar in bars])}}}",
    )
