"""Notices: as they come, in the corner of every page, and as a list."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from stratforge.application.notices import latest_notices, new_notices
from stratforge.storage.delivery import events
from stratforge.storage.delivery.events import EventCursor
from stratforge.storage.market import alerts

from functions.api.context import database
from functions.api.dashboard.access import Looking

router = APIRouter(include_in_schema=False)


@router.get("/notices")
def page(looking: Looking) -> Response:
    """The list of the latest notices."""
    with database().reading(looking.caller) as connection:
        return looking.page(
            connection,
            "notices.html",
            notices=latest_notices(connection, looking.user_id),
            alerts=alerts.list_alerts(connection, looking.user_id),
        )


@router.get("/notices/new")
def new(looking: Looking, after: Annotated[str, Query(max_length=60)] = "") -> Response:
    """The notices of what happened since the page was told last."""
    with database().reading(looking.caller) as connection:
        cursor = EventCursor.parse(after) or events.present(connection)
        found, seen = new_notices(connection, looking.user_id, cursor)
        return looking.part("parts/toasts.html", notices=found[-4:], more=max(0, len(found) - 4), seen=seen)
