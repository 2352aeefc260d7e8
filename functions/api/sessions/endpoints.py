"""`/api/sessions`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from stratforge.bus.queues import send_work_ready
from stratforge.storage.strategies import sessions, strategies

from functions.api.context import Reader, Trader, UserConnection, Writer, database, settings
from functions.api.etags import IfMatch, check_match, tagged
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import MAX_WAIT, queue_job
from functions.api.orders.schemas import Symbol
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import Problem, not_found
from functions.api.sessions.schemas import NewSession, SessionChangeBody, SessionList, SessionView, StopBody
from functions.api.sessions.subscriptions import request_subscription

router = APIRouter(prefix="/api/sessions", tags=["sessions"])
Status = Literal["PENDING", "RUNNING", "PAUSED", "STOPPED", "FAILED", "COMPLETED"]


@router.post("", status_code=201)
def start(new: NewSession, user_id: Trader, key: IdempotencyKey) -> SessionView:
    """Starts a session on live bars. The ingestor subscribes to the symbol if nobody had it yet."""
    with database().transaction(user_id) as connection:
        strategy = strategies.get_strategy(connection, new.strategy_id)
        if strategy is None:
            raise not_found("strategy")
        started = sessions.start_session(
            connection,
            user_id,
            strategy.strategy_id,
            strategy.version,
            new.symbol or strategy.symbol,
            new.sizing_rule,
            new.sizing_value,
            sessions.Exits(new.stop_loss, new.take_profit, new.trailing_stop),
            key.new_id(connection, user_id),
            new.mode,
        )
    # After the commit, so that the ingestor finds it; if this is lost, it looks by itself within half a minute.
    request_subscription(started.symbol)
    return SessionView.model_validate(started)


@router.get("")
def list_all(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    strategy_id: UUID | None = None,
    symbol: Annotated[Symbol | None, Query()] = None,
    status: Status | None = None,
) -> SessionList:
    """The user's sessions."""
    found = sessions.list_sessions(connection, user_id, sessions.SessionFilter(strategy_id, symbol, status), page)
    following = next_cursor(page, found, lambda each: (each.started_at, each.session_id))
    return SessionList(items=[SessionView.model_validate(each) for each in found], next=following)


@router.get("/{session_id}")
def get(session_id: UUID, connection: UserConnection, response: Response) -> SessionView:
    """One session."""
    found = sessions.get_session(connection, session_id)
    if found is None:
        raise not_found("session")
    view = SessionView.model_validate(found)
    # The tag is of what a person can change; bars do not change it.
    tagged(response, _settings_of(view))
    return view


def _settings_of(view: SessionView) -> SessionChangeBody:
    return SessionChangeBody.model_validate(
        {
            name: getattr(view, name)
            for name in SessionChangeBody.model_fields
            if name != "status" or view.status in ("RUNNING", "PAUSED")
        }
    )


@router.patch("/{session_id}")
def change(
    session_id: UUID, body: SessionChangeBody, user_id: Trader, response: Response, if_match: IfMatch = None
) -> SessionView:
    """Pauses, resumes or resizes a session. A paused one watches and does not trade; its stops stay in force."""
    with database().transaction(user_id) as connection:
        found = sessions.get_session(connection, session_id)
        if found is None:
            raise not_found("session")
        if found.status not in ("RUNNING", "PAUSED"):
            raise Problem(409, "session-ended", f"The session is {found.status}; start a new one.")
        check_match(if_match, _settings_of(SessionView.model_validate(found)))
        given = body.model_dump(exclude_unset=True)
        exits = {name: given.get(name, getattr(found, name)) for name in ("stop_loss", "take_profit", "trailing_stop")}
        changed = sessions.change_session(
            connection,
            session_id,
            sessions.SessionChange(
                body.sizing_rule or found.sizing_rule,
                body.sizing_value or found.sizing_value,
                sessions.Exits(**exits),
                (body.status or found.status) == "PAUSED",
            ),
        )
    view = SessionView.model_validate(changed)
    tagged(response, _settings_of(view))
    return view


@router.post("/{session_id}/stop")
def stop(session_id: UUID, user_id: Trader, body: StopBody | None = None) -> SessionView:
    """Stops a session. What it holds stays held unless it is to be flattened; stopping again changes nothing."""
    flatten = body is not None and body.flatten
    with database().transaction(user_id) as connection:
        stopped = sessions.stop_session(connection, session_id, flatten=flatten)
    if stopped is None:
        raise not_found("session")
    if flatten:
        send_work_ready(settings().signals_queue_url, stopped.symbol, f"flatten-{session_id}")
    request_subscription(stopped.symbol)
    return SessionView.model_validate(stopped)


@router.post("/{session_id}/flatten")
def flatten(session_id: UUID, user_id: Trader) -> SessionView:
    """Sells what a session holds. A running session goes on."""
    with database().transaction(user_id) as connection:
        found = sessions.get_session(connection, session_id)
        if found is None:
            raise not_found("session")
        sessions.flatten_session(connection, session_id)
    send_work_ready(settings().signals_queue_url, found.symbol, f"flatten-{session_id}-{datetime.now(UTC):%H%M%S}")
    return SessionView.model_validate(found)


@router.post(
    "/{session_id}/replay", status_code=202, responses={200: {"description": "The job, finished within `wait` seconds"}}
)
def replay(
    session_id: UUID,
    user_id: Writer,
    response: Response,
    key: IdempotencyKey,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for the result")] = 0,
) -> JobView:
    """Evaluates the session's recorded bars again: its signals must come out the same, bit for bit."""
    with database().transaction(user_id) as connection:
        if sessions.get_session(connection, session_id) is None:
            raise not_found("session")
    request = {"session_id": str(session_id)}
    return queue_job(user_id, "REPLAY", request, settings().backtests_queue_url, wait, response, key)
