"""Strategies and their versions, as users own them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.intent.requirements import Requirement
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page
from stratforge.storage.postgres.rows import fetch_all, fetch_exactly, fetch_one
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import EDITION, Lookbacks
from stratforge.strategy.rotation import PortfolioStrategy

_COLUMNS = (
    "id AS strategy_id, name, symbol, version, python_code, logic_explanation, created_at, updated_at, archived_at"
)


@dataclass(frozen=True, slots=True)
class StoredStrategy:
    """A strategy with its current code.

    Attributes:
        archived_at: When its owner put it aside; null for those at hand.
    """

    strategy_id: UUID
    name: str
    symbol: str
    version: int
    python_code: str
    logic_explanation: str
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True, slots=True)
class Description:
    """A strategy's name, the symbol it is for, and its logic in plain words."""

    name: str
    symbol: str
    logic_explanation: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a version: what was asked, the model that answered, its tokens, what it assumed, what was sent back to it, and what it says
    its parameters decide.

    Prompt and model are None for code written by hand.
    """

    prompt: str | None = None
    model: str | None = None
    tokens: int = 0
    assumptions: tuple[str, ...] = ()
    repairs: tuple[tuple[str, ...], ...] = ()
    parameter_meanings: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[Requirement, ...] = ()


def add_strategy(
    connection: Connection,
    user_id: UUID,
    description: Description,
    strategy: Strategy | PortfolioStrategy,
    origin: Origin,
    strategy_id: UUID | None = None,
) -> StoredStrategy:
    """Stores a strategy with its first version. Only compiled strategies can be stored: code that did not pass has no `Strategy`.

    Args:
        strategy_id: An id of the caller's choice, which makes adding safe to repeat.
    """
    stored = fetch_one(
        connection,
        StoredStrategy,
        f"""
        INSERT INTO strategies (id, user_id, name, symbol, python_code, logic_explanation)
        VALUES (coalesce(%s, gen_random_uuid()), %s, %s, %s, %s, %s)
        ON CONFLICT (id) DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (strategy_id, user_id, description.name, description.symbol, strategy.source, description.logic_explanation),
    )
    if stored is not None:
        _add_version(connection, user_id, stored, strategy, origin)
    elif strategy_id is not None:
        stored = get_strategy(connection, strategy_id)
    assert stored is not None
    return stored


def _add_version(
    connection: Connection,
    user_id: UUID,
    stored: StoredStrategy,
    strategy: Strategy | PortfolioStrategy,
    origin: Origin,
) -> None:
    lookbacks = strategy.lookbacks
    connection.execute(
        """
        INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback, day_lookback, others, lookback_edition, bar_minutes, parameters,
                                       logic_explanation, prompt, model, tokens, assumptions, repairs,
                                       parameter_meanings, requirements, symbol)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (strategy_id, version) DO NOTHING
        """,
        (
            stored.strategy_id,
            stored.version,
            user_id,
            strategy.source,
            strategy.source_hash,
            lookbacks.bars,
            lookbacks.days,
            _as_stored(lookbacks),
            EDITION,
            strategy.bar_minutes,
            Jsonb(strategy.parameters),
            stored.logic_explanation,
            origin.prompt,
            origin.model,
            origin.tokens,
            Jsonb(list(origin.assumptions)),
            Jsonb([list(each) for each in origin.repairs]),
            Jsonb(dict(origin.parameter_meanings)),
            Jsonb([each.model_dump(mode="json") for each in origin.requirements]),
            stored.symbol,
        ),
    )


def _as_stored(lookbacks: Lookbacks) -> Jsonb:
    return Jsonb({symbol: each._asdict() for symbol, each in lookbacks.others.items()})


def note_lookbacks(connection: Connection, lookbacks: Mapping[str, Lookbacks]) -> None:
    """Notes lookbacks that this edition of the language measured, by the hash of their source; later editions' stay."""
    connection.execute(
        """
        UPDATE strategy_versions v SET lookback = measured.lookback, day_lookback = measured.day_lookback, others = measured.others, lookback_edition = %(edition)s
        FROM unnest(%(hashes)s::text[], %(lookbacks)s::int[], %(days)s::int[], %(others)s::jsonb[]) AS measured (source_hash, lookback, day_lookback, others)
        WHERE v.source_hash = measured.source_hash AND v.lookback_edition < %(edition)s
        """,
        {
            "edition": EDITION,
            "hashes": list(lookbacks),
            "lookbacks": [each.bars for each in lookbacks.values()],
            "days": [each.days for each in lookbacks.values()],
            "others": [_as_stored(each) for each in lookbacks.values()],
        },
    )


def get_strategy(connection: Connection, strategy_id: UUID, of_user: UUID | None = None) -> StoredStrategy | None:
    """A strategy that is not deleted; for roles that see everybody's, of a user."""
    return fetch_one(
        connection,
        StoredStrategy,
        f"""
        SELECT {_COLUMNS} FROM strategies
        WHERE id = %(id)s AND deleted_at IS NULL AND (%(user)s::uuid IS NULL OR user_id = %(user)s)
        """,  # noqa: S608 - columns of this module
        {"id": strategy_id, "user": of_user},
    )


def list_strategies(
    connection: Connection,
    user_id: UUID,
    page: Page,
    symbol: str | None = None,
    archived: bool | None = None,
    search: str = "",
) -> list[StoredStrategy]:
    """A page of a user's strategies, for one symbol or for all; those put aside, those at hand, or both.

    Args:
        search: Words, each of which the name or the symbol has in it.
    """
    return fetch_all(
        connection,
        StoredStrategy,
        f"""
        SELECT {_COLUMNS} FROM strategies
        WHERE user_id = %(user)s AND deleted_at IS NULL AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
          AND (%(archived)s::boolean IS NULL OR (archived_at IS NOT NULL) = %(archived)s)
          AND NOT EXISTS (SELECT FROM unnest(%(words)s::text[]) word WHERE position(lower(word) IN lower(name || ' ' || symbol)) = 0)
        {page.clause("created_at", "id")}
        """,  # noqa: S608 - column names of this module
        {"user": user_id, "symbol": symbol, "archived": archived, "words": search.split(), **page.parameters},
    )


def archive(connection: Connection, strategy_id: UUID, *, archived: bool) -> None:
    """Puts a strategy that is locked aside, or takes it out again."""
    query = "UPDATE strategies SET archived_at = CASE WHEN %s THEN coalesce(archived_at, now()) END WHERE id = %s"
    connection.execute(query, (archived, strategy_id))


def names(connection: Connection, user_id: UUID) -> dict[UUID, str]:
    """The names of a user's strategies, those that were not deleted."""
    query = "SELECT id, name FROM strategies WHERE user_id = %s AND deleted_at IS NULL"
    return dict(connection.execute(query, (user_id,)).fetchall())


def lock_strategy(connection: Connection, strategy_id: UUID) -> StoredStrategy | None:
    """A strategy that nobody else changes until the transaction ends."""
    return fetch_one(
        connection,
        StoredStrategy,
        f"SELECT {_COLUMNS} FROM strategies WHERE id = %s AND deleted_at IS NULL FOR UPDATE",  # noqa: S608 - columns
        (strategy_id,),
    )


def describe_strategy(connection: Connection, strategy_id: UUID, description: Description) -> StoredStrategy:
    """Changes what is said of a strategy that is locked; its code and version stay."""
    return fetch_exactly(
        connection,
        StoredStrategy,
        f"""
        UPDATE strategies SET name = %s, symbol = %s, logic_explanation = %s, updated_at = now()
        WHERE id = %s RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (description.name, description.symbol, description.logic_explanation, strategy_id),
    )


def change_strategy(
    connection: Connection,
    user_id: UUID,
    current: StoredStrategy,
    description: Description,
    strategy: Strategy | PortfolioStrategy,
    origin: Origin,
) -> StoredStrategy:
    """Changes a strategy that is locked; other code, or another symbol, is a new version, and sessions keep the one they run."""
    if strategy.source == current.python_code and description.symbol == current.symbol:
        return describe_strategy(connection, current.strategy_id, description)
    stored = fetch_exactly(
        connection,
        StoredStrategy,
        f"""
        UPDATE strategies SET name = %s, symbol = %s, logic_explanation = %s, version = version + 1, python_code = %s, updated_at = now()
        WHERE id = %s RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (description.name, description.symbol, description.logic_explanation, strategy.source, current.strategy_id),
    )
    _add_version(connection, user_id, stored, strategy, origin)
    return stored


def delete_strategy(connection: Connection, strategy_id: UUID) -> None:
    """Hides a strategy; its sessions and trades stay readable."""
    connection.execute("UPDATE strategies SET deleted_at = now() WHERE id = %s AND deleted_at IS NULL", (strategy_id,))


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of a strategy and where it came from.

    Attributes:
        source_hash: SHA-256 of the code; what runs is what was checked.
        symbol: What it trades.
        lookback: Bars of history that the code needs, by the edition of the language that last measured it.
        logic_explanation: What it does, in plain words.
        prompt: What was asked for; null for code written by hand.
        model: The model that wrote it; null for code written by hand.
        tokens: What the model took for it, repairs included.
        assumptions: What the model assumed where the request left it open.
        repairs: Findings that were sent back to the model, one list for each repair.
        parameter_meanings: What the model says its parameters decide.
    """

    version: int
    symbol: str
    python_code: str
    source_hash: str
    lookback: int
    parameters: dict[str, float]
    logic_explanation: str
    prompt: str | None
    model: str | None
    tokens: int
    assumptions: list[str]
    repairs: list[list[str]]
    parameter_meanings: dict[str, str]
    # As JSON: what a requirement is, `stratforge.intent` says.
    requirements: list[dict[str, Any]]
    created_at: datetime


_VERSION = """version, coalesce(symbol, (SELECT s.symbol FROM strategies s WHERE s.id = strategy_id)) AS symbol, python_code, source_hash, lookback, parameters, logic_explanation, prompt, model, tokens, assumptions, repairs,
    parameter_meanings, requirements, created_at"""


def get_version(connection: Connection, strategy_id: UUID, version: int) -> StoredVersion | None:
    """A version of a strategy; None when there is none that the connection may see."""
    return fetch_one(
        connection,
        StoredVersion,
        f"SELECT {_VERSION} FROM strategy_versions WHERE strategy_id = %s AND version = %s",  # noqa: S608 - columns
        (strategy_id, version),
    )


@dataclass(frozen=True, slots=True)
class VersionRun:
    """The version of a strategy that a session runs, by what was asked for."""

    session_id: UUID
    strategy_id: UUID
    requirements: list[dict[str, Any]]


def versions_run(connection: Connection, session_ids: Collection[UUID | None]) -> dict[UUID | None, VersionRun]:
    """The versions that sessions run, by their sessions."""
    found = fetch_all(
        connection,
        VersionRun,
        """
        SELECT s.id AS session_id, v.strategy_id, v.requirements FROM sessions s
        JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version WHERE s.id = ANY(%s)
        """,
        (list(session_ids),),
    )
    return {each.session_id: each for each in found}


def list_versions(
    connection: Connection, strategy_id: UUID, at_most: int = 50, before: int | None = None
) -> list[StoredVersion]:
    """The latest versions of a strategy, or those before a number, with their code and origin, the newest first."""
    return fetch_all(
        connection,
        StoredVersion,
        f"""
        SELECT {_VERSION} FROM strategy_versions WHERE strategy_id = %(strategy)s AND (%(before)s::integer IS NULL OR version < %(before)s)
        ORDER BY version DESC LIMIT %(at_most)s
        """,  # noqa: S608 - column names of this module
        {"strategy": strategy_id, "before": before, "at_most": at_most},
    )
