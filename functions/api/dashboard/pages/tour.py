"""Going through the tour, which can be left at any step."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import sessions

from functions.api.context import database
from functions.api.dashboard.access import Looking
from functions.api.dashboard.rendering import go_to
from functions.api.dashboard.tour import COOKIE, ENDED, step_of

router = APIRouter(include_in_schema=False)
_YEAR = 365 * 86_400


@router.get("/tour/{step}")
def go(step: str, looking: Looking) -> Response:
    """Goes to a step, or ends the tour. It is kept in this browser alone."""
    wanted = step_of(step)
    address = "/"
    if wanted:
        with database().reading(looking.caller) as connection:
            address = wanted.step.address or _own_session(connection, looking.user_id)
    answer = go_to(looking.request, address)
    answer.set_cookie(
        COOKIE,
        str(wanted.number) if wanted else ENDED,
        max_age=_YEAR,
        httponly=True,
        samesite="lax",
        secure=looking.request.url.scheme == "https",
    )
    return answer


def _own_session(connection: Connection, user_id: UUID) -> str:
    found = sessions.list_sessions(connection, user_id, sessions.SessionFilter(), Page(1))
    return f"/sessions/{found[0].session_id}" if found else "/gallery"
