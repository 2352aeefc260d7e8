"""What the executor reads and writes: pending signals in, orders and one block order out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from stratforge.portfolio.netting import Block
from stratforge.portfolio.reasons import Reason
from stratforge.portfolio.sizing import Account, SignalRequest, SizedOrder
from stratforge.storage.database import Connection


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """A block order that is not finished."""

    block_id: UUID
    symbol: str
    side: str | None
    quantity: Decimal
    limit_price: Decimal | None
    client_order_id: str
    status: str
    created_at: datetime


def lock_symbol(connection: Connection, symbol: str) -> None:
    """Makes this transaction the only one that executes or settles the symbol."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('symbol'), hashtext(%s))", (symbol,))


def open_block(connection: Connection, symbol: str) -> OpenBlock | None:
    """The block order at work on the symbol, if there is one."""
    row = connection.execute(
        """
        SELECT id, symbol, side, quantity, limit_price, client_order_id, status, created_at
        FROM block_orders WHERE symbol = %s AND completed_at IS NULL
        """,
        (symbol,),
    ).fetchone()
    return OpenBlock(*row) if row else None


def open_blocks(connection: Connection) -> list[OpenBlock]:
    """All block orders at work."""
    rows = connection.execute(
        """
        SELECT id, symbol, side, quantity, limit_price, client_order_id, status, created_at
        FROM block_orders WHERE completed_at IS NULL ORDER BY created_at
        """
    )
    return [OpenBlock(*row) for row in rows]


def expire_signals(connection: Connection, symbol: str, older_than: datetime) -> int:
    """Expires pending signals of bars before `older_than`, and those of sessions that have ended."""
    return connection.execute(
        """
        UPDATE signals SET status = (CASE WHEN bar_time < %(limit)s THEN 'EXPIRED' ELSE 'REJECTED' END)::signal_status,
                           reason = CASE WHEN bar_time < %(limit)s THEN %(expired)s ELSE %(ended)s END
        WHERE symbol = %(symbol)s AND status = 'PENDING' AND (
            bar_time < %(limit)s
            OR session_id IN (SELECT id FROM sessions WHERE symbol = %(symbol)s AND status <> 'RUNNING'))
        """,
        {"symbol": symbol, "limit": older_than, "expired": Reason.EXPIRED, "ended": Reason.SESSION_ENDED},
    ).rowcount


def pending_signals(connection: Connection, symbol: str) -> list[SignalRequest]:
    """Signals that wait to be executed, oldest first."""
    rows = connection.execute(
        """
        SELECT g.id, g.user_id, g.session_id, g.side::text, g.confidence::numeric, g.size_kind, g.size::numeric,
               s.sizing_rule::text, s.sizing_value
        FROM signals g JOIN sessions s ON s.id = g.session_id
        WHERE g.symbol = %s AND g.status = 'PENDING' ORDER BY g.id
        """,
        (symbol,),
    )
    return [SignalRequest(*row) for row in rows]


def lock_accounts(connection: Connection, user_ids: Sequence[UUID]) -> dict[UUID, Account]:
    """Locks the users' balances, in order of their ids, and gives their accounts."""
    rows = connection.execute(
        """
        WITH locked AS (
            SELECT id, virtual_balance, reserved_cash, trading_state FROM users WHERE id = ANY(%s) ORDER BY id FOR UPDATE)
        SELECT l.id, l.virtual_balance,
               l.virtual_balance + l.reserved_cash + coalesce((
                   SELECT sum(p.quantity * coalesce(lp.price, p.avg_entry_price))
                   FROM positions p LEFT JOIN latest_prices lp ON lp.symbol = p.symbol
                   WHERE p.user_id = l.id AND p.quantity > 0), 0),
               l.trading_state::text
        FROM locked l
        """,
        (list(set(user_ids)),),
    )
    return {row[0]: Account(*row) for row in rows}


def free_quantities(connection: Connection, symbol: str, session_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """What each session holds of the symbol and is not already selling. Locks the rows."""
    rows = connection.execute(
        """
        SELECT session_id, quantity - reserved_quantity FROM positions
        WHERE symbol = %s AND session_id = ANY(%s) ORDER BY session_id FOR UPDATE
        """,
        (symbol, list(set(session_ids))),
    )
    return dict(rows.fetchall())


def latest_price(connection: Connection, symbol: str) -> tuple[Decimal, datetime] | None:
    """The latest price of a symbol and the start of its bar."""
    row = connection.execute("SELECT price, time FROM latest_prices WHERE symbol = %s", (symbol,)).fetchone()
    return (row[0], row[1]) if row else None


def store_orders(
    connection: Connection,
    symbol: str,
    sized: Sequence[SizedOrder],
    block: Block | None,
    *,
    client_order_id: str,
    reference_price: Decimal,
    collar: Decimal,
    bar_time: datetime,
) -> UUID | None:
    """Writes the orders and refusals, their reservations, and the block order they became; returns the block's id."""
    block_id: UUID | None = None
    if block is not None:
        row = connection.execute(
            """
            INSERT INTO block_orders (symbol, side, quantity, limit_price, cross_quantity, reference_price, collar, bar_time,
                                      client_order_id, status)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'STORED') RETURNING id
            """,
            (
                symbol,
                block.side,
                block.quantity,
                block.limit_price,
                block.cross_quantity,
                reference_price,
                collar,
                bar_time,
                client_order_id,
            ),
        ).fetchone()
        assert row is not None
        block_id = row[0]
    connection.execute(
        """
        WITH sized AS (
            SELECT * FROM unnest(%(signals)s::bigint[], %(users)s::uuid[], %(sessions)s::uuid[], %(sides)s::trade_side[],
                                 %(quantities)s::numeric[], %(cash)s::numeric[], %(shares)s::numeric[], %(reasons)s::text[])
                AS o (signal_id, user_id, session_id, side, quantity, cash, shares, reason)),
        stored AS (
            INSERT INTO orders (user_id, session_id, signal_id, block_order_id, symbol, side, quantity, reserve_price,
                                reserved_cash, reserved_quantity, status, reason, completed_at)
            SELECT user_id, session_id, signal_id, CASE WHEN reason IS NULL THEN %(block)s::uuid END, %(symbol)s, side, quantity,
                   CASE WHEN cash > 0 THEN %(reserve_price)s ELSE 0 END, cash, shares, (CASE WHEN reason IS NULL THEN 'WORKING' ELSE 'REJECTED' END)::order_status, reason,
                   CASE WHEN reason IS NOT NULL THEN now() END
            FROM sized),
        reserved AS (
            UPDATE users u SET virtual_balance = u.virtual_balance - r.cash, reserved_cash = u.reserved_cash + r.cash
            FROM (SELECT user_id, sum(cash) AS cash FROM sized GROUP BY user_id HAVING sum(cash) > 0) r
            WHERE u.id = r.user_id),
        held AS (
            UPDATE positions p SET reserved_quantity = p.reserved_quantity + r.shares
            FROM (SELECT session_id, sum(shares) AS shares FROM sized GROUP BY session_id HAVING sum(shares) > 0) r
            WHERE p.session_id = r.session_id AND p.symbol = %(symbol)s)
        UPDATE signals g SET status = (CASE WHEN z.reason IS NULL THEN 'EXECUTED' ELSE 'REJECTED' END)::signal_status,
                             reason = z.reason
        FROM sized z WHERE g.id = z.signal_id
        """,
        {**_order_parameters(symbol, sized, block_id), "reserve_price": reference_price * (1 + collar)},
    )
    return block_id


def _order_parameters(symbol: str, sized: Sequence[SizedOrder], block_id: UUID | None) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "block": block_id,
        "signals": [order.signal.signal_id for order in sized],
        "users": [order.signal.user_id for order in sized],
        "sessions": [order.signal.session_id for order in sized],
        "sides": [order.signal.side for order in sized],
        "quantities": [order.quantity for order in sized],
        "cash": [order.reserved_cash for order in sized],
        "shares": [order.reserved_quantity for order in sized],
        "reasons": [order.reason for order in sized],
    }


def mark_submitted(connection: Connection, block_id: UUID, alpaca_order_id: str) -> None:
    """Notes that the broker has the order; a block that is already finished is left alone."""
    connection.execute(
        """
        UPDATE block_orders SET status = 'SUBMITTED', alpaca_order_id = %s, submitted_at = coalesce(submitted_at, now())
        WHERE id = %s AND completed_at IS NULL
        """,
        (alpaca_order_id, block_id),
    )


def mark_unknown(connection: Connection, block_id: UUID, error: str) -> None:
    """Notes that nobody knows yet whether the broker has the order."""
    connection.execute(
        "UPDATE block_orders SET status = 'UNKNOWN', error = %s WHERE id = %s AND completed_at IS NULL",
        (error, block_id),
    )
