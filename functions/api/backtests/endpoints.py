"""`/api/backtests`."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from stratforge.market import parse_symbol
from stratforge.storage.strategies import backtests, strategies
from stratforge.strategy import compile_strategy

from functions.api.context import Reader, UserConnection, Writer, database, settings
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import MAX_WAIT, queue_job
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import Problem, not_found

router = APIRouter(prefix="/api/backtests", tags=["backtests"])
MAX_POINTS = 400
SweptValue = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class Assumptions(BaseModel):
    """What the backtest assumes; see the documentation of `BacktestConfig`."""

    model_config = ConfigDict(extra="forbid")

    cash: float = Field(100_000, gt=0, le=1e12)
    commission_bps: float = Field(0, ge=0, le=1_000)
    commission_per_share: float = Field(0, ge=0, le=1_000)
    commission_per_order: float = Field(0, ge=0, le=1_000)
    slippage_bps: float = Field(0, ge=0, le=1_000)
    spread_bps: float = Field(0, ge=0, le=1_000)
    participation: float | None = Field(None, gt=0, le=1)
    fractional: bool = True
    sizing_rule: Literal["EQUITY_FRACTION", "FIXED_CASH", "FIXED_QUANTITY"] = "EQUITY_FRACTION"
    sizing_value: float = Field(1, gt=0, le=1e12)
    stop_loss: float | None = Field(None, gt=0, lt=1)
    take_profit: float | None = Field(None, gt=0, le=1_000)
    trailing_stop: float | None = Field(None, gt=0, lt=1)


class NewBacktest(BaseModel):
    """Which strategy, on which bars, under which assumptions."""

    model_config = ConfigDict(extra="forbid")

    strategy_id: UUID
    symbol: Annotated[str, AfterValidator(parse_symbol)] | None = Field(None, max_length=20)
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    config: Assumptions = Assumptions()
    sweep: (
        dict[Annotated[str, Field(max_length=60)], Annotated[list[SweptValue], Field(min_length=1, max_length=40)]]
        | None
    ) = Field(
        None,
        max_length=3,
        description="Values of parameters to try in all combinations, at most 400; the report then has a walk-forward too",
        examples=[{"FAST": [5, 10, 15], "SLOW": [20, 40, 60]}],
    )
    folds: int = Field(4, ge=1, le=12, description="Steps of the walk-forward")

    @field_validator("sweep")
    @classmethod
    def few_points(cls, sweep: dict[str, list[float]] | None) -> dict[str, list[float]] | None:
        """At most 400 combinations."""
        if sweep is not None and math.prod(len(values) for values in sweep.values()) > MAX_POINTS:
            raise ValueError(f"gives more than {MAX_POINTS} combinations; give fewer values")
        return sweep or None


class BacktestView(BaseModel):
    """A finished backtest without its curves."""

    model_config = ConfigDict(from_attributes=True)

    backtest_id: UUID
    strategy_id: UUID
    strategy_version: int
    symbol: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    created_at: datetime


class BacktestReportView(BacktestView):
    """A finished backtest with its curves, trades and written assumptions."""

    report: dict[str, Any]


class BacktestList(BaseModel):
    """Backtests; `next` continues the list."""

    items: list[BacktestView]
    next: str | None = None


@router.post("", status_code=202, responses={200: {"description": "The job, finished within `wait` seconds"}})
def create(
    new: NewBacktest,
    user_id: Writer,
    response: Response,
    key: IdempotencyKey,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for the result")] = 0,
) -> JobView:
    """Queues a backtest; the job's result names it."""
    with database().transaction(user_id) as connection:
        found = strategies.get_strategy(connection, new.strategy_id)
    if found is None:
        raise not_found("strategy")
    unknown = set(new.sweep or {}) - set(compile_strategy(found.python_code).parameters)
    if unknown:
        raise Problem(422, "validation", f"sweep: the strategy has no parameter {', '.join(sorted(unknown))}.")
    request = new.model_dump(mode="json")
    return queue_job(user_id, "BACKTEST", request, settings().backtests_queue_url, wait, response, key)


@router.get("")
def list_all(
    user_id: Reader, connection: UserConnection, page: PageQuery, strategy_id: UUID | None = None
) -> BacktestList:
    """The user's backtests."""
    found = backtests.list_backtests(connection, user_id, page, strategy_id)
    following = next_cursor(page, found, lambda each: (each.created_at, each.backtest_id))
    return BacktestList(items=[BacktestView.model_validate(each) for each in found], next=following)


@router.get("/{backtest_id}")
def get(backtest_id: UUID, connection: UserConnection) -> BacktestReportView:
    """One backtest, whole."""
    found = backtests.get_report(connection, backtest_id)
    if found is None:
        raise not_found("backtest")
    view = BacktestView.model_validate(found[0])
    return BacktestReportView(**view.model_dump(), report=found[1])
