# ruff: noqa: S608 - conditions of this module
"""The ledger's invariants, as queries: what must hold whatever happened. Each gives the rows that break it.

Whoever looks often looks at a part: what was done just now, and a share of everything, another one each time, so that a look costs the same however
long the ledger has been kept. The ledger of a small platform is one part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_exactly

_HIGHEST = 2**128 - 1
# Trades that a part has, about; and how much of what was done just now is looked at whatever the part, and how long that is.
_TRADES_OF_PART = 100_000
_RECENT, _JUST_NOW = 200, "10 minutes"
# Parts that are looked at again and again while something is broken in them.
_BROKEN_PARTS = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the ledger: accounts and blocks by their ids, which are drawn evenly, and what was done just now."""

    number: int = 0
    of: int = 1

    @property
    def bounds(self) -> dict[str, UUID]:
        """The first and the last id of the part."""
        size = (_HIGHEST + 1) // self.of
        last = _HIGHEST if self.number == self.of - 1 else (self.number + 1) * size - 1
        return {"first": UUID(int=self.number * size), "last": UUID(int=last)}


WHOLE = Part()


def parts_to_look_at(connection: Connection) -> list[Part]:
    """The parts in which something was broken at the reconciler's last look, the first few of them, and then the part after the one that it looked at."""
    trades, last, broken = connection.execute(
        """
        SELECT (SELECT reltuples::bigint FROM pg_class WHERE oid = 'trades'::regclass), coalesce(last.part, -1), coalesce(last.broken, '{}')
        FROM (VALUES (0)) one
        LEFT JOIN LATERAL (SELECT (report ->> 'part')::int AS part, ARRAY(SELECT jsonb_array_elements_text(report -> 'broken_parts')::int) AS broken
                           FROM reconciliations WHERE report ? 'part' ORDER BY id DESC LIMIT 1) last ON true
        """
    ).fetchall()[0]
    parts = 1 + max(trades, 0) // _TRADES_OF_PART
    following = (last + 1) % parts
    again = [number for number in broken if number < parts and number != following]
    return [Part(number, parts) for number in (*again[:_BROKEN_PARTS], following)]


def _in_part(column: str, recent: str) -> str:
    return f"({column} BETWEEN %(first)s AND %(last)s OR {column} = ANY(%({recent})s))"


def _of_user(table: str) -> str:
    return _in_part(f"{table}.user_id", "users")


INVARIANTS: dict[str, str] = {
    "cash, reservations and trades add up to the initial balance": f"""
        SELECT u.id, u.initial_balance, u.virtual_balance + u.reserved_cash + coalesce(t.spent, 0) - coalesce(a.cash, 0) FROM users u
        LEFT JOIN (SELECT t.user_id, sum(CASE WHEN side = 'buy' THEN quantity * price ELSE fee_cash - quantity * price END) AS spent
                   FROM trades t WHERE {_of_user("t")} GROUP BY t.user_id) t ON t.user_id = u.id
        LEFT JOIN (SELECT a.user_id, sum(cash) AS cash FROM adjustments a WHERE {_of_user("a")} GROUP BY a.user_id) a ON a.user_id = u.id
        WHERE {_in_part("u.id", "users")}
          AND u.virtual_balance + u.reserved_cash + coalesce(t.spent, 0) - coalesce(a.cash, 0) <> u.initial_balance
    """,
    "no balance or position is negative but where the account may go short": """
        SELECT id::text, virtual_balance, reserved_cash FROM users WHERE (virtual_balance < 0 AND NOT short_selling) OR reserved_cash < 0
        UNION ALL SELECT user_id::text, quantity, reserved_quantity FROM positions WHERE reserved_quantity < 0
        UNION ALL SELECT p.user_id::text, p.quantity, p.reserved_quantity FROM positions p JOIN users u ON u.id = p.user_id WHERE p.quantity < 0 AND NOT u.short_selling
    """,
    "what is short was sold in a session, and of stocks": """
        SELECT user_id, symbol, quantity FROM positions WHERE quantity < 0 AND (session_id IS NULL OR symbol LIKE '%%/%%')
    """,
    "reserved cash is what working orders hold back": f"""
        SELECT u.id, u.reserved_cash, coalesce(o.held, 0) FROM users u
        LEFT JOIN (SELECT o.user_id, sum(o.reserved_cash) AS held FROM orders o WHERE {_of_user("o")} GROUP BY o.user_id) o ON o.user_id = u.id
        WHERE {_in_part("u.id", "users")} AND u.reserved_cash <> coalesce(o.held, 0)
    """,
    "reserved shares are what working orders hold back": f"""
        SELECT p.user_id, p.symbol, p.reserved_quantity FROM positions p
        LEFT JOIN (SELECT o.user_id, o.session_id, o.symbol, sum(o.reserved_quantity) AS held FROM orders o WHERE {_of_user("o")} GROUP BY 1, 2, 3) o
            ON o.user_id = p.user_id AND o.symbol = p.symbol AND o.session_id IS NOT DISTINCT FROM p.session_id
        WHERE {_of_user("p")} AND p.reserved_quantity <> coalesce(o.held, 0)
    """,
    "positions are the sums of their trades": f"""
        SELECT p.user_id, p.symbol, p.quantity FROM positions p
        LEFT JOIN (SELECT user_id, session_id, symbol, sum(quantity) AS quantity FROM (
            SELECT t.user_id, t.session_id, t.symbol, CASE WHEN t.side = 'buy' THEN t.quantity - t.fee_quantity ELSE -t.quantity END AS quantity
            FROM trades t WHERE {_of_user("t")}
            UNION ALL SELECT a.user_id, a.session_id, a.symbol, a.quantity FROM adjustments a WHERE {_of_user("a")}) moved GROUP BY 1, 2, 3) m
            ON m.user_id = p.user_id AND m.symbol = p.symbol AND m.session_id IS NOT DISTINCT FROM p.session_id
        WHERE {_of_user("p")} AND p.quantity <> coalesce(m.quantity, 0)
    """,
    "an order's trades add up to what it filled": f"""
        SELECT o.id, o.filled_quantity, coalesce(t.quantity, 0) FROM orders o
        LEFT JOIN (SELECT t.order_id, sum(t.quantity) AS quantity, sum(t.quantity * t.price) AS value, sum(t.fee_quantity) AS fee_quantity,
                          sum(t.fee_cash) AS fee_cash FROM trades t WHERE {_of_user("t")} GROUP BY t.order_id) t ON t.order_id = o.id
        WHERE {_of_user("o")} AND (o.filled_quantity, o.filled_value, o.fee_quantity, o.fee_cash) <> (
            coalesce(t.quantity, 0), coalesce(t.value, 0), coalesce(t.fee_quantity, 0), coalesce(t.fee_cash, 0))
    """,
    "a block's fills add up to what it filled and reach its orders": f"""
        SELECT b.id, b.filled_quantity, f.quantity, t.quantity FROM block_orders b
        CROSS JOIN LATERAL (SELECT coalesce(sum(quantity), 0) AS quantity FROM fills WHERE block_order_id = b.id) f
        CROSS JOIN LATERAL (SELECT coalesce(sum(t.quantity), 0) AS quantity FROM trades t
                            WHERE t.block_order_id = b.id AND NOT t.inside) t
        WHERE {_in_part("b.id", "blocks")} AND (b.filled_quantity <> f.quantity OR f.quantity <> t.quantity)
    """,
    "what crosses inside is bought and sold alike": f"""
        SELECT t.block_order_id, sum(CASE WHEN t.side = 'buy' THEN t.quantity ELSE -t.quantity END)
        FROM trades t WHERE t.inside AND {_in_part("t.block_order_id", "blocks")} GROUP BY t.block_order_id
        HAVING sum(CASE WHEN t.side = 'buy' THEN t.quantity ELSE -t.quantity END) <> 0
    """,
    "only orders that wait or work hold anything back": f"""
        SELECT o.id, o.status::text, o.reserved_cash, o.reserved_quantity FROM orders o
        WHERE {_of_user("o")} AND o.status NOT IN ('RESTING', 'WORKING') AND (o.reserved_cash <> 0 OR o.reserved_quantity <> 0)
    """,
    "an order is at work exactly while its block is": f"""
        SELECT o.id, o.status::text FROM orders o LEFT JOIN block_orders b ON b.id = o.block_order_id
        WHERE {_of_user("o")} AND (o.status = 'WORKING') <> (b.id IS NOT NULL AND b.completed_at IS NULL)
    """,
    "a signal leads to at most one order": f"""
        SELECT o.signal_id, count(*) FROM orders o WHERE o.signal_id IS NOT NULL AND {_of_user("o")} GROUP BY o.signal_id HAVING count(*) > 1
    """,
}


@dataclass(frozen=True, slots=True)
class _JustNow:
    blocks: list[UUID]
    users: list[UUID]


def _just_now(connection: Connection) -> _JustNow:
    """The blocks that are at work or were begun just now, and those for whom something was done, the latest first and no more than a few hundred."""
    return fetch_exactly(
        connection,
        _JustNow,
        f"""
        WITH b AS (
            (SELECT id FROM block_orders WHERE completed_at IS NULL LIMIT {_RECENT})
            UNION (SELECT id FROM block_orders WHERE created_at > now() - interval '{_JUST_NOW}' ORDER BY created_at DESC LIMIT {_RECENT})),
        u AS (SELECT user_id FROM (
                  SELECT o.user_id FROM b JOIN orders o ON o.block_order_id = b.id
                  UNION SELECT t.user_id FROM b JOIN trades t ON t.block_order_id = b.id
                  UNION SELECT user_id FROM (SELECT user_id FROM adjustments ORDER BY id DESC LIMIT {_RECENT}) a) found LIMIT {_RECENT})
        SELECT coalesce((SELECT array_agg(id) FROM b), '{{}}') AS blocks, coalesce((SELECT array_agg(user_id) FROM u), '{{}}') AS users
        """,
    )


def broken_invariants(connection: Connection, part: Part = WHOLE) -> dict[str, list[Any]]:
    """The invariants that do not hold in a part of the ledger, with at most ten rows that show it. Empty when all is well."""
    recent = _just_now(connection) if part.of > 1 else _JustNow([], [])
    parameters = {**part.bounds, "blocks": recent.blocks, "users": recent.users}
    broken = {}
    for name, query in INVARIANTS.items():
        rows = connection.execute(query, parameters).fetchmany(10)
        if rows:
            broken[name] = rows
    return broken


def users_and_trades(connection: Connection) -> tuple[int, int]:
    """Counts the users and the trades, for whoever wants to know that there is something to look at."""
    row = connection.execute("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM trades)").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
