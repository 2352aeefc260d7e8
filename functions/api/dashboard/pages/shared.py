"""Pages for others: reports behind links, which need no login, and the leaderboard."""

from __future__ import annotations

import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from stratforge.application import showing
from stratforge.application.showing import LEAST_DAYS, LEAST_TRADES, ShownName

from functions.api.context import database, origin
from functions.api.dashboard.access import Fields, Looking, text, validated
from functions.api.dashboard.chart_tables import with_panes
from functions.api.dashboard.pages.backtests import CHARTS, ChartOf, report_values
from functions.api.dashboard.rendering import compressed, go_to, render

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{32,64}$")]


@router.post("/backtests/{backtest_id}/share")
def share(backtest_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Makes a link to a report."""
    showing.share_report(database(), looking.caller, backtest_id)
    return go_to(looking.request, f"/backtests/{backtest_id}")


@router.post("/backtests/{backtest_id}/unshare")
def unshare(backtest_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Ends the link to a report."""
    showing.unshare_report(database(), looking.caller, backtest_id)
    return go_to(looking.request, f"/backtests/{backtest_id}")


@router.get("/shared/{token}")
def shared(token: Token, request: Request) -> Response:
    """The report behind a link, without its code, for whoever has the link."""
    found = showing.read_shared(database(), token, origin(request).address)
    source = f"/shared/{token}/chart.json"
    answer = render(request, "shared.html", backtest=found, source=source, **report_values(found))
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@router.get("/shared/{token}/chart.json")
def shared_chart(token: Token, request: Request) -> Response:
    """The curves and trades of a shared report, for its charts."""
    report = showing.read_shared(database(), token, origin(request).address).report
    body = json.dumps({"curve": with_panes(report["curve"]), "trades": report["trades"]}, separators=(",", ":"))
    answer = compressed(request, body.encode(), "application/json")
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


@router.get("/shared/{token}/chart.html")
def shared_figures(token: Token, request: Request, of: ChartOf = "price") -> Response:
    """One of a shared report's charts as a table, for who cannot see it."""
    report = showing.read_shared(database(), token, origin(request).address).report
    answer = render(request, "parts/chart_table.html", table=CHARTS[of](report))
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


@router.get("/leaderboard")
def leaderboard(looking: Looking) -> Response:
    """The sessions that people show, ranked."""
    board = showing.read_leaderboard(database(), looking.caller)
    with database().reading(looking.caller) as connection:
        return looking.page(connection, "leaderboard.html", board=board, least=LEAST_TRADES, least_days=LEAST_DAYS)


@router.post("/sessions/{session_id}/publish")
def publish(session_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Shows a session on the leaderboard, or no more."""
    if text(fields, "withdraw"):
        showing.withdraw_session(database(), looking.caller, session_id)
    else:
        name: str = validated(ShownName, text(fields, "name"))
        showing.publish_session(database(), looking.caller, session_id, name)
    return go_to(looking.request, f"/sessions/{session_id}")
