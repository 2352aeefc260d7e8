"""Endpoints under `/api/backtests`: start, list and read backtests."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from stratforge.application.errors import existing
from stratforge.application.jobs.queueing import request_backtest
from stratforge.application.jobs.requests import NewBacktest
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
def create(new: NewBacktest, asking: Asking, response: Response, key: IdempotencyKey, wait: Wait = 0) -> Job:
    """Queues a backtest; the job's result names it."""
    return answer(asking, request_backtest(database(), outbox(), asking, new, key), wait, response)


@router.get("", response_model=BacktestList)
def list_all(
    user_id: Reader, connection: UserConnection, page: PageQuery, strategy_id: UUID | None = None
) -> Listed[StoredBacktest]:
    """The caller's finished backtests, page by page."""
    found = backtests.list_backtests(connection, user_id, page, strategy_id)
    return listed(page, found, lambda each: (each.created_at, each.backtest_id))


@router.get("/{backtest_id}", response_model=BacktestReportView)
def get(backtest_id: UUID, connection: UserConnection) -> StoredReport:
    """One backtest with its curves, trades and assumptions."""
    return existing(backtests.get_report(connection, backtest_id), "backtest")
