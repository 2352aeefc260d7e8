"""The times at which a portfolio strategy decides: periods of the exchange's calendar, or spans of minutes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stratforge.market.columns import BarColumns, Integers
from stratforge.market.hours import OPEN

PERIODS = ("daily", "weekly", "monthly", "quarterly", "yearly")
MAX_MINUTES = 390
_DAY_MINUTES = 1_440
# Trading days of a period, about.
_DAYS = {"daily": 1, "weekly": 5, "monthly": 21, "quarterly": 63, "yearly": 252}


@dataclass(frozen=True, slots=True)
class Schedule:
    """One of `PERIODS`, or spans of so many minutes."""

    period: str
    minutes: int = 0

    def __str__(self) -> str:
        return self.period or f"every {self.minutes} minutes"

    @property
    def stored(self) -> str:
        """The schedule as a word: its period, or its minutes."""
        return self.period or str(self.minutes)

    @classmethod
    def of(cls, stored: str) -> Schedule:
        """The schedule that `stored` says."""
        return cls(stored) if stored in PERIODS else cls("", int(stored))

    def decisions_in(self, days: int, minutes: int) -> int:
        """About how many decisions fall into so many trading days of so many minutes each; at least one."""
        if self.minutes:
            return max(1, days * -(-minutes // self.minutes))
        return max(1, days // _DAYS[self.period])

    def spans(self, clock: BarColumns) -> Integers:
        """The period in which each bar begins, as a number that grows with time."""
        if self.minutes:
            opening = 0 if clock.timezone.key == "UTC" else OPEN
            minute = (clock.local_seconds - clock.day * 86_400) // 60 - opening
            return clock.day * _DAY_MINUTES + minute // self.minutes
        if self.period == "daily":
            return clock.day
        if self.period == "weekly":
            # The first of January 1970 was a Thursday.
            return (clock.day + 3) // 7
        months = clock.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return months // {"monthly": 1, "quarterly": 3, "yearly": 12}[self.period]

    def due(self, clock: BarColumns) -> Integers:
        """The places of the bars before which there is a decision: the second, and each that begins a new period after it."""
        starts = np.flatnonzero(np.diff(self.spans(clock))) + 1
        return starts if len(clock) < 2 or (len(starts) and starts[0] == 1) else np.concatenate(([1], starts))
