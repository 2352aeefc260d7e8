"""The cost of borrowing for short positions, night by night: what was owed when the exchange closed, and the fee as an entry of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.portfolio.corrections import Adjustment
from stratforge.portfolio.margin import fee_cause
from stratforge.storage.ledger.reconciliation import apply_adjustments
from stratforge.storage.ledger.reservations import lock_users
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value

# Nights that lie further back are not charged any more.
_CHARGED = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A short position over a night, or a weekend: what was owed at the close, above zero, the last price before it, and how many nights it is until the exchange opens again."""

    user_id: UUID
    session_id: UUID | None
    symbol: str
    day: date
    nights: int
    quantity: Decimal
    price: Decimal


def uncharged_nights(
    connection: Connection, symbol: str | None = None, *, user_id: UUID | None = None
) -> list[Borrowed]:
    """The nights that began and for which short positions were not charged yet, of one symbol and one user or all, the earliest first.

    What was owed at a close is what is owed now without what was traded and adjusted since: a split or a change of name moves what no trade has.
    """
    return fetch_all(
        connection,
        Borrowed,
        """
        WITH night AS (
            SELECT d.day, d.closes_at, ours_at(d.closes_at) AS closed, (SELECT min(n.day) FROM market_days n WHERE n.day > d.day) - d.day AS nights
            FROM market_days d WHERE d.closes_at BETWEEN (SELECT market_now()) - %(charged)s AND (SELECT market_now()))
        SELECT p.user_id, p.session_id, p.symbol, n.day, n.nights, coalesce(since.quantity, 0) - p.quantity AS quantity, last.close AS price
        FROM users u JOIN positions p ON p.user_id = u.id CROSS JOIN night n
        CROSS JOIN LATERAL (SELECT sum(moved.quantity) AS quantity FROM (
            SELECT CASE WHEN t.side = 'buy' THEN t.quantity - t.fee_quantity ELSE -t.quantity END AS quantity FROM trades t
            WHERE t.user_id = p.user_id AND t.session_id IS NOT DISTINCT FROM p.session_id AND t.symbol = p.symbol AND t.executed_at > n.closes_at
            UNION ALL SELECT a.quantity FROM adjustments a
            WHERE a.user_id = p.user_id AND a.session_id IS NOT DISTINCT FROM p.session_id AND a.symbol = p.symbol AND a.created_at > n.closed) moved) since
        CROSS JOIN LATERAL (
            SELECT m.close FROM market_data m WHERE m.symbol = p.symbol AND m.timeframe = '1Min' AND m.time < n.closes_at ORDER BY m.time DESC LIMIT 1) last
        WHERE u.short_selling AND n.nights > 0 AND (%(symbol)s::text IS NULL OR p.symbol = %(symbol)s)
          AND (%(user)s::uuid IS NULL OR u.id = %(user)s) AND coalesce(since.quantity, 0) - p.quantity > 0
          AND NOT EXISTS (
            SELECT FROM adjustments a WHERE a.user_id = p.user_id AND a.session_id IS NOT DISTINCT FROM p.session_id AND a.symbol = p.symbol
              AND a.kind = 'BORROW_FEE' AND a.cause LIKE 'borrowed on ' || n.day || ' %%')
        ORDER BY n.day, p.symbol, p.user_id, p.session_id
        """,
        {"charged": _CHARGED, "symbol": symbol, "user": user_id},
    )


def bought_back_lately(connection: Connection, user_id: UUID) -> bool:
    """Tells whether a user traded in a short position within a day: a split that is told late may find that he owes some of it still."""
    query = """
        SELECT EXISTS (SELECT FROM trades t JOIN orders o ON o.id = t.order_id
                       WHERE t.user_id = %s AND o.short AND t.executed_at > (SELECT market_now()) - interval '1 day')
    """
    return bool(fetch_value(connection, query, (user_id,)))


def lock_borrowers(connection: Connection, symbol: str) -> None:
    """Locks a symbol and whoever may owe some of it."""
    lock_symbol(connection, symbol)
    borrowers = "SELECT p.user_id FROM positions p JOIN users u ON u.id = p.user_id WHERE p.symbol = %(symbol)s AND u.short_selling"
    lock_users(connection, borrowers, {"symbol": symbol})


def charge(connection: Connection, fees: Sequence[tuple[Borrowed, Decimal]]) -> None:
    """Takes fees in dollars off their accounts; each is a part of its position's profit."""
    for each, fee in fees:
        cause = fee_cause(each.day, each.nights, each.price)
        apply_adjustments(
            connection, each.symbol, "BORROW_FEE", cause, [Adjustment(each.user_id, each.session_id, Decimal(0), -fee)]
        )
