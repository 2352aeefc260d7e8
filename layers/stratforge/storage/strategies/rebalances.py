"""Sessions of portfolio strategies: when they decide, what they decided, and the orders of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from stratforge.market.sizes import Side, SizeKind
from stratforge.storage.market import archive
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value
from stratforge.storage.strategies.evaluations import MAX_FAILURES, NEW_BARS
from stratforge.storage.strategies.sessions import SessionMode
from stratforge.strategy.lookback import EDITION, OfOther, day_window_length, window_length

# An order of a decision is old after so long by the market's clock.
ORDER_LIFETIME = timedelta(minutes=3)
OPEN_STATUSES = "('PENDING', 'RESTING', 'WORKING')"
# How long purchases wait for the sales of their decision, and for prices of all that is bought, by our clock; for these no longer than half of a span by the market's, as the next
# decision calls off what still waits.
SALES_PATIENCE = timedelta(seconds=60)
_PATIENCE = f"r.created_at > now() - interval '{SALES_PATIENCE.seconds} seconds'"
SALES_ENDED = f"(NOT {_PATIENCE} OR NOT EXISTS (SELECT FROM orders o WHERE o.rebalance_id = r.id AND o.status IN {OPEN_STATUSES}))"
# Whether purchases of a decision `r` of a session `s` wait for prices: of whatever nobody looked at before the platform has none until its first bar or trade. Where some are known, only for so long.
AWAITS_PRICES = f"""
    coalesce((
        SELECT bool_or(l.symbol IS NULL) AND (bool_and(l.symbol IS NULL) OR {_PATIENCE} AND coalesce(
            CASE WHEN s.schedule ~ '^[0-9]+$' THEN market_now() < r.decided_at + s.schedule::int * interval '30 seconds' END, true))
        FROM unnest(s.universe, r.orders) AS wanted (symbol, shares) LEFT JOIN latest_prices l ON l.symbol = wanted.symbol WHERE wanted.shares > 0), false)
"""  # noqa: S608 - a time of this module


class RebalanceStatus(StrEnum):
    """The states of a decision and its orders."""

    SELLING = "SELLING"  # Its sales are at work; purchases wait for what they bring.
    AWAITING_PRICES = "AWAITING_PRICES"  # Its sales have ended, and purchases wait for prices that are not known yet; stored as SELLING.
    ORDERED = "ORDERED"  # All its orders are placed.
    UNCHANGED = "UNCHANGED"  # Nothing was to be traded.
    RECORDED = "RECORDED"  # The session trades by hand: nothing was ordered.
    CALLED_OFF = "CALLED_OFF"  # Its purchases were dropped: the session was paused or ended, or their time was over.


@dataclass(frozen=True, slots=True)
class PortfolioSession:
    """A running session of a portfolio strategy, as its next decision finds it.

    Attributes:
        lookback: Bars of history that its columns need; None when only another edition of the language has measured it.
        universe: The symbols it may hold.
        symbols: These, and after them those that it only looks at.
        schedule: When it decides, as `Schedule.stored` says it.
        daily: Whether it decides on bars of days; on bars of minutes otherwise.
        capital: What it began with, in dollars.
        decides_at: When its next decision falls due.
        decided_for: The beginning of the last period that it decided about.
        version: Another one whenever anything of the session was written.
        others: What its columns look at of one symbol with the bars of another, as it is stored.
    """

    session_id: UUID
    user_id: UUID
    python_code: str
    source_hash: str
    parameters: dict[str, float]
    lookback: int | None
    state: dict[str, float]
    universe: list[str]
    symbols: list[str]
    schedule: str
    daily: bool
    capital: Decimal
    mode: SessionMode
    decides_at: datetime
    decided_for: datetime | None
    version: int
    others: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def looks_at(self) -> tuple[tuple[str, OfOther], ...]:
        """The symbols that its columns look at with the bars of others, and what they need of each."""
        return tuple((symbol, OfOther(**each)) for symbol, each in sorted(self.others.items()))

    @property
    def window(self) -> int:
        """The length of the windows that it decides on."""
        assert self.lookback is not None
        return window_length(self.lookback)


@dataclass(frozen=True, slots=True)
class Asking:
    """A session as it comes to a decision: itself, its equity and cash in dollars, and of each symbol of its universe the part of the equity that it is,
    and the shares or coins that are held."""

    session: PortfolioSession
    equity: float
    cash: float
    weights: tuple[float, ...]
    held: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """The answer of a session's strategy: target weights, or None to change nothing, and its state; or what went wrong."""

    asking: Asking
    weights: tuple[float, ...] | None
    state: dict[str, float]
    error: str | None = None


def sessions_to_decide(connection: Connection, session_ids: Sequence[UUID] | None = None) -> list[PortfolioSession]:
    """Sessions whose decision has fallen due by the market's clock, those of these ids or all."""
    return fetch_all(
        connection,
        PortfolioSession,
        """
        SELECT s.id AS session_id, s.user_id, v.python_code, v.source_hash, v.parameters, CASE WHEN v.lookback_edition = %(edition)s THEN v.lookback END AS lookback,
               s.state, s.universe, s.symbols, s.schedule, s.daily, s.capital, s.mode, s.decides_at, s.decided_for,
               s.xmin::text::bigint AS version, v.others
        FROM sessions s JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
        WHERE s.universe IS NOT NULL AND s.status = 'RUNNING' AND s.decides_at <= market_at(clock_timestamp())
          AND (%(ids)s::uuid[] IS NULL OR s.id = ANY(%(ids)s)) ORDER BY s.id
        """,
        {"edition": EDITION, "ids": None if session_ids is None else list(session_ids)},
    )


@dataclass(frozen=True, slots=True)
class Holding:
    """A session's position in a symbol, and what it made of it: dollars and shares or coins."""

    session_id: UUID
    symbol: str
    quantity: Decimal
    cost_basis: Decimal
    realized_pnl: Decimal
    latest_price: Decimal | None


def holdings_of(connection: Connection, session_ids: Sequence[UUID]) -> dict[UUID, dict[str, Holding]]:
    """The positions of sessions by symbol, those that were closed too."""
    rows = fetch_all(
        connection,
        Holding,
        """
        SELECT p.session_id, p.symbol, p.quantity, p.cost_basis, p.realized_pnl, coalesce(l.price, nullif(p.avg_entry_price, 0)) AS latest_price
        FROM positions p LEFT JOIN latest_prices l ON l.symbol = p.symbol WHERE p.session_id = ANY(%s)
        """,
        (list(session_ids),),
    )
    found: dict[UUID, dict[str, Holding]] = {each: {} for each in session_ids}
    for each in rows:
        found[each.session_id][each.symbol] = each
    return found


def holdings(connection: Connection, session_id: UUID) -> dict[str, Holding]:
    """The positions of a session by symbol, those that were closed too."""
    return holdings_of(connection, [session_id])[session_id]


def latest_prices(connection: Connection, symbols: Sequence[str]) -> dict[str, Decimal]:
    """The latest price of each symbol that has one, in dollars."""
    rows = connection.execute("SELECT symbol, price FROM latest_prices WHERE symbol = ANY(%s)", (list(symbols),))
    return dict(rows.fetchall())


def cash_of(capital: Decimal, held: dict[str, Holding]) -> Decimal:
    """The cash of a session: what it began with, and what its positions made, less what those that are open cost."""
    return capital + sum((each.realized_pnl - each.cost_basis for each in held.values()), Decimal(0))


def see_one_moment(connection: Connection) -> str:
    """Has everything that a transaction which has just begun reads be of one moment; returns the snapshot that tells what that was."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    archive.keep_months(connection)
    found: str = fetch_value(connection, "SELECT pg_current_snapshot()::text")
    return found


def replan(connection: Connection, session_id: UUID, decides_at: datetime) -> None:
    """Notes when a session's next decision falls due, where there is nothing to decide now."""
    connection.execute("UPDATE sessions SET decides_at = %s WHERE id = %s", (decides_at, session_id))


def call_off_orders(connection: Connection, session_ids: Sequence[UUID]) -> set[UUID]:
    """Drops the purchases of earlier decisions of sessions that are not placed yet, and asks for the end of what is left of their orders; returns the sessions
    that had such an order.
    """
    ids = list(session_ids)
    # Each in the order in which everybody locks them.
    connection.execute(
        """
        UPDATE rebalances SET status = 'CALLED_OFF' WHERE id IN (
            SELECT id FROM rebalances WHERE session_id = ANY(%s) AND status = 'SELLING' ORDER BY created_at, id FOR NO KEY UPDATE)
        """,
        (ids,),
    )
    # After it: whoever placed some meanwhile was waited for, and what he placed is seen.
    left = connection.execute(
        f"""
        UPDATE orders o SET cancel_requested_at = coalesce(o.cancel_requested_at, now()) FROM (
            SELECT id FROM orders WHERE session_id = ANY(%s) AND rebalance_id IS NOT NULL AND status IN {OPEN_STATUSES}
            ORDER BY created_at, id FOR NO KEY UPDATE) open
        WHERE o.id = open.id RETURNING o.session_id
        """,  # noqa: S608 - statuses of this module
        (ids,),
    )
    return {row[0] for row in left}


def other_open_orders(connection: Connection, session_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """The symbols of each session's open orders that are of none of its decisions: its owner's."""
    query = f"""
        SELECT session_id, array_agg(DISTINCT symbol) FROM orders
        WHERE session_id = ANY(%s) AND rebalance_id IS NULL AND status IN {OPEN_STATUSES} GROUP BY session_id
    """  # noqa: S608 - statuses of this module
    found = dict(connection.execute(query, (list(session_ids),)).fetchall())
    return {each: frozenset(found.get(each, ())) for each in session_ids}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision with all that it saw; see the table `rebalances`.

    Attributes:
        moment: The beginning of the period that was decided about.
        decided_at: When, by the market's clock.
        missing: Symbols that were waited for in vain.
        last_bars: Of each symbol the beginning of the last bar that was seen.
        editions: Of each symbol the edition of its days that was seen; 0 for minutes.
        prices: Of each symbol the last close, NaN where there never was one.
        known: Whether that was of the seven days before.
        held: Of each symbol of the universe what was held.
        parts: The part of the equity that that was.
        weights: The target weights; None where nothing was to change.
        orders: The shares to buy, below 0 to sell.
        snapshot: What of the database was seen; None in those of before that was kept.
        left_alone: Symbols that were not traded, since an order of the owner's was open there.
        first_bars: Of each symbol of which more than a window was seen, since others that seldom trade look at it, the beginning of the first bar; None of those of before that was kept.
        bought_part: By what part purchases were cut, once they were placed.
    """

    rebalance_id: UUID
    session_id: UUID
    moment: datetime
    decided_at: datetime
    status: RebalanceStatus
    missing: list[str]
    last_bars: list[datetime | None]
    editions: list[int]
    prices: list[float]
    known: list[bool]
    held: list[float]
    parts: list[float]
    equity: float
    cash: float
    state_before: dict[str, float]
    state_after: dict[str, float]
    weights: list[float] | None
    orders: list[float]
    snapshot: str | None
    left_alone: list[str]
    first_bars: list[datetime | None] | None = None
    bought_part: float | None = None


_RECORDED = f"""r.id AS rebalance_id, r.session_id, r.moment, r.decided_at, CASE WHEN r.status = 'SELLING' AND {SALES_ENDED}
    AND (SELECT s.status = 'RUNNING' AND {AWAITS_PRICES} FROM sessions s WHERE s.id = r.session_id) THEN 'AWAITING_PRICES' ELSE r.status END AS status, r.missing, r.last_bars, r.editions, r.prices, r.known, r.held, r.parts, r.equity, r.cash,
    r.state_before, r.state_after, r.weights, r.orders, r.snapshot::text, r.left_alone, r.first_bars, r.bought_part"""  # noqa: S608 - conditions of this module


def list_rebalances(
    connection: Connection, session_id: UUID, at_most: int, before: datetime | None = None
) -> list[Recorded]:
    """The last decisions of a session, those about periods that began before a time, the newest first."""
    return fetch_all(
        connection,
        Recorded,
        f"""
        SELECT {_RECORDED} FROM rebalances r WHERE r.session_id = %s AND (%s::timestamptz IS NULL OR r.moment < %s) ORDER BY r.moment DESC LIMIT %s
        """,  # noqa: S608 - columns of this module
        (session_id, before, before, at_most),
    )


def decision_in_force(connection: Connection, session_id: UUID, moment: datetime | None) -> Recorded | None:
    """The decision of a session about the period that a moment lies in, or its last one; None before the first."""
    query = f"SELECT {_RECORDED} FROM rebalances r WHERE r.session_id = %s AND (%s::timestamptz IS NULL OR r.moment <= %s) ORDER BY r.moment DESC LIMIT 1"  # noqa: S608 - columns
    return fetch_one(connection, Recorded, query, (session_id, moment, moment))


def all_rebalances(connection: Connection, session_id: UUID) -> list[Recorded]:
    """Every decision of a session, in order."""
    query = f"SELECT {_RECORDED} FROM rebalances r WHERE r.session_id = %s ORDER BY r.moment"  # noqa: S608 - columns
    return fetch_all(connection, Recorded, query, (session_id,))


def decision_of_order(connection: Connection, order_id: UUID) -> Recorded | None:
    """The decision that an order is of; None for other orders."""
    query = f"SELECT {_RECORDED} FROM orders o JOIN rebalances r ON r.id = o.rebalance_id WHERE o.id = %s"  # noqa: S608 - columns
    return fetch_one(connection, Recorded, query, (order_id,))


def lock_sessions(connection: Connection, session_ids: Sequence[UUID]) -> None:
    """Locks sessions in the order of their ids, as everybody does who writes several."""
    connection.execute("SELECT FROM sessions WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", (list(session_ids),))


def record_decisions(
    connection: Connection, decisions: Sequence[tuple[PortfolioSession, Recorded]], decides_at: datetime
) -> set[UUID]:
    """Writes decisions, with their sessions' states and when the next ones fall due; returns the sessions of those that were written. Nothing is written of one whose session somebody
    else wrote since it was read, or that has decided about that period.
    """
    written: set[UUID] = set()
    if not decisions:
        return written
    with connection.cursor() as cursor:
        # Their arrays have lengths of their own. They travel together all the same.
        cursor.executemany(
            _RECORD, [_columns(session, each, decides_at) for session, each in decisions], returning=True
        )
        while True:
            written |= {row[0] for row in cursor}
            if not cursor.nextset():
                return written


_RECORD = """
        WITH mine AS (
            SELECT s.id FROM sessions s WHERE s.id = %(session)s AND s.xmin::text::bigint = %(version)s AND s.status = 'RUNNING' FOR NO KEY UPDATE),
        decided AS (
            INSERT INTO rebalances (id, session_id, user_id, moment, decided_at, status, missing, last_bars, editions, prices, known, held, parts, equity, cash,
                                    state_before, state_after, weights, orders, snapshot, left_alone, first_bars)
            SELECT %(id)s, mine.id, %(user)s, %(moment)s, %(decided_at)s, %(status)s, %(missing)s::text[], %(last_bars)s::timestamptz[], %(editions)s::int[],
                   %(prices)s::float8[], %(known)s::boolean[], %(held)s::float8[], %(parts)s::float8[], %(equity)s, %(cash)s, %(before)s, %(after)s,
                   %(weights)s::float8[], %(orders)s::float8[], %(snapshot)s::pg_snapshot, %(alone)s::text[], %(first_bars)s::timestamptz[] FROM mine
            ON CONFLICT (session_id, moment) DO NOTHING RETURNING session_id, moment, decided_at)
        UPDATE sessions s SET state = %(after)s, decides_at = %(next)s, decided_for = d.moment, first_bar_time = coalesce(s.first_bar_time, d.decided_at),
            last_bar_time = d.decided_at, bars_evaluated = s.bars_evaluated + 1, consecutive_failures = 0
        FROM decided d WHERE s.id = d.session_id RETURNING s.id
"""


def _columns(session: PortfolioSession, decision: Recorded, decides_at: datetime) -> dict[str, object]:
    return {
        "session": session.session_id,
        "user": session.user_id,
        "version": session.version,
        "id": decision.rebalance_id,
        "moment": decision.moment,
        "decided_at": decision.decided_at,
        "status": decision.status,
        "missing": decision.missing,
        "last_bars": decision.last_bars,
        "editions": decision.editions,
        "prices": decision.prices,
        "known": decision.known,
        "held": decision.held,
        "parts": decision.parts,
        "equity": decision.equity,
        "cash": decision.cash,
        "before": Jsonb(decision.state_before),
        "after": Jsonb(decision.state_after),
        "weights": decision.weights,
        "orders": decision.orders,
        "snapshot": decision.snapshot,
        "alone": decision.left_alone,
        "first_bars": decision.first_bars,
        "next": decides_at,
    }


def record_failure(connection: Connection, session: PortfolioSession, error: str, again_at: datetime) -> None:
    """Notes that a session's strategy failed; it is tried again, and the third time in a row ends the session."""
    connection.execute(
        """
        UPDATE sessions s SET failure_reason = %(error)s, consecutive_failures = s.consecutive_failures + 1, decides_at = %(again)s,
            status = CASE WHEN s.consecutive_failures + 1 >= %(limit)s THEN 'FAILED'::session_status ELSE s.status END,
            settling = s.settling OR s.consecutive_failures + 1 >= %(limit)s,
            ended_at = CASE WHEN s.consecutive_failures + 1 >= %(limit)s THEN now() ELSE s.ended_at END
        WHERE s.id = %(session)s AND s.xmin::text::bigint = %(version)s AND s.status = 'RUNNING'
        """,
        {
            "error": error,
            "again": again_at,
            "limit": MAX_FAILURES,
            "session": session.session_id,
            "version": session.version,
        },
    )


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order of a decision; a fraction of what is held, or shares."""

    symbol: str
    side: Side
    size_kind: SizeKind
    size: Decimal


@dataclass(frozen=True, slots=True)
class OrdersOfDecision:
    """The orders of a decision that are to be placed now."""

    rebalance_id: UUID
    session_id: UUID
    user_id: UUID
    orders: Sequence[NewOrder]


def place_orders(connection: Connection, decisions: Sequence[OrdersOfDecision], at: datetime) -> int:
    """Places orders of decisions, each once however often it is asked for, and returns how many they are; the executor must be woken after the commit."""
    rows = [(of, each) for of in decisions for each in of.orders]
    if rows:
        connection.execute(
            """
            INSERT INTO orders (id, user_id, session_id, rebalance_id, symbol, side, origin, type, time_in_force, size_kind, size, expires_at)
            SELECT id, user_id, session_id, rebalance_id, symbol, side, 'SIGNAL', 'market', 'day', size_kind, size, %(expires)s
            FROM unnest(%(ids)s::uuid[], %(users)s::uuid[], %(sessions)s::uuid[], %(rebalances)s::uuid[],
                        %(symbols)s::text[], %(sides)s::trade_side[], %(kinds)s::text[], %(sizes)s::numeric[])
                AS n (id, user_id, session_id, rebalance_id, symbol, side, size_kind, size)
            ON CONFLICT (id) DO NOTHING
            """,
            {
                "expires": at + ORDER_LIFETIME,
                "ids": [uuid5(of.rebalance_id, each.symbol) for of, each in rows],
                "users": [of.user_id for of, _ in rows],
                "sessions": [of.session_id for of, _ in rows],
                "rebalances": [of.rebalance_id for of, _ in rows],
                "symbols": [each.symbol for _, each in rows],
                "sides": [each.side for _, each in rows],
                "kinds": [each.size_kind for _, each in rows],
                "sizes": [each.size for _, each in rows],
            },
        )
    return len(rows)


def last_new_bars(connection: Connection, symbols: Sequence[str], before: datetime) -> dict[str, datetime]:
    """The last bar of each symbol before a time, of those that were new when they were stored: a hole that is filled later is seen as history, and is no last bar."""
    rows = connection.execute(
        f"""
        SELECT wanted.symbol, latest.time FROM unnest(%s::text[]) AS wanted (symbol)
        CROSS JOIN LATERAL (SELECT m.time FROM {NEW_BARS} AND m.symbol = wanted.symbol AND m.time < %s ORDER BY m.time DESC LIMIT 1) latest
        """,  # noqa: S608 - a condition of ours
        (list(symbols), before),
    )
    return dict(rows.fetchall())


def days_wanted(connection: Connection) -> dict[str, int]:
    """The number of days that are wanted of each symbol that sessions decide on by the day, or see days of beside shorter bars."""
    rows = connection.execute(
        """
        SELECT wanted.symbol, max(wanted.decided_on), max(wanted.beside) FROM sessions s JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
        CROSS JOIN LATERAL (
            SELECT own.symbol, CASE WHEN s.daily OR v.bar_minutes = 1440 THEN v.lookback END, v.day_lookback FROM unnest(coalesce(s.symbols, ARRAY[s.symbol])) own (symbol)
            WHERE s.daily OR s.universe IS NULL AND (v.bar_minutes = 1440 OR v.day_lookback > 0)
            UNION ALL SELECT other.key, CASE WHEN v.bar_minutes = 1440 THEN (other.value ->> 'bars')::int + (other.value ->> 'back')::int END, (other.value ->> 'days')::int
            FROM jsonb_each(v.others) other WHERE v.bar_minutes = 1440 OR (other.value ->> 'days')::int > 0) wanted (symbol, decided_on, beside)
        WHERE s.status IN ('RUNNING', 'PAUSED') GROUP BY wanted.symbol
        """
    )
    return {
        symbol: max(window_length(lookback) if lookback else 0, day_window_length(beside) if beside else 0)
        for symbol, lookback, beside in rows
    }
