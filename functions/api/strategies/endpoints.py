"""`/api/strategies`."""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.bus.queues import send_work_ready
from stratforge.market import parse_symbol
from stratforge.storage.strategies import sessions, strategies
from stratforge.storage.strategies.strategies import Origin, StoredStrategy
from stratforge.strategy import Strategy, StrategyError, compile_strategy

from functions.api.context import Reader, Trader, UserConnection, Writer, WriterConnection, database, settings
from functions.api.etags import IfMatch, check_match, tagged
from functions.api.idempotency import IdempotencyKey
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import Problem, not_found
from functions.api.sessions.schemas import SessionList, SessionView, StopBody
from functions.api.sessions.subscriptions import request_subscription

router = APIRouter(prefix="/api/strategies", tags=["strategies"])
_EXAMPLE = "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return buy()\n"
Symbol = Annotated[str, Field(max_length=20, examples=["AAPL"]), AfterValidator(parse_symbol)]
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["Average cross"])]
Code = Annotated[str, Field(min_length=1, max_length=32_000, examples=[_EXAMPLE])]
Explanation = Annotated[str, Field(max_length=8_000, pattern=r"^[^\x00]*$")]


class NewStrategy(BaseModel):
    """A strategy written by hand."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    symbol: Symbol
    python_code: Code
    logic_explanation: Explanation = ""


class StrategyChange(BaseModel):
    """What to change; what is left out stays. Other code is a new version; sessions keep the one they run."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    symbol: Symbol | None = None
    python_code: Code | None = None
    logic_explanation: Explanation | None = None


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


def _compiled(code: str) -> Strategy:
    try:
        strategy = compile_strategy(code)
        _ = strategy.lookback
    except StrategyError as error:
        findings = [finding.as_dict() for finding in error.findings]
        raise Problem(422, "not-in-language", "The code is not in the strategy language.", findings=findings) from None
    return strategy


def _view(stored: StoredStrategy, response: Response) -> StrategyView:
    view = StrategyView.model_validate(stored)
    tagged(response, view)
    return view


@router.post("/check")
def check(code: CodeToCheck, _user: Reader) -> CheckView:
    """Checks code without storing it."""
    try:
        strategy = compile_strategy(code.python_code)
        return CheckView(
            valid=True,
            parameters=dict(strategy.parameters),
            indicators=list(strategy.indicators),
            lookback=strategy.lookback,
        )
    except StrategyError as error:
        return CheckView(valid=False, findings=[finding.as_dict() for finding in error.findings])


@router.post("", status_code=201)
def create(
    new: NewStrategy, user_id: Writer, connection: WriterConnection, key: IdempotencyKey, response: Response
) -> StrategyView:
    """Stores a strategy that passes the compiler; otherwise 422 with every finding."""
    strategy = _compiled(new.python_code)
    stored = strategies.add_strategy(
        connection,
        user_id,
        new.name,
        new.symbol,
        strategy,
        new.logic_explanation,
        Origin(),
        key.new_id(connection, user_id),
    )
    return _view(stored, response)


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
    strategy_id: UUID,
    body: StrategyChange,
    user_id: Writer,
    connection: WriterConnection,
    response: Response,
    if_match: IfMatch = None,
) -> StrategyView:
    """Changes a strategy. Other code must pass the compiler and is a new version."""
    current = strategies.lock_strategy(connection, strategy_id)
    if current is None:
        raise not_found("strategy")
    check_match(if_match, StrategyView.model_validate(current))
    explanation = current.logic_explanation if body.logic_explanation is None else body.logic_explanation
    changed = strategies.change_strategy(
        connection,
        user_id,
        current,
        body.name or current.name,
        body.symbol or current.symbol,
        _compiled(body.python_code or current.python_code),
        explanation,
        Origin(),
    )
    return _view(changed, response)


@router.delete("/{strategy_id}", status_code=204)
def delete(strategy_id: UUID, connection: WriterConnection) -> None:
    """Deletes a strategy that has no running session; its history stays readable."""
    if strategies.lock_strategy(connection, strategy_id) is None:
        raise not_found("strategy")
    if sessions.active_sessions(connection, strategy_id):
        raise Problem(409, "strategy-runs", "Sessions of the strategy are running; stop them first.")
    strategies.delete_strategy(connection, strategy_id)


@router.get("/{strategy_id}/versions")
def versions(strategy_id: UUID, connection: UserConnection) -> VersionList:
    """All versions, each with what changed."""
    found = strategies.list_versions(connection, strategy_id)
    if not found:
        raise not_found("strategy")
    views = []
    for index, each in enumerate(found):
        before = found[index + 1].python_code if index + 1 < len(found) else ""
        lines = difflib.unified_diff(
            before.splitlines(),
            each.python_code.splitlines(),
            f"version {each.version - 1}",
            f"version {each.version}",
            lineterm="",
        )
        views.append(VersionView.model_validate(each).model_copy(update={"diff": "\n".join(lines) if before else ""}))
    return VersionList(items=views)


@router.patch("/{strategy_id}/toggle")
def toggle(strategy_id: UUID, user_id: Trader) -> SessionView:
    """Pauses what runs, resumes what is paused, and starts a session where there is none."""
    with database().transaction(user_id) as connection:
        strategy = strategies.lock_strategy(connection, strategy_id)
        if strategy is None:
            raise not_found("strategy")
        active = sessions.active_sessions(connection, strategy_id)
        if active:
            latest = active[0]
            changed = sessions.change_session(
                connection,
                latest.session_id,
                sessions.SessionChange(
                    latest.sizing_rule,
                    latest.sizing_value,
                    sessions.Exits(latest.stop_loss, latest.take_profit, latest.trailing_stop),
                    paused=latest.status != "PAUSED",
                ),
            )
            assert changed is not None
        else:
            changed = sessions.start_session(
                connection,
                user_id,
                strategy_id,
                strategy.version,
                strategy.symbol,
                "EQUITY_FRACTION",
                sessions.DEFAULT_SIZE,
            )
    request_subscription(changed.symbol)
    return SessionView.model_validate(changed)


@router.post("/{strategy_id}/stop")
def stop(strategy_id: UUID, user_id: Trader, body: StopBody | None = None) -> SessionList:
    """Stops every session of a strategy."""
    flatten = body is not None and body.flatten
    stopped = []
    with database().transaction(user_id) as connection:
        if strategies.get_strategy(connection, strategy_id) is None:
            raise not_found("strategy")
        for session in sessions.active_sessions(connection, strategy_id):
            ended = sessions.stop_session(connection, session.session_id, flatten=flatten)
            assert ended is not None
            stopped.append(ended)
    for each in stopped:
        if flatten:
            send_work_ready(settings().signals_queue_url, each.symbol, f"flatten-{each.session_id}")
        request_subscription(each.symbol)
    return SessionList(items=[SessionView.model_validate(each) for each in stopped])
