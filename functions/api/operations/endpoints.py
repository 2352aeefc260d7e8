"""`/api/operations`: the platform's state for everybody, its switches for operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from stratforge.bus import dead_letters
from stratforge.storage.ledger import halts, operations

from functions.api.context import LoggedIn, Reader, UserConnection, database, settings
from functions.api.market.endpoints import PathSymbol
from functions.api.problems import not_found

router = APIRouter(prefix="/api/operations", tags=["operations"])
Why = Annotated[str, Field(min_length=3, max_length=300, pattern=r"^[^\x00]*$")]


class HaltView(BaseModel):
    """A symbol that is not traded at present."""

    model_config = ConfigDict(from_attributes=True)

    symbol: str
    reason: str
    halted_at: datetime


class PlatformView(BaseModel):
    """The platform's trading state."""

    trading_state: str
    reason: str | None
    changed_at: datetime
    halts: list[HaltView]
    simulated_market: bool


class PlatformStateBody(BaseModel):
    """ACTIVE trades, REDUCING only sells, HALTED does nothing; and why."""

    model_config = ConfigDict(extra="forbid")

    trading_state: Literal["ACTIVE", "REDUCING", "HALTED"]
    reason: Why


class HaltBody(BaseModel):
    """Why a symbol is halted."""

    model_config = ConfigDict(extra="forbid")

    reason: Why


class ReportView(BaseModel):
    """A report of the reconciler."""

    model_config = ConfigDict(from_attributes=True)

    report_id: int
    started_at: datetime
    finished_at: datetime
    clean: bool
    report: dict[str, Any]


class ReportList(BaseModel):
    """Reports, the newest first."""

    items: list[ReportView]


class QueueView(BaseModel):
    """A queue: messages that wait, that are in work, and that failed five times."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    waiting: int
    in_work: int
    dead: int


class QueueList(BaseModel):
    """The platform's queues."""

    items: list[QueueView]


class RedriveView(BaseModel):
    """How many dead letters were sent again."""

    sent: int


def operator(asking: LoggedIn) -> UUID:
    """A dependency for operators; to everybody else there is no such address."""
    with database().reading(asking.user_id) as connection:
        if not operations.is_operator(connection):
            raise not_found("address")
    return asking.user_id


Operator = Annotated[UUID, Depends(operator)]


@router.get("/state")
def state(_user: Reader, connection: UserConnection) -> PlatformView:
    """Whether the platform trades, and which symbols do not."""
    return _state(halts.platform_state(connection), halts.halted_symbols(connection))


def _state(found: halts.PlatformState, halted: list[halts.SymbolHalt]) -> PlatformView:
    return PlatformView(
        trading_state=found.trading_state,
        reason=found.reason,
        changed_at=found.changed_at,
        halts=[HaltView.model_validate(each) for each in halted],
        simulated_market=settings().simulated_market,
    )


@router.put("/state")
def set_state(body: PlatformStateBody, user_id: Operator) -> PlatformView:
    """The kill switch of the platform. For operators."""
    with database().transaction(user_id) as connection:
        operations.set_state(connection, body.trading_state, body.reason)
        return _state(halts.platform_state(connection), halts.halted_symbols(connection))


@router.put("/halts/{symbol}")
def halt(symbol: PathSymbol, body: HaltBody, user_id: Operator) -> PlatformView:
    """Halts a symbol. For operators."""
    with database().transaction(user_id) as connection:
        operations.halt(connection, symbol, body.reason)
        return _state(halts.platform_state(connection), halts.halted_symbols(connection))


@router.delete("/halts/{symbol}", status_code=204)
def resume(symbol: PathSymbol, user_id: Operator) -> None:
    """Trades a symbol again. For operators."""
    with database().transaction(user_id) as connection:
        if not operations.resume(connection, symbol):
            raise not_found("halt")


@router.get("/reports")
def reports(user_id: Operator, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> ReportList:
    """The reconciler's reports. For operators."""
    with database().reading(user_id) as connection:
        return ReportList(items=[ReportView.model_validate(each) for each in operations.reports(connection, limit)])


@router.get("/queues")
def queues(_user: Operator) -> QueueList:
    """What waits, what is in work, and what failed for good. For operators."""
    return QueueList(items=[QueueView.model_validate(each) for each in dead_letters.queue_states(settings().stage)])


@router.post("/queues/{name}/redrive")
def redrive(name: Annotated[str, Path(max_length=40)], _user: Operator) -> RedriveView:
    """Sends the dead letters of a queue again, after what made them fail was mended. For operators."""
    if name not in dead_letters.QUEUES:
        raise not_found("queue")
    return RedriveView(sent=dead_letters.redrive(settings().stage, name))
