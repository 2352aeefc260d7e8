"""The ledger's records as an auditor reads them: every trade and adjustment, one by one, and what the ledger says came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stratforge.market.corporate_actions import ActionKind
from stratforge.portfolio.books import (
    AccountRecord,
    ActionRecord,
    AdjustmentRecord,
    Books,
    PositionRecord,
    TradeRecord,
)
from stratforge.storage.market.market_data import SPLIT_TIME
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all


def begin_reading(connection: Connection) -> None:
    """Makes the transaction that has just begun one that sees one moment and cannot write."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _action(kind: str, **fields: Any) -> ActionRecord:
    return ActionRecord(kind=ActionKind(kind), **fields)


def read_books(connection: Connection, since: datetime) -> Books:
    """All records; what traded `since` counts as at work."""
    accounts = fetch_all(
        connection,
        AccountRecord,
        "SELECT id AS user_id, initial_balance AS initial, virtual_balance + reserved_cash AS cash FROM users",
    )
    positions = fetch_all(
        connection,
        PositionRecord,
        "SELECT user_id, session_id, symbol, quantity, cost_basis, realized_pnl FROM positions",
    )
    trades = fetch_all(
        connection,
        TradeRecord,
        """
        SELECT t.id AS trade_id, t.user_id, t.session_id, t.symbol, t.side::text, t.quantity, t.price, t.fee_quantity, t.fee_cash,
               t.execution_id, b.client_order_id, b.fee_rate, b.completed_at AS settled_at, t.inside,
               t.executed_at
        FROM trades t JOIN block_orders b ON b.id = t.block_order_id ORDER BY t.id
        """,
    )
    adjustments = fetch_all(
        connection,
        AdjustmentRecord,
        """
        SELECT a.id AS adjustment_id, a.user_id, a.session_id, a.symbol, a.kind::text, a.quantity, a.cash, a.cause, a.created_at,
               b.client_order_id, b.side::text, b.step
        FROM adjustments a
        LEFT JOIN block_orders b ON a.kind = 'FILL_CORRECTION' AND b.id::text = split_part(a.cause, '/', 1) ORDER BY a.id
        """,
    )
    actions = fetch_all(
        connection,
        _action,
        f"""
        SELECT c.id AS action_id, c.symbol, c.kind, c.ratio, c.new_symbol, c.new_ratio, c.cash, c.step, c.price, {SPLIT_TIME} AS starts_at,
               (SELECT m.close FROM market_data m WHERE m.symbol = c.symbol AND m.timeframe = '1Min' AND m.time < {SPLIT_TIME}
                ORDER BY m.time DESC LIMIT 1) AS last_close
        FROM corporate_actions c WHERE c.applied_at IS NOT NULL
        """,  # noqa: S608 - an expression of ours
    )
    at_work = connection.execute(
        "SELECT DISTINCT symbol FROM block_orders WHERE completed_at IS NULL OR completed_at > %s", (since,)
    ).fetchall()
    return Books(accounts, positions, trades, adjustments, actions, frozenset(row[0] for row in at_work))
