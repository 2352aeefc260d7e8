"""What must hold after every step, and what must hold when the day is over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from stratforge.application.audit_ledger import audit_ledger
from stratforge.application.replays import compare_session
from stratforge.storage.delivery.webhooks import EventKind
from stratforge.storage.ledger import halts, reconciliation
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.symbols import CLOSING_POSITIONS
from stratforge.storage.postgres.database import Connection

from functions.api.contract.streams import EVENTS
from tests.simulation.market import SYMBOLS
from tests.support.world import World


class PromiseBroken(AssertionError):
    """A promise of the design does not hold."""


def hold(name: str, found: object) -> None:
    """Raises when there is something that must not be."""
    if found:
        raise PromiseBroken(f"{name}: {found}")


def _rows(connection: Connection, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    return list(connection.execute(query, parameters or None).fetchall())


_NOBODY_WAITS = """
SELECT client_order_id, created_at, completed_at FROM block_orders
WHERE coalesce(completed_at, now()) - created_at > %s AND created_at > %s
"""
# An order that the account has not the buying power for: it waits until there is.
_WAITS = """o.completed_at IS NULL AND o.status = 'RESTING' AND o.reason = 'PLATFORM_BUYING_POWER'
    AND (SELECT buying_power FROM broker_account)
        < (o.quantity - o.filled_quantity) * (SELECT price FROM latest_prices l WHERE l.symbol = o.symbol)"""

_ODD = "SELECT user_id, quantity FROM positions WHERE symbol = 'WHOLE' AND quantity % 1 <> 0"
# The last that was told of each order, against the order; what a closed account was told is erased.
_TOLD_OF_ORDERS = """
SELECT o.id, o.status::text, o.filled_quantity, e.data FROM orders o
LEFT JOIN LATERAL (SELECT data FROM events WHERE kind = 'order' AND data ->> 'order_id' = o.id::text AND user_id = o.user_id ORDER BY id DESC LIMIT 1) e ON true
WHERE o.user_id IN (SELECT id FROM users WHERE closed_at IS NULL)
  AND (e.data IS NULL OR e.data ->> 'status' <> o.status::text OR (e.data ->> 'filled_quantity')::numeric <> o.filled_quantity)
"""
_TOLD_OF_TRADES = """
SELECT t.id, count(e.id) FROM told_trades t
LEFT JOIN events e ON e.kind = 'trade' AND e.user_id = t.user_id AND (e.data ->> 'trade_id')::bigint = t.id
    AND (e.data ->> 'quantity')::numeric = t.quantity AND (e.data ->> 'price')::numeric = t.price
WHERE t.user_id IN (SELECT id FROM users WHERE closed_at IS NULL) GROUP BY t.id HAVING count(e.id) <> 1
"""
_TOLD_OF_SESSIONS = """
SELECT s.id, s.status::text, e.data FROM sessions s
JOIN LATERAL (SELECT data FROM events WHERE kind = 'session' AND data ->> 'session_id' = s.id::text AND data ? 'status' ORDER BY id DESC LIMIT 1) e ON true
WHERE e.data ->> 'status' <> s.status::text
"""
_WORSE_THAN_THE_LIMIT = """
SELECT t.id, t.side::text, t.price, o.limit_price FROM trades t JOIN orders o ON o.id = t.order_id
WHERE o.type IN ('limit', 'stop_limit') AND CASE t.side WHEN 'buy' THEN t.price > o.limit_price ELSE t.price < o.limit_price END
  AND NOT EXISTS (SELECT FROM adjustments a WHERE a.kind = 'SPLIT' AND a.symbol = o.symbol)
"""


def always(world: World, split: set[str]) -> None:
    """After every step."""
    exchange = world.exchange
    still_open = [order.symbol for order in exchange.orders.values() if order.open]
    hold("more than one order of a symbol", [each for each in still_open if still_open.count(each) > 1])
    hold("wash trades", [name for name in exchange.refusals if "opposite side" in name])
    with world.database.transaction() as connection:
        hold("invariants", broken_invariants(connection))
        hold("parts of whole units", _rows(connection, _ODD) if "WHOLE" not in split else [])
        known = {row[0] for row in _rows(connection, "SELECT client_order_id FROM block_orders")}
        hold("orders that are no block", set(exchange.by_client_id) - known)


def nobody_waits(connection: Connection, bound: timedelta, since: object) -> None:
    """No block holds up its symbol for longer than the bound."""
    hold("a block held up its symbol", _rows(connection, _NOBODY_WAITS, bound, since))


def prices_of_the_market(
    connection: Connection, books: Mapping[str, tuple[Decimal, Decimal]], fills: Mapping[str, list[str]]
) -> None:
    """Nobody traded at a price that the account could not have had in the market while its block was filled."""
    rows = _rows(
        connection,
        "SELECT t.id, b.client_order_id, t.side::text, t.inside, t.price FROM trades t JOIN block_orders b ON b.id = t.block_order_id",
    )
    wrong = []
    for trade, block, side, inside, price in rows:
        spreads = [books[each] for each in fills.get(block, [])]
        if not spreads:
            wrong.append((trade, side, inside, price, "nothing was filled"))
        elif (
            not min(bid for bid, _ in spreads) - Decimal("0.000001")
            <= price
            <= max(ask for _, ask in spreads) + Decimal("0.000001")
        ):
            wrong.append((trade, side, inside, price, str(spreads)))
    hold("prices that were not the market's", wrong)


def _unknown_events(connection: Connection) -> list[str]:
    wrong = []
    for kind, data in _rows(connection, "SELECT kind, data::text FROM events"):
        try:
            told = EVENTS[EventKind(kind)].model_validate_json(data)
        except (KeyError, ValueError) as error:
            wrong.append(f"{kind} {data}: {error}")
            continue
        # Decimals and times are sent as the API sends them.
        said, shown = json.loads(data), told.model_dump(mode="json", exclude_unset=True)
        wrong += [f"{kind}.{name}: {said[name]}, not {shown[name]}" for name in said if said[name] != shown[name]]
    return wrong


def in_the_end(world: World, running: list[UUID], except_for: set[str]) -> None:
    """When the day is over, nothing fails any more and everything was delivered."""
    with world.database.transaction() as connection:
        hold(
            "the platform halted itself",
            [halts.platform_state(connection)] if halts.platform_state(connection).trading_state != "ACTIVE" else [],
        )
        hold("halts", [each for each in halts.halted_symbols(connection) if each.symbol not in except_for])
        unended = f"""
            SELECT o.id, o.symbol, o.status::text, o.type::text, o.time_in_force::text, o.origin::text, o.created_at, o.expires_at, o.reason
            FROM orders o WHERE o.completed_at IS NULL AND NOT (o.status = 'RESTING' AND o.time_in_force = 'gtc' AND o.origin = 'MANUAL')
            -- Placed after the close, it is of the day that has only begun.
            AND NOT (o.status = 'RESTING' AND o.time_in_force = 'day' AND o.created_at::time >= '21:00' AND o.expires_at > now())
            AND NOT ({_WAITS})
            AND NOT o.symbol = ANY(%s)"""
        hold("orders that never end", _rows(connection, unended, sorted(except_for)))
        hold(
            "blocks that never end",
            _rows(
                connection, "SELECT client_order_id, status::text, error FROM block_orders WHERE completed_at IS NULL"
            ),
        )
        hold(
            "signals nobody decided on",
            _rows(
                connection,
                "SELECT id, symbol, bar_time FROM signals WHERE status = 'PENDING' AND NOT symbol = ANY(%s)",
                sorted(except_for),
            ),
        )
        hold("what a user was told of an order", _rows(connection, _TOLD_OF_ORDERS)[:3])
        hold("what a user was told of a trade", _rows(connection, _TOLD_OF_TRADES)[:3])
        hold("what a user was told of a session", _rows(connection, _TOLD_OF_SESSIONS)[:3])
        hold("events that the API's document does not know", _unknown_events(connection)[:3])
        hold("worse than the limit", _rows(connection, _WORSE_THAN_THE_LIMIT))
        left = f"""
            SELECT p.symbol, p.user_id, p.quantity, l.price FROM {CLOSING_POSITIONS} p JOIN latest_prices l ON l.symbol = p.symbol
            WHERE p.quantity <> 0 AND NOT p.symbol = ANY(%s)
              -- What buys it back waits for the account.
              AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = p.user_id AND o.symbol = p.symbol AND {_WAITS})
              AND (abs(p.quantity) * l.price >= 1.1 * %s OR (abs(p.quantity) >= %s AND p.symbol NOT LIKE '%%/%%'))"""
        hold("left behind", _rows(connection, left, sorted(except_for), world.broker.scale, world.broker.scale))
        ledger = reconciliation.ledger_by_symbol(connection)
        fills = {symbol: reconciliation.fills_of(connection, symbol) for symbol in SYMBOLS if "/" in symbol}
        settling = "SELECT id, symbol FROM sessions WHERE settling AND status = 'STOPPED' AND flatten_requested_at IS NULL AND NOT symbol = ANY(%s)"
        hold("sessions that never settle", _rows(connection, settling, sorted(except_for)))
    for symbol in sorted(set(SYMBOLS) - except_for):
        ours = ledger[symbol].quantity if symbol in ledger else Decimal(0)
        theirs = world.exchange.positions.get(symbol, Decimal(0)) * world.broker.scale
        allowed = Decimal("0.00000001") * world.broker.scale * fills.get(symbol, 0)
        hold("broker and ledger differ", [(symbol, ours, theirs)] if not 0 <= theirs - ours <= allowed else [])
    with world.database.transaction() as connection:
        # Money of a correction that its holder has spent: the reconciler says so at every pass, and takes it once he has it.
        owed = "SELECT jsonb_object_keys(report -> 'unexplained') FROM reconciliations WHERE id = (SELECT max(id) FROM reconciliations)"
        owing = {("value of an order", f"order {row[0]}") for row in _rows(connection, owed)}
    statement = audit_ledger(world.database, world.broker, quiet=-timedelta(days=1))
    unknown = {each.client_order_id for each in world.exchange.orders.values() if each.symbol in except_for}
    hold(
        "the auditor",
        [
            each
            for each in statement.differences
            if each.where not in except_for
            and each.where.removeprefix("order ") not in unknown
            and (each.what, each.where) not in owing
        ][:5],
    )
    # Of a closed account what it wrote is erased, and cannot be replayed.
    open_sessions = "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.closed_at IS NULL AND s.id = ANY(%s) ORDER BY 1"
    with world.database.transaction() as connection:
        mine = [row[0] for row in _rows(connection, open_sessions, running)]
    for session_id in mine:
        found = compare_session(world.database, session_id)
        hold("a session is not its replay", found.differences[:3] if found is not None else [])
