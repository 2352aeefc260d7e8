"""What sessions look like to clients."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from stratforge.portfolio.orders import SizingRule
from stratforge.storage.strategies.sessions import SessionMode, SessionStatus

from functions.api.formats import Number


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
    mode: SessionMode
    status: SessionStatus
    sizing_rule: SizingRule
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
    realized_pnl: Number
    unrealized_pnl: Number
    settling: bool = Field(description="It has ended and its last orders have not: final_pnl may still change")

    replayed_at: datetime | None = Field(description="When its recorded bars were evaluated again last")
    replayed_bars: int | None
    replay_differences: list[dict[str, Any]] | None = Field(
        description="Bars on which the replay said something else; none are expected"
    )


class SessionList(BaseModel):
    """Sessions; `next` continues the list."""

    items: list[SessionView]
    next: str | None = None
