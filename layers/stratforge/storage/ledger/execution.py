"""Signals and orders that are due on a symbol, their accounts, and the storing of the decisions on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.acceptance import Decision, Holder, Market, Release
from stratforge.portfolio.orders import (
    EXIT_ORIGINS,
    OrderOrigin,
    OrderRequest,
    OrderStatus,
    OrderTerms,
    OrderType,
    TimeInForce,
    TradingState,
    type_of,
)
from stratforge.portfolio.protections import Account, RiskLimits
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger.margin import INITIAL_MARGIN
from stratforge.storage.ledger.reservations import lock_users, release, reserve
from stratforge.storage.ledger.symbols import (
    CALLED_POSITIONS,
    CLOSING_POSITIONS,
    DECISIONS_SINCE,
    DUE_ORDER,
    EXIT_FRACTION,
    EXIT_LEVEL,
    EXIT_ORIGIN,
    HAS_EXITS,
    ITS_BARS_ARE_OVER,
    OFFERED,
    OPENS,
    SELLS_CLOSING,
    SESSION_HAS_ENDED,
    SESSIONS_WITH_EXITS,
    lock_symbol,
    reached_by,
)
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value

# What wants to be done -------------------------------------------------------------------------------------------


def expire_signals(connection: Connection, symbol: str, older_than: datetime) -> int:
    """Ends pending signals that are not to be executed: of bars before `older_than`; of sessions that are paused, manual, or have ended; that add to what
    is held no more, or is being sold by an exit (what a strategy set for the one position is not for the next); whose bars are over; purchases that a
    later decision of the session replaces; and those that were decided before an earlier one was filled: as in a backtest, a strategy knows what it
    holds when it adds to it.
    """
    return connection.execute(
        """
        -- What is to become of each is found for itself: as a condition of the join it had every session there is read.
        WITH found AS MATERIALIZED (
            SELECT g.id, CASE
                WHEN g.bar_time < %(limit)s THEN %(expired)s
                WHEN s.status = 'PAUSED' THEN %(paused)s
                WHEN s.status <> 'RUNNING' THEN %(ended)s
                WHEN s.mode = 'MANUAL' THEN %(manual)s
                WHEN g.opens AND v.quantity <> 0 AND (position.held = 0 OR position.leaving) THEN %(sold)s
                WHEN g.bar_number + g.expire_bars <= s.bars_evaluated THEN %(expired)s
                WHEN g.opens AND EXISTS (SELECT FROM signals n WHERE n.session_id = g.session_id AND n.status = 'PENDING' AND n.bar_time > g.bar_time) THEN %(replaced)s
                WHEN g.opens AND (abs(position.held) > abs(v.quantity) * (1 + 1e-9) OR position.held * (CASE WHEN g.short THEN -1 ELSE 1 END) < 0) THEN %(unknown)s
                END AS reason
            FROM (SELECT *, (side = 'buy') <> short AS opens FROM signals) g JOIN sessions s ON s.id = g.session_id
            CROSS JOIN LATERAL (SELECT
                coalesce((SELECT sum(p.quantity) FROM positions p WHERE p.session_id = s.id AND p.symbol = s.symbol), 0)::float8 AS held,
                EXISTS (SELECT FROM orders o WHERE o.session_id = s.id AND o.symbol = s.symbol AND o.status = 'RESTING'
                          AND (o.side = 'sell') <> o.short AND o.origin = ANY(%(exits)s::order_origin[])) AS leaving) position
            LEFT JOIN position_views v ON v.session_id = g.session_id AND v.bar_time = g.bar_time
            WHERE g.symbol = (SELECT %(symbol)s) AND g.status = 'PENDING')
        UPDATE signals g SET reason = found.reason, status = (CASE WHEN found.reason = %(expired)s THEN 'EXPIRED' ELSE 'REJECTED' END)::signal_status
        FROM found WHERE g.id = found.id AND found.reason IS NOT NULL
        """,
        {
            "symbol": symbol,
            "limit": older_than,
            "expired": Reason.EXPIRED,
            "paused": Reason.SESSION_PAUSED,
            "manual": Reason.SIGNALS_ONLY,
            "ended": Reason.SESSION_ENDED,
            "sold": Reason.POSITION_SOLD,
            "replaced": Reason.REPLACED,
            "unknown": Reason.POSITION_GREW,
            "exits": list(EXIT_ORIGINS),
        },
    ).rowcount


def pending_signals(connection: Connection, symbol: str) -> list[OrderRequest]:
    """Signals that wait to be executed, oldest first."""
    return fetch_all(
        connection,
        _signal_request,
        """
        SELECT g.id AS signal_id, g.user_id, g.session_id, g.side, g.confidence::numeric, g.size_kind, g.size::numeric,
               s.sizing_rule, s.sizing_value, g.limit_price::numeric, g.stop_price::numeric, g.oco, g.short, g.bar_number + g.expire_bars AS last_bar
        FROM signals g JOIN sessions s ON s.id = g.session_id
        WHERE g.symbol = (SELECT %s) AND g.status = 'PENDING' ORDER BY g.id
        """,
        (symbol,),
    )


def _signal_request(
    side: Side, limit_price: Decimal | None, stop_price: Decimal | None, oco: bool, short: bool, **fields: Any
) -> OrderRequest:
    terms = OrderTerms(side, type_of(limit_price, stop_price, oco=oco), limit_price, stop_price, short=short)
    in_force = TimeInForce.DAY if terms.type is OrderType.MARKET else TimeInForce.GTC
    return OrderRequest(terms=terms, origin=OrderOrigin.SIGNAL, time_in_force=in_force, **fields)


@dataclass(frozen=True, slots=True)
class DueOrder:
    """An order of the book that wants something: to be executed or accepted, or (with a reason) to end. With `goes_first` its strategy has decided anew
    on a bar that had reached it: what was decided waits for what becomes of it.
    """

    request: OrderRequest
    ends: Reason | None
    goes_first: bool = False


def due_orders(connection: Connection, symbol: str, leaving: Collection[UUID | None] = ()) -> list[DueOrder]:
    """Orders of the book that are new, or due at the latest price, whatever decisions of strategies have decided anew on, and all that the sessions that
    are leaving were still to buy, or have resting; oldest first. Locks them.
    """
    return fetch_all(
        connection,
        _due_order,
        f"""
        SELECT o.id AS order_id, o.user_id, o.session_id, o.side, o.type, o.limit_price, o.stop_price, o.trail_percent, o.trail_price, o.short,
               o.origin, o.time_in_force, o.size_kind, o.size, o.status = 'RESTING' AS accepted, o.triggered_at IS NOT NULL AS triggered,
               o.quantity - o.filled_quantity AS remaining, o.reserve_price, o.reserved_cash, o.reserved_quantity, o.water_mark,
               o.replaces_order_id AS replaces, later.bar_time IS NOT NULL AS goes_first,
               CASE WHEN o.cancel_requested_at IS NOT NULL THEN '{Reason.CANCELED_BY_USER}'
                    WHEN o.expires_at <= greatest(l.time, (SELECT market_now())) THEN '{Reason.EXPIRED}'
                    WHEN {SESSION_HAS_ENDED} THEN '{Reason.SESSION_ENDED}'
                    WHEN last.bar_time IS NOT NULL AND NOT {reached_by("last.bar_time")} THEN '{Reason.EXPIRED}'
                    WHEN later.bar_time IS NOT NULL AND NOT {reached_by("later.bar_time")} THEN
                        CASE WHEN {OPENS} AND later.closes THEN '{Reason.POSITION_SOLD}' ELSE '{Reason.REPLACED}' END END AS ends
        FROM orders o LEFT JOIN latest_prices l ON l.symbol = o.symbol
        LEFT JOIN LATERAL (SELECT g.bar_time, (g.side = 'sell') <> g.short AS closes FROM {DECISIONS_SINCE} ORDER BY g.bar_time LIMIT 1) later ON true
        LEFT JOIN LATERAL (SELECT CASE WHEN s.bars_evaluated = o.last_bar THEN s.last_bar_time ELSE '-infinity' END AS bar_time FROM sessions s
                           WHERE s.id = o.session_id AND {ITS_BARS_ARE_OVER}) last ON true
        WHERE o.symbol = (SELECT %s) AND o.status IN ('PENDING', 'RESTING')
          AND ({DUE_ORDER} OR (o.session_id = ANY(%s) AND o.origin = 'SIGNAL' AND ({OPENS} OR o.type <> 'market')))
        ORDER BY o.created_at, o.id FOR NO KEY UPDATE OF o
        """,  # noqa: S608 - a condition and reasons of ours
        (symbol, list(leaving)),
    )


def _due_order(
    ends: Reason | None,
    goes_first: bool,
    side: Side,
    type: OrderType,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
    trail_percent: Decimal | None,
    trail_price: Decimal | None,
    short: bool,
    origin: OrderOrigin,
    **fields: Any,
) -> DueOrder:
    terms = OrderTerms(side, type, limit_price, stop_price, trail_percent, trail_price, short)
    return DueOrder(OrderRequest(terms=terms, origin=origin, **fields), ends, goes_first and ends is None)


def due_exits(connection: Connection, symbol: str) -> list[OrderRequest]:
    """Positions whose session's stop loss, trailing stop or target was reached, short ones without the margin that they need or that the broker lends no more, and those of which nothing is to be
    held; each once. What rests by a decision of the strategy holds nothing back from its exits.
    """
    return fetch_all(
        connection,
        _exit_request,
        f"""
        SELECT DISTINCT ON (session_id, user_id) * FROM (
            SELECT p.user_id, p.session_id, p.quantity < 0 AS short, abs(p.quantity) - p.reserved_quantity + {OFFERED} AS size, {EXIT_ORIGIN} AS origin,
                   {EXIT_LEVEL} AS exit_level, {EXIT_FRACTION} AS exit_fraction
            FROM {SESSIONS_WITH_EXITS}
            WHERE s.symbol = (SELECT %(symbol)s) AND s.status IN ('RUNNING', 'PAUSED') AND p.quantity <> 0 AND {HAS_EXITS}
            UNION ALL SELECT p.user_id, p.session_id, true, -p.quantity - p.reserved_quantity + {OFFERED},
                CASE WHEN recalled.now THEN 'BUY_IN' ELSE 'MARGIN_CALL' END, NULL, NULL FROM {CALLED_POSITIONS}
            UNION ALL SELECT p.user_id, p.session_id, p.quantity < 0, abs(p.quantity) - p.reserved_quantity, 'FLATTEN', NULL, NULL
            FROM {CLOSING_POSITIONS} p JOIN latest_prices l ON l.symbol = p.symbol WHERE p.symbol = (SELECT %(symbol)s) AND {SELLS_CLOSING}) e
        WHERE origin IS NOT NULL ORDER BY session_id, user_id, origin NOT IN ('MARGIN_CALL', 'BUY_IN')
        """,  # noqa: S608 - conditions of ours
        {"symbol": symbol},
    )


def _exit_request(origin: OrderOrigin, short: bool, **fields: Any) -> OrderRequest:
    terms = OrderTerms(Side.BUY if short else Side.SELL, short=short)
    return OrderRequest(terms=terms, origin=origin, size_kind=SizeKind.QUANTITY, **fields)


def replaceable(connection: Connection, symbol: str, order_ids: Sequence[UUID]) -> dict[UUID, Release]:
    """Reads and locks the reservations of orders that still wait; orders at work or finished are left out."""
    if not order_ids:
        return {}
    rows = fetch_all(
        connection,
        _release,
        """
        SELECT id, user_id, session_id, reserved_cash AS cash, reserved_quantity AS quantity FROM orders
        WHERE id = ANY(%s) AND symbol = %s AND status IN ('PENDING', 'RESTING') AND cancel_requested_at IS NULL FOR NO KEY UPDATE
        """,
        (list(order_ids), symbol),
    )
    return dict(rows)


def _release(id: UUID, **fields: Any) -> tuple[UUID, Release]:
    return id, Release(**fields)


# Who wants it ----------------------------------------------------------------------------------------------------


def lock_accounts(
    connection: Connection, user_ids: Iterable[UUID], symbol: str, at: datetime, *, lock: bool = True
) -> dict[UUID, Account]:
    """Locks the users' balances, in order of their ids, and gives their accounts with what protections ask about.

    Without `lock` it only looks, for who wants to know what would be.
    """
    accounts = fetch_all(
        connection,
        _account,
        f"""
        WITH locked AS (
            SELECT id, virtual_balance, reserved_cash, short_selling, greatest(trading_state, imposed_state) AS trading_state
            FROM users WHERE id = ANY(%(users)s) ORDER BY id {"FOR NO KEY UPDATE" if lock else ""})
        SELECT l.id AS user_id, l.virtual_balance - held.held_back AS cash, l.virtual_balance + l.reserved_cash + held.value AS equity, l.trading_state, l.short_selling,
               r.max_position, r.max_exposure, r.max_daily_loss, r.max_drawdown, r.max_orders_per_minute, r.cooldown_minutes,
               r.price_band, held.exposure + l.reserved_cash AS exposure, held.symbol_value + CASE WHEN r.max_position IS NULL THEN 0 ELSE coalesce((
                   SELECT sum(o.reserved_cash) FROM orders o
                   WHERE o.user_id = l.id AND o.symbol = %(symbol)s AND o.status IN ('RESTING', 'WORKING')), 0) END AS symbol_value,
               CASE WHEN m.day = (%(at)s AT TIME ZONE 'America/New_York')::date THEN m.day_equity END AS day_equity, m.peak_equity,
               CASE WHEN r.max_orders_per_minute IS NULL THEN 0 ELSE (
                   SELECT count(*) FROM orders o WHERE o.user_id = l.id AND o.decided_at > %(at)s - interval '1 minute'
                     AND o.status <> 'REJECTED' AND {OPENS}) END AS orders_last_minute,
               CASE WHEN r.cooldown_minutes IS NULL THEN NULL ELSE (
                   SELECT max(t.executed_at) FROM trades t WHERE t.user_id = l.id AND t.symbol = %(symbol)s AND t.realized_pnl < 0) END AS last_loss_at
        FROM locked l
        LEFT JOIN risk_limits r ON r.user_id = l.id
        LEFT JOIN equity_marks m ON m.user_id = l.id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(p.quantity * at.price), 0) AS value, coalesce(sum(abs(p.quantity) * at.price), 0) AS exposure,
                   coalesce(sum(abs(p.quantity) * at.price) FILTER (WHERE p.symbol = %(symbol)s), 0) AS symbol_value,
                   coalesce(sum(-p.quantity * (at.price + {INITIAL_MARGIN})) FILTER (WHERE p.quantity < 0), 0) AS held_back
            FROM positions p LEFT JOIN latest_prices lp ON lp.symbol = p.symbol
            CROSS JOIN LATERAL (SELECT coalesce(lp.price, p.avg_entry_price) AS price) at
            WHERE p.user_id = l.id AND p.quantity <> 0) held
        """,  # noqa: S608 - a clause of ours
        {"users": list(set(user_ids)), "symbol": symbol, "at": at},
    )
    return {account.user_id: account for account in accounts}


_LIMITS = tuple(field.name for field in dataclasses.fields(RiskLimits))


def _account(trading_state: TradingState, **columns: Any) -> Account:
    limits = RiskLimits(**{name: columns.pop(name) for name in _LIMITS})
    return Account(limits=limits, trading_state=trading_state, **columns)


def free_quantities(
    connection: Connection, symbol: str, user_ids: Iterable[UUID], *, lock: bool = True
) -> dict[Holder, Decimal]:
    """Returns the quantity of the symbol that each holder is not already selling; below zero what he owes and is not already buying back. Locks the rows,
    unless `lock` is False."""
    rows = connection.execute(
        f"""
        SELECT user_id, session_id, CASE WHEN quantity < 0 THEN quantity + reserved_quantity ELSE quantity - reserved_quantity END FROM positions
        WHERE symbol = %s AND user_id = ANY(%s) ORDER BY user_id, session_id {"FOR NO KEY UPDATE" if lock else ""}
        """,  # noqa: S608 - a clause of ours
        (symbol, list(set(user_ids))),
    )
    return {(user_id, session_id): free for user_id, session_id, free in rows}


# What becomes of it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Write:
    """A decision with what it writes: the order's status, why, and when it ends by itself."""

    decision: Decision
    status: OrderStatus
    reason: Reason | None = None
    expires_at: datetime | None = None
    retry_at: datetime | None = None


_WRITE = f"""
WITH written AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(new)s::boolean[], %(users)s::uuid[], %(sessions)s::uuid[], %(signals)s::bigint[], %(sides)s::trade_side[],
        %(origins)s::order_origin[], %(statuses)s::order_status[], %(reasons)s::text[], %(sizes)s::numeric[], %(quantities)s::numeric[],
        %(reserve_prices)s::numeric[], %(cash)s::numeric[], %(shares)s::numeric[], %(water_marks)s::numeric[],
        %(below)s::numeric[], %(above)s::numeric[], %(triggered)s::boolean[], %(expires)s::timestamptz[],
        %(more_cash)s::numeric[], %(more_shares)s::numeric[], %(retries)s::timestamptz[], %(levels)s::numeric[], %(fractions)s::numeric[],
        %(types)s::order_type[], %(forces)s::time_in_force[], %(limits)s::numeric[], %(stops)s::numeric[], %(last_bars)s::int[], %(cuts)s::numeric[], %(shorts)s::boolean[])
        AS w (id, is_new, user_id, session_id, signal_id, side, origin, status, reason, size, quantity, reserve_price, cash, shares,
              water_mark, below, above, triggered, expires_at, more_cash, more_shares, retry_at, exit_level,
              exit_fraction, type, time_in_force, limit_price, stop_price, last_bar, cut, short)),
inserted AS (
    INSERT INTO orders (id, user_id, session_id, signal_id, block_order_id, symbol, side, origin, size_kind, size, quantity,
                        reserve_price, reserved_cash, reserved_quantity, status, reason, decided_at, completed_at, trigger_below,
                        trigger_above, expires_at, retry_at, exit_level, exit_fraction, type, time_in_force, limit_price, stop_price, last_bar, short,
                        triggered_at, active_from)
    SELECT id, user_id, session_id, signal_id, CASE WHEN status = 'WORKING' THEN %(block)s::uuid END, %(symbol)s, side, origin,
           'quantity', size, quantity, reserve_price, cash, shares, status, reason, %(at)s,
           CASE WHEN status = 'REJECTED' THEN now() END, below, above, expires_at, retry_at, exit_level,
           exit_fraction, type, time_in_force, limit_price, stop_price, last_bar, short, CASE WHEN triggered THEN now() END,
           -- A strategy's order is there from the open of the bar after its decision.
           (SELECT g.bar_time + interval '1 minute' FROM signals g WHERE g.id = signal_id)
    FROM written WHERE is_new),
updated AS (
    UPDATE orders o SET
        status = CASE WHEN w.status IN ('CANCELED', 'EXPIRED') AND o.filled_quantity > 0 THEN 'PARTIALLY_FILLED' ELSE w.status END,
        reason = w.reason,
        quantity = CASE WHEN o.status = 'PENDING' THEN w.quantity ELSE o.quantity - w.cut END,
        reserve_price = w.reserve_price, reserved_cash = w.cash, reserved_quantity = w.shares,
        block_order_id = CASE WHEN w.status = 'WORKING' THEN %(block)s::uuid END,
        filled_before = CASE WHEN w.status = 'WORKING' THEN o.filled_quantity ELSE o.filled_before END,
        water_mark = w.water_mark, trigger_below = w.below, trigger_above = w.above,
        triggered_at = CASE WHEN w.triggered THEN coalesce(o.triggered_at, now()) END,
        active_from = coalesce(o.active_from, %(active_from)s),
        decided_at = coalesce(o.decided_at, %(at)s),
        expires_at = coalesce(o.expires_at, w.expires_at), retry_at = w.retry_at,
        completed_at = CASE WHEN w.status NOT IN ('RESTING', 'WORKING') THEN now() END
    FROM written w WHERE o.id = w.id AND NOT w.is_new),
{reserve("(SELECT user_id, session_id, more_cash AS cash, more_shares AS shares FROM written) more")}
UPDATE signals g SET status = (CASE WHEN w.status IN ('WORKING', 'RESTING') THEN 'EXECUTED' ELSE 'REJECTED' END)::signal_status, reason = w.reason
FROM written w WHERE g.id = w.signal_id
"""  # noqa: S608 - statements of ours


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
            # An exit asks for all that is free, of which the broker's quantities may have no more than a part.
            "sizes": [
                each.request.size if each.request.origin in EXIT_ORIGINS else each.quantity for each in decisions
            ],
            "quantities": [decision.quantity for decision in decisions],
            "reserve_prices": [decision.reserve_price for decision in decisions],
            "cash": [decision.reserved_cash for decision in decisions],
            "shares": [decision.reserved_quantity for decision in decisions],
            "water_marks": [decision.water_mark for decision in decisions],
            "below": [decision.trigger.below for decision in decisions],
            "above": [decision.trigger.above for decision in decisions],
            "triggered": [decision.triggered for decision in decisions],
            "expires": [write.expires_at for write in writes],
            "retries": [write.retry_at for write in writes],
            "levels": [request.exit_level for request in requests],
            "fractions": [request.exit_fraction for request in requests],
            "types": [request.terms.type for request in requests],
            "forces": [request.time_in_force for request in requests],
            "limits": [request.terms.limit_price for request in requests],
            "stops": [request.terms.stop_price for request in requests],
            "last_bars": [request.last_bar for request in requests],
            "cuts": [decision.cut for decision in decisions],
            "shorts": [request.terms.short for request in requests],
            "more_cash": [decision.reserved_cash - decision.request.reserved_cash for decision in decisions],
            "more_shares": [decision.reserved_quantity - decision.request.reserved_quantity for decision in decisions],
        },
    )


# What an order that waits becomes when it ends, in an UPDATE of orders; `%(reason)s` says why.
ENDED_WAITING = """
    status = (CASE WHEN filled_quantity > 0 THEN 'PARTIALLY_FILLED' ELSE 'CANCELED' END)::order_status,
    reason = %(reason)s, reserved_cash = 0, reserved_quantity = 0, completed_at = now()
"""
_END_REPLACED = f"""
WITH replaced AS (
    SELECT id, user_id, session_id, reserved_cash AS cash, reserved_quantity AS shares FROM orders WHERE id = ANY(%(ids)s)),
{release("replaced")}
UPDATE orders SET {ENDED_WAITING} WHERE id = ANY(%(ids)s)
"""  # noqa: S608 - statements of ours


def end_replaced(connection: Connection, order_ids: Sequence[UUID], symbol: str) -> None:
    """Ends orders whose successors were accepted; what they held back is free again."""
    if order_ids:
        parameters = {"symbol": symbol, "reason": Reason.REPLACED, "ids": list(order_ids)}
        connection.execute(_END_REPLACED, parameters)


_END_ALL_WAITING = f"""
WITH waiting AS (
    SELECT id, user_id, session_id, reserved_cash AS cash, reserved_quantity AS shares FROM orders
    WHERE symbol = %(symbol)s AND status IN ('PENDING', 'RESTING') FOR NO KEY UPDATE),
{release("waiting")}
UPDATE orders SET {ENDED_WAITING} WHERE id IN (SELECT id FROM waiting)
"""  # noqa: S608 - statements of ours


def end_all_waiting(connection: Connection, symbol: str, reason: Reason) -> int:
    """Ends every order that waits on a symbol and gives back what it held; returns how many. Locks the symbol and the users first."""
    lock_symbol(connection, symbol)
    parameters = {"symbol": symbol, "reason": reason}
    waiting = "SELECT user_id FROM orders WHERE symbol = %(symbol)s AND status IN ('PENDING', 'RESTING')"
    lock_users(connection, waiting, parameters)
    return connection.execute(_END_ALL_WAITING, parameters).rowcount


def end_waiting(connection: Connection, request: OrderRequest, reason: Reason) -> None:
    """Ends an order that was never accepted, so that nothing is reserved for it."""
    connection.execute(
        "UPDATE orders SET status = 'CANCELED', reason = %s, completed_at = now() WHERE id = %s AND status = 'PENDING'",
        (reason, request.order_id),
    )


_ODD = "symbol = %(symbol)s AND status = 'RESTING' AND (quantity - filled_quantity) %% %(unit)s <> 0"
_CUT = f"""
WITH odd AS (
    SELECT id, user_id, session_id, (side = 'buy') <> short AS opens, quantity - filled_quantity AS remaining, (quantity - filled_quantity) %% %(unit)s AS part, reserve_price,
           reserved_cash, reserved_quantity
    FROM orders WHERE {_ODD} FOR NO KEY UPDATE),
given_back AS (
    SELECT id, user_id, session_id, part, CASE WHEN part = remaining THEN reserved_cash WHEN opens THEN part * reserve_price ELSE 0 END AS cash,
           CASE WHEN part = remaining THEN reserved_quantity WHEN NOT opens THEN part ELSE 0 END AS shares, part = remaining AS ends FROM odd),
{release("given_back")}
UPDATE orders o SET
    quantity = CASE WHEN g.ends THEN o.quantity ELSE o.quantity - g.part END,
    status = (CASE WHEN NOT g.ends THEN 'RESTING' WHEN o.filled_quantity > 0 THEN 'PARTIALLY_FILLED' ELSE 'CANCELED' END)::order_status,
    reason = CASE WHEN g.ends THEN %(reason)s ELSE o.reason END, completed_at = CASE WHEN g.ends THEN now() END,
    reserved_cash = o.reserved_cash - g.cash, reserved_quantity = o.reserved_quantity - g.shares
FROM given_back g WHERE o.id = g.id
"""  # noqa: S608 - statements of ours


def cut_to_whole_units(connection: Connection, symbol: str, unit: Decimal) -> int:
    """Takes parts of a unit off what rests on a symbol, which the transaction has locked: it traded in fractions when they were accepted, and does
    no longer. What would have been less than a unit ends. Returns how many orders were cut.
    """
    parameters = {"symbol": symbol, "unit": unit, "reason": Reason.WHOLE_UNITS_ONLY}
    if not fetch_value(connection, f"SELECT EXISTS (SELECT FROM orders WHERE {_ODD})", parameters):  # noqa: S608 - a condition of ours
        return 0
    lock_users(connection, f"SELECT user_id FROM orders WHERE {_ODD}", parameters)  # noqa: S608 - a condition of ours
    return connection.execute(_CUT, parameters).rowcount
