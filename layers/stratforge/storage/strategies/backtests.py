"""Finished backtests and their reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value
from stratforge.storage.strategies.sessions import StoredSession

_COLUMNS = "id AS backtest_id, strategy_id, strategy_version, symbol, config, parameters, metrics, created_at"


@dataclass(frozen=True, slots=True)
class StoredBacktest:
    """A finished backtest without its curves.

    Attributes:
        strategy_version: The version that was tested.
        config: What it assumed, as `BacktestConfig` names it.
        parameters: Values of constants that this run alone had, in place of the version's own; empty where it had none.
        metrics: Its figures.
    """

    backtest_id: UUID
    strategy_id: UUID
    strategy_version: int
    symbol: str
    config: dict[str, Any]
    parameters: dict[str, float]
    metrics: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredReport(StoredBacktest):
    """A finished backtest with its curves, trades and written assumptions."""

    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewReport:
    """A backtest that was made: of what, under which assumptions, its figures, and the rest of its report."""

    strategy_id: UUID
    strategy_version: int
    symbol: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    report: dict[str, Any]


def add_backtest(connection: Connection, job_id: UUID, user_id: UUID, made: NewReport) -> UUID:
    """Stores the backtest that a job made; safe to repeat."""
    connection.execute(
        """
        INSERT INTO backtests (job_id, user_id, strategy_id, strategy_version, symbol, config, metrics, report)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (job_id) DO NOTHING
        """,
        (
            job_id,
            user_id,
            made.strategy_id,
            made.strategy_version,
            made.symbol,
            *map(Jsonb, (made.config, made.metrics, made.report)),
        ),
    )
    backtest_id: UUID = fetch_value(connection, "SELECT id FROM backtests WHERE job_id = %s", (job_id,))
    return backtest_id


def list_backtests(
    connection: Connection, user_id: UUID, page: Page, strategy_id: UUID | None = None, symbol: str | None = None
) -> list[StoredBacktest]:
    """A page of a user's finished backtests, of one strategy or of all, on one symbol or on all."""
    return fetch_all(
        connection,
        StoredBacktest,
        f"""
        SELECT {_COLUMNS} FROM backtests
        WHERE user_id = %(user)s AND (%(strategy)s::uuid IS NULL OR strategy_id = %(strategy)s)
          AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) {page.clause("created_at", "id")}
        """,  # noqa: S608 - columns of this module
        {"user": user_id, "strategy": strategy_id, "symbol": symbol, **page.parameters},
    )


def nearest_backtest(connection: Connection, user_id: UUID, session: StoredSession) -> StoredBacktest | None:
    """The backtest of a session's strategy whose setup differs from the session's in the fewest parts, the latest of such; None if there is none."""
    return fetch_one(
        connection,
        StoredBacktest,
        f"""
        SELECT {_COLUMNS} FROM backtests WHERE user_id = %(user)s AND strategy_id = %(strategy)s
        ORDER BY (strategy_version <> %(version)s)::int + (parameters <> '{{}}')::int + (symbol <> %(symbol)s)::int
            + ((coalesce(config ->> 'sizing_rule', 'EQUITY_FRACTION'), coalesce((config ->> 'sizing_value')::numeric, 1))
               <> (%(rule)s::text, %(size)s::numeric))::int
            + ((config ->> 'stop_loss')::numeric IS DISTINCT FROM %(stop_loss)s::numeric)::int
            + ((config ->> 'take_profit')::numeric IS DISTINCT FROM %(take_profit)s::numeric)::int
            + ((config ->> 'trailing_stop')::numeric IS DISTINCT FROM %(trailing_stop)s::numeric)::int, created_at DESC, id LIMIT 1
        """,  # noqa: S608 - columns of this module
        {
            "user": user_id,
            "strategy": session.strategy_id,
            "version": session.strategy_version,
            "symbol": session.symbol,
            "rule": session.sizing_rule,
            "size": session.sizing_value,
            "stop_loss": session.stop_loss,
            "take_profit": session.take_profit,
            "trailing_stop": session.trailing_stop,
        },
    )


@dataclass(frozen=True, slots=True)
class LatestBacktest:
    """The latest backtest of a strategy, as a card shows it.

    Attributes:
        parameters: Values that it had in place of the version's own.
        metrics: Its figures.
        equity: About forty points of its equity, oldest first.
    """

    backtest_id: UUID
    strategy_id: UUID
    strategy_version: int
    parameters: dict[str, float]
    metrics: dict[str, Any]
    equity: list[float]


def latest_backtests(connection: Connection, user_id: UUID, strategy_ids: Sequence[UUID]) -> dict[UUID, LatestBacktest]:
    """The latest backtest of each of these strategies that has any."""
    rows = fetch_all(
        connection,
        LatestBacktest,
        """
        SELECT b.backtest_id, wanted.id AS strategy_id, b.strategy_version, b.parameters, b.metrics, array(
            SELECT point.value::float8 FROM jsonb_array_elements_text(b.curve) WITH ORDINALITY point (value, place)
            WHERE point.place %% greatest(1, jsonb_array_length(b.curve) / 40) = 0 ORDER BY point.place) AS equity
        FROM unnest(%(strategies)s::uuid[]) wanted (id)
        CROSS JOIN LATERAL (SELECT id AS backtest_id, strategy_version, parameters, metrics, report #> '{curve,equity}' AS curve FROM backtests
                            WHERE strategy_id = wanted.id AND user_id = %(user)s ORDER BY created_at DESC LIMIT 1) b
        """,
        {"strategies": list(strategy_ids), "user": user_id},
    )
    return {each.strategy_id: each for each in rows}


def get_report(connection: Connection, backtest_id: UUID) -> StoredReport | None:
    """A backtest with its curves and trades."""
    return fetch_one(
        connection,
        StoredReport,
        f"SELECT {_COLUMNS}, report FROM backtests WHERE id = %s",  # noqa: S608 - column names of this module
        (backtest_id,),
    )


def delete_backtest(connection: Connection, backtest_id: UUID) -> bool:
    """Deletes a backtest of the connection's user; False if there is none."""
    return connection.execute("DELETE FROM backtests WHERE id = %s", (backtest_id,)).rowcount == 1
