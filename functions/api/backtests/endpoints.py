"""Endpoints under `/api/backtests`: start, list and read backtests."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from stratforge.application import backtests as application
from stratforge.application.errors import existing
from stratforge.application.jobs.queueing import request_backtest
from stratforge.application.jobs.requests import NewBacktest
from stratforge.application.strategies import Symbol
from stratforge.storage.strategies import backtests
from stratforge.storage.strategies.backtests import StoredBacktest, StoredReport
from stratforge.storage.strategies.jobs import Job

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import FINISHED_IN_TIME, Wait, answer
from functions.api.pages import PageQuery
from functions.api.views import Listed, list_of, listed, view_of

router = APIRouter(prefix="/api/backtests", tags=["backtests"])


BacktestView = view_of(StoredBacktest, "BacktestView")
BacktestReportView = view_of(StoredReport, "BacktestReportView")
BacktestList = list_of(BacktestView, "BacktestList", "Backtests; `next` continues the list.")


@router.post("", status_code=202, response_model=JobView, responses=FINISHED_IN_TIME)
def create_backtest(new: NewBacktest, asking: Asking, response: Response, key: IdempotencyKey, wait: Wait = 0) -> Job:
    """Queues a backtest; the job's result names it."""
    return answer(asking, request_backtest(database(), outbox(), asking, new, key), wait, response)


@router.get("", response_model=BacktestList)
def list_backtests(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    strategy_id: UUID | None = None,
    symbol: Annotated[Symbol | None, Query()] = None,
) -> Listed[StoredBacktest]:
    """The caller's finished backtests, page by page."""
    found = backtests.list_backtests(connection, user_id, page, strategy_id, symbol)
    return listed(page, found, lambda each: (each.created_at, each.backtest_id))


@router.get("/{backtest_id}", response_model=BacktestReportView)
def get_backtest(backtest_id: UUID, connection: UserConnection) -> StoredReport:
    """One backtest with its curves, trades and assumptions."""
    return existing(backtests.get_report(connection, backtest_id), "backtest")


@router.delete("/{backtest_id}", status_code=204)
def delete_backtest(backtest_id: UUID, asking: Asking) -> None:
    """Throws a backtest's report away; 404 if there is none."""
    application.delete_backtest(database(), asking, backtest_id)
