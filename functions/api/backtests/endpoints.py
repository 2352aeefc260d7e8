"""`/api/backtests`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from stratforge.application.jobs.queueing import request_backtest
from stratforge.application.jobs.requests import NewBacktest
from stratforge.storage.strategies import backtests

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import FINISHED_IN_TIME, Wait, answer
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import not_found

router = APIRouter(prefix="/api/backtests", tags=["backtests"])


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


@router.post("", status_code=202, responses=FINISHED_IN_TIME)
def create(new: NewBacktest, asking: Asking, response: Response, key: IdempotencyKey, wait: Wait = 0) -> JobView:
    """Queues a backtest; the job's result names it."""
    return answer(asking, request_backtest(database(), outbox(), asking, new, key), wait, response)


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
    return BacktestReportView.model_validate(found)
