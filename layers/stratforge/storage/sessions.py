"""Sessions: a strategy's version at work on a symbol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from stratforge.storage.database import Connection

_COLUMNS = """s.id, s.strategy_id, s.strategy_version, s.symbol, s.mode::text, s.status::text, s.sizing_rule::text, s.sizing_value,
    s.bars_evaluated, s.last_bar_time, s.failure_reason, s.started_at, s.ended_at, s.final_pnl"""


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
    bars_evaluated: int
    last_bar_time: datetime | None
    failure_reason: str | None
    started_at: datetime
    ended_at: datetime | None
    final_pnl: Decimal | None


def start_session(
    connection: Connection,
    user_id: UUID,
    strategy_id: UUID,
    version: int,
    symbol: str,
    sizing_rule: str,
    sizing_value: Decimal,
) -> StoredSession:
    """Starts a session of a strategy's version."""
    row = connection.execute(
        f"""
        INSERT INTO sessions AS s (user_id, strategy_id, strategy_version, symbol, status, sizing_rule, sizing_value)
        VALUES (%s, %s, %s, %s, 'RUNNING', %s::sizing_rule, %s) RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (user_id, strategy_id, version, symbol, sizing_rule, sizing_value),
    ).fetchone()
    assert row is not None
    return StoredSession(*row)


def get_session(connection: Connection, session_id: UUID) -> StoredSession | None:
    """One session."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM sessions s WHERE s.id = %s",  # noqa: S608 - column names of this module
        (session_id,),
    ).fetchone()
    return StoredSession(*row) if row else None


def list_sessions(connection: Connection, limit: int) -> list[StoredSession]:
    """The latest sessions."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM sessions s ORDER BY s.started_at DESC, s.id LIMIT %s",  # noqa: S608
        (limit,),
    )
    return [StoredSession(*row) for row in rows]


def stop_session(connection: Connection, session_id: UUID) -> StoredSession | None:
    """Stops a session and notes its profit and loss; a session that has ended stays as it is."""
    connection.execute(
        """
        UPDATE sessions s SET status = 'STOPPED', ended_at = now(), final_pnl = coalesce((
            SELECT p.realized_pnl + p.quantity * coalesce(lp.price, p.avg_entry_price) - p.cost_basis
            FROM positions p LEFT JOIN latest_prices lp ON lp.symbol = p.symbol WHERE p.session_id = s.id), 0)
        WHERE s.id = %s AND s.status IN ('PENDING', 'RUNNING', 'PAUSED')
        """,
        (session_id,),
    )
    return get_session(connection, session_id)
