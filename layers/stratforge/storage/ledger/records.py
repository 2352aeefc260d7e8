"""The ledger's records as an auditor reads them: every trade and adjustment, one by one, and what the ledger says came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, LiteralString, TypeVar

from stratforge.market.corporate_actions import ActionKind
from stratforge.portfolio.books import (
    AccountRecord,
    ActionRecord,
    AdjustmentRecord,
    OrderRecord,
    PositionRecord,
    SymbolBooks,
    TradeRecord,
)
from stratforge.portfolio.statement import Difference
from stratforge.storage.ledger.reconciliation import own_units
from stratforge.storage.market import archive
from stratforge.storage.market.market_data import SPLIT_TIME
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, made_by

Record = TypeVar("Record")
# Rows that travel together.
_PAGE = 2000
_cursors = count()


def begin_reading(connection: Connection) -> None:
    """Makes the transaction that has just begun one that sees one moment, cannot write, and may ask for sums over everything that ever happened."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.execute("SET LOCAL statement_timeout = '10min'")
    archive.keep_months(connection)


def _stream(
    connection: Connection, make: Callable[..., Record], query: LiteralString, parameters: Mapping[str, Any]
) -> Iterator[Record]:
    """The rows of a query, a page at a time, however many there are."""
    with connection.cursor(f"audit_{next(_cursors)}", row_factory=made_by(make)) as cursor:
        cursor.itersize = _PAGE
        yield from cursor.execute(query, parameters)


@dataclass(frozen=True, slots=True)
class Family:
    """A symbol that is audited with those that were exchanged for it or that it became, under the name of the last."""

    name: str
    symbols: tuple[str, ...]


def families(connection: Connection) -> list[Family]:
    """Every symbol that something was ever done with, together with those that its units came from."""
    heirs = dict(
        connection.execute(
            "SELECT symbol, new_symbol FROM corporate_actions WHERE applied_at IS NOT NULL AND new_symbol IS NOT NULL"
        ).fetchall()
    )
    found: dict[str, set[str]] = {}
    symbols = "SELECT symbol FROM block_orders UNION SELECT symbol FROM positions UNION SELECT symbol FROM adjustments UNION SELECT symbol FROM kept_corrections ORDER BY 1"
    for (symbol,) in connection.execute(symbols).fetchall():
        last = symbol
        for _ in heirs:
            last = heirs.get(last, last)
        found.setdefault(last, {last}).add(symbol)
    return [Family(name, tuple(sorted(each))) for name, each in sorted(found.items())]


def _action(kind: str, **fields: Any) -> ActionRecord:
    return ActionRecord(kind=ActionKind(kind), **fields)


_ADJUSTMENTS = """
SELECT a.id AS adjustment_id, a.user_id, a.session_id, a.symbol, a.kind::text, a.quantity, a.cash, a.cause, a.created_at,
       b.client_order_id, b.side::text, b.step
FROM adjustments a
LEFT JOIN block_orders b ON a.kind = 'FILL_CORRECTION' AND b.id::text = split_part(a.cause, '/', 1)
WHERE a.symbol = ANY(%(symbols)s)
"""


def read_symbol(connection: Connection, family: Family, since: datetime, scale: Decimal) -> SymbolBooks:
    """The records of a family of symbols, to be read within the transaction; what traded `since` counts as at work."""
    parameters = {"symbols": list(family.symbols), "since": since}
    positions = _stream(
        connection,
        PositionRecord,
        "SELECT user_id, session_id, symbol, quantity, cost_basis, realized_pnl, opened_at FROM positions WHERE symbol = ANY(%(symbols)s)",
        parameters,
    )
    trades = _stream(
        connection,
        TradeRecord,
        """
        SELECT t.id AS trade_id, t.user_id, t.session_id, t.symbol, t.side::text, t.quantity, t.price, t.fee_quantity, t.fee_cash,
               t.execution_id, b.client_order_id, b.fee_rate, b.completed_at AS settled_at, t.inside, t.executed_at, t.realized_pnl, o.short
        FROM block_orders b JOIN trades t ON t.block_order_id = b.id JOIN orders o ON o.id = t.order_id
        WHERE b.symbol = ANY(%(symbols)s) ORDER BY b.created_at, b.id, t.id
        """,
        parameters,
    )
    adjustments = _stream(connection, AdjustmentRecord, _ADJUSTMENTS + "ORDER BY a.id", parameters)
    corrections = fetch_all(
        connection,
        AdjustmentRecord,
        _ADJUSTMENTS + "AND a.kind = 'FILL_CORRECTION' AND b.side IS NOT NULL ORDER BY a.id",
        parameters,
    )
    actions = fetch_all(
        connection,
        _action,
        f"""
        SELECT c.id AS action_id, c.symbol, c.kind, c.ratio, c.new_symbol, c.new_ratio, c.cash, c.step, c.price, c.applied_at,
               {SPLIT_TIME} AS starts_at,
               coalesce((SELECT m.close FROM market_data m WHERE m.symbol = c.symbol AND m.timeframe = '1Min' AND m.time < {SPLIT_TIME}
                         ORDER BY m.time DESC LIMIT 1), c.close_before) AS last_close
        FROM corporate_actions c WHERE c.applied_at IS NOT NULL AND (c.symbol = ANY(%(symbols)s) OR c.new_symbol = ANY(%(symbols)s))
        """,  # noqa: S608 - an expression of ours
        parameters,
    )
    at_work = connection.execute(
        """
        SELECT DISTINCT symbol FROM block_orders
        WHERE symbol = ANY(%(symbols)s) AND (completed_at IS NULL OR completed_at > %(since)s)
        """,
        parameters,
    ).fetchall()
    return SymbolBooks(
        frozenset(family.symbols),
        positions,
        trades,
        adjustments,
        corrections,
        actions,
        frozenset(row[0] for row in at_work),
        scale,
        own_units(connection),
    )


def read_accounts(connection: Connection) -> Iterator[AccountRecord]:
    """Every account's cash, and the sum of all that came and went."""
    return _stream(
        connection,
        AccountRecord,
        """
        SELECT u.id AS user_id, u.initial_balance AS initial, u.virtual_balance + u.reserved_cash AS cash,
               coalesce(t.cash, 0) + coalesce(a.cash, 0) AS moved
        FROM users u
        LEFT JOIN (SELECT user_id, sum(CASE WHEN side = 'buy' THEN -quantity * price ELSE quantity * price - fee_cash END) AS cash
                   FROM trades GROUP BY user_id) t ON t.user_id = u.id
        LEFT JOIN (SELECT user_id, sum(cash) AS cash FROM adjustments GROUP BY user_id) a ON a.user_id = u.id
        """,
        {},
    )


def read_orders(connection: Connection, since: datetime) -> Iterator[OrderRecord]:
    """Every order of the account, by the ledger's trades and by the broker's statement as it was kept; not those at work `since`."""
    return _stream(
        connection,
        OrderRecord,
        """
        SELECT coalesce(b.client_order_id, s.order_id) AS client_order_id,
               coalesce(t.quantity, 0) + coalesce(a.quantity, 0) AS quantity, coalesce(t.value, 0) - coalesce(a.cash, 0) AS value,
               coalesce(s.quantity, 0) AS broker_quantity, coalesce(s.value, 0) AS broker_value,
               CASE WHEN coalesce(b.side, k.side) = 'sell' THEN -1 ELSE 1 END * coalesce(k.accepted_quantity, 0) AS accepted_quantity,
               CASE WHEN coalesce(b.side, k.side) = 'sell' THEN -1 ELSE 1 END * coalesce(k.accepted_value, 0) AS accepted_value,
               coalesce(s.days, ARRAY[date_trunc('day', t.filled_at, 'UTC')]) AS days
        FROM block_orders b
        LEFT JOIN (SELECT block_order_id, sum(CASE WHEN side = 'buy' THEN quantity ELSE -quantity END) AS quantity,
                          sum(CASE WHEN side = 'buy' THEN quantity ELSE -quantity END * price) AS value, max(executed_at) AS filled_at
                   FROM trades WHERE NOT inside GROUP BY block_order_id) t ON t.block_order_id = b.id
        LEFT JOIN (SELECT split_part(cause, '/', 1) AS block, sum(quantity) AS quantity, sum(cash) AS cash
                   FROM adjustments WHERE kind = 'FILL_CORRECTION' GROUP BY 1) a ON a.block = b.id::text
        FULL JOIN (SELECT order_id, sum(quantity) AS quantity, sum(quantity * price) AS value,
                          array_agg(DISTINCT date_trunc('day', filled_at, 'UTC')) AS days
                   FROM statement_fills GROUP BY order_id) s ON s.order_id = b.client_order_id
        LEFT JOIN kept_corrections k ON k.client_order_id = coalesce(b.client_order_id, s.order_id)
        WHERE b.id IS NULL OR b.completed_at <= %(since)s
        """,
        {"since": since},
    )


# What is written in two places, and what does not fit what stands beside it; each gives its differences.
_AT_ODDS: dict[str, LiteralString] = {
    "order of a trade": """
        SELECT 'trade ' || t.id, t.quantity, 0 FROM trades t JOIN orders o ON o.id = t.order_id
        WHERE (t.user_id, t.side) <> (o.user_id, o.side) OR t.session_id IS DISTINCT FROM o.session_id
    """,
    "execution of a trade": """
        SELECT 'trade ' || t.id, t.price, coalesce(f.price, 0) FROM trades t
        LEFT JOIN fills f ON f.execution_id = t.execution_id AND f.block_order_id = t.block_order_id
        WHERE (f.price, f.filled_at) IS DISTINCT FROM (t.price, t.executed_at)
    """,
    # They are written one after the other.
    "time of an adjustment": """
        SELECT 'adjustment ' || id, extract(epoch FROM created_at), extract(epoch FROM before) FROM (
            SELECT id, created_at, lag(created_at) OVER (ORDER BY id) AS before FROM adjustments) a
        WHERE created_at < before - interval '1 hour' OR created_at > now() + interval '1 hour'
    """,
    # A part of a unit is settled at the last price; far from it, money went from one to another.
    "price of odd lots": """
        SELECT a.symbol || ' ' || a.cause, -a.cash / a.quantity, b.price FROM adjustments a
        CROSS JOIN LATERAL (
            SELECT b.reference_price / coalesce((
                SELECT exp(sum(ln(c.ratio))) FROM corporate_actions c
                WHERE c.symbol = a.symbol AND c.kind = 'split' AND c.applied_at BETWEEN b.created_at AND a.created_at), 1) AS price
            FROM block_orders b WHERE b.symbol = a.symbol AND b.created_at < a.created_at ORDER BY b.created_at DESC LIMIT 1) b
        WHERE a.kind = 'ODD_LOTS' AND a.quantity <> 0 AND -a.cash / a.quantity NOT BETWEEN b.price / 4 AND b.price * 4
    """,
}


def read_at_odds(connection: Connection) -> Iterator[Difference]:
    """Whatever does not fit what is written beside it: trades and their orders and executions, times and prices of adjustments."""
    for what, query in _AT_ODDS.items():
        for where, recorded, beside in connection.execute(f"{query} LIMIT {_PAGE}"):
            yield Difference(what, where, recorded, beside)
