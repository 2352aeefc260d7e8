"""Sessions: a strategy's version at work on a symbol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page

# Of equity, for a session that is started without saying how much.
DEFAULT_SIZE = Decimal("0.1")
_COLUMNS = """s.id, s.strategy_id, s.strategy_version, s.symbol, s.mode::text, s.status::text, s.sizing_rule::text, s.sizing_value,
    s.stop_loss, s.take_profit, s.trailing_stop, s.bars_evaluated, s.last_bar_time, s.failure_reason, s.started_at, s.ended_at,
    s.final_pnl, s.settling, s.replayed_at, s.replayed_bars, s.replay_differences,
    coalesce((SELECT p.realized_pnl FROM positions p WHERE p.session_id = s.id AND p.symbol = s.symbol), 0),
    coalesce((SELECT p.quantity * coalesce(l.price, p.avg_entry_price) - p.cost_basis FROM positions p
              LEFT JOIN latest_prices l ON l.symbol = p.symbol WHERE p.session_id = s.id AND p.symbol = s.symbol), 0)"""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as its owner sees it."""

    session_id: UUID
    strategy_id: UUID
    strategy_version: int
    symbol: str
    mode: str
    status: str
    sizing_rule: str
    sizing_value: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    trailing_stop: Decimal | None
    bars_evaluated: int
    last_bar_time: datetime | None
    failure_reason: str | None
    started_at: datetime
    ended_at: datetime | None
    final_pnl: Decimal | None
    settling: bool
    replayed_at: datetime | None
    replayed_bars: int | None
    replay_differences: list[dict[str, Any]] | None
    realized_pnl: Decimal
    unrealized_pnl: Decimal


@dataclass(frozen=True, slots=True)
class Exits:
    """A session's own stops as fractions: of the average entry price, and (trailing) of the highest price since the entry."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_stop: Decimal | None = None


def start_session(
    connection: Connection,
    user_id: UUID,
    strategy_id: UUID,
    version: int,
    symbol: str,
    sizing_rule: str,
    sizing_value: Decimal,
    exits: Exits = Exits(),
    session_id: UUID | None = None,
    mode: str = "PAPER",
) -> StoredSession:
    """Starts a session of a strategy's version. An id of the caller's choice makes it safe to repeat."""
    row = connection.execute(
        f"""
        INSERT INTO sessions AS s (id, user_id, strategy_id, strategy_version, symbol, status, sizing_rule, sizing_value, stop_loss,
                                   take_profit, trailing_stop, mode)
        VALUES (coalesce(%s, gen_random_uuid()), %s, %s, %s, %s, 'RUNNING', %s::sizing_rule, %s, %s, %s, %s, %s::session_mode)
        ON CONFLICT (id) DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (
            session_id,
            user_id,
            strategy_id,
            version,
            symbol,
            sizing_rule,
            sizing_value,
            exits.stop_loss,
            exits.take_profit,
            exits.trailing_stop,
            mode,
        ),
    ).fetchone()
    stored = StoredSession(*row) if row else get_session(connection, session_id) if session_id else None
    assert stored is not None
    return stored


def get_session(connection: Connection, session_id: UUID) -> StoredSession | None:
    """One session."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM sessions s WHERE s.id = %s",  # noqa: S608 - column names of this module
        (session_id,),
    ).fetchone()
    return StoredSession(*row) if row else None


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions to list; None: all."""

    strategy_id: UUID | None = None
    symbol: str | None = None
    status: str | None = None


def list_sessions(connection: Connection, user_id: UUID, wanted: SessionFilter, page: Page) -> list[StoredSession]:
    """A page of sessions."""
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM sessions s
        WHERE s.user_id = %(user)s AND (%(strategy)s::uuid IS NULL OR s.strategy_id = %(strategy)s)
          AND (%(symbol)s::text IS NULL OR s.symbol = %(symbol)s) AND (%(status)s::text IS NULL OR s.status = %(status)s::session_status)
        {page.clause("s.started_at", "s.id")}
        """,  # noqa: S608 - column names of this module
        {
            "user": user_id,
            "strategy": wanted.strategy_id,
            "symbol": wanted.symbol,
            "status": wanted.status,
            **page.parameters,
        },
    )
    return [StoredSession(*row) for row in rows]


def active_sessions(connection: Connection, strategy_id: UUID) -> list[StoredSession]:
    """Sessions of a strategy that run or are paused, the newest first."""
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM sessions s WHERE s.strategy_id = %s AND s.status IN ('PENDING', 'RUNNING', 'PAUSED')
        ORDER BY s.started_at DESC, s.id
        """,  # noqa: S608 - column names of this module
        (strategy_id,),
    )
    return [StoredSession(*row) for row in rows]


_PNL = """
    coalesce((SELECT p.realized_pnl + p.quantity * coalesce(lp.price, p.avg_entry_price) - p.cost_basis
              FROM positions p LEFT JOIN latest_prices lp ON lp.symbol = p.symbol
              WHERE p.session_id = s.id AND p.symbol = s.symbol), 0)
"""


def stop_session(connection: Connection, session_id: UUID, *, flatten: bool = False) -> StoredSession | None:
    """Stops a session and notes its profit and loss; a session that has ended stays as it is.

    With `flatten` an order to sell what it holds is placed as well. While orders of the session are open its profit is not final:
    it is fixed when the last one ends.
    """
    stopped = connection.execute(
        f"""
        UPDATE sessions s SET status = 'STOPPED', ended_at = now(), final_pnl = {_PNL},
            settling = %s OR EXISTS (SELECT FROM orders o WHERE o.session_id = s.id AND o.status IN ('PENDING', 'RESTING', 'WORKING'))
        WHERE s.id = %s AND s.status IN ('PENDING', 'RUNNING', 'PAUSED')
        """,  # noqa: S608 - an expression of this module
        (flatten, session_id),
    ).rowcount
    if flatten and stopped:
        flatten_session(connection, session_id)
    return get_session(connection, session_id)


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A session's settings from now on."""

    sizing_rule: str
    sizing_value: Decimal
    exits: Exits
    paused: bool


def change_session(connection: Connection, session_id: UUID, change: SessionChange) -> StoredSession | None:
    """Changes a running or paused session; one that has ended stays as it is."""
    connection.execute(
        """
        UPDATE sessions SET status = (CASE WHEN %s THEN 'PAUSED' ELSE 'RUNNING' END)::session_status, sizing_rule = %s::sizing_rule,
                            sizing_value = %s, stop_loss = %s, take_profit = %s, trailing_stop = %s
        WHERE id = %s AND status IN ('RUNNING', 'PAUSED')
        """,
        (
            change.paused,
            change.sizing_rule,
            change.sizing_value,
            change.exits.stop_loss,
            change.exits.take_profit,
            change.exits.trailing_stop,
            session_id,
        ),
    )
    return get_session(connection, session_id)


def flatten_session(connection: Connection, session_id: UUID) -> None:
    """Places an order to sell all that a session holds, unless one is placed already."""
    connection.execute(
        """
        INSERT INTO orders (user_id, session_id, symbol, side, origin, type, time_in_force, size_kind, size)
        SELECT p.user_id, p.session_id, p.symbol, 'sell', 'FLATTEN', 'market', 'gtc', 'fraction', 1 FROM positions p
        WHERE p.session_id = %s AND p.quantity > 0 AND NOT EXISTS (
            SELECT FROM orders o WHERE o.session_id = p.session_id AND o.origin = 'FLATTEN' AND o.status IN ('PENDING', 'WORKING'))
        """,
        (session_id,),
    )


def state_of(connection: Connection, session_id: UUID) -> dict[str, float]:
    """What a session's strategy keeps between bars."""
    row = connection.execute("SELECT state FROM sessions WHERE id = %s", (session_id,)).fetchone()
    return dict(row[0]) if row else {}


def high_water(connection: Connection, session_id: UUID) -> Decimal | None:
    """The highest price since a session's position was opened; None when it holds nothing."""
    row = connection.execute(
        "SELECT high_water FROM positions WHERE session_id = %s AND quantity > 0", (session_id,)
    ).fetchone()
    return row[0] if row else None


def note_replay(connection: Connection, session_id: UUID, bars: int, differences: list[dict[str, Any]]) -> None:
    """Notes what a replay of the session's recorded bars came to."""
    connection.execute(
        "UPDATE sessions SET replayed_at = now(), replayed_bars = %s, replay_differences = %s WHERE id = %s",
        (bars, Jsonb(differences), session_id),
    )


def fix_final_pnl(connection: Connection, symbol: str) -> None:
    """Fixes the profit of ended sessions whose last order has ended."""
    connection.execute(
        f"""
        UPDATE sessions s SET final_pnl = {_PNL}, settling = false
        WHERE s.symbol = %s AND s.settling AND NOT EXISTS (
            SELECT FROM orders o WHERE o.session_id = s.id AND o.status IN ('PENDING', 'RESTING', 'WORKING'))
        """,  # noqa: S608 - an expression of this module
        (symbol,),
    )
