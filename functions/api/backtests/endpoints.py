"""`/api/backtests`: start, list, read and share backtests; `/api/shared`: what a link shows to whoever has it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from stratforge.application import backtests as application
from stratforge.application import showing
from stratforge.application.errors import existing
from stratforge.application.jobs.queueing import request_backtest
from stratforge.application.jobs.requests import NewBacktest
from stratforge.application.strategies import Symbol
from stratforge.storage.strategies import backtests
from stratforge.storage.strategies.backtests import StoredBacktest, StoredReport
from stratforge.storage.strategies.jobs import Job
from stratforge.storage.strategies.shown import SharedReport

from functions.api.context import Asking, Reader, UserConnection, database, origin, outbox, site
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import FINISHED_IN_TIME, Wait, answer
from functions.api.pages import PageQuery
from functions.api.views import Listed, list_of, listed, view_of

router = APIRouter(prefix="/api", tags=["backtests"])
_SHARED = "pB0c3Vt9yQwE7uZkLrXh2sNdMfGa5J1o"

BacktestView = view_of(StoredBacktest, "BacktestView")
BacktestReportView = view_of(StoredReport, "BacktestReportView")
SharedReportView = view_of(SharedReport, "SharedReportView", without=("backtest_id", "strategy_id"))
BacktestList = list_of(BacktestView, "BacktestList", "Backtests; `next` continues the list.")


class LinkView(BaseModel):
    """The link to a report, for whoever has it."""

    token: str = Field(description="What the link ends in", examples=[_SHARED])
    url: str = Field(
        description="Where people read the report", examples=[f"https://stratforge.example.com/shared/{_SHARED}"]
    )


@router.post("/backtests", status_code=202, response_model=JobView, responses=FINISHED_IN_TIME)
def create_backtest(new: NewBacktest, asking: Asking, response: Response, key: IdempotencyKey, wait: Wait = 0) -> Job:
    """Queues a backtest; the job's result names it."""
    return answer(asking, request_backtest(database(), outbox(), asking, new, key), wait, response)


@router.get("/backtests", response_model=BacktestList)
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


@router.get("/backtests/{backtest_id}", response_model=BacktestReportView)
def get_backtest(backtest_id: UUID, connection: UserConnection) -> StoredReport:
    """One backtest with its curves, trades and assumptions."""
    return existing(backtests.get_report(connection, backtest_id), "backtest")


@router.delete("/backtests/{backtest_id}", status_code=204)
def delete_backtest(backtest_id: UUID, asking: Asking) -> None:
    """Throws a backtest's report away; 404 if there is none."""
    application.delete_backtest(database(), asking, backtest_id)


@router.put("/backtests/{backtest_id}/link")
def share_backtest(backtest_id: UUID, asking: Asking, request: Request) -> LinkView:
    """Makes a link to a report that works without a login, or gives the one that it has. It shows no code and nothing of its owner."""
    token = showing.share_report(database(), asking, backtest_id)
    return LinkView(token=token, url=f"{site(request)}/shared/{token}")


@router.delete("/backtests/{backtest_id}/link", status_code=204)
def unshare_backtest(backtest_id: UUID, asking: Asking) -> None:
    """Ends the link to a report: whoever has it finds nothing any more."""
    showing.unshare_report(database(), asking, backtest_id)


@router.get("/shared/{token}", response_model=SharedReportView)
def get_shared_backtest(
    token: Annotated[
        str, Path(pattern=r"^[A-Za-z0-9_-]{32,64}$", description="What the link ends in", examples=[_SHARED])
    ],
    request: Request,
) -> SharedReport:
    """The report behind a link; it needs no login."""
    return showing.read_shared(database(), token, origin(request).address)
