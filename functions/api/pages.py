"""Paging: a cursor is the place of the last item, opaque to clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime
from stratforge.storage.postgres.pages import NumberedPage, Page, Period

from functions.api.problems import Problem

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many items; fewer where they are large")]
_UNCHANGED = "`next` of the page before, unchanged"
# The microseconds since 1970 and the id, both in hexadecimal; every text of this form is a place.
PlaceCursor = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9a-f]{1,14}-[0-9a-f]{32}$",
        description=_UNCHANGED,
        max_length=47,
        examples=[f"63a4f2c1b9d40-{UUID(int=7).hex}"],
    ),
]
NumberCursor = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,18}$", description=_UNCHANGED, max_length=18, examples=["1042"])
]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Sort = Annotated[Literal["newest", "oldest"], Query(description="Which items come first")]
Item = TypeVar("Item")


def _period(
    start: Annotated[AwareDatetime | None, Query(description="Only items of this moment or later")] = None,
    end: Annotated[AwareDatetime | None, Query(description="Only items before this moment")] = None,
) -> Period:
    if start is not None and end is not None and start >= end:
        raise Problem(422, "validation", "end: give a moment after start.")
    return Period(start, end)


Within = Annotated[Period, Depends(_period)]


def _page(period: Within, limit: Limit = 50, cursor: PlaceCursor = None, sort: Sort = "newest") -> Page:
    after = None
    if cursor is not None:
        moment, _, item_id = cursor.partition("-")
        after = (_EPOCH + timedelta(microseconds=int(moment, 16)), UUID(item_id))
    return Page(limit, after, sort == "oldest", period)


def _numbered(period: Within, limit: Limit = 50, cursor: NumberCursor = None, sort: Sort = "newest") -> NumberedPage:
    return NumberedPage(limit, None if cursor is None else int(cursor), sort == "oldest", period)


PageQuery = Annotated[Page, Depends(_page)]
NumberedPageQuery = Annotated[NumberedPage, Depends(_numbered)]


def place_after(moment: datetime, item_id: UUID) -> str:
    """The cursor that goes on after an item's place."""
    return f"{(moment - _EPOCH) // timedelta(microseconds=1):x}-{item_id.hex}"


def next_cursor(page: Page, items: Sequence[Item], place: Callable[[Item], tuple[datetime, UUID]]) -> str | None:
    """The cursor that goes on after these items; None when they were the last."""
    return place_after(*place(items[-1])) if len(items) == page.limit else None


def next_number(page: NumberedPage, items: Sequence[Item], number: Callable[[Item], int]) -> str | None:
    """The cursor of the next page of numbered items; None on the last."""
    return str(number(items[-1])) if len(items) == page.limit else None
