"""The requests of each kind of job. A request is stored as JSON with its job, and read by the worker in the same form."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from stratforge.application.portfolio_setup import capital_of, check_portfolio_setup
from stratforge.application.strategies import Symbol
from stratforge.backtest import BacktestConfig
from stratforge.backtest.margin import BORROW_FEE, INITIAL_MARGIN
from stratforge.market.sizes import SizingRule, check_size
from stratforge.storage.strategies.jobs import Job, JobKind

# What a sweep may come to within the function's time, in points and in bars of all its points; what is more is worked on in parts.
MAX_POINTS = 400
MAX_SWEPT_BARS = 40_000_000
MAX_STUDY_POINTS = 100_000
# Seconds of one core that a sweep of a portfolio strategy may take there, by its nominal costs.
MAX_PORTFOLIO_SWEEP_SECONDS = 40.0
DEFAULT_PERIOD = timedelta(days=30)
_LONGEST_PERIOD = 60 * DEFAULT_PERIOD
SweptValue = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


def is_study(points: int, bars: int) -> bool:
    """Returns whether a sweep is larger than one function's time."""
    return points > MAX_POINTS or points * bars > MAX_SWEPT_BARS


def is_portfolio_study(points: int, seconds: float) -> bool:
    """Returns whether a sweep of a portfolio strategy that takes about so long is larger than one function's time."""
    return points > MAX_POINTS or seconds > MAX_PORTFOLIO_SWEEP_SECONDS


def default_period(bar_minutes: int) -> timedelta:
    """The last days that a backtest runs on where nothing else is asked for: the more, the longer the bars are."""
    return min(max(1, bar_minutes // 10) * DEFAULT_PERIOD, _LONGEST_PERIOD)


class JobRequest(BaseModel):
    """Base of the requests of all kinds of jobs; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    kind: ClassVar[JobKind]


class GenerateRequest(JobRequest):
    """A strategy to write or to change, described in plain language."""

    kind = JobKind.GENERATE

    prompt: str = Field(
        min_length=1,
        max_length=4_000,
        description="What is wanted; an answer to a question, or a change, may be one character",
        examples=["Buy AAPL when the 10-bar average crosses above the 30-bar"],
    )
    symbol: Symbol | None = None
    strategy_id: UUID | None = Field(
        None, description="Change this strategy instead of writing a new one: the result is its next version"
    )
    follows: UUID | None = Field(
        None,
        description="The job whose questions this answers, or whose failed draft it corrects: the model is told what was said",
    )


class ResearchRequest(JobRequest):
    """A question about markets or the economy."""

    kind = JobKind.RESEARCH

    question: Annotated[str, Field(pattern=r"^[^\x00]*$")] = Field(
        min_length=1,
        max_length=2_000,
        description="What to find out",
        examples=["What moved Apple's shares this week?"],
    )
    include_portfolio: bool = Field(False, description="Let the Analyst know which symbols you hold")
    follows: UUID | None = Field(
        None, description="The job of the question before this one: the Analyst is told both, with its answer"
    )


class Assumptions(BaseModel):
    """The assumptions of a backtest; see the documentation of `BacktestConfig`."""

    model_config = ConfigDict(extra="forbid")

    cash: float = Field(
        100_000,
        gt=0,
        le=1e12,
        description="The account's money; a portfolio strategy begins with the part of it, or the dollars, that its sizing says",
    )
    commission_bps: float = Field(0, ge=0, le=1_000)
    commission_per_share: float = Field(0, ge=0, le=1_000)
    commission_per_order: float = Field(0, ge=0, le=1_000)
    slippage_bps: float = Field(0, ge=0, le=1_000)
    spread_bps: float = Field(0, ge=0, le=1_000)
    participation: float | None = Field(None, gt=0, le=1)
    fractional: bool = True
    sizing_rule: SizingRule = SizingRule.EQUITY_FRACTION
    sizing_value: float = Field(0.1, gt=0, le=1e12, description="As a session's: what is backtested is what runs")
    stop_loss: float | None = Field(None, gt=0, lt=1)
    take_profit: float | None = Field(None, gt=0, le=1_000)
    trailing_stop: float | None = Field(None, gt=0, lt=1)
    short_margin: float = Field(
        INITIAL_MARGIN,
        gt=0,
        le=10,
        description="Equity that a short position needs when it is opened, as a fraction of its value: half by Regulation T",
    )
    borrow_fee: float = Field(
        BORROW_FEE, ge=0, le=10, description="What borrowing costs in a year, as a fraction of what is sold short"
    )

    @model_validator(mode="after")
    def part_of_the_equity(self) -> Self:
        """Refuses positions of more than the whole equity."""
        check_size(self.sizing_rule, self.sizing_value)
        return self

    def config(self) -> BacktestConfig:
        """The same assumptions as the configuration that the backtest engine takes."""
        return BacktestConfig(**dict(self))


class NewBacktest(JobRequest):
    """A request to backtest a strategy: its bars and its assumptions."""

    kind = JobKind.BACKTEST

    strategy_id: UUID
    version: int | None = Field(None, ge=1, le=2_000_000_000, description="The version to test; without it the latest")
    symbol: Symbol | None = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    config: Assumptions = Assumptions()
    sweep: (
        dict[Annotated[str, Field(max_length=60)], Annotated[list[SweptValue], Field(min_length=1, max_length=400)]]
        | None
    ) = Field(
        None,
        max_length=3,
        description="Values of parameters to try in all combinations, at most 100,000; the report then has a walk-forward too. More than 400 are worked on in parts, and the report has the best 400",
        examples=[{"FAST": [5, 10, 15], "SLOW": [20, 40, 60]}],
    )
    parameters: dict[Annotated[str, Field(max_length=60)], SweptValue] | None = Field(
        None,
        max_length=50,
        description="Values of the strategy's constants for this run alone, in place of its own",
        examples=[{"FAST": 5, "SLOW": 40}],
    )
    folds: int = Field(4, ge=1, le=12, description="Steps of the walk-forward")

    def portfolio_capital(self) -> Decimal:
        """The capital with which a backtest of a portfolio strategy begins, in dollars: as that of a session, with `cash` for the account's equity.

        Raises:
            Invalid: if the request holds what such a strategy has no use for.
        """
        config = self.config
        stops = bool(config.stop_loss or config.take_profit or config.trailing_stop)
        bound = config.participation is not None
        check_portfolio_setup(self.symbol, config.sizing_rule, stops=stops, participation=bound)
        return capital_of(config.sizing_rule, Decimal(str(config.sizing_value)), Decimal(str(config.cash)))

    @field_validator("sweep")
    @classmethod
    def few_points(cls, sweep: dict[str, list[float]] | None) -> dict[str, list[float]] | None:
        """Refuses a sweep of more than 100,000 combinations of parameters."""
        if sweep is not None and math.prod(len(values) for values in sweep.values()) > MAX_STUDY_POINTS:
            raise ValueError(f"a sweep has at most {MAX_STUDY_POINTS:,} combinations; give fewer values")
        return sweep or None


class ReplayRequest(JobRequest):
    """A request to replay a session: to evaluate its recorded bars again."""

    kind = JobKind.REPLAY

    session_id: UUID


class Exported(StrEnum):
    """The things that a file can be made of."""

    BARS = "bars"
    TRADES = "trades"
    ORDERS = "orders"
    ACCOUNT = "account"


class ExportFormat(StrEnum):
    """The formats in which files are made."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


class ExportRequest(JobRequest):
    """A file to be made: bars of a symbol, the caller's trades or orders, or everything that is stored about him."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"what": "trades", "format": "parquet", "symbol": "AAPL"}]}
    )

    kind = JobKind.EXPORT

    what: Exported
    format: ExportFormat | None = Field(
        None, description="csv or parquet; json, and that alone, for the account. By default csv"
    )
    symbol: Symbol | None = Field(None, description="Needed for bars; for trades and orders only those of it")
    start: AwareDatetime | None = Field(None, description="Nothing before this moment")
    end: AwareDatetime | None = Field(None, description="Only what is before this moment")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        whole = self.what is Exported.ACCOUNT
        if self.what is Exported.BARS and self.symbol is None:
            raise ValueError("a file of bars needs a symbol")
        if self.format is not None and (self.format is ExportFormat.JSON) != whole:
            raise ValueError("an account is given as json; bars, trades and orders as csv or parquet")
        if whole and (self.symbol or self.start or self.end):
            raise ValueError("an account is given whole; leave symbol, start and end out")
        return self

    @property
    def form(self) -> ExportFormat:
        """The format, the usual one where none is wished."""
        return self.format or (ExportFormat.JSON if self.what is Exported.ACCOUNT else ExportFormat.CSV)

    @property
    def file_name(self) -> str:
        """The name under which it is saved."""
        of = f"-{self.symbol.replace('/', '-')}" if self.symbol else ""
        return f"stratforge-{self.what}{of}.{self.form}"


_FORMS: dict[JobKind, type[JobRequest]] = {
    each.kind: each for each in (GenerateRequest, ResearchRequest, NewBacktest, ReplayRequest, ExportRequest)
}


def request_of(job: Job) -> JobRequest:
    """The request of a job, in the form of its kind."""
    return _FORMS[job.kind].model_validate(job.request)
