"""What the executor reads and writes: signals and orders in, decisions and one block order out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from stratforge.portfolio.acceptance import Decision, Holder, Market, Release
from stratforge.portfolio.netting import Block
from stratforge.portfolio.orders import OrderRequest, OrderTerms
from stratforge.portfolio.protections import Account, RiskLimits
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger.symbols import DUE_ORDER, EXIT_ORIGIN, SESSIONS_WITH_EXITS
from stratforge.storage.postgres.database import Connection

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """A block order that is not finished. `stale`: the market's time has passed at which it should be canceled."""

    block_id: UUID
    symbol: str
    side: str | None
    quantity: Decimal
    limit_price: Decimal | None
    client_order_id: str
    alpaca_order_id: str | None
    status: str
    created_at: datetime
    claimed: bool
    stale: bool


_BLOCK = """
    SELECT b.id, b.symbol, b.side::text, b.quantity, b.limit_price, b.client_order_id, b.alpaca_order_id, b.status::text, b.created_at,
           b.claimed_until > now(), coalesce(b.cancel_after <= l.time, false)
    FROM block_orders b LEFT JOIN latest_prices l ON l.symbol = b.symbol
"""


def open_block(connection: Connection, symbol: str) -> OpenBlock | None:
    """The block order at work on the symbol, if there is one."""
    row = connection.execute(_BLOCK + "WHERE b.symbol = %s AND b.completed_at IS NULL", (symbol,)).fetchone()
    return OpenBlock(*row) if row else None


def open_blocks(connection: Connection) -> list[OpenBlock]:
    """All block orders at work."""
    rows = connection.execute(_BLOCK + "WHERE b.completed_at IS NULL ORDER BY b.created_at")
    return [OpenBlock(*row) for row in rows]


# What wants to be done -------------------------------------------------------------------------------------------


def expire_signals(connection: Connection, symbol: str, older_than: datetime) -> int:
    """Expires pending signals of bars before `older_than`; refuses those of sessions that are paused, manual, or have ended."""
    return connection.execute(
        """
        UPDATE signals g SET
            status = (CASE WHEN g.bar_time < %(limit)s THEN 'EXPIRED' ELSE 'REJECTED' END)::signal_status,
            reason = CASE WHEN g.bar_time < %(limit)s THEN %(expired)s WHEN s.status = 'PAUSED' THEN %(paused)s
                          WHEN s.status = 'RUNNING' THEN %(manual)s ELSE %(ended)s END
        FROM sessions s
        WHERE s.id = g.session_id AND g.symbol = %(symbol)s AND g.status = 'PENDING'
          AND (g.bar_time < %(limit)s OR s.status <> 'RUNNING' OR s.mode = 'MANUAL')
        """,
        {
            "symbol": symbol,
            "limit": older_than,
            "expired": Reason.EXPIRED,
            "paused": Reason.SESSION_PAUSED,
            "manual": Reason.SIGNALS_ONLY,
            "ended": Reason.SESSION_ENDED,
        },
    ).rowcount


def pending_signals(connection: Connection, symbol: str) -> list[OrderRequest]:
    """Signals that wait to be executed, oldest first."""
    rows = connection.execute(
        """
        SELECT g.id, g.user_id, g.session_id, g.side::text, g.confidence::numeric, g.size_kind, g.size::numeric,
               s.sizing_rule::text, s.sizing_value
        FROM signals g JOIN sessions s ON s.id = g.session_id
        WHERE g.symbol = %s AND g.status = 'PENDING' ORDER BY g.id
        """,
        (symbol,),
    )
    return [
        OrderRequest(
            user_id=user_id,
            session_id=session_id,
            terms=OrderTerms(side),
            origin="SIGNAL",
            size_kind=size_kind,
            size=size,
            signal_id=signal_id,
            confidence=confidence,
            sizing_rule=sizing_rule,
            sizing_value=sizing_value,
        )
        for signal_id, user_id, session_id, side, confidence, size_kind, size, sizing_rule, sizing_value in rows
    ]


@dataclass(frozen=True, slots=True)
class DueOrder:
    """An order of the book that wants something: to be executed or accepted, or (with a reason) to end."""

    request: OrderRequest
    ends: Reason | None


def due_orders(connection: Connection, symbol: str) -> list[DueOrder]:
    """Orders of the book that are new, or due at the latest price, oldest first."""
    rows = connection.execute(
        f"""
        SELECT o.id, o.user_id, o.session_id, o.side::text, o.type::text, o.limit_price, o.stop_price, o.trail_percent, o.trail_price,
               o.origin::text, o.time_in_force::text, o.size_kind, o.size, o.status = 'RESTING', o.triggered_at IS NOT NULL,
               o.quantity - o.filled_quantity, o.reserve_price, o.reserved_cash, o.reserved_quantity, o.water_mark, o.replaces_order_id,
               o.cancel_requested_at IS NOT NULL, coalesce(o.expires_at <= l.time, false)
        FROM orders o LEFT JOIN latest_prices l ON l.symbol = o.symbol
        WHERE o.symbol = %s AND o.status IN ('PENDING', 'RESTING') AND {DUE_ORDER} ORDER BY o.created_at, o.id FOR UPDATE OF o
        """,  # noqa: S608 - a condition of ours
        (symbol,),
    )
    return [_due_order(row) for row in rows]


def _due_order(row: Sequence[Any]) -> DueOrder:
    (order_id, user_id, session_id, side, kind, limit_price, stop_price, trail_percent, trail_price) = row[:9]
    (origin, time_in_force, size_kind, size, accepted, triggered, remaining, reserve_price, cash, shares) = row[9:19]
    water_mark, replaces, cancel_requested, expired = row[19:]
    request = OrderRequest(
        user_id=user_id,
        session_id=session_id,
        terms=OrderTerms(side, kind, limit_price, stop_price, trail_percent, trail_price),
        origin=origin,
        size_kind=size_kind,
        size=size,
        order_id=order_id,
        time_in_force=time_in_force,
        accepted=accepted,
        triggered=triggered,
        remaining=remaining,
        reserve_price=reserve_price,
        reserved_cash=cash,
        reserved_quantity=shares,
        water_mark=water_mark,
        replaces=replaces,
    )
    ends = Reason.CANCELED_BY_USER if cancel_requested else Reason.EXPIRED if expired else None
    return DueOrder(request, ends)


def due_exits(connection: Connection, symbol: str) -> list[OrderRequest]:
    """Positions whose session's stop loss, trailing stop or target was reached."""
    rows = connection.execute(
        f"""
        SELECT * FROM (
            SELECT p.user_id, p.session_id, p.quantity - p.reserved_quantity AS free, {EXIT_ORIGIN} AS origin
            FROM {SESSIONS_WITH_EXITS}
            WHERE s.symbol = %s AND s.status IN ('RUNNING', 'PAUSED') AND p.quantity > p.reserved_quantity
              AND (s.stop_loss IS NOT NULL OR s.take_profit IS NOT NULL OR s.trailing_stop IS NOT NULL)) e
        WHERE origin IS NOT NULL ORDER BY session_id
        """,  # noqa: S608 - conditions of ours
        (symbol,),
    )
    return [
        OrderRequest(
            user_id=user_id,
            session_id=session_id,
            terms=OrderTerms("sell"),
            origin=origin,
            size_kind="quantity",
            size=free,
        )
        for user_id, session_id, free, origin in rows
    ]


def replaceable(connection: Connection, symbol: str, order_ids: Sequence[UUID]) -> dict[UUID, Release]:
    """What orders that still wait would give back; orders at work or finished are not in it."""
    if not order_ids:
        return {}
    rows = connection.execute(
        """
        SELECT id, user_id, session_id, reserved_cash, reserved_quantity FROM orders
        WHERE id = ANY(%s) AND symbol = %s AND status IN ('PENDING', 'RESTING') AND cancel_requested_at IS NULL FOR UPDATE
        """,
        (list(order_ids), symbol),
    )
    return {row[0]: Release(*row[1:]) for row in rows}


# Who wants it ----------------------------------------------------------------------------------------------------


def lock_accounts(
    connection: Connection, user_ids: Iterable[UUID], symbol: str, at: datetime, *, lock: bool = True
) -> dict[UUID, Account]:
    """Locks the users' balances, in order of their ids, and gives their accounts with what protections ask about.

    Without `lock` it only looks, for who wants to know what would be.
    """
    rows = connection.execute(
        f"""
        WITH locked AS (
            SELECT id, virtual_balance, reserved_cash, greatest(trading_state, imposed_state) AS trading_state
            FROM users WHERE id = ANY(%(users)s) ORDER BY id {"FOR UPDATE" if lock else ""})
        SELECT l.id, l.virtual_balance, l.virtual_balance + l.reserved_cash + held.value, l.trading_state::text,
               r.max_position, r.max_exposure, r.max_daily_loss, r.max_drawdown, r.max_orders_per_minute, r.cooldown_minutes,
               r.price_band, held.value + l.reserved_cash, held.symbol_value + CASE WHEN r.max_position IS NULL THEN 0 ELSE coalesce((
                   SELECT sum(o.reserved_cash) FROM orders o
                   WHERE o.user_id = l.id AND o.symbol = %(symbol)s AND o.status IN ('RESTING', 'WORKING')), 0) END,
               CASE WHEN m.day = (%(at)s AT TIME ZONE 'America/New_York')::date THEN m.day_equity END, m.peak_equity,
               CASE WHEN r.max_orders_per_minute IS NULL THEN 0 ELSE (
                   SELECT count(*) FROM orders o WHERE o.user_id = l.id AND o.decided_at > %(at)s - interval '1 minute'
                     AND o.status <> 'REJECTED' AND o.side = 'buy') END,
               CASE WHEN r.cooldown_minutes IS NULL THEN NULL ELSE (
                   SELECT max(t.executed_at) FROM trades t WHERE t.user_id = l.id AND t.symbol = %(symbol)s AND t.realized_pnl < 0) END
        FROM locked l
        LEFT JOIN risk_limits r ON r.user_id = l.id
        LEFT JOIN equity_marks m ON m.user_id = l.id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(p.quantity * coalesce(lp.price, p.avg_entry_price)), 0) AS value,
                   coalesce(sum(p.quantity * coalesce(lp.price, p.avg_entry_price)) FILTER (WHERE p.symbol = %(symbol)s), 0) AS symbol_value
            FROM positions p LEFT JOIN latest_prices lp ON lp.symbol = p.symbol
            WHERE p.user_id = l.id AND p.quantity > 0) held
        """,  # noqa: S608 - a clause of ours
        {"users": list(set(user_ids)), "symbol": symbol, "at": at},
    )
    return {
        row[0]: Account(
            user_id=row[0],
            cash=row[1],
            equity=row[2],
            trading_state=row[3],
            limits=RiskLimits(*row[4:11]),
            exposure=row[11],
            symbol_value=row[12],
            day_equity=row[13],
            peak_equity=row[14],
            orders_last_minute=row[15],
            last_loss_at=row[16],
        )
        for row in rows
    }


def free_quantities(
    connection: Connection, symbol: str, user_ids: Iterable[UUID], *, lock: bool = True
) -> dict[Holder, Decimal]:
    """What each holder has of the symbol and is not already selling. Locks the rows, unless it only looks."""
    rows = connection.execute(
        f"""
        SELECT user_id, session_id, quantity - reserved_quantity FROM positions
        WHERE symbol = %s AND user_id = ANY(%s) ORDER BY user_id, session_id {"FOR UPDATE" if lock else ""}
        """,  # noqa: S608 - a clause of ours
        (symbol, list(set(user_ids))),
    )
    return {(user_id, session_id): free for user_id, session_id, free in rows}


# What becomes of it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A block order to store with the orders that joined it."""

    net: Block
    client_order_id: str
    fee_rate: Decimal
    bar_time: datetime | None
    cancel_after: datetime
    claim: timedelta


def store_block(connection: Connection, symbol: str, block: NewBlock, market: Market) -> UUID:
    """Writes a block order before anybody sends it."""
    net = block.net
    row = connection.execute(
        """
        INSERT INTO block_orders (symbol, side, quantity, limit_price, cross_quantity, reference_price, collar, cross_low, cross_high,
                                  fee_rate, bar_time, client_order_id, status, cancel_after, claimed_until)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'STORED', %s, now() + %s) RETURNING id
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
            block.cancel_after,
            block.claim,
        ),
    ).fetchone()
    assert row is not None
    block_id: UUID = row[0]
    return block_id


@dataclass(frozen=True, slots=True)
class Write:
    """A decision with what it writes: the order's status, and the end of what it replaces."""

    decision: Decision
    status: str
    reason: Reason | None = None
    expires_at: datetime | None = None


_WRITE = """
WITH written AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(new)s::boolean[], %(users)s::uuid[], %(sessions)s::uuid[], %(signals)s::bigint[], %(sides)s::trade_side[],
        %(origins)s::order_origin[], %(statuses)s::order_status[], %(reasons)s::text[], %(quantities)s::numeric[],
        %(reserve_prices)s::numeric[], %(cash)s::numeric[], %(shares)s::numeric[], %(water_marks)s::numeric[],
        %(below)s::numeric[], %(above)s::numeric[], %(triggered)s::boolean[], %(expires)s::timestamptz[])
        AS w (id, is_new, user_id, session_id, signal_id, side, origin, status, reason, quantity, reserve_price, cash, shares,
              water_mark, below, above, triggered, expires_at)),
inserted AS (
    INSERT INTO orders (id, user_id, session_id, signal_id, block_order_id, symbol, side, origin, size_kind, size, quantity,
                        reserve_price, reserved_cash, reserved_quantity, status, reason, decided_at, completed_at)
    SELECT id, user_id, session_id, signal_id, CASE WHEN status = 'WORKING' THEN %(block)s::uuid END, %(symbol)s, side, origin,
           'quantity', quantity, quantity, reserve_price, cash, shares, status, reason, %(at)s,
           CASE WHEN status = 'REJECTED' THEN now() END
    FROM written WHERE is_new),
updated AS (
    UPDATE orders o SET
        status = CASE WHEN w.status IN ('CANCELED', 'EXPIRED') AND o.filled_quantity > 0 THEN 'PARTIALLY_FILLED' ELSE w.status END,
        reason = w.reason,
        quantity = CASE WHEN o.status = 'PENDING' THEN w.quantity ELSE o.quantity END,
        reserve_price = w.reserve_price, reserved_cash = w.cash, reserved_quantity = w.shares,
        block_order_id = CASE WHEN w.status = 'WORKING' THEN %(block)s::uuid END,
        filled_before = CASE WHEN w.status = 'WORKING' THEN o.filled_quantity ELSE o.filled_before END,
        water_mark = w.water_mark, trigger_below = w.below, trigger_above = w.above,
        triggered_at = CASE WHEN w.triggered THEN coalesce(o.triggered_at, now()) END,
        active_from = coalesce(o.active_from, %(active_from)s),
        decided_at = coalesce(o.decided_at, %(at)s),
        expires_at = coalesce(o.expires_at, w.expires_at),
        completed_at = CASE WHEN w.status NOT IN ('RESTING', 'WORKING') THEN now() END
    FROM written w WHERE o.id = w.id AND NOT w.is_new),
money AS (
    UPDATE users u SET virtual_balance = u.virtual_balance - m.cash, reserved_cash = u.reserved_cash + m.cash
    FROM (SELECT * FROM unnest(%(money_users)s::uuid[], %(money)s::numeric[]) AS m (user_id, cash)) m WHERE u.id = m.user_id),
held AS (
    UPDATE positions p SET reserved_quantity = p.reserved_quantity + h.shares
    FROM (SELECT * FROM unnest(%(held_users)s::uuid[], %(held_sessions)s::uuid[], %(held)s::numeric[]) AS h (user_id, session_id, shares)) h
    WHERE p.user_id = h.user_id AND p.session_id IS NOT DISTINCT FROM h.session_id AND p.symbol = %(symbol)s)
UPDATE signals g SET status = (CASE WHEN w.status = 'WORKING' THEN 'EXECUTED' ELSE 'REJECTED' END)::signal_status, reason = w.reason
FROM written w WHERE g.id = w.signal_id
"""


def write_decisions(
    connection: Connection,
    symbol: str,
    writes: Sequence[Write],
    block_id: UUID | None,
    market: Market,
    bar_time: datetime | None,
) -> None:
    """Writes what became of signals and orders, and moves their reservations, in one statement whatever their number."""
    if not writes:
        return
    decisions = [write.decision for write in writes]
    requests = [decision.request for decision in decisions]
    money: dict[UUID, Decimal] = {}
    held: dict[Holder, Decimal] = {}
    for decision in decisions:
        request = decision.request
        cash = decision.reserved_cash - request.reserved_cash
        shares = decision.reserved_quantity - request.reserved_quantity
        if cash:
            money[request.user_id] = money.get(request.user_id, ZERO) + cash
        if shares:
            holder = (request.user_id, request.session_id)
            held[holder] = held.get(holder, ZERO) + shares
    connection.execute(
        _WRITE,
        {
            "symbol": symbol,
            "block": block_id,
            "at": market.time,
            # A bar that is running when the order is accepted began before it: the next one is the first that counts whole.
            "active_from": bar_time + timedelta(minutes=2) if bar_time else None,
            "ids": [request.order_id or uuid4() for request in requests],
            "new": [request.order_id is None for request in requests],
            "users": [request.user_id for request in requests],
            "sessions": [request.session_id for request in requests],
            "signals": [request.signal_id for request in requests],
            "sides": [request.terms.side for request in requests],
            "origins": [request.origin for request in requests],
            "statuses": [write.status for write in writes],
            "reasons": [write.reason for write in writes],
            "quantities": [decision.quantity for decision in decisions],
            "reserve_prices": [decision.reserve_price for decision in decisions],
            "cash": [decision.reserved_cash for decision in decisions],
            "shares": [decision.reserved_quantity for decision in decisions],
            "water_marks": [decision.water_mark for decision in decisions],
            "below": [decision.trigger.below for decision in decisions],
            "above": [decision.trigger.above for decision in decisions],
            "triggered": [decision.triggered for decision in decisions],
            "expires": [write.expires_at for write in writes],
            "money_users": list(money),
            "money": list(money.values()),
            "held_users": [user_id for user_id, _ in held],
            "held_sessions": [session_id for _, session_id in held],
            "held": list(held.values()),
        },
    )


def end_replaced(
    connection: Connection, order_ids: Sequence[UUID], releases: Mapping[UUID, Release], symbol: str
) -> None:
    """Ends orders whose successors were accepted; what they held back is free again."""
    if not order_ids:
        return
    gone = [releases[order_id] for order_id in order_ids]
    connection.execute(
        """
        WITH ended AS (
            UPDATE orders SET status = (CASE WHEN filled_quantity > 0 THEN 'PARTIALLY_FILLED' ELSE 'CANCELED' END)::order_status,
                              reason = %(reason)s, reserved_cash = 0, reserved_quantity = 0, completed_at = now()
            WHERE id = ANY(%(ids)s)),
        money AS (
            UPDATE users u SET virtual_balance = u.virtual_balance + m.cash, reserved_cash = u.reserved_cash - m.cash
            FROM (SELECT user_id, sum(cash) AS cash FROM unnest(%(users)s::uuid[], %(cash)s::numeric[]) AS m (user_id, cash)
                  GROUP BY user_id) m WHERE u.id = m.user_id)
        UPDATE positions p SET reserved_quantity = p.reserved_quantity - h.shares
        FROM (SELECT user_id, session_id, sum(shares) AS shares
              FROM unnest(%(users)s::uuid[], %(sessions)s::uuid[], %(shares)s::numeric[]) AS h (user_id, session_id, shares)
              GROUP BY user_id, session_id) h
        WHERE h.shares > 0 AND p.user_id = h.user_id AND p.session_id IS NOT DISTINCT FROM h.session_id AND p.symbol = %(symbol)s
        """,
        {
            "symbol": symbol,
            "reason": Reason.REPLACED,
            "ids": list(order_ids),
            "users": [release.user_id for release in gone],
            "sessions": [release.session_id for release in gone],
            "cash": [release.cash for release in gone],
            "shares": [release.quantity for release in gone],
        },
    )


# The block at the broker -----------------------------------------------------------------------------------------


def claim_block(connection: Connection, block_id: UUID, claim: timedelta) -> bool:
    """Takes a block to send, look up or cancel it; False when another executor is at it, or it is done."""
    return (
        connection.execute(
            """
            UPDATE block_orders SET claimed_until = now() + %s WHERE id = %s AND completed_at IS NULL AND claimed_until <= now()
            """,
            (claim, block_id),
        ).rowcount
        == 1
    )


def mark_submitted(connection: Connection, block_id: UUID, alpaca_order_id: str) -> None:
    """Notes that the broker has the order; a block that is already finished is left alone."""
    connection.execute(
        """
        UPDATE block_orders SET status = 'SUBMITTED', alpaca_order_id = %s, submitted_at = coalesce(submitted_at, now()),
                                claimed_until = now()
        WHERE id = %s AND completed_at IS NULL
        """,
        (alpaca_order_id, block_id),
    )


def mark_unknown(connection: Connection, block_id: UUID, error: str) -> None:
    """Notes that nobody knows yet whether the broker has the order; whoever looks it up next may do so at once."""
    connection.execute(
        """
        UPDATE block_orders SET status = 'UNKNOWN', error = %s, claimed_until = now() WHERE id = %s AND completed_at IS NULL
        """,
        (error, block_id),
    )


def end_waiting(connection: Connection, request: OrderRequest, reason: Reason) -> None:
    """Ends an order that was never accepted, so that nothing is reserved for it."""
    connection.execute(
        "UPDATE orders SET status = 'CANCELED', reason = %s, completed_at = now() WHERE id = %s AND status = 'PENDING'",
        (reason, request.order_id),
    )
