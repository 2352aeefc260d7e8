"""Running sessions, and the signals and state that evaluating them yields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all
from stratforge.strategy.lookback import window_length

MAX_FAILURES = 3


@dataclass(frozen=True, slots=True)
class RunningSession:
    """A running session with the code of its version and its position."""

    session_id: UUID
    user_id: UUID
    python_code: str
    source_hash: str
    parameters: dict[str, float]
    lookback: int
    state: dict[str, float]
    bars_held: int
    quantity: float
    average_entry_price: float

    @property
    def bars_held_now(self) -> int:
        """Bars the position is held on the bar about to be evaluated, that one included (`bars_held` is as of the bar before)."""
        return self.bars_held + 1 if self.quantity > 0 else 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of evaluating one session on one bar: a signal or none, and the state; or an error."""

    session: RunningSession
    state: dict[str, float]
    side: str | None = None
    confidence: float = 0.0
    size_kind: str = "default"
    size: float = 0.0
    error: str | None = None


def sessions_awaiting(connection: Connection, symbol: str, shard: int, bar_time: datetime) -> list[RunningSession]:
    """Running sessions of a symbol and shard (paused ones keep seeing bars) that have not seen the bar at `bar_time` or a later one."""
    return fetch_all(
        connection,
        RunningSession,
        """
        SELECT s.id AS session_id, s.user_id, v.python_code, v.source_hash, v.parameters, v.lookback, s.state, s.bars_held,
               coalesce(p.quantity, 0)::float8 AS quantity, coalesce(p.avg_entry_price, 0)::float8 AS average_entry_price
        FROM sessions s
        JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
        LEFT JOIN positions p ON p.user_id = s.user_id AND p.session_id = s.id AND p.symbol = s.symbol
        WHERE s.symbol = %s AND s.shard = %s AND s.status IN ('RUNNING', 'PAUSED') AND s.started_at <= now()
          AND (s.last_bar_time IS NULL OR s.last_bar_time < %s)
        ORDER BY s.id
        """,
        (symbol, shard, bar_time),
    )


def note_missing_bars(connection: Connection, session_ids: Sequence[UUID], missing: int) -> None:
    """Notes that sessions were not evaluated because so many bars of their windows are missing. Being evaluated takes it back."""
    connection.execute(
        "UPDATE sessions SET missing_bars = %(missing)s WHERE id = ANY(%(ids)s) AND missing_bars <> %(missing)s",
        {"ids": list(session_ids), "missing": missing},
    )


def record_outcomes(
    connection: Connection,
    symbol: str,
    bar_time: datetime,
    outcomes: Sequence[Outcome],
    bar_before: datetime | None = None,
) -> int:
    """Writes signals and state of one bar; a session that has already seen the bar is left alone.

    Args:
        connection: In whose transaction.
        symbol: The symbol.
        bar_time: The bar.
        outcomes: What came of it, for each session.
        bar_before: The bar before it, so that it is noted which sessions did not see that one.

    Returns:
        How many signals are new.
    """
    if not outcomes:
        return 0
    row = connection.execute(
        """
        WITH outcome AS (
            SELECT * FROM unnest(%(ids)s::uuid[], %(states)s::jsonb[], %(held)s::int[], %(errors)s::text[], %(sides)s::text[],
                                 %(confidences)s::float8[], %(kinds)s::text[], %(sizes)s::float8[],
                                 %(quantities)s::float8[], %(entries)s::float8[])
                AS o (session_id, state, bars_held, error, side, confidence, size_kind, size, quantity, entry_price)),
        -- Reads the sessions as they were before this bar.
        viewed AS (
            INSERT INTO position_views (session_id, user_id, bar_time, quantity, average_entry_price)
            SELECT s.id, s.user_id, %(bar_time)s, o.quantity, o.entry_price FROM outcome o JOIN sessions s ON s.id = o.session_id
            WHERE (s.last_bar_time IS NULL OR s.last_bar_time < %(bar_time)s)
              AND (s.seen_quantity, s.seen_entry_price) IS DISTINCT FROM (o.quantity, o.entry_price)
            ON CONFLICT DO NOTHING),
        missed AS (
            INSERT INTO session_gaps (session_id, user_id, after_bar, before_bar)
            SELECT s.id, s.user_id, s.last_bar_time, %(bar_time)s FROM outcome o JOIN sessions s ON s.id = o.session_id
            WHERE s.last_bar_time < %(bar_before)s AND s.last_bar_time < %(bar_time)s
            ON CONFLICT DO NOTHING),
        advanced AS (
            UPDATE sessions s SET
                first_bar_time = coalesce(s.first_bar_time, %(bar_time)s),
                last_bar_time = %(bar_time)s,
                bars_evaluated = s.bars_evaluated + 1,
                bars_held = o.bars_held,
                missing_bars = 0,
                seen_quantity = o.quantity,
                seen_entry_price = o.entry_price,
                state = CASE WHEN o.error IS NULL THEN o.state ELSE s.state END,
                consecutive_failures = CASE WHEN o.error IS NULL THEN 0 ELSE s.consecutive_failures + 1 END,
                failure_reason = coalesce(o.error, s.failure_reason),
                status = CASE WHEN o.error IS NOT NULL AND s.consecutive_failures + 1 >= %(limit)s
                              THEN 'FAILED'::session_status ELSE s.status END,
                settling = s.settling OR (o.error IS NOT NULL AND s.consecutive_failures + 1 >= %(limit)s),
                ended_at = CASE WHEN o.error IS NOT NULL AND s.consecutive_failures + 1 >= %(limit)s
                                THEN now() ELSE s.ended_at END
            FROM outcome o
            WHERE s.id = o.session_id AND (s.last_bar_time IS NULL OR s.last_bar_time < %(bar_time)s)
            RETURNING s.id, s.user_id, o.side, o.confidence, o.size_kind, o.size),
        signaled AS (
            INSERT INTO signals (session_id, user_id, symbol, bar_time, side, confidence, size_kind, size)
            SELECT id, user_id, %(symbol)s, %(bar_time)s, side::trade_side, confidence, size_kind, size
            FROM advanced WHERE side IS NOT NULL ORDER BY id
            ON CONFLICT (session_id, bar_time) DO NOTHING
            RETURNING 1)
        SELECT count(*) FROM signaled
        """,
        {"bar_before": bar_before, **_parameters(symbol, bar_time, outcomes)},
    ).fetchone()
    assert row is not None
    return int(row[0])


def last_bar_seen_by_all(connection: Connection, symbol: str) -> datetime | None:
    """The latest bar that every session of a symbol has seen; None when none has seen any.

    A bar may be stored and yet not seen: whoever stored it may have died before it was evaluated, with the queue it came from.
    """
    row = connection.execute(
        "SELECT min(last_bar_time) FROM sessions WHERE symbol = %s AND status IN ('RUNNING', 'PAUSED')", (symbol,)
    ).fetchone()
    seen: datetime | None = row[0] if row is not None else None
    return seen


def _parameters(symbol: str, bar_time: datetime, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "bar_time": bar_time,
        "limit": MAX_FAILURES,
        "ids": [outcome.session.session_id for outcome in outcomes],
        "states": [Jsonb(outcome.state) for outcome in outcomes],
        "held": [outcome.session.bars_held_now for outcome in outcomes],
        "errors": [outcome.error for outcome in outcomes],
        "sides": [outcome.side for outcome in outcomes],
        "confidences": [outcome.confidence for outcome in outcomes],
        "kinds": [outcome.size_kind for outcome in outcomes],
        "sizes": [outcome.size for outcome in outcomes],
        "quantities": [outcome.session.quantity for outcome in outcomes],
        "entries": [outcome.session.average_entry_price for outcome in outcomes],
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """The market data that running sessions need for a symbol: its shards, and the bars of history before the next
    bar."""

    shards: int
    history: int


def symbols_to_stream(connection: Connection) -> dict[str, Wanted]:
    """Symbols with running sessions, open positions or waiting orders, and what is wanted of each."""
    rows = connection.execute(
        """
        SELECT symbol, max(shard) + 1, max(lookback) FROM (
            SELECT s.symbol, s.shard, v.lookback FROM sessions s
            JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
            WHERE s.status IN ('RUNNING', 'PAUSED')
            UNION ALL SELECT symbol, 0, 1 FROM positions WHERE quantity > 0
            UNION ALL SELECT symbol, 0, 1 FROM orders WHERE status IN ('PENDING', 'RESTING')) wanted
        GROUP BY symbol
        """
    )
    return {symbol: Wanted(shards, window_length(lookback)) for symbol, shards, lookback in rows}
