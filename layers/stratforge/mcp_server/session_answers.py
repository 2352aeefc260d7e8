"""Answers of the tools about sessions: how they stand, what they decided, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from stratforge.mcp_server.answers import Answer, Dollars, Next, OfPrice, Units


class Session(Answer):
    """A strategy that runs, or ran, on live bars."""

    session_id: str
    strategy_id: str
    strategy_version: int
    symbol: str
    status: str = Field(description="PENDING, RUNNING, PAUSED, STOPPED, FAILED or COMPLETED")
    bar_minutes: int = Field(description="How long the bars are that it decides on; 1440 are days")
    failure_reason: str | None
    sizing_rule: str = Field(description="What sizing_value counts")
    sizing_value: float
    stop_loss: OfPrice
    take_profit: OfPrice
    trailing_stop: OfPrice
    held_quantity: Units
    realized_pnl: Dollars
    unrealized_pnl: Dollars
    bars_evaluated: int
    last_bar_time: datetime | None
    began_at: datetime
    ended_at: datetime | None
    universe: list[str] | None = Field(description="The symbols that a portfolio strategy may hold; null for others")
    schedule: str | None = Field(description="When a portfolio strategy decides; null for others")
    capital: float | None = Field(description="The dollars that a portfolio session began with")
    decides_at: datetime | None = Field(description="When its next decision falls due")


class Sessions(Answer):
    """A page of sessions, the newest first."""

    items: list[Session]
    next: Next


class SessionRules(Answer):
    """The rules of a session's strategy on a bar, with the numbers that they compare."""

    bar_time: datetime | None = Field(description="The start of the bar")
    bar_minutes: int = Field(description="How long the strategy's bars are; 1,440 are days")
    evaluated: bool
    looked_back_to: datetime | None = Field(description="What stands since then may have stood for longer")
    rules: list[dict[str, Any]] = Field(description="Each with its side, whether it was met, and its conditions")


class SymbolDecision(Answer):
    """A symbol in a decision: as it was seen, wanted and ordered."""

    symbol: str
    price: float | None = Field(description="The last close that was seen, in dollars")
    known: bool = Field(description="False where there was no bar in seven days")
    missing: bool = Field(description="A later bar was waited for in vain")
    left_alone: bool = Field(description="Nothing was ordered of it since an order of the owner's was open there")
    held: float | None = Field(description="Shares or coins; null for a symbol that is only looked at")
    weight_before: float | None = Field(description="The part of the equity that was held")
    weight: float | None = Field(description="The part that is to be held; null where nothing was to change")
    order: float | None = Field(description="Shares or coins to buy, below 0 to sell")


class SessionDecision(Answer):
    """A decision of a portfolio session."""

    moment: datetime = Field(description="The beginning of the period that was decided about")
    decided_at: datetime
    status: str = Field(
        description="SELLING, AWAITING_PRICES (nothing is ordered before they are known), ORDERED, UNCHANGED, RECORDED or CALLED_OFF"
    )
    equity: float = Field(description="Dollars that the session had")
    cash: float
    bought_part: float | None = Field(description="By what part purchases were cut to the cash there was")
    symbols: list[SymbolDecision]


class SessionDecisions(Answer):
    """The last decisions of a session, the newest first."""

    items: list[SessionDecision]


class SessionEquity(Answer):
    """The worth of a portfolio session over time; every list has a value for each time."""

    time: list[float] = Field(description="Seconds since 1970")
    equity: list[float] = Field(description="Dollars")
    benchmark: list[float] = Field(
        description="Dollars that equal parts of its universe, bought at the beginning, were worth"
    )
    weights: dict[str, list[float]] = Field(description="The part of the equity that each symbol was")


class DecisionRules(Answer):
    """The rules of a portfolio session's strategy on a decision, computed by the strategy's own code."""

    decision: SessionDecision = Field(description="What was seen, wanted and ordered of each symbol")
    as_recorded: bool = Field(
        description="Deciding again gave the same, bit for bit; else the bars of then are not kept any more"
    )
    universe: list[str] = Field(description="The order of the values and ranks of steps")
    symbols: list[str] = Field(description="The order of the values of what was read")
    read: list[dict[str, Any]] = Field(description="Each price or indicator that the code reads, with its values")
    steps: list[dict[str, Any]] = Field(
        description="Each condition, choice, rank and weight that it computed, with its value for each symbol; a choice has ranks among those that it chose from"
    )
    outcomes: list[dict[str, Any]] = Field(
        description="What it might have returned, with conditions; the one that fired is what it did, and none means no change"
    )
