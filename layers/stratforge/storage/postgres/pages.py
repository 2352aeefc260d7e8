"""Paging by place: a page begins after the item that the last one ended with, so nothing is skipped or shown twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` items after the place of the last one; the newest first unless `oldest_first`."""

    limit: int = 50
    after: tuple[datetime, UUID] | None = None
    oldest_first: bool = False

    def clause(self, time: str, item_id: str) -> str:
        """`AND … ORDER BY … LIMIT …` over two columns, whose names are the caller's own."""
        compare, direction = (">", "ASC") if self.oldest_first else ("<", "DESC")
        return (
            f"AND (%(page_time)s::timestamptz IS NULL OR ({time}, {item_id}) {compare} (%(page_time)s, %(page_id)s::uuid)) "
            f"ORDER BY {time} {direction}, {item_id} {direction} LIMIT %(page_limit)s"
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """Returns the parameters of the page's SQL clause."""
        moment, item_id = self.after or (None, None)
        return {"page_time": moment, "page_id": item_id, "page_limit": self.limit}


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """The same for items that are numbered."""

    limit: int = 50
    after: int | None = None
    oldest_first: bool = False

    def clause(self, number: str) -> str:
        """`AND … ORDER BY … LIMIT …` over one column, whose name is the caller's own."""
        compare, direction = (">", "ASC") if self.oldest_first else ("<", "DESC")
        return (
            f"AND (%(page_after)s::bigint IS NULL OR {number} {compare} %(page_after)s) ORDER BY {number} {direction} "
            "LIMIT %(page_limit)s"
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """Returns the parameters of the page's SQL clause."""
        return {"page_after": self.after, "page_limit": self.limit}
