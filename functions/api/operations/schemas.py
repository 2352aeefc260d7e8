"""Requests and answers of `operations`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from stratforge.application.strategies import Symbol
from stratforge.bus.dead_letters import QueueState
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.portfolio.orders import TradingState
from stratforge.storage.ledger.halts import PlatformState, SymbolHalt
from stratforge.storage.ledger.operations import StoredAction, StoredReport
from stratforge.storage.market.data_notes import StoredNote

from functions.api.views import items_of, many, view_of

Why = Annotated[str, Field(min_length=3, max_length=300, pattern=r"^[^\x00]*$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform(PlatformState):
    """The platform's trading state, and the symbols that are not traded at present.

    Attributes:
        simulated_market: The market is a replay.
        market_data: What is not to be had of the market at present, such as live prices beyond the data plan; symbol "*" is a whole stream.
    """

    halts: list[SymbolHalt]
    simulated_market: bool
    market_data: list[StoredNote]


DataNoteView = view_of(StoredNote, "DataNoteView")
HaltView = view_of(SymbolHalt, "HaltView", without=("details",))
PlatformView = view_of(
    Platform,
    "PlatformView",
    without=("suspension",),
    halts=(many(HaltView), ...),
    market_data=(many(DataNoteView), ...),
)


class PlatformStateBody(BaseModel):
    """ACTIVE trades, REDUCING only sells, HALTED does nothing; and why."""

    model_config = ConfigDict(extra="forbid")

    trading_state: TradingState
    reason: Why


class HaltBody(BaseModel):
    """The request to halt a symbol, with the reason."""

    model_config = ConfigDict(extra="forbid")

    reason: Why


ReportList = items_of(view_of(StoredReport, "ReportView"), "ReportList", "Reports, the newest first.")
QueueList = items_of(view_of(QueueState, "QueueView"), "QueueList", "The list of the platform's queues.")


class RedriveView(BaseModel):
    """The number of dead letters that were sent again."""

    sent: int


CorporateActionList = items_of(
    view_of(StoredAction, "CorporateActionView"), "CorporateActionList", "Corporate actions, the latest first."
)


class DecisionBody(BaseModel):
    """An operator's decision on a corporate action, with the reason."""

    model_config = ConfigDict(extra="forbid")

    follow: bool = Field(description="True: the ledger follows it; false: it does not, and the symbol trades again")
    reason: Why


Units = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=24)]


class ActionBody(BaseModel):
    """A corporate action that was not announced: what a unit of a symbol becomes on a day of the exchange."""

    model_config = ConfigDict(extra="forbid")

    action_id: str = Field(min_length=3, max_length=100, pattern=r"^[\w.:-]+$", examples=["by-hand-2026-03-02-xyz"])
    symbol: Symbol
    kind: ActionKind
    effective_on: date
    ratio: Units | None = Field(
        None, description="Units of the symbol for one old; 0 where it goes, null where it stays"
    )
    new_symbol: Symbol | None = None
    new_ratio: Annotated[Units, Field(gt=0)] | None = None
    cash: Annotated[Units, Field(gt=0)] | None = None
    reason: Why

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind is ActionKind.SPLIT and not self.ratio:
            raise ValueError("a split needs a ratio: new units for one old")
        if self.kind is ActionKind.SYMBOL_CHANGE and self.new_symbol is None:
            raise ValueError("a change of symbol needs the new symbol")
        if (self.new_symbol is None) != (self.new_ratio is None) and self.kind is not ActionKind.SYMBOL_CHANGE:
            raise ValueError("give new_symbol and new_ratio together")
        return self

    @property
    def action(self) -> CorporateAction:
        """The corporate action that was entered."""
        return CorporateAction(**self.model_dump(exclude={"reason"}))
