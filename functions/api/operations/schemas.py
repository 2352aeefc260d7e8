"""Requests and answers of `operations`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from stratforge.bus.dead_letters import QueueState
from stratforge.portfolio.orders import TradingState
from stratforge.storage.ledger.operations import StoredReport

from functions.api.views import view_of

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
    suspended_at: datetime | None
    halts: list[HaltView]
    simulated_market: bool


class PlatformStateBody(BaseModel):
    """ACTIVE trades, REDUCING only sells, HALTED does nothing; and why."""

    model_config = ConfigDict(extra="forbid")

    trading_state: TradingState
    reason: Why


class HaltBody(BaseModel):
    """The request to halt a symbol, with the reason."""

    model_config = ConfigDict(extra="forbid")

    reason: Why


ReportView = view_of(StoredReport, "ReportView")


class ReportList(BaseModel):
    """Reports, the newest first."""

    items: list[ReportView]  # type: ignore[valid-type]  # a model made at run time


QueueView = view_of(QueueState, "QueueView")


class QueueList(BaseModel):
    """The list of the platform's queues."""

    items: list[QueueView]  # type: ignore[valid-type]  # a model made at run time


class RedriveView(BaseModel):
    """The number of dead letters that were sent again."""

    sent: int
