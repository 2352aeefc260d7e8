"""The ledger's invariants, as queries: what must hold whatever happened. Each gives the rows that break it."""

from __future__ import annotations

from typing import Any

from stratforge.storage.postgres.database import Connection

_CHECKS: dict[str, str] = {
    "cash, reservations and trades add up to the initial balance": """
        SELECT u.id, u.initial_balance, u.virtual_balance + u.reserved_cash + t.spent - a.cash FROM users u
        CROSS JOIN LATERAL (SELECT coalesce(sum(CASE WHEN side = 'buy' THEN quantity * price ELSE fee_cash - quantity * price END), 0)
                            AS spent FROM trades WHERE user_id = u.id) t
        CROSS JOIN LATERAL (SELECT coalesce(sum(cash), 0) AS cash FROM adjustments WHERE user_id = u.id) a
        WHERE u.virtual_balance + u.reserved_cash + t.spent - a.cash <> u.initial_balance
    """,
    "no balance or position is negative": """
        SELECT id::text, virtual_balance, reserved_cash FROM users WHERE virtual_balance < 0 OR reserved_cash < 0
        UNION ALL SELECT user_id::text, quantity, reserved_quantity FROM positions WHERE quantity < 0 OR reserved_quantity < 0
    """,
    "reserved cash is what working orders hold back": """
        SELECT u.id, u.reserved_cash, coalesce(sum(o.reserved_cash), 0) FROM users u LEFT JOIN orders o ON o.user_id = u.id
        GROUP BY u.id HAVING u.reserved_cash <> coalesce(sum(o.reserved_cash), 0)
    """,
    "reserved shares are what working orders hold back": """
        SELECT p.user_id, p.symbol, p.reserved_quantity FROM positions p WHERE p.reserved_quantity <> coalesce((
            SELECT sum(o.reserved_quantity) FROM orders o
            WHERE o.user_id = p.user_id AND o.symbol = p.symbol AND o.session_id IS NOT DISTINCT FROM p.session_id), 0)
    """,
    "positions are the sums of their trades": """
        SELECT p.user_id, p.symbol, p.quantity FROM positions p WHERE p.quantity <> coalesce((
            SELECT sum(CASE WHEN t.side = 'buy' THEN t.quantity - t.fee_quantity ELSE -t.quantity END) FROM trades t
            WHERE t.user_id = p.user_id AND t.symbol = p.symbol AND t.session_id IS NOT DISTINCT FROM p.session_id), 0) + coalesce((
            SELECT sum(a.quantity) FROM adjustments a
            WHERE a.user_id = p.user_id AND a.symbol = p.symbol AND a.session_id IS NOT DISTINCT FROM p.session_id), 0)
    """,
    "an order's trades add up to what it filled": """
        SELECT o.id, o.filled_quantity, coalesce(sum(t.quantity), 0) FROM orders o LEFT JOIN trades t ON t.order_id = o.id
        GROUP BY o.id HAVING (o.filled_quantity, o.filled_value, o.fee_quantity, o.fee_cash) <> (
            coalesce(sum(t.quantity), 0), coalesce(sum(t.quantity * t.price), 0), coalesce(sum(t.fee_quantity), 0), coalesce(sum(t.fee_cash), 0))
    """,
    "a block's fills add up to what it filled and reach its orders": """
        SELECT b.id, b.filled_quantity, f.quantity, t.quantity FROM block_orders b
        CROSS JOIN LATERAL (SELECT coalesce(sum(quantity), 0) AS quantity FROM fills WHERE block_order_id = b.id) f
        CROSS JOIN LATERAL (SELECT coalesce(sum(t.quantity), 0) AS quantity FROM trades t
                            WHERE t.block_order_id = b.id AND NOT t.inside) t
        WHERE b.filled_quantity <> f.quantity OR f.quantity <> t.quantity
    """,
    "what crosses inside is bought and sold alike": """
        SELECT t.block_order_id, sum(CASE WHEN t.side = 'buy' THEN t.quantity ELSE -t.quantity END)
        FROM trades t WHERE t.inside GROUP BY t.block_order_id
        HAVING sum(CASE WHEN t.side = 'buy' THEN t.quantity ELSE -t.quantity END) <> 0
    """,
    "only orders that wait or work hold anything back": """
        SELECT id, status::text, reserved_cash, reserved_quantity FROM orders
        WHERE status NOT IN ('RESTING', 'WORKING') AND (reserved_cash <> 0 OR reserved_quantity <> 0)
    """,
    "an order is at work exactly while its block is": """
        SELECT o.id, o.status::text FROM orders o LEFT JOIN block_orders b ON b.id = o.block_order_id
        WHERE (o.status = 'WORKING') <> (b.id IS NOT NULL AND b.completed_at IS NULL)
    """,
    "a signal leads to at most one order": """
        SELECT signal_id, count(*) FROM orders WHERE signal_id IS NOT NULL GROUP BY signal_id HAVING count(*) > 1
    """,
}


def broken_invariants(connection: Connection) -> dict[str, list[Any]]:
    """The invariants that do not hold, with at most ten rows that show it. Empty when all is well."""
    broken = {}
    for name, query in _CHECKS.items():
        rows = connection.execute(query).fetchmany(10)
        if rows:
            broken[name] = rows
    return broken


def users_and_trades(connection: Connection) -> tuple[int, int]:
    """Counts the users and the trades, for whoever wants to know that there is something to look at."""
    row = connection.execute("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM trades)").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
