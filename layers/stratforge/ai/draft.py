"""The JSON schema of a model's answer that writes a strategy."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field

from stratforge.intent.requirements import Requirement


class AnswerKind(StrEnum):
    """The kinds of answer a model may give: a strategy, a look at the user's data, an answer, a question back, or a refusal."""

    STRATEGY = "strategy"
    LOOK = "look"
    ANSWER = "answer"
    CLARIFY = "clarify"
    DECLINE = "decline"


class LookupKind(StrEnum):
    """The kinds of data that a model may look up."""

    STRATEGIES = "strategies"
    BACKTEST = "backtest"
    TRADES = "trades"
    PORTFOLIO = "portfolio"


class Lookup(BaseModel):
    """Something of the user's own that has to be known for an answer. It is read, never changed."""

    what: LookupKind = Field(
        description="strategies: all of the user's with their last backtests and profits. backtest: the last one of this strategy. trades: its last live ones, "
        "or all of the user's of the time asked for, each with what placed its order. portfolio: money and positions"
    )
    month: str = Field(
        "",
        max_length=7,
        pattern=r"^(\d{4}-\d\d|\d\d|)$",
        description="Of a backtest and of trades, the month asked for: 2026-03, or 03",
    )
    day: str = Field(
        "",
        max_length=10,
        pattern=r"^((\d{4}-)?\d\d-\d\d|)$",
        description="Of a backtest and of trades, the day asked for: 2026-03-04, or 03-04 for the last one of any year",
    )
    symbol: str = Field("", max_length=20, description="Of trades, the symbol asked for")


class Timeframe(StrEnum):
    """The bars on which a strategy may decide."""

    MINUTE = "1min"
    FIVE_MINUTES = "5min"
    QUARTER = "15min"
    HALF_HOUR = "30min"
    HOUR = "1h"
    FOUR_HOURS = "4h"
    DAY = "1d"


class DraftParameter(BaseModel):
    """One of the strategy's tunable numbers."""

    name: str = Field(max_length=60, description="The module constant, such as FAST")
    value: float = Field(description="Its value in the code")
    meaning: str = Field("", max_length=300, description="What it decides, in a few words, with its unit")


class StrategyDraft(BaseModel):
    """A strategy as the model proposes it. Nothing in it runs before it passed the compiler."""

    kind: AnswerKind = Field(
        AnswerKind.STRATEGY,
        description="strategy: code that does what was asked. clarify: questions, no code. decline: it cannot be done here, and why. answer: "
        "the user asked something and wants no change. look: to answer, data of the user's has to be looked up first",
    )
    plan: str = Field(
        "",
        max_length=2_000,
        description="How the request is understood, in a few sentences, before anything is written",
    )
    requirements: list[Requirement] = Field(
        default_factory=list,
        description="Everything the request asks for, piece by piece, in its own words; no number, time, day, bound, negation or connective left out",
    )
    questions: list[str] = Field(
        default_factory=list, description="What must be asked when the request is too ambiguous to write a strategy"
    )
    name: str = Field(min_length=1, max_length=120, description="A short name for the strategy")
    symbol: str = Field(
        description="The symbol it is for, such as AAPL or BTC/USD; PORTFOLIO where the code has a universe of several"
    )
    timeframe: Timeframe = Field(
        Timeframe.MINUTE,
        description="The bars on which it decides: 1min, unless the person names others (“on daily bars”); what stood before, when it is changed",
    )
    python_code: str = Field(description="The strategy in the strategy language, and nothing else")
    logic_explanation: str = Field(
        description="What it does and why, in plain words, for a person who does not program"
    )
    parameters: list[DraftParameter] = Field(
        default_factory=list, description="Every module constant of the code with its meaning"
    )
    assumptions: list[str] = Field(default_factory=list, description="What was assumed where the request left it open")
    lookups: list[Lookup] = Field(
        default_factory=list, max_length=4, description="What is to be looked up, when kind is look"
    )
    answer: str = Field(
        "",
        max_length=3_000,
        description="The answer to a question, when kind is answer: only what was looked up, or stands in this conversation",
    )
