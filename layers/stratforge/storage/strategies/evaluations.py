"""Running sessions, and the signals and state that evaluating them yields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.market import Bar
from stratforge.market.sizes import Side, SizeKind
from stratforge.market.timeliness import oldest_actionable
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger.margin import INITIAL_MARGIN
from stratforge.storage.ledger.symbols import HAS_EXITS
from stratforge.storage.market.clock import market_now
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_exactly, fetch_one, fetch_value
from stratforge.strategy.lookback import EDITION, FARTHER, FARTHER_BARS, OfOther, window_length
from stratforge.strategy.order_terms import NO_TERMS, terms_in
from stratforge.strategy.vocabulary import ACCOUNT_KEYS, CASH_KEY, EQUITY_KEY, POWER_KEY

MAX_FAILURES = 3


@dataclass(frozen=True, slots=True)
class RunningSession:
    """A running session with the code of its version and its position.

    Attributes:
        lookback: Bars of a minute that it needs (on bars of days, days); None when only another edition of the language has measured it.
        version: Another one whenever anything of the session was written.
        bar_minutes: How long the bars are that it decides on.
        day_lookback: Days that it needs beside shorter bars; 0 where it reads none.
        day_edition: The edition in which it saw days last; None before it did.
        others: What it needs of other symbols, as it is stored; None where it looks at none.
        other_editions: The edition in which it saw the days of each of them last; None before it did.
    """

    session_id: UUID
    user_id: UUID
    python_code: str
    source_hash: str
    parameters: dict[str, float]
    lookback: int | None
    state: dict[str, float]
    bars_held: int
    quantity: float
    average_entry_price: float
    last_bar_time: datetime | None = None
    version: int = 0
    bar_minutes: int = 1
    day_lookback: int = 0
    day_edition: int | None = None
    others: Mapping[str, Mapping[str, int]] | None = None
    other_editions: Mapping[str, int] | None = None

    @property
    def looked_at(self) -> tuple[tuple[str, OfOther], ...]:
        """The other symbols that it looks at, and what it needs of each."""
        return tuple((symbol, OfOther(**each)) for symbol, each in self.others.items()) if self.others else ()

    @property
    def bars_held_now(self) -> int:
        """Bars the position is held on the bar about to be evaluated, that one included (`bars_held` is as of the bar before)."""
        return self.bars_held + 1 if self.quantity else 0


# What was seen of other symbols on a bar: their `last` bar in seconds since the epoch (None where there was none), and the `edition` of their days.
SeenOfOthers = Mapping[str, Mapping[str, int | None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of evaluating one session on one bar: a signal or none, and the state; or an error. On longer bars it `waits` where none of them is completed, and
    where it saw days it says in which `edition`, if that is another than before; so it says in `others` what it saw of other symbols where that does not follow from the bar. A sale that is `short` opens a short position or adds to it, a purchase that is buys it back."""

    session: RunningSession
    state: dict[str, float]
    side: Side | None = None
    confidence: float = 0.0
    size_kind: SizeKind = SizeKind.DEFAULT
    size: float = 0.0
    error: str | None = None
    waits: bool = False
    edition: int | None = None
    short: bool = False
    others: SeenOfOthers | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The numbers of sessions that have now seen a bar, and of their new signals."""

    sessions: int
    signals: int


_ASKED = ", ".join(f"'{key}'" for key in ACCOUNT_KEYS)
# What a strategy that asks for it sees of its account: the balance of its user, what everything that he holds is worth at the latest prices, and what he may spend.
# Whether it asks is known from its state once a bar has been evaluated; a session that fails three times before that has ended.
_ACCOUNT = f"""
    CASE WHEN s.state ?| ARRAY[{_ASKED}] OR (s.bars_evaluated < 4 AND v.python_code LIKE '%%account%%') THEN (
        SELECT jsonb_build_object('{CASH_KEY}', u.virtual_balance::float8, '{EQUITY_KEY}', (u.virtual_balance + u.reserved_cash + coalesce(h.worth, 0))::float8,
            '{POWER_KEY}', CASE WHEN h.owed IS NULL THEN u.virtual_balance ELSE greatest(u.virtual_balance - h.owed, 0) END::float8)
        FROM users u CROSS JOIN LATERAL (
            SELECT sum(h.quantity * at.price) AS worth, sum(-h.quantity * (at.price + {INITIAL_MARGIN})) FILTER (WHERE h.quantity < 0) AS owed
            FROM positions h LEFT JOIN latest_prices l ON l.symbol = h.symbol CROSS JOIN LATERAL (SELECT coalesce(l.price, h.avg_entry_price) AS price) at
            WHERE h.user_id = u.id AND h.quantity <> 0) h
        WHERE u.id = s.user_id) ELSE '{{}}' END
"""  # noqa: S608 - keys of the language
_RUNNING = f"""
        SELECT s.id AS session_id, s.user_id, v.python_code, v.source_hash, v.parameters,
               CASE WHEN v.lookback_edition = %s THEN v.lookback END AS lookback, s.state || {_ACCOUNT} AS state, s.bars_held,
               coalesce(p.quantity, 0)::float8 AS quantity, coalesce(p.avg_entry_price, 0)::float8 AS average_entry_price, s.last_bar_time,
               s.xmin::text::bigint AS version, v.bar_minutes, v.day_lookback, s.seen_day_edition AS day_edition,
               nullif(v.others, '{{}}') AS others, nullif(s.seen_other_editions, '{{}}') AS other_editions
        FROM sessions s
        JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
        LEFT JOIN positions p ON p.user_id = s.user_id AND p.session_id = s.id AND p.symbol = s.symbol"""  # noqa: S608 - an expression of ours


def sessions_awaiting(connection: Connection, symbol: str, shard: int, bar_time: datetime) -> list[RunningSession]:
    """Running sessions of a symbol and shard (paused ones keep seeing bars) that have not seen the bar at `bar_time` or a later one, and began before it was stored."""
    return fetch_all(
        connection,
        RunningSession,
        f"""
        {_RUNNING}
        WHERE s.symbol = (SELECT %s) AND s.shard = (SELECT %s) AND s.status IN ('RUNNING', 'PAUSED') AND s.started_at <= now()
          AND coalesce(s.last_bar_time < %s, s.after_bar IS NULL OR s.after_bar < %s)
        ORDER BY s.id
        """,
        (EDITION, symbol, shard, bar_time, bar_time),
    )


def session_as_evaluated(connection: Connection, session_id: UUID) -> RunningSession | None:
    """A session with its code, position and state as its next bar would find them; None when there is none."""
    return fetch_one(connection, RunningSession, f"{_RUNNING} WHERE s.id = %s", (EDITION, session_id))


def note_missing_bars(connection: Connection, session_ids: Sequence[UUID], missing: int) -> None:
    """Notes that sessions were not evaluated because so many bars of their windows are missing, but for those that somebody else writes. Being evaluated takes it back."""
    connection.execute(
        """
        UPDATE sessions s SET missing_bars = %(missing)s FROM (
            SELECT id FROM sessions WHERE id = ANY(%(ids)s) AND missing_bars <> %(missing)s ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) mine
        WHERE s.id = mine.id
        """,
        {"ids": list(session_ids), "missing": missing},
    )


def record_outcomes(
    connection: Connection,
    symbol: str,
    bar_time: datetime,
    outcomes: Sequence[Outcome],
    not_acted_on: Reason | None = None,
) -> Recorded:
    """Writes signals and state of one bar. A session that somebody else has written since it was read (another bar, a split, another symbol, its end), or
    is about to, is left alone: what came of it says nothing about what it is now.

    Args:
        connection: In whose transaction.
        symbol: The symbol.
        bar_time: The bar.
        outcomes: What came of it, for each session.
        not_acted_on: Why no signal of this bar becomes an order; None when they may.

    Returns:
        How many sessions have now seen the bar by this, and how many signals are new.
    """
    if not outcomes:
        return Recorded(0, 0)
    return fetch_exactly(
        connection,
        Recorded,
        """
        WITH outcome AS (
            SELECT * FROM unnest(%(ids)s::uuid[], %(states)s::jsonb[], %(held)s::int[], %(errors)s::text[], %(sides)s::text[],
                                 %(confidences)s::float8[], %(kinds)s::text[], %(sizes)s::float8[],
                                 %(quantities)s::float8[], %(entries)s::float8[], %(cash)s::float8[], %(equity)s::float8[], %(powers)s::float8[], %(seen)s::timestamptz[], %(versions)s::bigint[],
                                 %(limits)s::float8[], %(stops)s::float8[], %(expiries)s::int[], %(waits)s::boolean[], %(editions)s::int[], %(shorts)s::boolean[], %(others)s::jsonb[], %(ocos)s::boolean[])
                AS o (session_id, state, bars_held, error, side, confidence, size_kind, size, quantity, entry_price, account_cash, account_equity, account_buying_power, last_bar_time, version,
                      limit_price, stop_price, expire_bars, waits, day_edition, short, others, oco)),
        -- The sessions as they were before this bar, but for those that somebody else writes.
        before AS (
            SELECT s.user_id, s.state AS state_before, s.seen_quantity, s.seen_entry_price, o.* FROM sessions s JOIN outcome o ON s.id = o.session_id
            WHERE s.xmin::text::bigint = o.version AND s.last_bar_time IS NOT DISTINCT FROM o.last_bar_time AND s.status IN ('RUNNING', 'PAUSED')
            ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED),
        viewed AS (
            INSERT INTO position_views (session_id, user_id, bar_time, quantity, average_entry_price, state, bars_held, account_cash, account_equity, account_buying_power, day_edition, others)
            SELECT session_id, user_id, %(bar_time)s, quantity, entry_price, state_before, bars_held, account_cash, account_equity, account_buying_power, day_edition, others FROM before
            WHERE NOT waits AND (side IS NOT NULL OR account_cash IS NOT NULL OR day_edition IS NOT NULL OR others IS NOT NULL OR (seen_quantity, seen_entry_price) IS DISTINCT FROM (quantity, entry_price))
            ON CONFLICT DO NOTHING),
        advanced AS (
            UPDATE sessions s SET
                first_bar_time = coalesce(s.first_bar_time, CASE WHEN NOT o.waits THEN %(bar_time)s END),
                last_bar_time = %(bar_time)s,
                bars_evaluated = s.bars_evaluated + (NOT o.waits)::int,
                bars_held = o.bars_held,
                missing_bars = 0,
                seen_quantity = CASE WHEN o.waits THEN s.seen_quantity ELSE o.quantity END,
                seen_entry_price = CASE WHEN o.waits THEN s.seen_entry_price ELSE o.entry_price END,
                seen_day_edition = coalesce(o.day_edition, s.seen_day_edition),
                seen_other_editions = CASE WHEN o.others IS NULL THEN s.seen_other_editions ELSE s.seen_other_editions || (
                    SELECT coalesce(jsonb_object_agg(seen.key, seen.value -> 'edition'), '{}') FROM jsonb_each(o.others) seen WHERE seen.value ? 'edition') END,
                state = CASE WHEN o.error IS NULL AND NOT o.waits THEN o.state ELSE s.state END,
                consecutive_failures = CASE WHEN o.waits THEN s.consecutive_failures WHEN o.error IS NULL THEN 0 ELSE s.consecutive_failures + 1 END,
                failure_reason = coalesce(o.error, s.failure_reason),
                status = CASE WHEN o.error IS NOT NULL AND s.consecutive_failures + 1 >= %(limit)s
                              THEN 'FAILED'::session_status ELSE s.status END,
                settling = s.settling OR (o.error IS NOT NULL AND s.consecutive_failures + 1 >= %(limit)s),
                ended_at = CASE WHEN o.error IS NOT NULL AND s.consecutive_failures + 1 >= %(limit)s
                                THEN now() ELSE s.ended_at END
            FROM before o WHERE s.id = o.session_id
            RETURNING s.id, s.user_id, s.bars_evaluated, o.side, o.confidence, o.size_kind, o.size, o.limit_price, o.stop_price, o.expire_bars, o.short, o.oco),
        signaled AS (
            INSERT INTO signals (session_id, user_id, symbol, bar_time, side, confidence, size_kind, size, limit_price, stop_price, expire_bars, short, oco, bar_number, status, reason)
            SELECT id, user_id, %(symbol)s, %(bar_time)s, side::trade_side, confidence, size_kind, size, limit_price, stop_price, expire_bars, short, oco, bars_evaluated,
                   (CASE WHEN %(not_acted_on)s::text IS NULL THEN 'PENDING' ELSE 'EXPIRED' END)::signal_status, %(not_acted_on)s
            FROM advanced WHERE side IS NOT NULL ORDER BY id
            ON CONFLICT (session_id, bar_time) DO NOTHING
            RETURNING 1)
        SELECT (SELECT count(*) FROM advanced) AS sessions, (SELECT count(*) FROM signaled) AS signals
        """,
        {"not_acted_on": not_acted_on, **_parameters(symbol, bar_time, outcomes)},
    )


# Bars that were new when they were stored: the others filled a hole of history after later bars had been evaluated, and nobody is evaluated on them.
NEW_BARS = "market_data m WHERE m.timeframe = '1Min' AND (m.after_bar IS NULL OR m.after_bar < m.time)"


def bar_before(connection: Connection, symbol: str, bar_time: datetime) -> datetime | None:
    """The bar that sessions were to be evaluated on before the one at `bar_time`; None when it is the first."""
    query = f"SELECT max(m.time) FROM {NEW_BARS} AND m.symbol = %s AND m.time < %s"  # noqa: S608 - a condition of ours
    found: datetime | None = fetch_value(connection, query, (symbol, bar_time))
    return found


def move_sessions(connection: Connection, symbol: str, shard: int, bar_time: datetime, shards: int) -> int:
    """Moves sessions that have seen the bar at `bar_time` out of a shard that has more than it may have, or that is not needed any more.

    Args:
        connection: In whose transaction.
        symbol: The symbol.
        shard: The shard that was evaluated on the bar.
        bar_time: The bar.
        shards: Bars are published for so many shards: sessions are moved to no other.

    Returns:
        How many were moved.
    """
    moved: int = fetch_value(
        connection,
        """
        WITH counted AS (
            SELECT shard, count(*) AS sessions FROM sessions WHERE symbol = %(symbol)s AND status IN ('RUNNING', 'PAUSED') GROUP BY shard),
        bound AS (
            SELECT p.sessions_a_shard AS room, greatest(1, (SELECT ceil(sum(sessions) / p.sessions_a_shard) FROM counted))::int AS needed FROM platform_state p),
        too_many AS (
            SELECT CASE WHEN %(shard)s < needed THEN sessions - room ELSE sessions END AS sessions FROM counted, bound WHERE shard = %(shard)s),
        seen AS (
            SELECT id FROM sessions WHERE symbol = %(symbol)s AND shard = %(shard)s AND status IN ('RUNNING', 'PAUSED') AND last_bar_time = %(bar_time)s
            ORDER BY id LIMIT (SELECT greatest(0, sessions) FROM too_many) FOR NO KEY UPDATE),
        leaving AS (
            SELECT id, row_number() OVER (ORDER BY id) AS number FROM seen),
        place AS (
            SELECT k.shard, row_number() OVER (ORDER BY free.nth, k.shard) AS number FROM bound, too_many
            CROSS JOIN generate_series(0, least(needed, %(shards)s) - 1) k(shard) LEFT JOIN counted c USING (shard)
            CROSS JOIN LATERAL generate_series(coalesce(c.sessions, 0) + 1, least(room, coalesce(c.sessions, 0) + too_many.sessions)) free(nth)
            WHERE k.shard <> %(shard)s),
        moved AS (
            UPDATE sessions s SET shard = place.shard FROM leaving JOIN place USING (number) WHERE s.id = leaving.id RETURNING 1)
        SELECT count(*) FROM moved
        """,
        {"symbol": symbol, "shard": shard, "bar_time": bar_time, "shards": shards},
    )
    return moved


def shards_that_saw(connection: Connection, symbol: str, bar_time: datetime) -> list[int]:
    """The shards that have sessions whose last bar is the one at `bar_time`."""
    rows = connection.execute(
        """
        SELECT DISTINCT shard FROM sessions WHERE symbol = %s AND status IN ('RUNNING', 'PAUSED') AND last_bar_time = %s ORDER BY shard
        """,
        (symbol, bar_time),
    )
    return [row[0] for row in rows]


def bar_after(connection: Connection, symbol: str, bar_time: datetime) -> Bar | None:
    """The latest bar that sessions are to be evaluated on after the one at `bar_time`; None when there is none yet."""
    return fetch_one(
        connection,
        Bar,
        f"""
        SELECT m.symbol, m.time, m.open, m.high, m.low, m.close, m.volume FROM {NEW_BARS} AND m.symbol = %s AND m.time > %s
        ORDER BY m.time DESC LIMIT 1
        """,  # noqa: S608 - a condition of ours
        (symbol, bar_time),
    )


def note_missed_bars(connection: Connection, symbol: str, shard: int, bar_time: datetime) -> None:
    """Notes, for each session of a shard, that it has not seen the stored bars before `bar_time`, which its owner is told of once."""
    connection.execute(
        f"""
        INSERT INTO session_gaps (session_id, user_id, after_bar, before_bar, bars, filled)
        SELECT s.id, s.user_id, s.last_bar_time, %(bar_time)s, missed.bars, true FROM sessions s
        CROSS JOIN LATERAL (SELECT count(*)::int AS bars FROM {NEW_BARS}
                            AND m.symbol = s.symbol AND m.time > s.last_bar_time AND m.time < %(bar_time)s) missed
        WHERE s.symbol = %(symbol)s AND s.shard = %(shard)s AND s.status IN ('RUNNING', 'PAUSED') AND missed.bars > 0
          AND NOT EXISTS (SELECT FROM session_gaps g WHERE g.session_id = s.id AND g.after_bar = s.last_bar_time)
        ON CONFLICT DO NOTHING
        """,  # noqa: S608 - a condition of ours
        {"symbol": symbol, "shard": shard, "bar_time": bar_time},
    )


def last_bars_seen(connection: Connection, symbol: str, shard: int, bar_time: datetime) -> list[datetime]:
    """The last bars before `bar_time` that sessions of a shard have seen, the latest first."""
    rows = connection.execute(
        """
        SELECT DISTINCT last_bar_time FROM sessions
        WHERE symbol = %s AND shard = %s AND status IN ('RUNNING', 'PAUSED') AND last_bar_time < %s ORDER BY last_bar_time DESC
        """,
        (symbol, shard, bar_time),
    )
    return [row[0] for row in rows]


def bars_to_see(connection: Connection, symbol: str, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """The times of the bars that sessions are to be evaluated on after one bar up to another, that one included; the earliest so many."""
    rows = connection.execute(
        f"SELECT m.time FROM {NEW_BARS} AND m.symbol = %s AND m.time > %s AND m.time <= %s ORDER BY m.time LIMIT %s",  # noqa: S608 - a condition of ours
        (symbol, after, until, limit),
    )
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class OverdueBar:
    """The last stored bar of a symbol, which sessions of a shard should have seen long ago."""

    bar: Bar
    shard: int


def overdue_bars(connection: Connection) -> list[OverdueBar]:
    """Bars that came to be stored and never to the sessions that wait for them, and that no later bar has made up for."""
    now = market_now(connection)
    if now is None:
        return []
    return fetch_all(
        connection,
        _overdue,
        f"""
        SELECT DISTINCT s.shard, last.symbol, last.time, last.open, last.high, last.low, last.close, last.volume FROM sessions s
        CROSS JOIN LATERAL (SELECT m.* FROM {NEW_BARS} AND m.symbol = s.symbol ORDER BY m.time DESC LIMIT 1) last
        WHERE s.status IN ('RUNNING', 'PAUSED') AND s.last_bar_time < last.time AND last.time < %s ORDER BY last.symbol, s.shard
        """,  # noqa: S608 - a condition of ours
        (oldest_actionable(now),),
    )


def _overdue(shard: int, **columns: Any) -> OverdueBar:
    return OverdueBar(Bar(**columns), shard)


def last_bars_seen_by_all(connection: Connection, symbols: Sequence[str]) -> dict[str, datetime]:
    """The latest bar of each symbol that every one of its sessions has seen; without symbols whose sessions have seen none.

    A bar may be stored and yet not seen: whoever was to evaluate it may have died, with the queue it came from.
    """
    rows = connection.execute(
        """
        SELECT symbol, min(last_bar_time) FROM sessions
        WHERE symbol = ANY(%s) AND status IN ('RUNNING', 'PAUSED') AND last_bar_time IS NOT NULL GROUP BY symbol
        """,
        (list(symbols),),
    )
    return dict(rows.fetchall())


def _parameters(symbol: str, bar_time: datetime, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    terms = [terms_in(outcome.state) if outcome.side else NO_TERMS for outcome in outcomes]
    return {
        "symbol": symbol,
        "bar_time": bar_time,
        "limit": MAX_FAILURES,
        "ids": [outcome.session.session_id for outcome in outcomes],
        "states": [Jsonb(outcome.state) for outcome in outcomes],
        "held": [outcome.session.bars_held if outcome.waits else outcome.session.bars_held_now for outcome in outcomes],
        "errors": [outcome.error for outcome in outcomes],
        "sides": [outcome.side for outcome in outcomes],
        "confidences": [outcome.confidence for outcome in outcomes],
        "kinds": [outcome.size_kind for outcome in outcomes],
        "sizes": [outcome.size for outcome in outcomes],
        "quantities": [outcome.session.quantity for outcome in outcomes],
        "entries": [outcome.session.average_entry_price for outcome in outcomes],
        "cash": [outcome.session.state.get(CASH_KEY) for outcome in outcomes],
        "versions": [outcome.session.version for outcome in outcomes],
        "seen": [outcome.session.last_bar_time for outcome in outcomes],
        "equity": [outcome.session.state.get(EQUITY_KEY) for outcome in outcomes],
        "powers": [outcome.session.state.get(POWER_KEY) for outcome in outcomes],
        "limits": [each.limit for each in terms],
        "stops": [each.stop for each in terms],
        "expiries": [each.expire_bars for each in terms],
        "ocos": [each.oco for each in terms],
        "waits": [outcome.waits for outcome in outcomes],
        "editions": [outcome.edition for outcome in outcomes],
        "shorts": [outcome.short for outcome in outcomes],
        "others": [Jsonb(outcome.others) if outcome.others else None for outcome in outcomes],
    }


class Need(IntEnum):
    """The use that a symbol has for live prices; the greater, the sooner it gets them when not all can have them."""

    BARS = 0  # It is held: its value follows the bars.
    RUNS = 1  # Sessions run on it: with quotes what they say is executed at better prices.
    RESTS = 2  # An order or a session's stop waits for a price; without trades it is woken by bars, once a minute.
    WORKS = 3  # A block order is at the broker.


@dataclass(frozen=True, slots=True)
class Wanted:
    """The market data that is wanted of a symbol: its shards, the bars of history before the next bar, what its live
    prices are needed for, and its users, of each the part that one of his symbols is."""

    shards: int
    history: int
    need: Need = Need.RUNS
    weight: float = field(default=0.0, compare=False)


# What a portfolio session on minutes looks at with bars of another symbol goes back as far as the first of these: as many bars as there are minutes since, at most.
_FARTHER_BACK = f"""
            UNION ALL SELECT s.user_id, other.key, NULL,
                least({FARTHER_BARS}, (other.value ->> 'bars')::int + coalesce(extract(epoch FROM (SELECT market_now()) - begun.time) / 60, 0)::int), 0 FROM sessions s
            JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version CROSS JOIN LATERAL jsonb_each(v.others) other
            CROSS JOIN LATERAL (
                SELECT min(looks.time) AS time FROM unnest(s.symbols) own (symbol) CROSS JOIN LATERAL (
                    SELECT m.time FROM market_data m WHERE m.symbol = own.symbol AND m.timeframe = '1Min' AND m.time > (SELECT market_now()) - interval '{FARTHER.days} days'
                    ORDER BY m.time DESC OFFSET (other.value ->> 'back')::int LIMIT 1) looks) begun
            WHERE s.status IN ('RUNNING', 'PAUSED') AND s.universe IS NOT NULL AND NOT s.daily
"""  # noqa: S608 - numbers of the language


def symbols_to_stream(connection: Connection) -> dict[str, Wanted]:
    """Symbols with running sessions, open positions, waiting orders, price alerts or block orders at work, and what is wanted of each."""
    rows = connection.execute(
        f"""
        WITH wanted AS (
            SELECT s.user_id, s.symbol, s.shard, CASE WHEN v.bar_minutes = 1440 THEN 1 ELSE v.lookback END AS lookback, CASE WHEN {HAS_EXITS}
                AND EXISTS (SELECT FROM positions p WHERE p.session_id = s.id AND p.quantity <> 0) THEN 2 ELSE 1 END AS need FROM sessions s
            JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
            WHERE s.status IN ('RUNNING', 'PAUSED') AND s.universe IS NULL
            UNION ALL SELECT s.user_id, unnest(s.symbols), NULL, CASE WHEN s.daily THEN 1 ELSE v.lookback END, 1 FROM sessions s
            JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
            WHERE s.status IN ('RUNNING', 'PAUSED') AND s.universe IS NOT NULL
            UNION ALL SELECT s.user_id, other.key, NULL, CASE WHEN v.bar_minutes = 1440 THEN 1 ELSE (other.value ->> 'bars')::int + ((other.value ->> 'back')::int + 3) * v.bar_minutes END, 0 FROM sessions s
            JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version CROSS JOIN LATERAL jsonb_each(v.others) other
            WHERE s.status IN ('RUNNING', 'PAUSED') AND s.universe IS NULL
            {_FARTHER_BACK}
            UNION ALL SELECT user_id, symbol, NULL, 1, 0 FROM positions WHERE quantity <> 0
            UNION ALL SELECT user_id, symbol, NULL, 1, 0 FROM price_alerts WHERE armed OR repeats
            UNION ALL SELECT user_id, symbol, NULL, 1, 2 FROM orders WHERE status IN ('PENDING', 'RESTING')
            UNION ALL SELECT NULL, symbol, NULL, 1, 3 FROM block_orders WHERE completed_at IS NULL),
        weighed AS (
            SELECT symbol, sum(1.0 / of_his) AS weight FROM (
                SELECT symbol, count(*) OVER (PARTITION BY user_id) AS of_his FROM (
                    SELECT DISTINCT user_id, symbol FROM wanted WHERE user_id IS NOT NULL AND need > 0) his) parts GROUP BY symbol)
        SELECT symbol, greatest(1, max(shard) + 1, ceil(count(shard)::numeric / (SELECT sessions_a_shard FROM platform_state)))::int, max(lookback), max(need),
               coalesce(max(weight), 0)::float8
        FROM wanted LEFT JOIN weighed USING (symbol) GROUP BY symbol
        """  # noqa: S608 - a condition of ours
    )
    return {
        symbol: Wanted(shards, window_length(lookback), Need(need), weight)
        for symbol, shards, lookback, need, weight in rows
    }
