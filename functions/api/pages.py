"""Paging: a cursor is the place of the last item, opaque to clients."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime
from stratforge.storage.postgres.pages import NumberedPage, Page, Period

from functions.api.problems import Problem

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many items; fewer where they are large")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
Sort = Annotated[Literal["newest", "oldest"], Query(description="Which items come first")]
Item = TypeVar("Item")


def _decoded(cursor: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))


def _encoded(place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _wrong_cursor() -> Problem:
    return Problem(422, "validation", "cursor: use `next` of the page before, unchanged.")


def _period(
    start: Annotated[AwareDatetime | None, Query(description="Only items of this moment or later")] = None,
    end: Annotated[AwareDatetime | None, Query(description="Only items before this moment")] = None,
) -> Period:
    if start is not None and end is not None and start >= end:
        raise Problem(422, "validation", "end: give a moment after start.")
    return Period(start, end)


Within = Annotated[Period, Depends(_period)]


def _page(period: Within, limit: Limit = 50, cursor: Cursor = None, sort: Sort = "newest") -> Page:
    after = None
    if cursor is not None:
        try:
            moment, item_id = _decoded(cursor)
            after = (datetime.fromisoformat(moment), UUID(item_id))
            if after[0].tzinfo is None:
                raise _wrong_cursor()
        except (ValueError, TypeError, AttributeError, binascii.Error):
            raise _wrong_cursor() from None
    return Page(limit, after, sort == "oldest", period)


def _numbered(period: Within, limit: Limit = 50, cursor: Cursor = None, sort: Sort = "newest") -> NumberedPage:
    after = None
    if cursor is not None:
        try:
            number = _decoded(cursor)
        except (ValueError, binascii.Error):
            raise _wrong_cursor() from None
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1 << 63:
            raise _wrong_cursor()
        after = number
    return NumberedPage(limit, after, sort == "oldest", period)


PageQuery = Annotated[Page, Depends(_page)]
NumberedPageQuery = Annotated[NumberedPage, Depends(_numbered)]


def place_after(moment: datetime, item_id: UUID) -> str:
    """The cursor that goes on after an item's place."""
    return _encoded([moment.isoformat(), str(item_id)])


def next_cursor(page: Page, items: Sequence[Item], place: Callable[[Item], tuple[datetime, UUID]]) -> str | None:
    """The cursor that goes on after these items; None when they were the last."""
    return place_after(*place(items[-1])) if len(items) == page.limit else None


def next_number(page: NumberedPage, items: Sequence[Item], number: Callable[[Item], int]) -> str | None:
    """The cursor of the next page of numbered items; None on the last."""
    return _encoded(number(items[-1])) if len(items) == page.limit else None
