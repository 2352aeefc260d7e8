"""`/api/sessions`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.bus.messages import SubscriptionUpdate
from stratforge.bus.topics import publish_subscription_update
from stratforge.market import parse_symbol
from stratforge.storage import sessions, strategies

from functions.api.context import CurrentUser, UserConnection, database, settings
from functions.api.problems import not_found

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


class NewSession(BaseModel):
    """Which strategy to run, on which symbol, and how much it may trade."""

    strategy_id: UUID
    symbol: Annotated[str, AfterValidator(parse_symbol)] | None = Field(None, max_length=20)
    sizing_rule: Literal["FIXED_CASH", "EQUITY_FRACTION", "FIXED_QUANTITY"] = "EQUITY_FRACTION"
    sizing_value: Decimal = Field(Decimal("0.1"), gt=0, le=Decimal(1_000_000_000), max_digits=20)


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
    sizing_value: Decimal
    bars_evaluated: int
    last_bar_time: datetime | None
    failure_reason: str | None
    started_at: datetime
    ended_at: datetime | None
    final_pnl: Decimal | None


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


@router.post("/{session_id}/stop")
def stop(session_id: UUID, user_id: CurrentUser) -> SessionView:
    """Stops a session. What it holds stays held; stopping again changes nothing."""
    with database().transaction(user_id) as connection:
        stopped = sessions.stop_session(connection, session_id)
    if stopped is None:
        raise not_found("session")
    _announce(stopped.symbol)
    return SessionView.model_validate(stopped)
