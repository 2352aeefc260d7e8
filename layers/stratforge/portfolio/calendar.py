"""Market hours: stocks trade on the exchange's days, crypto around the clock."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, order=True)
class MarketDay:
    """A trading day: its opening and its close, aware UTC."""

    opens_at: datetime
    closes_at: datetime
    day: date


class MarketCalendar:
    """The market's trading days in order, and questions about its hours."""

    def __init__(self, days: Iterable[MarketDay]) -> None:
        self.days = sorted(days)
        self._closes = [each.closes_at for each in self.days]

    def covers(self, at: datetime) -> bool:
        """Returns whether the day of `at` and a close after it are known."""
        return bool(self.days) and self.days[0].opens_at <= at < self.days[-1].closes_at

    def _current(self, at: datetime) -> MarketDay | None:
        """The day that is running at `at`, or the next one."""
        index = bisect.bisect_right(self._closes, at)
        return self.days[index] if index < len(self.days) else None

    def is_open(self, at: datetime) -> bool:
        """Returns whether the exchange trades at `at`. The moment of the close is closed."""
        current = self._current(at)
        return current is not None and current.opens_at <= at

    def next_close(self, at: datetime) -> datetime | None:
        """The close of the running day, or of the next one: when a day order that is accepted at `at` ends."""
        current = self._current(at)
        return current.closes_at if current else None
