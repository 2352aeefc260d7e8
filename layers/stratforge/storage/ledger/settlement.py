"""What the settler reads and writes: a block order and its orders in, fills, trades, positions and balances out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from stratforge.portfolio.reasons import Reason
from stratforge.portfolio.settlement import BlockState, OrderProgress, OrderState, Settlement, settle
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies.sessions import fix_final_pnl

# How long, in the market's time, a limit order that the broker did not fill leaves the symbol to others.
RETRY_AFTER = timedelta(seconds=10)


def apply_progress(connection: Connection, client_order_id: str, progress: OrderProgress) -> Settlement | None:
    """Settles the broker's progress with a block order, in the caller's transaction.

    Returns:
        What changed; None when the block is not ours or finished already, so that nothing is left to do.
    """
    found = connection.execute(
        "SELECT symbol FROM block_orders WHERE client_order_id = %s", (client_order_id,)
    ).fetchone()
    if found is None:
        return None
    lock_symbol(connection, found[0])
    row = connection.execute(
        """
        SELECT id, symbol, side::text, quantity, cross_quantity, reference_price, cross_low, cross_high, fee_rate,
               limit_price, filled_quantity, filled_value
        FROM block_orders WHERE client_order_id = %s AND completed_at IS NULL FOR UPDATE
        """,
        (client_order_id,),
    ).fetchone()
    if row is None:
        return None
    block = BlockState(*row)
    orders = [
        OrderState(*each)
        for each in connection.execute(
            """
            SELECT id, side::text, quantity - filled_before, filled_quantity - filled_before FROM orders
            WHERE block_order_id = %s ORDER BY id FOR UPDATE
            """,
            (block.block_id,),
        )
    ]
    settlement = settle(block, orders, progress)
    _lock_accounts(connection, block)
    _write_execution(connection, block, settlement)
    _write_trades(connection, block, settlement)
    if settlement.completed:
        _complete(connection, block, settlement, progress.occurred_at + RETRY_AFTER)
    return settlement


def _lock_accounts(connection: Connection, block: BlockState) -> None:
    # In order of their ids, like the executor, so that two symbols of one user never wait for each other in a circle.
    connection.execute(
        """
        SELECT 1 FROM users WHERE id IN (SELECT user_id FROM orders WHERE block_order_id = %s) ORDER BY id FOR UPDATE
        """,
        (block.block_id,),
    )


def _write_execution(connection: Connection, block: BlockState, settlement: Settlement) -> None:
    execution = settlement.execution
    if execution is not None:
        connection.execute(
            """
            INSERT INTO fills (execution_id, block_order_id, quantity, price, cumulative_quantity, filled_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            """,
            (
                execution.execution_id,
                block.block_id,
                execution.quantity,
                execution.price,
                execution.cumulative_quantity,
                execution.filled_at,
            ),
        )
        connection.execute(
            "UPDATE block_orders SET filled_quantity = %s, filled_value = %s WHERE id = %s",
            (execution.cumulative_quantity, execution.cumulative_value, block.block_id),
        )


_TRADES = """
WITH traded AS (
    SELECT t.order_id, t.quantity, t.price, t.execution_id, t.executed_at, t.fee_quantity, t.fee_cash, o.user_id, o.session_id,
           o.side
    FROM unnest(%(orders)s::uuid[], %(quantities)s::numeric[], %(prices)s::numeric[], %(executions)s::text[],
                %(times)s::timestamptz[], %(fee_quantities)s::numeric[], %(fee_cash)s::numeric[])
        AS t (order_id, quantity, price, execution_id, executed_at, fee_quantity, fee_cash)
    JOIN orders o ON o.id = t.order_id),
before AS (
    SELECT p.user_id, p.session_id, p.quantity, p.cost_basis FROM positions p
    JOIN (SELECT DISTINCT user_id, session_id FROM traded) t
        ON p.user_id = t.user_id AND p.session_id IS NOT DISTINCT FROM t.session_id
    WHERE p.symbol = %(symbol)s FOR UPDATE OF p),
-- Within one settlement an account's sales of a session share one average cost, so the order of its trades does not matter.
priced AS (
    SELECT t.*, CASE WHEN t.side = 'sell' THEN round(b.cost_basis * t.quantity / b.quantity, 12) ELSE 0 END AS cost
    FROM traded t LEFT JOIN before b ON b.user_id = t.user_id AND b.session_id IS NOT DISTINCT FROM t.session_id),
written AS (
    INSERT INTO trades (order_id, block_order_id, user_id, session_id, symbol, side, quantity, price, realized_pnl, execution_id,
                        executed_at, fee_quantity, fee_cash)
    SELECT order_id, %(block)s, user_id, session_id, %(symbol)s, side, quantity, price,
           CASE WHEN side = 'sell' THEN quantity * price - fee_cash - cost ELSE 0 END, execution_id, executed_at, fee_quantity, fee_cash
    FROM priced ORDER BY order_id),
by_order AS (
    SELECT order_id, sum(quantity) AS quantity, sum(quantity * price) AS value, sum(fee_quantity) AS fee_quantity,
           sum(fee_cash) AS fee_cash
    FROM priced GROUP BY order_id),
filled AS (
    UPDATE orders o SET
        filled_quantity = o.filled_quantity + f.quantity,
        filled_value = o.filled_value + f.value,
        fee_quantity = o.fee_quantity + f.fee_quantity,
        fee_cash = o.fee_cash + f.fee_cash,
        -- What was reserved for the filled part is used up: spent, or given back where the price was better.
        reserved_cash = (o.quantity - o.filled_quantity - f.quantity) * o.reserve_price,
        reserved_quantity = CASE WHEN o.side = 'sell' THEN o.reserved_quantity - f.quantity ELSE 0 END
    FROM by_order f WHERE o.id = f.order_id
    RETURNING o.id, o.user_id, o.side, f.value - CASE WHEN o.side = 'sell' THEN f.fee_cash ELSE 0 END AS value,
              (SELECT old.reserved_cash FROM orders old WHERE old.id = o.id) - o.reserved_cash AS freed),
paid AS (
    UPDATE users u SET
        virtual_balance = u.virtual_balance + m.cash,
        reserved_cash = u.reserved_cash - m.freed
    FROM (SELECT user_id, sum(CASE WHEN side = 'buy' THEN freed - value ELSE value END) AS cash, sum(freed) AS freed
          FROM filled GROUP BY user_id) m
    WHERE u.id = m.user_id),
moved AS (
    SELECT user_id, session_id,
           sum(CASE WHEN side = 'buy' THEN quantity - fee_quantity ELSE 0 END) AS bought,
           sum(CASE WHEN side = 'sell' THEN quantity ELSE 0 END) AS sold,
           sum(CASE WHEN side = 'buy' THEN quantity * price ELSE -cost END) AS cost,
           sum(CASE WHEN side = 'sell' THEN quantity * price - fee_cash - cost ELSE 0 END) AS realized,
           max(price) AS highest, min(executed_at) AS at
    FROM priced GROUP BY user_id, session_id)
"""
_MOVE_PURCHASES = """
INSERT INTO positions AS p (user_id, session_id, symbol, quantity, cost_basis, opened_at, high_water)
SELECT user_id, session_id, %(symbol)s, bought, cost, at, highest FROM moved
ON CONFLICT (user_id, session_id, symbol) DO UPDATE SET
    quantity = p.quantity + excluded.quantity,
    cost_basis = p.cost_basis + excluded.cost_basis,
    opened_at = CASE WHEN p.quantity = 0 THEN excluded.opened_at ELSE p.opened_at END,
    high_water = CASE WHEN p.quantity = 0 THEN excluded.high_water ELSE greatest(p.high_water, excluded.high_water) END
"""

# A sale always finds its position, so it updates instead of inserting.
_MOVE_SALES = """
UPDATE positions p SET
    quantity = p.quantity - m.sold,
    reserved_quantity = p.reserved_quantity - m.sold,
    cost_basis = CASE WHEN p.quantity = m.sold THEN 0 ELSE greatest(p.cost_basis + m.cost, 0) END,
    realized_pnl = p.realized_pnl + m.realized
FROM moved m
WHERE p.user_id = m.user_id AND p.session_id IS NOT DISTINCT FROM m.session_id AND p.symbol = %(symbol)s
"""


def _write_trades(connection: Connection, block: BlockState, settlement: Settlement) -> None:
    """Writes trades with everything that follows from them: filled amounts, cash, reservations and positions."""
    trades = settlement.trades
    if not trades:
        return
    for side in ("buy", "sell"):
        mine = [trade for trade in trades if trade.side == side]
        if not mine:
            continue
        parameters: dict[str, Any] = {
            "symbol": block.symbol,
            "block": block.block_id,
            "fee_quantities": [trade.fee_quantity for trade in mine],
            "fee_cash": [trade.fee_cash for trade in mine],
            "orders": [trade.order_id for trade in mine],
            "quantities": [trade.quantity for trade in mine],
            "prices": [trade.price for trade in mine],
            "executions": [trade.execution_id for trade in mine],
            "times": [trade.executed_at for trade in mine],
        }
        connection.execute(_TRADES + (_MOVE_PURCHASES if side == "buy" else _MOVE_SALES), parameters)


def _complete(connection: Connection, block: BlockState, settlement: Settlement, retry_at: datetime) -> None:
    """Finishes a block.

    What is left of a limit order goes back to rest with its reservation, unless its end was asked for or the broker refused the block;
    what the other orders did not get is released. A session that was waiting for its last order has its profit fixed.
    """
    connection.execute(
        """
        WITH finished AS (
            UPDATE orders SET
                status = (CASE WHEN filled_quantity = quantity THEN 'FILLED'
                               WHEN type IN ('limit', 'stop_limit') AND cancel_requested_at IS NULL AND %(status)s <> 'REJECTED'
                                   THEN 'RESTING'
                               WHEN filled_quantity > 0 THEN 'PARTIALLY_FILLED'
                               WHEN %(status)s = 'REJECTED' THEN 'REJECTED' ELSE 'CANCELED' END)::order_status,
                reason = CASE WHEN filled_quantity = quantity THEN NULL
                              WHEN cancel_requested_at IS NOT NULL THEN %(canceled)s ELSE %(reason)s END
            WHERE block_order_id = %(block)s
            RETURNING id, user_id, session_id, status, reserved_cash, reserved_quantity),
        ended AS (
            SELECT user_id, session_id, sum(reserved_cash) AS cash, sum(reserved_quantity) AS shares
            FROM finished WHERE status <> 'RESTING' GROUP BY user_id, session_id),
        cash AS (
            UPDATE users u SET virtual_balance = u.virtual_balance + r.cash, reserved_cash = u.reserved_cash - r.cash
            FROM (SELECT user_id, sum(cash) AS cash FROM ended GROUP BY user_id HAVING sum(cash) > 0) r
            WHERE u.id = r.user_id),
        shares AS (
            UPDATE positions p SET reserved_quantity = p.reserved_quantity - r.shares
            FROM ended r
            WHERE r.shares > 0 AND p.user_id = r.user_id AND p.session_id IS NOT DISTINCT FROM r.session_id
              AND p.symbol = %(symbol)s)
        UPDATE block_orders SET status = %(status)s::block_status, completed_at = now() WHERE id = %(block)s
        """,
        {
            "block": block.block_id,
            "symbol": block.symbol,
            "status": settlement.completed,
            "reason": settlement.reason,
            "canceled": Reason.CANCELED_BY_USER,
        },
    )
    # A row can be changed once in a statement, so what follows from the end of an order is a statement of its own.
    connection.execute(
        """
        UPDATE orders SET completed_at = CASE WHEN status = 'RESTING' THEN NULL ELSE now() END,
                          reserved_cash = CASE WHEN status = 'RESTING' THEN reserved_cash ELSE 0 END,
                          reserved_quantity = CASE WHEN status = 'RESTING' THEN reserved_quantity ELSE 0 END,
                          reason = CASE WHEN status = 'RESTING' THEN NULL ELSE reason END,
                          retry_at = CASE WHEN status = 'RESTING' THEN %s END,
                          block_order_id = CASE WHEN status = 'RESTING' THEN NULL ELSE block_order_id END
        WHERE block_order_id = %s
        """,
        (retry_at, block.block_id),
    )
    fix_final_pnl(connection, block.symbol)


def set_error(connection: Connection, client_order_id: str, error: str) -> None:
    """Keeps what the broker said about a block order."""
    connection.execute("UPDATE block_orders SET error = %s WHERE client_order_id = %s", (error, client_order_id))
