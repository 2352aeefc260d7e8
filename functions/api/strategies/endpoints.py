"""`/api/strategies`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from stratforge.application import sessions as running
from stratforge.application import strategies as application
from stratforge.application.strategies import Code, NewStrategy, StrategyChange, Symbol
from stratforge.intent.requirements import Requirement
from stratforge.storage.strategies import strategies
from stratforge.storage.strategies.strategies import StoredStrategy

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.etags import IfMatch, matches, tagged
from functions.api.idempotency import IdempotencyKey
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import not_found
from functions.api.sessions.schemas import SessionList, SessionView, StopBody

router = APIRouter(prefix="/api/strategies", tags=["strategies"])


class StrategyView(BaseModel):
    """A strategy with its current code."""

    model_config = ConfigDict(from_attributes=True)

    strategy_id: UUID
    name: str
    symbol: str
    version: int
    python_code: str
    logic_explanation: str
    created_at: datetime
    updated_at: datetime


class StrategyList(BaseModel):
    """Strategies; `next` continues the list."""

    items: list[StrategyView]
    next: str | None = None


class VersionView(BaseModel):
    """A version and where it came from; `diff` is what changed since the one before."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    python_code: str
    source_hash: str
    lookback: int
    parameters: dict[str, float]
    logic_explanation: str
    prompt: str | None
    model: str | None
    tokens: int
    assumptions: list[str]
    repairs: list[list[str]] = Field(description="Findings that were sent back to the model, one list for each repair")
    parameter_meanings: dict[str, str] = Field(description="What the model says its parameters decide")
    requirements: list[Requirement] = Field(description="What was asked for, piece by piece, and the lines that do it")
    created_at: datetime
    diff: str = ""


class VersionList(BaseModel):
    """Versions, the newest first."""

    items: list[VersionView]


class CodeToCheck(BaseModel):
    """Code that is not to be stored."""

    model_config = ConfigDict(extra="forbid")

    python_code: Code


class CheckView(BaseModel):
    """What the compiler says: findings (line, column, what is wrong, what to write instead), or what the strategy is made of."""

    valid: bool
    findings: list[dict[str, Any]] = []
    parameters: dict[str, float] = {}
    indicators: list[str] = []
    lookback: int | None = None


def _view(stored: StoredStrategy, response: Response) -> StrategyView:
    view = StrategyView.model_validate(stored)
    tagged(response, view)
    return view


@router.post("/check")
def check(code: CodeToCheck, asking: Asking) -> CheckView:
    """Checks code without storing it."""
    checked = application.check_code(asking, code.python_code)
    if checked.strategy is None:
        return CheckView(valid=False, findings=[finding.as_dict() for finding in checked.findings])
    return CheckView(
        valid=True,
        parameters=dict(checked.strategy.parameters),
        indicators=list(checked.strategy.indicators),
        lookback=checked.strategy.lookback,
    )


@router.post("", status_code=201)
def create(new: NewStrategy, asking: Asking, key: IdempotencyKey, response: Response) -> StrategyView:
    """Stores a strategy that passes the compiler; otherwise 422 with every finding."""
    return _view(application.store_strategy(database(), asking, new, key), response)


@router.get("")
def list_all(
    user_id: Reader, connection: UserConnection, page: PageQuery, symbol: Annotated[Symbol | None, Query()] = None
) -> StrategyList:
    """The user's strategies."""
    found = strategies.list_strategies(connection, user_id, page, symbol)
    following = next_cursor(page, found, lambda each: (each.created_at, each.strategy_id))
    return StrategyList(items=[StrategyView.model_validate(each) for each in found], next=following)


@router.get("/{strategy_id}")
def get(strategy_id: UUID, connection: UserConnection, response: Response) -> StrategyView:
    """One strategy."""
    found = strategies.get_strategy(connection, strategy_id)
    if found is None:
        raise not_found("strategy")
    return _view(found, response)


@router.patch("/{strategy_id}")
def change(
    strategy_id: UUID, body: StrategyChange, asking: Asking, response: Response, if_match: IfMatch = None
) -> StrategyView:
    """Changes a strategy. Other code must pass the compiler and is a new version."""
    changed = application.change_strategy(
        database(),
        asking,
        strategy_id,
        body,
        lambda current: matches(if_match, StrategyView.model_validate(current)),
    )
    return _view(changed, response)


@router.delete("/{strategy_id}", status_code=204)
def delete(strategy_id: UUID, asking: Asking) -> None:
    """Deletes a strategy that has no running session; its history stays readable."""
    application.delete_strategy(database(), asking, strategy_id)


@router.get("/{strategy_id}/versions")
def versions(strategy_id: UUID, connection: UserConnection) -> VersionList:
    """All versions, each with what changed."""
    found = strategies.list_versions(connection, strategy_id)
    if not found:
        raise not_found("strategy")
    changes = application.code_changes(found)
    views = [VersionView.model_validate(each).model_copy(update={"diff": changes[each.version]}) for each in found]
    return VersionList(items=views)


@router.patch("/{strategy_id}/toggle")
def toggle(strategy_id: UUID, asking: Asking) -> SessionView:
    """Pauses what runs, resumes what is paused, and starts a session where there is none."""
    return SessionView.model_validate(running.toggle_strategy(database(), outbox(), asking, strategy_id))


@router.post("/{strategy_id}/stop")
def stop(strategy_id: UUID, asking: Asking, body: StopBody | None = None) -> SessionList:
    """Stops every session of a strategy."""
    flatten = body is not None and body.flatten
    stopped = running.stop_strategy(database(), outbox(), asking, strategy_id, flatten=flatten)
    return SessionList(items=[SessionView.model_validate(each) for each in stopped])
