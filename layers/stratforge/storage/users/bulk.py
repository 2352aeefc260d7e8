"""Whole tables of a user, row by row, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from stratforge.parquet import Column, ColumnKind
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
)


def bars(connection: Connection, symbol: str, start: datetime | None, end: datetime | None) -> Iterator[list[Any]]:
    """The recorded 1-minute bars of a symbol in a period, the oldest first, some thousands at a time."""
    query = """
        SELECT symbol, time, open, high, low, close, volume FROM market_data
        WHERE symbol = %(symbol)s AND timeframe = '1Min' AND (%(start)s::timestamptz IS NULL OR time >= %(start)s) AND (%(end)s::timestamptz IS NULL OR time < %(end)s)
        ORDER BY time"""
    return _rows(connection, query, {"symbol": symbol, "start": start, "end": end})


def trades(
    connection: Connection, user_id: UUID, symbol: str | None, start: datetime | None, end: datetime | None
) -> Iterator[list[Any]]:
    """A user's trades in a period, the oldest first, some thousands at a time."""
    query = """
        SELECT id, order_id, session_id, symbol, side, quantity, price, realized_pnl, fee_quantity, fee_cash, executed_at FROM trades
        WHERE user_id = %(user)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
            AND (%(start)s::timestamptz IS NULL OR executed_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR executed_at < %(end)s)
        ORDER BY id"""
    return _rows(connection, query, {"user": user_id, "symbol": symbol, "start": start, "end": end})


def orders(
    connection: Connection, user_id: UUID, symbol: str | None, start: datetime | None, end: datetime | None
) -> Iterator[list[Any]]:
    """A user's orders that were placed in a period, the oldest first, some thousands at a time."""
    query = """
        SELECT id, client_order_id, session_id, signal_id, symbol, side, type, time_in_force, origin, status, reason, quantity, filled_quantity,
            filled_value, limit_price, stop_price, created_at, completed_at FROM orders
        WHERE user_id = %(user)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
            AND (%(start)s::timestamptz IS NULL OR created_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR created_at < %(end)s)
        ORDER BY created_at, id"""
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
