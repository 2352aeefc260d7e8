"""Strategies and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.storage.database import Connection
from stratforge.strategy import Strategy

_COLUMNS = "id, name, symbol, version, python_code, logic_explanation, created_at, updated_at"


@dataclass(frozen=True, slots=True)
class StoredStrategy:
    """A strategy with its current code."""

    strategy_id: UUID
    name: str
    symbol: str
    version: int
    python_code: str
    logic_explanation: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """Who wrote a version: what was asked, and the model that answered. Both None for code written by hand."""

    prompt: str | None = None
    model: str | None = None


def add_strategy(
    connection: Connection,
    user_id: UUID,
    name: str,
    symbol: str,
    strategy: Strategy,
    explanation: str,
    origin: Origin,
    strategy_id: UUID | None = None,
) -> StoredStrategy:
    """Stores a strategy with its first version. Only compiled strategies can be stored: code that did not pass has no `Strategy`.

    Args:
        strategy_id: An id of the caller's choice, which makes adding safe to repeat.
    """
    row = connection.execute(
        f"""
        INSERT INTO strategies (id, user_id, name, symbol, python_code, logic_explanation)
        VALUES (coalesce(%s, gen_random_uuid()), %s, %s, %s, %s, %s)
        ON CONFLICT (id) DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (strategy_id, user_id, name, symbol, strategy.source, explanation),
    ).fetchone()
    if row is None:
        assert strategy_id is not None
        stored = get_strategy(connection, strategy_id)
        assert stored is not None
        return stored
    stored = StoredStrategy(*row)
    _add_version(connection, user_id, stored.strategy_id, stored.version, strategy, explanation, origin)
    return stored


def _add_version(
    connection: Connection,
    user_id: UUID,
    strategy_id: UUID,
    version: int,
    strategy: Strategy,
    explanation: str,
    origin: Origin,
) -> None:
    connection.execute(
        """
        INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback, parameters,
                                       logic_explanation, prompt, model)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (strategy_id, version) DO NOTHING
        """,
        (
            strategy_id,
            version,
            user_id,
            strategy.source,
            strategy.source_hash,
            strategy.lookback,
            Jsonb(strategy.parameters),
            explanation,
            origin.prompt,
            origin.model,
        ),
    )


def get_strategy(connection: Connection, strategy_id: UUID) -> StoredStrategy | None:
    """A strategy that is not deleted."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM strategies WHERE id = %s AND deleted_at IS NULL",  # noqa: S608 - columns of this module
        (strategy_id,),
    ).fetchone()
    return StoredStrategy(*row) if row else None


def list_strategies(connection: Connection, limit: int) -> list[StoredStrategy]:
    """The latest strategies."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM strategies WHERE deleted_at IS NULL ORDER BY created_at DESC, id LIMIT %s",  # noqa: S608
        (limit,),
    )
    return [StoredStrategy(*row) for row in rows]
