"""`/api/sessions`: start, read, change, stop, flatten, replay and show sessions; `/api/leaderboard`: those that people show."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel
from stratforge.application import sessions as application
from stratforge.application import showing
from stratforge.application.decision_rules import DecisionRules, decision_rules
from stratforge.application.errors import existing
from stratforge.application.jobs.queueing import request_replay
from stratforge.application.jobs.requests import ReplayRequest
from stratforge.application.portfolio_chart import PortfolioChart, portfolio_chart
from stratforge.application.session_decisions import session_decisions
from stratforge.application.session_rules import SessionRules, session_rules
from stratforge.application.sessions import NewSession, SessionChange
from stratforge.application.strategies import Symbol
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.jobs import Job
from stratforge.storage.strategies.sessions import SessionStatus, StoredSession

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.etags import IfMatch, matches, tagged
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import FINISHED_IN_TIME, Wait, answer
from functions.api.pages import PageQuery
from functions.api.sessions.schemas import (
    DecisionRulesView,
    Leaderboard,
    Publication,
    SessionDecisionList,
    SessionDecisionView,
    SessionEquity,
    SessionList,
    SessionRulesView,
    SessionView,
    StopBody,
    leaderboard_of,
)
from functions.api.views import Listed, listed

router = APIRouter(prefix="/api", tags=["sessions"])


@router.post("/sessions", status_code=201, response_model=SessionView)
def start_session(new: NewSession, asking: Asking, key: IdempotencyKey, response: Response) -> StoredSession:
    """Starts a session on live bars. The ingestor subscribes to the symbol if nobody had it yet."""
    started = application.start_session(database(), outbox(), asking, new, key)
    response.headers["Location"] = f"/v1/sessions/{started.session_id}"
    return started


@router.get("/sessions", response_model=SessionList)
def list_sessions(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    strategy_id: UUID | None = None,
    symbol: Annotated[Symbol | None, Query()] = None,
    status: SessionStatus | None = None,
) -> Listed[StoredSession]:
    """The caller's sessions, page by page."""
    found = sessions.list_sessions(connection, user_id, sessions.SessionFilter(strategy_id, symbol, status), page)
    return listed(page, found, lambda each: (each.started_at, each.session_id))


@router.get("/sessions/{session_id}", response_model=SessionView)
def get_session(session_id: UUID, connection: UserConnection, response: Response) -> StoredSession:
    """One session with its profit at the latest prices."""
    found = existing(sessions.get_session(connection, session_id), "session")
    return _tagged(found, response)


@router.get("/sessions/{session_id}/rules", response_model=SessionRulesView)
def get_session_rules(
    session_id: UUID,
    asking: Asking,
    bar_time: Annotated[
        AwareDatetime | None,
        Query(description="The start of an earlier bar, or the minute that decided it, instead of the last"),
    ] = None,
) -> SessionRules:
    """The rules of the session's strategy on a bar, with the numbers they compare: why it did what it did, or nothing."""
    return session_rules(database(), asking, session_id, bar_time)


@router.get("/sessions/{session_id}/decisions", response_model=SessionDecisionList)
def list_session_decisions(
    session_id: UUID,
    asking: Asking,
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many decisions")] = 20,
    before: Annotated[
        AwareDatetime | None, Query(description="Only decisions about periods that began before this time")
    ] = None,
) -> BaseModel:
    """The decisions of a portfolio session: what it saw, wanted and ordered of each symbol."""
    found = session_decisions(database(), asking, session_id, limit, before)
    return SessionDecisionList(items=[SessionDecisionView.model_validate(each) for each in found])


@router.get("/sessions/{session_id}/decisions/rules", response_model=DecisionRulesView)
def get_decision_rules(
    session_id: UUID,
    asking: Asking,
    moment: Annotated[
        AwareDatetime | None,
        Query(description="The beginning of the period that was decided about, or any time in it, instead of the last"),
    ] = None,
) -> DecisionRules:
    """The rules of a portfolio session's strategy on a decision: what it read of each symbol, compared, ranked, chose and returned."""
    return decision_rules(database(), asking, session_id, moment)


@router.get("/sessions/{session_id}/equity", response_model=SessionEquity)
def get_session_equity(session_id: UUID, asking: Asking) -> PortfolioChart:
    """The worth of a portfolio session over time, beside equal parts of its universe, and what it was made of."""
    return portfolio_chart(database(), asking, session_id)


def _tagged(stored: StoredSession, response: Response) -> StoredSession:
    # The tag is of what a person can change; bars do not change it.
    tagged(response, _changeable(stored))
    return stored


def _changeable(stored: StoredSession) -> SessionChange:
    return SessionChange.model_validate(
        {
            name: getattr(stored, name)
            for name in SessionChange.model_fields
            if name != "status" or stored.status in sessions.CHANGEABLE
        }
    )


@router.patch("/sessions/{session_id}", response_model=SessionView)
def change_session(
    session_id: UUID, body: SessionChange, asking: Asking, response: Response, if_match: IfMatch = None
) -> StoredSession:
    """Pauses, resumes or resizes a session. A paused one watches and does not trade; its stops stay in force."""
    changed = application.change_session(
        database(), asking, session_id, body, lambda current: matches(if_match, _changeable(current))
    )
    return _tagged(changed, response)


@router.post("/sessions/{session_id}/stop", response_model=SessionView)
def stop_session(session_id: UUID, asking: Asking, body: StopBody | None = None) -> StoredSession:
    """Stops a session. What it holds stays held unless it is to be flattened; stopping again changes nothing."""
    flatten = body is not None and body.flatten
    return application.stop_session(database(), outbox(), asking, session_id, flatten=flatten)


@router.post("/sessions/{session_id}/flatten", response_model=SessionView)
def flatten_session(session_id: UUID, asking: Asking) -> StoredSession:
    """Sells what a session holds. A running session goes on."""
    return application.flatten_session(database(), outbox(), asking, session_id)


@router.post("/sessions/{session_id}/replay", status_code=202, response_model=JobView, responses=FINISHED_IN_TIME)
def replay_session(session_id: UUID, asking: Asking, response: Response, key: IdempotencyKey, wait: Wait = 0) -> Job:
    """Evaluates the session's recorded bars again: its signals must come out the same, bit for bit."""
    job = request_replay(database(), outbox(), asking, ReplayRequest(session_id=session_id), key)
    return answer(asking, job, wait, response)


@router.put("/sessions/{session_id}/publication", status_code=204)
def publish_session(session_id: UUID, body: Publication, asking: Asking) -> None:
    """Shows a session on the leaderboard under a name; under another one when it is shown already."""
    showing.publish_session(database(), asking, session_id, body.name)


@router.delete("/sessions/{session_id}/publication", status_code=204)
def withdraw_session(session_id: UUID, asking: Asking) -> None:
    """Takes a session off the leaderboard."""
    showing.withdraw_session(database(), asking, session_id)


@router.get("/leaderboard", response_model=Leaderboard)
def get_leaderboard(asking: Asking) -> BaseModel:
    """The sessions that people show, the best first, and then those that are not ranked yet. Its figures come from the ledger and from replays."""
    return leaderboard_of(showing.read_leaderboard(database(), asking))
