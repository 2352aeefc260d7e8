"""Keeps where a symbol's bars go on: which are missing, and what history is asked for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stratforge.market import Bar
from stratforge.market.timeliness import MINUTE

# What is missing for longer is not evaluated bar by bar any more.
MAX_BACKFILL = timedelta(days=5)
# Of so many symbols history is asked in one request: the answer comes in pages, but the question is one address.
SYMBOLS_A_REQUEST = 400


@dataclass(slots=True)
class Progress:
    """The point that a symbol's stream has come to.

    Attributes:
        shards: Messages that each bar is published in.
        history: Bars before the next one that are stored.
        last: The last bar that was published; None before the first.
        check: The connection is new, so the next bar must be joined to the last one.
        filling: History was asked; bars that come meanwhile are held back.
        reading: How often history before the last bar was asked and has not answered; nothing is held back for it.
        held: Those bars, in order.
    """

    shards: int = 1
    history: int = 0
    last: datetime | None = None
    check: bool = True
    filling: bool = False
    reading: int = 0
    held: list[Bar] = field(default_factory=list)
    _empty: int = 0
    _unchecked: int = 0

    def is_new(self, bar: Bar) -> bool:
        """Returns whether the bar comes after all that were published."""
        return self.last is None or bar.time > self.last

    def must_ask(self, bar: Bar) -> bool:
        """Returns whether history must be asked before `bar` is published.

        A minute without a trade has no bar, so a gap may be none. The more gaps of a symbol were empty, the fewer of the
        next ones are asked about (every one, then one of 2, 4, … 32), so that quiet symbols cost few requests.
        """
        if self.last is None or bar.time - self.last <= MINUTE:
            return False
        if self.check:
            return True
        self._unchecked += 1
        return self._unchecked >= 1 << min(max(self._empty - 2, 0), 5)

    def missing(self, until: datetime) -> Gap | None:
        """The time from the bar after the last one to the one at `until`, which is not part of it; None when nothing can be missing."""
        if self.last is None:
            return None
        start = max(self.last + MINUTE, until - MAX_BACKFILL)
        return Gap(start, until) if start < until else None

    def filled(self, bars: int) -> None:
        """Notes how many bars history had for a gap."""
        self._empty = 0 if bars else self._empty + 1
        self._unchecked = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time, `start` included and `end` not."""

    start: datetime
    end: datetime


def requests_for(gaps: Mapping[str, Gap]) -> Iterator[tuple[list[str], Gap]]:
    """Questions to history that cover every symbol's gap: gaps of about the same length together, many symbols in each."""
    similar: dict[int, list[str]] = {}
    for symbol, gap in gaps.items():
        minutes = int((gap.end - gap.start) / MINUTE)
        similar.setdefault(minutes.bit_length(), []).append(symbol)
    for symbols in similar.values():
        for chunk in chunks(symbols):
            yield chunk, Gap(min(gaps[each].start for each in chunk), max(gaps[each].end for each in chunk))


def chunks(symbols: Sequence[str], most: int = SYMBOLS_A_REQUEST) -> Iterator[list[str]]:
    """The symbols in lists of as many as go into one request, or of at most so many."""
    for start in range(0, len(symbols), most):
        yield list(symbols[start : start + most])
