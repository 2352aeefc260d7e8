"""What the reconciler reads and writes: the ledger by symbol, finished blocks, corrections, splits and its reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.market.corporate_actions import CorporateAction
from stratforge.portfolio.orders import Side
from stratforge.portfolio.reasons import Reason
from stratforge.portfolio.reconciliation import Adjustment, Share, split_positions
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class LedgerSymbol:
    """All users' positions in a symbol together, and marks that change when anything happens to it."""

    quantity: Decimal
    working: bool
    last_completed: datetime | None
    fills: int
    adjustments: int


def ledger_by_symbol(connection: Connection) -> dict[str, LedgerSymbol]:
    """The ledger's sums."""
    rows = connection.execute(
        """
        SELECT s.symbol, coalesce(p.quantity, 0), coalesce(b.working, false), b.last_completed, coalesce(b.fills, 0), coalesce(a.count, 0)
        FROM (SELECT symbol FROM positions UNION SELECT symbol FROM block_orders) s
        LEFT JOIN (SELECT symbol, sum(quantity) AS quantity FROM positions GROUP BY symbol) p ON p.symbol = s.symbol
        LEFT JOIN (SELECT b.symbol, bool_or(b.completed_at IS NULL) AS working, max(b.completed_at) AS last_completed,
                          sum((SELECT count(*) FROM fills f WHERE f.block_order_id = b.id)) AS fills
                   FROM block_orders b GROUP BY b.symbol) b ON b.symbol = s.symbol
        LEFT JOIN (SELECT symbol, count(*) FROM adjustments GROUP BY symbol) a ON a.symbol = s.symbol
        """
    )
    return {symbol: LedgerSymbol(*rest) for symbol, *rest in rows}


@dataclass(frozen=True, slots=True)
class FinishedBlock:
    """A finished block as the ledger has it, corrections included."""

    block_id: UUID
    symbol: str
    side: Side
    filled_quantity: Decimal
    filled_value: Decimal
    completed: bool


def blocks_by_client_id(connection: Connection, client_order_ids: Sequence[str]) -> dict[str, FinishedBlock]:
    """The blocks with these ids that went to the broker."""
    rows = connection.execute(
        """
        SELECT client_order_id, id, symbol, side::text, filled_quantity + corrected_quantity, filled_value + corrected_value,
               completed_at IS NOT NULL
        FROM block_orders WHERE client_order_id = ANY(%s) AND side IS NOT NULL
        """,
        (list(client_order_ids),),
    )
    return {client_order_id: FinishedBlock(*rest) for client_order_id, *rest in rows}


def shares_of_block(connection: Connection, block: FinishedBlock) -> list[Share]:
    """The orders that the broker's fills of a block went to, with what their holders could give back. Locks symbol and users."""
    lock_symbol(connection, block.symbol)
    connection.execute(
        """
        SELECT 1 FROM users WHERE id IN (SELECT user_id FROM trades WHERE block_order_id = %s) ORDER BY id FOR UPDATE
        """,
        (block.block_id,),
    )
    rows = connection.execute(
        """
        SELECT t.order_id, t.user_id, t.session_id, sum(t.quantity), u.virtual_balance, coalesce(max(p.quantity - p.reserved_quantity), 0)
        FROM trades t JOIN users u ON u.id = t.user_id
        LEFT JOIN positions p ON p.user_id = t.user_id AND p.session_id IS NOT DISTINCT FROM t.session_id AND p.symbol = t.symbol
        WHERE t.block_order_id = %s AND t.execution_id NOT LIKE 'cross:%%'
        GROUP BY t.order_id, t.user_id, t.session_id, u.virtual_balance ORDER BY t.order_id
        """,
        (block.block_id,),
    )
    return [Share(*row) for row in rows]


def apply_adjustments(
    connection: Connection, symbol: str, kind: str, cause: str, adjustments: Sequence[Adjustment]
) -> None:
    """Changes positions and cash, and keeps why. What a correction costs or brings is realized at once."""
    parameters = {
        "symbol": symbol,
        "kind": kind,
        "cause": cause,
        "users": [each.user_id for each in adjustments],
        "sessions": [each.session_id for each in adjustments],
        "quantities": [each.quantity for each in adjustments],
        "cash": [each.cash for each in adjustments],
    }
    connection.execute(
        """
        WITH given AS (
            SELECT user_id, session_id, sum(quantity) AS quantity, sum(cash) AS cash
            FROM unnest(%(users)s::uuid[], %(sessions)s::uuid[], %(quantities)s::numeric[], %(cash)s::numeric[])
                AS g (user_id, session_id, quantity, cash) GROUP BY user_id, session_id),
        kept AS (
            INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cash, cause)
            SELECT user_id, session_id, %(symbol)s, %(kind)s::adjustment_kind, quantity, cash, %(cause)s FROM given),
        money AS (
            UPDATE users u SET virtual_balance = u.virtual_balance + g.cash
            FROM (SELECT user_id, sum(cash) AS cash FROM given GROUP BY user_id) g WHERE u.id = g.user_id)
        UPDATE positions p SET
            quantity = p.quantity + g.quantity,
            cost_basis = CASE WHEN p.quantity + g.quantity = 0 THEN 0 ELSE p.cost_basis END,
            realized_pnl = p.realized_pnl + g.cash
        FROM given g WHERE p.user_id = g.user_id AND p.session_id IS NOT DISTINCT FROM g.session_id AND p.symbol = %(symbol)s
        """,
        parameters,
    )


def note_correction(connection: Connection, block_id: UUID, quantity: Decimal, value: Decimal) -> None:
    """Notes that the ledger followed the broker's correction of a block."""
    connection.execute(
        """
        UPDATE block_orders SET corrected_quantity = corrected_quantity + %s, corrected_value = corrected_value + %s WHERE id = %s
        """,
        (quantity, value, block_id),
    )


# Corporate actions -----------------------------------------------------------------------------------------------


def note_action(connection: Connection, action: CorporateAction) -> bool:
    """Keeps a corporate action; False when it was known."""
    return (
        connection.execute(
            """
            INSERT INTO corporate_actions (id, symbol, kind, ratio, new_symbol, effective_on) VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            (action.action_id, action.symbol, action.kind, action.ratio, action.new_symbol, action.effective_on),
        ).rowcount
        == 1
    )


def unapplied_splits(connection: Connection) -> list[CorporateAction]:
    """Splits that the ledger has not followed yet."""
    rows = connection.execute(
        """
        SELECT id, symbol, kind, effective_on, ratio, new_symbol FROM corporate_actions
        WHERE kind = 'split' AND applied_at IS NULL ORDER BY effective_on, id
        """
    )
    return [CorporateAction(*row) for row in rows]


def end_waiting_orders(connection: Connection, symbol: str, reason: Reason) -> int:
    """Ends every order that waits on a symbol and gives back what it held. Locks the symbol and the users first."""
    lock_symbol(connection, symbol)
    connection.execute(
        """
        SELECT 1 FROM users WHERE id IN (SELECT user_id FROM orders WHERE symbol = %s AND status IN ('PENDING', 'RESTING'))
        ORDER BY id FOR UPDATE
        """,
        (symbol,),
    )
    parameters = {"symbol": symbol, "reason": reason}
    connection.execute(
        """
        WITH waiting AS (
            SELECT id, user_id, session_id, reserved_cash, reserved_quantity FROM orders
            WHERE symbol = %(symbol)s AND status IN ('PENDING', 'RESTING')),
        money AS (
            UPDATE users u SET virtual_balance = u.virtual_balance + w.cash, reserved_cash = u.reserved_cash - w.cash
            FROM (SELECT user_id, sum(reserved_cash) AS cash FROM waiting GROUP BY user_id) w WHERE u.id = w.user_id)
        UPDATE positions p SET reserved_quantity = p.reserved_quantity - w.shares
        FROM (SELECT user_id, session_id, sum(reserved_quantity) AS shares FROM waiting GROUP BY user_id, session_id) w
        WHERE p.user_id = w.user_id AND p.session_id IS NOT DISTINCT FROM w.session_id AND p.symbol = %(symbol)s
        """,
        parameters,
    )
    return connection.execute(
        """
        UPDATE orders SET status = (CASE WHEN filled_quantity > 0 THEN 'PARTIALLY_FILLED' ELSE 'CANCELED' END)::order_status,
                          reason = %(reason)s, reserved_cash = 0, reserved_quantity = 0, completed_at = now()
        WHERE symbol = %(symbol)s AND status IN ('PENDING', 'RESTING')
        """,
        parameters,
    ).rowcount


def apply_split(connection: Connection, action: CorporateAction) -> bool:
    """Follows a split: positions are multiplied, prices divided, waiting orders end. False while a block is at work."""
    assert action.ratio is not None
    lock_symbol(connection, action.symbol)
    working = connection.execute(
        "SELECT 1 FROM block_orders WHERE symbol = %s AND completed_at IS NULL", (action.symbol,)
    ).fetchone()
    if working:
        return False
    end_waiting_orders(connection, action.symbol, Reason.CORPORATE_ACTION)
    rows = connection.execute(
        "SELECT user_id, session_id, quantity FROM positions WHERE symbol = %s AND quantity > 0 ORDER BY user_id, session_id FOR UPDATE",
        (action.symbol,),
    ).fetchall()
    keys = [UUID(int=index) for index in range(len(rows))]
    after = split_positions({key: row[2] for key, row in zip(keys, rows, strict=True)}, action.ratio) if rows else {}
    adjustments = [
        Adjustment(row[0], row[1], after[key] - row[2], Decimal(0)) for key, row in zip(keys, rows, strict=True)
    ]
    apply_adjustments(connection, action.symbol, "SPLIT", action.action_id, adjustments)
    parameters = {"symbol": action.symbol, "ratio": action.ratio, "id": action.action_id}
    connection.execute(
        "UPDATE positions SET high_water = high_water / %(ratio)s WHERE symbol = %(symbol)s AND high_water IS NOT NULL",
        parameters,
    )
    connection.execute(
        """
        UPDATE latest_prices SET price = price / %(ratio)s, bar_low = bar_low / %(ratio)s, bar_high = bar_high / %(ratio)s
        WHERE symbol = %(symbol)s AND time < (SELECT effective_on::timestamptz FROM corporate_actions WHERE id = %(id)s)
        """,
        parameters,
    )
    connection.execute("UPDATE corporate_actions SET applied_at = now() WHERE id = %(id)s", parameters)
    return True


# Equity and reports ----------------------------------------------------------------------------------------------


def snapshot_equity(connection: Connection) -> int:
    """Notes every user's equity now, and brings the marks up to date that daily loss and drawdown are measured from."""
    row = connection.execute(
        """
        WITH valued AS (
            SELECT u.id, u.virtual_balance + u.reserved_cash AS cash, u.virtual_balance + u.reserved_cash + coalesce((
                       SELECT sum(p.quantity * coalesce(l.price, p.avg_entry_price)) FROM positions p
                       LEFT JOIN latest_prices l ON l.symbol = p.symbol WHERE p.user_id = u.id AND p.quantity > 0), 0) AS equity
            FROM users u),
        market AS (SELECT (coalesce(max(time), now()) AT TIME ZONE 'America/New_York')::date AS day FROM latest_prices),
        kept AS (
            INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, date_trunc('second', now()), cash, equity FROM valued
            ON CONFLICT DO NOTHING RETURNING 1),
        marked AS (
            INSERT INTO equity_marks AS m (user_id, day, day_equity, peak_equity)
            SELECT v.id, k.day, v.equity, v.equity FROM valued v, market k ORDER BY v.id
            ON CONFLICT (user_id) DO UPDATE SET
                day = excluded.day,
                day_equity = CASE WHEN m.day = excluded.day THEN m.day_equity ELSE excluded.day_equity END,
                peak_equity = greatest(m.peak_equity, excluded.peak_equity))
        SELECT count(*) FROM kept
        """
    ).fetchone()
    return int(row[0]) if row else 0


def settle_ended_sessions(connection: Connection) -> list[str]:
    """Symbols with ended sessions whose profit is not final yet."""
    return [row[0] for row in connection.execute("SELECT DISTINCT symbol FROM sessions WHERE settling ORDER BY 1")]


def store_report(connection: Connection, started_at: datetime, clean: bool, report: dict[str, Any]) -> int:
    """Keeps a report; returns its number."""
    row = connection.execute(
        "INSERT INTO reconciliations (started_at, clean, report) VALUES (%s, %s, %s) RETURNING id",
        (started_at, clean, Jsonb(report)),
    ).fetchone()
    assert row is not None
    return int(row[0])
