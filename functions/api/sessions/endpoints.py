"""`/api/sessions`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.bus.messages import SubscriptionUpdate
from stratforge.bus.queues import send_work_ready
from stratforge.bus.topics import publish_subscription_update
from stratforge.market import parse_symbol
from stratforge.storage import sessions, strategies

from functions.api.context import CurrentUser, UserConnection, database, settings
from functions.api.formats import Number
from functions.api.problems import Problem, not_found

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


SizingRule = Literal["FIXED_CASH", "EQUITY_FRACTION", "FIXED_QUANTITY"]
SizingValue = Annotated[Decimal, Field(gt=0, le=Decimal(1_000_000_000), max_digits=20)]
Part = Annotated[Decimal, Field(gt=0, lt=1, decimal_places=6)]


class NewSession(BaseModel):
    """Which strategy to run, on which symbol, how much it may trade, and what protects its position."""

    strategy_id: UUID
    symbol: Annotated[str, AfterValidator(parse_symbol)] | None = Field(None, max_length=20)
    sizing_rule: SizingRule = "EQUITY_FRACTION"
    sizing_value: SizingValue = Decimal("0.1")
    stop_loss: Part | None = Field(None, description="Sells this far below the average entry price")
    take_profit: Annotated[Decimal, Field(gt=0, le=100, decimal_places=6)] | None = Field(
        None, description="Sells this far above the average entry price"
    )
    trailing_stop: Part | None = Field(None, description="Sells this far below the highest price since the entry")


class SessionChangeBody(BaseModel):
    """What to change of a running session; what is left out stays, null switches a stop off."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"status": "PAUSED"}, {"stop_loss": "0.02"}]}
    )

    status: Literal["RUNNING", "PAUSED"] | None = None
    sizing_rule: SizingRule | None = None
    sizing_value: SizingValue | None = None
    stop_loss: Part | None = None
    take_profit: Annotated[Decimal, Field(gt=0, le=100, decimal_places=6)] | None = None
    trailing_stop: Part | None = None


class StopBody(BaseModel):
    """How to stop."""

    model_config = ConfigDict(extra="forbid")

    flatten: bool = Field(False, description="Also sell what the session holds")


class SessionView(BaseModel):
    """A session."""

    model_config = ConfigDict(from_attributes=True)

    session_id: UUID
    strategy_id: UUID
    strategy_version: int
    symbol: str
    mode: str
    status: str
    sizing_rule: str
    sizing_value: Number
    stop_loss: Number | None
    take_profit: Number | None
    trailing_stop: Number | None
    bars_evaluated: int
    last_bar_time: datetime | None
    failure_reason: str | None
    started_at: datetime
    ended_at: datetime | None
    final_pnl: Number | None
    settling: bool = Field(description="It has ended and its last orders have not: final_pnl may still change")


class SessionList(BaseModel):
    """Sessions, the newest first."""

    items: list[SessionView]


def _announce(symbol: str) -> None:
    publish_subscription_update(
        settings().subscription_topic_arn, SubscriptionUpdate(symbol=symbol, sent_at=datetime.now(UTC))
    )


@router.post("", status_code=201)
def start(new: NewSession, user_id: CurrentUser) -> SessionView:
    """Starts a session on live bars. The ingestor subscribes to the symbol if nobody had it yet."""
    with database().transaction(user_id) as connection:
        strategy = strategies.get_strategy(connection, new.strategy_id)
        if strategy is None:
            raise not_found("strategy")
        started = sessions.start_session(
            connection,
            user_id,
            strategy.strategy_id,
            strategy.version,
            new.symbol or strategy.symbol,
            new.sizing_rule,
            new.sizing_value,
            sessions.Exits(new.stop_loss, new.take_profit, new.trailing_stop),
        )
    # After the commit, so that the ingestor finds it; if this is lost, it looks by itself within half a minute.
    _announce(started.symbol)
    return SessionView.model_validate(started)


@router.get("")
def list_all(connection: UserConnection, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> SessionList:
    """The user's sessions."""
    return SessionList(items=[SessionView.model_validate(each) for each in sessions.list_sessions(connection, limit)])


@router.get("/{session_id}")
def get(session_id: UUID, connection: UserConnection) -> SessionView:
    """One session."""
    found = sessions.get_session(connection, session_id)
    if found is None:
        raise not_found("session")
    return SessionView.model_validate(found)


@router.patch("/{session_id}")
def change(session_id: UUID, body: SessionChangeBody, user_id: CurrentUser) -> SessionView:
    """Pauses, resumes or resizes a session. A paused one watches and does not trade; its stops stay in force."""
    with database().transaction(user_id) as connection:
        found = sessions.get_session(connection, session_id)
        if found is None:
            raise not_found("session")
        if found.status not in ("RUNNING", "PAUSED"):
            raise Problem(409, "session-ended", f"The session is {found.status}; start a new one.")
        given = body.model_dump(exclude_unset=True)
        exits = {name: given.get(name, getattr(found, name)) for name in ("stop_loss", "take_profit", "trailing_stop")}
        changed = sessions.change_session(
            connection,
            session_id,
            sessions.SessionChange(
                body.sizing_rule or found.sizing_rule,
                body.sizing_value or found.sizing_value,
                sessions.Exits(**exits),
                (body.status or found.status) == "PAUSED",
            ),
        )
    return SessionView.model_validate(changed)


@router.post("/{session_id}/stop")
def stop(session_id: UUID, user_id: CurrentUser, body: StopBody | None = None) -> SessionView:
    """Stops a session. What it holds stays held unless it is to be flattened; stopping again changes nothing."""
    flatten = body is not None and body.flatten
    with database().transaction(user_id) as connection:
        stopped = sessions.stop_session(connection, session_id, flatten=flatten)
    if stopped is None:
        raise not_found("session")
    if flatten:
        send_work_ready(settings().signals_queue_url, stopped.symbol, f"flatten-{session_id}")
    _announce(stopped.symbol)
    return SessionView.model_validate(stopped)


@router.post("/{session_id}/flatten")
def flatten(session_id: UUID, user_id: CurrentUser) -> SessionView:
    """Sells what a session holds. A running session goes on."""
    with database().transaction(user_id) as connection:
        found = sessions.get_session(connection, session_id)
        if found is None:
            raise not_found("session")
        sessions.flatten_session(connection, session_id)
    send_work_ready(settings().signals_queue_url, found.symbol, f"flatten-{session_id}-{datetime.now(UTC):%H%M%S}")
    return SessionView.model_validate(found)
