"""`/api/operations`: the platform's state for everybody, its switches for operators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from stratforge.application import operations as application
from stratforge.application.access import Caller
from stratforge.application.operations import ActionBody
from stratforge.bus import dead_letters
from stratforge.bus.dead_letters import QueueState
from stratforge.storage.ledger import halts, operations
from stratforge.storage.ledger.operations import OpenCorrection, StoredAction, StoredReport
from stratforge.storage.market import data_notes
from stratforge.storage.postgres.database import Connection

from functions.api.context import LoggedIn, Reader, UserConnection, database, redrive_by_function, settings
from functions.api.market.endpoints import PathSymbol
from functions.api.operations.schemas import (
    AcceptanceBody,
    CorporateActionList,
    CorrectionList,
    DecisionBody,
    HaltBody,
    Platform,
    PlatformStateBody,
    PlatformView,
    QueueList,
    RedriveView,
    ReportList,
)
from functions.api.views import Listed

router = APIRouter(prefix="/api/operations", tags=["operations"])


def operator(asking: LoggedIn) -> Caller:
    """A dependency for operators; to everybody else there is no such address."""
    application.require_operator(database(), asking)
    return asking


Operator = Annotated[Caller, Depends(operator)]


@router.get("/state", response_model=PlatformView)
def get_platform_state(_user: Reader, connection: UserConnection) -> Platform:
    """Returns the platform's trading state and the halted symbols."""
    return _state(connection)


def _state(connection: Connection) -> Platform:
    found = halts.platform_state(connection)
    halted = halts.halted_symbols(connection)
    return Platform(
        **asdict(found),
        halts=halted,
        simulated_market=settings().simulated_market,
        market_data=data_notes.list_notes(connection),
    )


@router.put("/state", response_model=PlatformView)
def set_platform_state(body: PlatformStateBody, asking: Operator) -> Platform:
    """The kill switch of the platform. For operators."""
    application.set_platform_state(database(), asking, body.trading_state, body.reason)
    with database().reading(asking) as connection:
        return _state(connection)


@router.put("/halts/{symbol}", response_model=PlatformView)
def halt_symbol(symbol: PathSymbol, body: HaltBody, asking: Operator) -> Platform:
    """Halts a symbol until it is resumed, with the reason. For operators."""
    application.halt_symbol(database(), asking, symbol, body.reason)
    with database().reading(asking) as connection:
        return _state(connection)


@router.delete("/halts/{symbol}", status_code=204)
def resume_symbol(symbol: PathSymbol, asking: Operator) -> None:
    """Trades a symbol again. For operators."""
    application.resume_symbol(database(), asking, symbol)


@router.put("/halts/{symbol}/purchase", status_code=204)
def buy_missing_units(symbol: PathSymbol, body: HaltBody, asking: Operator) -> None:
    """Has the account buy what it lacks of a symbol that is halted for missing units. For operators."""
    application.buy_missing_units(database(), asking, symbol, body.reason)


@router.get("/corrections", response_model=CorrectionList)
def list_corrections(asking: Operator) -> Listed[OpenCorrection]:
    """Lists what the broker changed in finished orders and the ledger could not follow. For operators."""
    with database().reading(asking.user_id) as connection:
        return Listed(operations.corrections(connection))


@router.put("/corrections/{order_id}", status_code=204)
def accept_correction(order_id: Annotated[str, Path(max_length=128)], body: AcceptanceBody, asking: Operator) -> None:
    """Accepts that an order differs by just these amounts, and lifts the halt for it. For operators."""
    application.accept_correction(database(), asking, order_id, body.quantity, body.value, body.reason)


@router.get("/reports", response_model=ReportList)
def list_reconciliations(asking: Operator, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> Listed[StoredReport]:
    """Lists the reconciler's reports, the newest first. For operators."""
    with database().reading(asking) as connection:
        return Listed(operations.reports(connection, limit))


@router.get("/corporate-actions", response_model=CorporateActionList)
def list_corporate_actions(asking: Operator) -> Listed[StoredAction]:
    """Lists corporate actions that wait for a decision, and those of the last month. For operators."""
    with database().reading(asking.user_id) as connection:
        return Listed(operations.corporate_actions(connection))


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


@router.get("/queues", response_model=QueueList)
def list_queues(_asking: Operator) -> Listed[QueueState]:
    """Lists the queues with their waiting, in-flight and failed messages. For operators."""
    return Listed(dead_letters.queue_states(settings().stage))


@router.post("/queues/{name}/redrive")
def redrive_queue(name: Annotated[str, Path(max_length=40)], asking: Operator) -> RedriveView:
    """Sends the dead letters of a queue again, after what made them fail was mended. For operators."""
    return RedriveView(sent=application.redrive_queue(database(), asking, redrive_by_function, name))
