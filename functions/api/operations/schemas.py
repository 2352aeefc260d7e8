"""Requests and answers of `operations`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from stratforge.portfolio.orders import TradingState

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

    trading_state: TradingState
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
