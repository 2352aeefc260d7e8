"""`/api/operations`: the platform's state for everybody, its switches for operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from stratforge.application import operations as application
from stratforge.application.access import Caller
from stratforge.bus import dead_letters
from stratforge.storage.ledger import halts, operations
from stratforge.storage.postgres.database import Connection

from functions.api.context import LoggedIn, Reader, UserConnection, database, redrive_by_function, settings
from functions.api.market.endpoints import PathSymbol
from functions.api.operations.schemas import (
    ActionBody,
    CorporateActionList,
    CorporateActionView,
    DecisionBody,
    HaltBody,
    HaltView,
    PlatformStateBody,
    PlatformView,
    QueueList,
    QueueView,
    RedriveView,
    ReportList,
    ReportView,
)

router = APIRouter(prefix="/api/operations", tags=["operations"])


def operator(asking: LoggedIn) -> Caller:
    """A dependency for operators; to everybody else there is no such address."""
    application.require_operator(database(), asking)
    return asking


Operator = Annotated[Caller, Depends(operator)]


@router.get("/state")
def state(_user: Reader, connection: UserConnection) -> PlatformView:
    """Returns the platform's trading state and the halted symbols."""
    return _state(connection)


def _state(connection: Connection) -> PlatformView:
    found = halts.platform_state(connection)
    return PlatformView(
        trading_state=found.trading_state,
        reason=found.reason,
        changed_at=found.changed_at,
        suspended_at=found.suspended_at,
        halts=[HaltView.model_validate(each) for each in halts.halted_symbols(connection)],
        simulated_market=settings().simulated_market,
    )


@router.put("/state")
def set_state(body: PlatformStateBody, asking: Operator) -> PlatformView:
    """The kill switch of the platform. For operators."""
    application.set_platform_state(database(), asking, body.trading_state, body.reason)
    with database().reading(asking.user_id) as connection:
        return _state(connection)


@router.put("/halts/{symbol}")
def halt(symbol: PathSymbol, body: HaltBody, asking: Operator) -> PlatformView:
    """Halts a symbol. For operators."""
    application.halt_symbol(database(), asking, symbol, body.reason)
    with database().reading(asking.user_id) as connection:
        return _state(connection)


@router.delete("/halts/{symbol}", status_code=204)
def resume(symbol: PathSymbol, asking: Operator) -> None:
    """Trades a symbol again. For operators."""
    application.resume_symbol(database(), asking, symbol)


@router.get("/reports")
def reports(asking: Operator, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> ReportList:
    """The reconciler's reports. For operators."""
    with database().reading(asking.user_id) as connection:
        return ReportList(items=[ReportView.model_validate(each) for each in operations.reports(connection, limit)])


@router.get("/corporate-actions")
def list_corporate_actions(asking: Operator) -> CorporateActionList:
    """Lists corporate actions that wait for a decision, and those of the last month. For operators."""
    with database().reading(asking.user_id) as connection:
        found = operations.corporate_actions(connection)
        return CorporateActionList(items=[CorporateActionView.model_validate(each) for each in found])


@router.post("/corporate-actions", status_code=204)
def enter_corporate_action(body: ActionBody, asking: Operator) -> None:
    """Enters a corporate action that was not announced; the ledger follows it from its day on. For operators."""
    application.enter_corporate_action(database(), asking, body.action, body.reason)


@router.put("/corporate-actions/{action_id}", status_code=204)
def decide_corporate_action(
    action_id: Annotated[str, Path(max_length=200)], body: DecisionBody, asking: Operator
) -> None:
    """Approves a corporate action, or dismisses it. For operators."""
    application.decide_corporate_action(database(), asking, action_id, body.reason, follow=body.follow)


@router.get("/queues")
def queues(_asking: Operator) -> QueueList:
    """Lists the queues with their waiting, in-flight and failed messages. For operators."""
    return QueueList(items=[QueueView.model_validate(each) for each in dead_letters.queue_states(settings().stage)])


@router.post("/queues/{name}/redrive")
def redrive(name: Annotated[str, Path(max_length=40)], asking: Operator) -> RedriveView:
    """Sends the dead letters of a queue again, after what made them fail was mended. For operators."""
    return RedriveView(sent=application.redrive_queue(database(), asking, redrive_by_function, name))
