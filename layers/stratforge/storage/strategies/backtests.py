"""Finished backtests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page

_COLUMNS = "id, strategy_id, strategy_version, symbol, config, metrics, created_at"


@dataclass(frozen=True, slots=True)
class StoredBacktest:
    """A backtest without its curves."""

    backtest_id: UUID
    strategy_id: UUID
    strategy_version: int
    symbol: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    created_at: datetime


def add_backtest(
    connection: Connection,
    job_id: UUID,
    user_id: UUID,
    strategy_id: UUID,
    version: int,
    symbol: str,
    config: dict[str, Any],
    metrics: dict[str, Any],
    report: dict[str, Any],
) -> UUID:
    """Stores the backtest that a job made; safe to repeat."""
    row = connection.execute(
        """
        INSERT INTO backtests (job_id, user_id, strategy_id, strategy_version, symbol, config, metrics, report)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (job_id) DO NOTHING RETURNING id
        """,
        (job_id, user_id, strategy_id, version, symbol, Jsonb(config), Jsonb(metrics), Jsonb(report)),
    ).fetchone()
    row = row or connection.execute("SELECT id FROM backtests WHERE job_id = %s", (job_id,)).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def list_backtests(
    connection: Connection, user_id: UUID, page: Page, strategy_id: UUID | None = None
) -> list[StoredBacktest]:
    """A page of backtests."""
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM backtests
        WHERE user_id = %(user)s AND (%(strategy)s::uuid IS NULL OR strategy_id = %(strategy)s) {page.clause("created_at", "id")}
        """,  # noqa: S608 - columns of this module
        {"user": user_id, "strategy": strategy_id, **page.parameters},
    )
    return [StoredBacktest(*row) for row in rows]


def get_report(connection: Connection, backtest_id: UUID) -> tuple[StoredBacktest, dict[str, Any]] | None:
    """A backtest with its curves and trades."""
    row = connection.execute(
        f"SELECT {_COLUMNS}, report FROM backtests WHERE id = %s",  # noqa: S608 - column names of this module
        (backtest_id,),
    ).fetchone()
    return (StoredBacktest(*row[:-1]), row[-1]) if row else None
