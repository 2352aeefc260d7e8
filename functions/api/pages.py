"""Paging: a cursor is the place of the last item, opaque to clients."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from functions.api.problems import Problem

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many items")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]


def encode_cursor(time: datetime, item_id: UUID) -> str:
    """The cursor after an item."""
    return base64.urlsafe_b64encode(json.dumps([time.isoformat(), str(item_id)]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The place a cursor names.

    Raises:
        Problem: 422 if it is none of ours.
    """
    if cursor is None:
        return None
    try:
        time, item_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(time)
        if moment.tzinfo is None:
            raise ValueError(cursor)
        return moment, UUID(item_id)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise Problem(422, "validation", "cursor: use `next` of the page before, unchanged.") from None
