"""What sessions look like to clients."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.market import parse_symbol

from functions.api.formats import Number

SizingRule = Literal["FIXED_CASH", "EQUITY_FRACTION", "FIXED_QUANTITY"]
SizingValue = Annotated[Decimal, Field(gt=0, le=Decimal(1_000_000_000), max_digits=20)]
Part = Annotated[Decimal, Field(gt=0, lt=1, decimal_places=6)]


class NewSession(BaseModel):
    """Which strategy to run, on which symbol, how much it may trade, and what protects its position."""

    model_config = ConfigDict(extra="forbid")

    strategy_id: UUID
    symbol: Annotated[str, AfterValidator(parse_symbol)] | None = Field(None, max_length=20)
    mode: Literal["PAPER", "MANUAL"] = Field(
        "PAPER", description="PAPER trades; MANUAL only says what it would do, and the orders are yours to place"
    )
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
