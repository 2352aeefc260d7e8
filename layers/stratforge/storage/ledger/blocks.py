"""Block orders: the one order that the platform has at the broker for a symbol, from the moment it is stored to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.market.sizes import Side
from stratforge.portfolio.acceptance import Market
from stratforge.portfolio.netting import Block
from stratforge.portfolio.orders import BlockStatus
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """A block order that is not finished.

    Attributes:
        side: Of the net at the broker.
        quantity: Units at the broker.
        limit_price: Dollars a unit.
        claimed: An executor is sending or looking it up.
        stale: The time has passed, on our clock, at which what is left of it is canceled.
    """

    block_id: UUID
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    client_order_id: str
    alpaca_order_id: str | None
    status: BlockStatus
    created_at: datetime
    claimed: bool
    stale: bool


_BLOCK = """
    SELECT b.id AS block_id, b.symbol, b.side, b.quantity, b.limit_price, b.client_order_id, b.alpaca_order_id, b.status, b.created_at,
           b.claimed_until > now() AS claimed, coalesce(b.cancel_after <= now(), false) AS stale
    FROM block_orders b
"""


def open_block(connection: Connection, symbol: str) -> OpenBlock | None:
    """The block order at work on the symbol, if there is one."""
    return fetch_one(connection, OpenBlock, _BLOCK + "WHERE b.symbol = %s AND b.completed_at IS NULL", (symbol,))


def open_blocks(connection: Connection) -> list[OpenBlock]:
    """All block orders at work, oldest first."""
    return fetch_all(connection, OpenBlock, _BLOCK + "WHERE b.completed_at IS NULL ORDER BY b.created_at")


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A block order to store with the orders that joined it; `trace` is the header of what stores it."""

    net: Block
    client_order_id: str
    fee_rate: Decimal
    bar_time: datetime | None
    claim: timedelta
    step: Decimal
    trace: str | None = None


def store_block(connection: Connection, symbol: str, block: NewBlock, market: Market) -> UUID:
    """Writes a block order before anybody sends it."""
    net = block.net
    block_id: UUID = fetch_value(
        connection,
        """
        INSERT INTO block_orders (symbol, side, quantity, limit_price, cross_quantity, reference_price, collar, cross_low, cross_high,
                                  fee_rate, bar_time, client_order_id, left_out, trace, status, claimed_until, step)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'STORED', now() + %s, %s) RETURNING id
        """,
        (
            symbol,
            net.side,
            net.quantity,
            net.limit_price,
            net.cross_quantity,
            market.price,
            market.collar,
            net.cross_low,
            net.cross_high,
            block.fee_rate,
            block.bar_time,
            block.client_order_id,
            net.owes_turn,
            block.trace,
            block.claim,
            block.step,
        ),
    )
    return block_id


def trace_of(connection: Connection, client_order_id: str) -> str | None:
    """The header of the trace that stored a block order, if there is one."""
    found: str | None = fetch_value(
        connection, "SELECT trace FROM block_orders WHERE client_order_id = %s", (client_order_id,)
    )
    return found


def claim_block(connection: Connection, block_id: UUID, claim: timedelta) -> bool:
    """Takes a block to send, look up or cancel it; False when another executor is at it, or it is done."""
    changed = connection.execute(
        """
        UPDATE block_orders SET claimed_until = now() + %s WHERE id = %s AND completed_at IS NULL AND claimed_until <= now()
        """,
        (claim, block_id),
    )
    return changed.rowcount == 1


@dataclass(frozen=True, slots=True)
class Turn:
    """The turns of a symbol's next block: `limits_first` when the last one left limit orders out, and the side of the last one that left none
    out, while one of those of the last minute found nobody.
    """

    limits_first: bool
    unfilled: Side | None


def read_turn(connection: Connection, symbol: str) -> Turn:
    """Reads the turns of the next block; nobody's in particular before a symbol's first block."""
    turn = fetch_one(
        connection,
        Turn,
        """
        SELECT coalesce((SELECT left_out FROM block_orders WHERE symbol = %(symbol)s ORDER BY created_at DESC LIMIT 1), false) AS limits_first,
               (SELECT side::text FROM block_orders
                WHERE symbol = %(symbol)s AND NOT left_out AND completed_at IS NOT NULL AND EXISTS (
                    SELECT FROM block_orders u WHERE u.symbol = %(symbol)s AND NOT u.left_out AND u.filled_quantity = 0
                      AND u.completed_at > now() - interval '1 minute' AND u.created_at > now() - interval '1 hour')
                ORDER BY created_at DESC LIMIT 1) AS unfilled
        """,
        {"symbol": symbol},
    )
    assert turn is not None
    return turn


def overdue_symbols(connection: Connection) -> list[str]:
    """Symbols whose block at work has to be seen to: what the broker did not fill in time, and what was stored and not sent."""
    rows = connection.execute(
        """
        SELECT symbol FROM block_orders
        WHERE completed_at IS NULL AND claimed_until <= now() AND (status <> 'SUBMITTED' OR cancel_after <= now()) ORDER BY created_at
        """
    )
    return [row[0] for row in rows]


def mark_submitted(connection: Connection, block_id: UUID, alpaca_order_id: str, lifetime: timedelta) -> None:
    """Notes that the broker has the order, for so long; a block that is already finished is left alone."""
    connection.execute(
        """
        UPDATE block_orders SET status = 'SUBMITTED', alpaca_order_id = %s, submitted_at = coalesce(submitted_at, now()),
                                cancel_after = coalesce(cancel_after, now() + %s), claimed_until = now()
        WHERE id = %s AND completed_at IS NULL
        """,
        (alpaca_order_id, lifetime, block_id),
    )


def mark_unknown(connection: Connection, block_id: UUID, error: str) -> None:
    """Notes that nobody knows yet whether the broker has the order; whoever looks it up next may do so at once."""
    connection.execute(
        """
        UPDATE block_orders SET status = 'UNKNOWN', error = %s, claimed_until = now() WHERE id = %s AND completed_at IS NULL
        """,
        (error, block_id),
    )


def set_error(connection: Connection, client_order_id: str, error: str) -> None:
    """Keeps what the broker said about a block order."""
    connection.execute("UPDATE block_orders SET error = %s WHERE client_order_id = %s", (error, client_order_id))
