"""Requests and answers of `operations`."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field
from stratforge.application.operations import Difference, Why
from stratforge.bus.dead_letters import QueueState
from stratforge.portfolio.orders import TradingState
from stratforge.storage.ledger.halts import PlatformState, SymbolHalt
from stratforge.storage.ledger.operations import OpenCorrection, StoredAction, StoredReport
from stratforge.storage.market.data_notes import StoredNote

from functions.api.views import items_of, many, view_of


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
    """ACTIVE trades, REDUCING only closes positions, HALTED does nothing but what a margin call or a buy-in forces; and why."""

    model_config = ConfigDict(extra="forbid")

    trading_state: TradingState
    reason: Why


class HaltBody(BaseModel):
    """The reason why a symbol is halted, or why what the account lacks of it is bought."""

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


CorrectionList = items_of(view_of(OpenCorrection, "CorrectionView"), "CorrectionList", "Corrections, the oldest first.")


class AcceptanceBody(BaseModel):
    """An operator's word that an order may differ by these amounts, with the reason."""

    model_config = ConfigDict(extra="forbid")

    quantity: Difference = Field(description="How much more the broker has of the order than the ledger, as listed")
    value: Difference = Field(description="Dollars that it came to more, as listed")
    reason: Why


class DecisionBody(BaseModel):
    """An operator's decision on a corporate action, with the reason."""

    model_config = ConfigDict(extra="forbid")

    follow: bool = Field(description="True: the ledger follows it; false: it does not, and the symbol trades again")
    reason: Why
