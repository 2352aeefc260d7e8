"""Whole tables of a user, row by row, however many there are."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, groupby, islice
from typing import Any
from uuid import UUID

from stratforge.parquet_stream import Column, ColumnKind
from stratforge.storage.market import archive
from stratforge.storage.market.archive import ArchivedBars
from stratforge.storage.postgres.database import Connection

_AT_ONCE = 20_000
_TEXT, _DECIMAL, _TIME, _INTEGER = ColumnKind.TEXT, ColumnKind.DECIMAL, ColumnKind.TIME, ColumnKind.INTEGER


def _columns(**kinds: ColumnKind) -> list[Column]:
    return [Column(name, kind) for name, kind in kinds.items()]


BARS = _columns(symbol=_TEXT, time=_TIME, open=_DECIMAL, high=_DECIMAL, low=_DECIMAL, close=_DECIMAL, volume=_DECIMAL)
TRADES = _columns(
    trade_id=_INTEGER,
    order_id=_TEXT,
    session_id=_TEXT,
    symbol=_TEXT,
    side=_TEXT,
    quantity=_DECIMAL,
    price=_DECIMAL,
    realized_pnl=_DECIMAL,
    fee_quantity=_DECIMAL,
    fee_cash=_DECIMAL,
    executed_at=_TIME,
    action=_TEXT,
)
ORDERS = _columns(
    order_id=_TEXT,
    client_order_id=_TEXT,
    session_id=_TEXT,
    signal_id=_INTEGER,
    symbol=_TEXT,
    side=_TEXT,
    type=_TEXT,
    time_in_force=_TEXT,
    origin=_TEXT,
    status=_TEXT,
    reason=_TEXT,
    quantity=_DECIMAL,
    filled_quantity=_DECIMAL,
    filled_value=_DECIMAL,
    limit_price=_DECIMAL,
    stop_price=_DECIMAL,
    created_at=_TIME,
    completed_at=_TIME,
    action=_TEXT,
)

# The words of `Action`.
_ACTION = "CASE WHEN NOT short THEN side::text WHEN side = 'sell' THEN 'short' ELSE 'cover' END"


def bars(connection: Connection, symbol: str, start: datetime | None, end: datetime | None) -> Iterator[list[Any]]:
    """The recorded 1-minute bars of a symbol in a period, the oldest first, some thousands at a time; those of months that are over for long from the archive.

    Raises:
        ArchiveUnavailable: if the archive has bars of that time and does not give them.
    """
    query = """
        SELECT symbol, time, open, high, low, close, volume FROM market_data
        WHERE symbol = %(symbol)s AND timeframe = '1Min' AND (%(start)s::timestamptz IS NULL OR time >= %(start)s) AND (%(end)s::timestamptz IS NULL OR time < %(end)s)
        ORDER BY time"""
    with connection.cursor(name="bulk") as cursor:
        cursor.execute(query, {"symbol": symbol, "start": start, "end": end})
        # After the table: see `archive`.
        archived = archive.entries(connection, symbol, start or "-infinity", end or "infinity")
        stored = iter(partial(cursor.fetchmany, _AT_ONCE), [])
        yield from _merged(connection, archived[::-1], start, end, stored) if archived else stored


def _merged(
    connection: Connection,
    archived: Sequence[ArchivedBars],
    start: datetime | None,
    end: datetime | None,
    stored: Iterator[list[Any]],
) -> Iterator[list[Any]]:
    """Bars of the archive and of the table, each once and in order; the archive's where both have one."""
    old = (
        (each.symbol, bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume)
        for each in archived
        for bar in archive.bars_within(connection, each)
        if (start is None or bar.time >= start) and (end is None or bar.time < end)
    )
    bars = heapq.merge(old, chain.from_iterable(stored), key=lambda row: row[1])
    once = (next(same) for _, same in groupby(bars, key=lambda row: row[1]))
    while rows := list(islice(once, _AT_ONCE)):
        yield rows


def trades(
    connection: Connection, user_id: UUID, symbol: str | None, start: datetime | None, end: datetime | None
) -> Iterator[list[Any]]:
    """A user's trades in a period as they are told everywhere, the oldest first, some thousands at a time."""
    query = f"""
        SELECT id, order_id, session_id, symbol, side, quantity, price, realized_pnl, fee_quantity, fee_cash, executed_at, {_ACTION} FROM told_trades
        WHERE user_id = %(user)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
            AND (%(start)s::timestamptz IS NULL OR executed_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR executed_at < %(end)s)
        ORDER BY id"""  # noqa: S608 - words of this module
    return _rows(connection, query, {"user": user_id, "symbol": symbol, "start": start, "end": end})


def orders(
    connection: Connection, user_id: UUID, symbol: str | None, start: datetime | None, end: datetime | None
) -> Iterator[list[Any]]:
    """A user's orders that were placed in a period, the oldest first, some thousands at a time."""
    query = f"""
        SELECT id, client_order_id, session_id, signal_id, symbol, side, type, time_in_force, origin, status, reason, quantity, filled_quantity,
            filled_value, limit_price, stop_price, created_at, completed_at, {_ACTION} FROM orders
        WHERE user_id = %(user)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
            AND (%(start)s::timestamptz IS NULL OR created_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR created_at < %(end)s)
        ORDER BY created_at, id"""  # noqa: S608 - words of this module
    return _rows(connection, query, {"user": user_id, "symbol": symbol, "start": start, "end": end})


def json_rows(connection: Connection, query: str, user_id: UUID) -> Iterator[str]:
    """The rows of a query of a user as JSON texts: numbers and times as text that reads back exactly."""
    with connection.cursor(name="bulk") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(f"SELECT to_jsonb(r)::text FROM ({query}) r", {"user": user_id})  # noqa: S608 - a query of ours
        for row in cursor:
            yield str(row[0])


def _rows(connection: Connection, query: str, values: dict[str, Any]) -> Iterator[list[Any]]:
    with connection.cursor(name="bulk") as cursor:
        cursor.execute(query, values)
        while found := cursor.fetchmany(_AT_ONCE):
            yield found
