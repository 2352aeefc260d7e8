"""Fills of block orders: the broker's progress in; fills, trades, positions and balances out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from stratforge.market.sizes import Side
from stratforge.portfolio.orders import Returns
from stratforge.portfolio.reasons import Reason
from stratforge.portfolio.settlement import BlockState, OrderProgress, OrderState, Settlement, settle
from stratforge.storage.ledger import reservations
from stratforge.storage.ledger.reservations import lock_users
from stratforge.storage.ledger.session_pnl import fix_final_pnl
from stratforge.storage.ledger.symbols import HAS_LIMIT, lock_symbol
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value

# How long, in the market's time, an order that the broker did not fill leaves the symbol to others.
RETRY_AFTER = timedelta(seconds=10)


def apply_progress(connection: Connection, client_order_id: str, progress: OrderProgress) -> Settlement | None:
    """Settles the broker's progress with a block order, in the caller's transaction.

    Returns:
        What changed; None when the block is not ours or finished already, so that nothing is left to do.
    """
    symbol = fetch_value(connection, "SELECT symbol FROM block_orders WHERE client_order_id = %s", (client_order_id,))
    if symbol is None:
        return None
    lock_symbol(connection, symbol)
    block = fetch_one(
        connection,
        BlockState,
        """
        SELECT id AS block_id, symbol, side, quantity, cross_quantity, cross_low, cross_high, fee_rate, limit_price,
               filled_quantity, filled_value, step
        FROM block_orders WHERE client_order_id = %s AND completed_at IS NULL FOR NO KEY UPDATE
        """,
        (client_order_id,),
    )
    if block is None:
        return None
    orders_of = {"block": block.block_id}
    orders = fetch_all(
        connection,
        OrderState,
        f"""
        SELECT id AS order_id, side, quantity - filled_before AS quantity, filled_quantity - filled_before AS filled_quantity,
               CASE WHEN {HAS_LIMIT} THEN limit_price END AS "limit", short
        FROM orders o WHERE block_order_id = (SELECT %(block)s::uuid) ORDER BY id FOR NO KEY UPDATE
        """,  # noqa: S608 - a condition of ours
        orders_of,
    )
    settlement = settle(block, orders, progress)
    lock_users(connection, "SELECT user_id FROM orders WHERE block_order_id = (SELECT %(block)s::uuid)", orders_of)
    _write_execution(connection, block, settlement)
    _write_trades(connection, block, settlement)
    if settlement.completed:
        _complete(connection, block, settlement, progress.occurred_at)
    return settlement


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


_TRADES = f"""
WITH traded AS (
    SELECT t.order_id, t.quantity, t.price, t.execution_id, t.executed_at, t.fee_quantity, t.fee_cash, t.inside, o.user_id,
           o.session_id, o.side, (o.side = 'sell') <> o.short AS closes
    FROM unnest(%(orders)s::uuid[], %(quantities)s::numeric[], %(prices)s::numeric[], %(executions)s::text[],
                %(times)s::timestamptz[], %(fee_quantities)s::numeric[], %(fee_cash)s::numeric[], %(inside)s::boolean[])
        AS t (order_id, quantity, price, execution_id, executed_at, fee_quantity, fee_cash, inside)
    JOIN orders o ON o.id = t.order_id),
before AS (
    SELECT p.user_id, p.session_id, p.quantity, p.cost_basis FROM positions p
    JOIN (SELECT DISTINCT user_id, session_id FROM traded) t
        ON p.user_id = t.user_id AND p.session_id IS NOT DISTINCT FROM t.session_id
    WHERE p.symbol = %(symbol)s FOR NO KEY UPDATE OF p),
-- Within one settlement an account's sales of a session share one average cost, so the order of its trades does not matter.
priced AS (
    SELECT t.*, CASE WHEN t.closes THEN round(b.cost_basis * t.quantity / b.quantity, 12) ELSE 0 END AS cost
    FROM traded t LEFT JOIN before b ON b.user_id = t.user_id AND b.session_id IS NOT DISTINCT FROM t.session_id),
written AS (
    INSERT INTO trades (order_id, block_order_id, user_id, session_id, symbol, side, quantity, price, realized_pnl, execution_id,
                        executed_at, fee_quantity, fee_cash, inside)
    SELECT order_id, %(block)s, user_id, session_id, %(symbol)s, side, quantity, price,
           CASE WHEN NOT closes THEN 0 WHEN side = 'sell' THEN quantity * price - fee_cash - cost ELSE cost - quantity * price END, execution_id, executed_at, fee_quantity, fee_cash,
           inside
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
        reserved_quantity = CASE WHEN (o.side = 'sell') <> o.short THEN o.reserved_quantity - f.quantity ELSE 0 END
    FROM by_order f WHERE o.id = f.order_id
    RETURNING o.id, o.user_id, o.side, f.value - CASE WHEN o.side = 'sell' THEN f.fee_cash ELSE 0 END AS value,
              (SELECT old.reserved_cash FROM orders old WHERE old.id = o.id) - o.reserved_cash AS freed),
{reservations.pay("filled")},
"""  # noqa: S608 - statements of ours
# What moved of the positions, by holder; of purchases, of sales, and the same of short positions.
_BOUGHT = """
moved AS (
    SELECT user_id, session_id, sum(quantity - fee_quantity) AS quantity, sum(quantity * price) AS cost, max(price) AS highest,
           min(executed_at) AS at
    FROM priced GROUP BY user_id, session_id)
"""
_SOLD = """
moved AS (
    SELECT user_id, session_id, sum(quantity) AS quantity, sum(cost) AS cost, sum(quantity * price - fee_cash - cost) AS realized
    FROM priced GROUP BY user_id, session_id)
"""
_SOLD_SHORT = """
moved AS (
    SELECT user_id, session_id, sum(quantity) AS quantity, sum(quantity * price - fee_cash) AS cost, min(price) AS lowest, min(executed_at) AS at
    FROM priced GROUP BY user_id, session_id)
"""
_COVERED = """
moved AS (
    SELECT user_id, session_id, sum(quantity) AS quantity, sum(cost) AS cost, sum(cost - quantity * price) AS realized
    FROM priced GROUP BY user_id, session_id)
"""
# By side, and whether it is of a short position.
_WRITES = {
    (Side.BUY, False): _TRADES + _BOUGHT + reservations.ADD_PURCHASES,
    (Side.SELL, False): _TRADES + _SOLD + reservations.TAKE_SALES,
    (Side.SELL, True): _TRADES + _SOLD_SHORT + reservations.ADD_SHORT_SALES,
    (Side.BUY, True): _TRADES + _COVERED + reservations.TAKE_COVERS,
}


def _write_trades(connection: Connection, block: BlockState, settlement: Settlement) -> None:
    """Writes trades with everything that follows from them: filled amounts, cash, reservations and positions."""
    trades = settlement.trades
    if not trades:
        return
    for (side, short), write in _WRITES.items():
        mine = [trade for trade in trades if trade.side == side and trade.short == short]
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
            "inside": [trade.inside for trade in mine],
        }
        connection.execute(write, parameters)


# How long, in the market's time, an order without a limit goes on trying after it was accepted: a signal is old after two bars, and an
# exit of a session is asked for anew. A person's order at the market goes on until it is filled or called off.
PATIENCE = timedelta(minutes=2)

_COMPLETE = f"""
WITH ending AS (
    SELECT o.id, o.user_id, o.session_id, o.reserved_cash AS cash, o.reserved_quantity AS shares, goes_on.at AS retry_at, (CASE
        WHEN o.filled_quantity = o.quantity THEN 'FILLED'
        WHEN o.cancel_requested_at IS NULL AND goes_on.may THEN 'RESTING'
        WHEN o.filled_quantity > 0 THEN 'PARTIALLY_FILLED'
        WHEN %(status)s = 'REJECTED' THEN 'REJECTED' ELSE 'CANCELED' END)::order_status AS outcome
    FROM orders o JOIN block_orders b ON b.id = o.block_order_id
    -- The exchange's word may come late, and be older than the price that would have it tried again at once.
    CROSS JOIN (SELECT greatest(%(at)s::timestamptz, (SELECT time FROM latest_prices WHERE symbol = %(symbol)s)) + %(pause)s AS retry_at) later
    -- Whoever should have been crossed is not to blame for what became of the block, and goes to the broker in the next one.
    CROSS JOIN LATERAL (SELECT
        o.origin <> 'HOUSE' AND (%(returns)s = 'ALL' OR (%(returns)s = 'RESTING' AND (o.type <> 'market' OR o.origin NOT IN ('SIGNAL', 'MANUAL')))
            OR ((%(status)s <> 'REJECTED' OR o.side <> b.side)
                AND (o.type <> 'market' OR o.origin IN ('MANUAL', 'FLATTEN') OR o.decided_at + %(patience)s > %(at)s))) AS may,
        CASE WHEN {HAS_LIMIT} OR (o.side = b.side AND %(status)s <> 'FILLED') THEN later.retry_at END AS at) goes_on
    WHERE o.block_order_id = (SELECT %(block)s::uuid)),
rested AS (
    UPDATE orders o SET
        status = 'RESTING', reason = %(waits)s, completed_at = NULL, retry_at = e.retry_at, block_order_id = NULL,
        -- At the market: executable whatever the price.
        trigger_above = CASE WHEN {HAS_LIMIT} THEN o.trigger_above ELSE 0 END,
        expires_at = CASE WHEN o.type <> 'market' OR o.origin IN ('MANUAL', 'FLATTEN') THEN o.expires_at
                          ELSE coalesce(o.expires_at, o.decided_at + %(patience)s) END
    FROM ending e WHERE o.id = e.id AND e.outcome = 'RESTING'),
ended AS (
    UPDATE orders o SET
        status = e.outcome, completed_at = now(), retry_at = NULL, reserved_cash = 0, reserved_quantity = 0,
        reason = CASE WHEN e.outcome = 'FILLED' THEN NULL WHEN cancel_requested_at IS NOT NULL THEN %(canceled)s ELSE %(reason)s END
    FROM ending e WHERE o.id = e.id AND e.outcome <> 'RESTING'),
{reservations.release("(SELECT * FROM ending WHERE outcome <> 'RESTING') released")}
UPDATE block_orders SET status = %(status)s::block_status, completed_at = now() WHERE id = %(block)s
"""  # noqa: S608 - statements of ours


def _complete(connection: Connection, block: BlockState, settlement: Settlement, at: datetime) -> None:
    """Finishes a block.

    What is left of an order goes back to our book with its reservation and out again: at once where it only waited to be crossed, after a
    pause where the market had nothing for it. It ends when its end was asked for, when the broker refused the block (unless the settlement
    returns it), or when it is too old (see `PATIENCE`). A session that was waiting for its last order has its profit fixed.
    """
    connection.execute(
        _COMPLETE,
        {
            "block": block.block_id,
            "symbol": block.symbol,
            "status": settlement.completed,
            "reason": settlement.reason,
            "canceled": Reason.CANCELED_BY_USER,
            "at": at,
            "pause": RETRY_AFTER,
            "patience": PATIENCE,
            "returns": settlement.returns,
            "waits": None if settlement.returns is Returns.NONE else settlement.reason,
        },
    )
    fix_final_pnl(connection, block.symbol)
