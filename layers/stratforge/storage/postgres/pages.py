"""Paging by place: a page begins after the item that the last one ended with, so nothing is skipped or shown twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` on, and before `end`; None has no bound."""

    start: datetime | None = None
    end: datetime | None = None

    def clause(self, time: str) -> str:
        """`AND …` over a column of time, whose name is the caller's own."""
        bounds = [
            f"AND {time} {compare} %({name})s"
            for name, compare, bound in (("page_start", ">=", self.start), ("page_end", "<", self.end))
            if bound is not None
        ]
        return " ".join(bounds)

    @property
    def parameters(self) -> dict[str, Any]:
        """Returns the parameters of the period's SQL clause."""
        return {"page_start": self.start, "page_end": self.end}


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` items of a period after the place of the last one; the newest first unless `oldest_first`."""

    limit: int = 50
    after: tuple[datetime, UUID] | None = None
    oldest_first: bool = False
    period: Period = Period()

    def clause(self, time: str, item_id: str) -> str:
        """`AND … ORDER BY … LIMIT …` over two columns, whose names are the caller's own."""
        compare, direction = (">", "ASC") if self.oldest_first else ("<", "DESC")
        return (
            f"{self.period.clause(time)} AND (%(page_time)s::timestamptz IS NULL OR ({time}, {item_id}) {compare} (%(page_time)s, %(page_id)s::uuid)) "
            f"ORDER BY {time} {direction}, {item_id} {direction} LIMIT %(page_limit)s"
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """Returns the parameters of the page's SQL clause."""
        moment, item_id = self.after or (None, None)
        return {"page_time": moment, "page_id": item_id, "page_limit": self.limit, **self.period.parameters}


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """The same for items that are numbered."""

    limit: int = 50
    after: int | None = None
    oldest_first: bool = False
    period: Period = Period()

    def clause(self, number: str, time: str) -> str:
        """`AND … ORDER BY … LIMIT …` over a column of numbers and one of times, whose names are the caller's own."""
        compare, direction = (">", "ASC") if self.oldest_first else ("<", "DESC")
        return (
            f"{self.period.clause(time)} AND (%(page_after)s::bigint IS NULL OR {number} {compare} %(page_after)s) ORDER BY {number} {direction} "
            "LIMIT %(page_limit)s"
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """Returns the parameters of the page's SQL clause."""
        return {"page_after": self.after, "page_limit": self.limit, **self.period.parameters}
