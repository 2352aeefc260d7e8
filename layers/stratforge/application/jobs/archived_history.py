"""Past bars for backtests: months that the archive has as the vendor had them come from there, everything else from the vendor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stratforge.application.jobs.tested import History
from stratforge.broker.history import Found
from stratforge.market import Bar
from stratforge.observability import logger
from stratforge.storage.market import archive
from stratforge.storage.market.archive import ArchivedBars
from stratforge.storage.postgres.database import Database

log = logger("history")
_MINUTE = timedelta(minutes=1)
# What is read in one piece: of a coin that is half a million bars, as many as a backtest takes.
_AT_ONCE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a period: of the archive, in these files, or of the vendor."""

    start: datetime
    end: datetime
    entries: tuple[ArchivedBars, ...] = ()


class ArchivedHistory:
    """The vendor's history, of which the archive holds a part.

    A backtest gives the same before and after its months were archived: a month comes from there only if the vendor had the same bars, value for value, when it was
    archived. What changed since (a split, an exchange's correction of everything) is met by its first and its last bar: where they are not the vendor's, all is.
    """

    def __init__(self, history: History, database: Database) -> None:
        self._history = history
        self._database = database

    def now(self) -> datetime:
        """The current time of the market, which the vendor says."""
        return self._history.now()

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Bars of days, which are the vendor's."""
        return self._history.days_of(symbols, start, end)

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
        """Finished 1-minute bars of one symbol, oldest first; the latest `limit` ones, and no more are read than it takes to find these.

        Raises:
            HistoryUnavailable: if the vendor does not answer.
            ArchiveUnavailable: if the archive does not give what it has.
        """
        return self._joined(symbol, self._parts(symbol, start, end), limit)

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Finished 1-minute bars of many symbols, as `bars` gives them of one."""
        parts = {each: self._parts(each, start, end) for each in symbols}
        archived = [symbol for symbol, each in parts.items() if any(part.entries for part in each)]
        found = Found({symbol: self._joined(symbol, parts[symbol], None) for symbol in archived})
        others = [symbol for symbol in symbols if symbol not in found.bars]
        if others:
            found.take(self._history.bars_of(others, start, end))
        return found

    def _joined(self, symbol: str, parts: Sequence[_Part], limit: int | None) -> list[Bar]:
        read: list[Sequence[Bar]] = []
        for part in reversed(parts):
            bars = self._archived(symbol, part) if part.entries else None
            read.append(self._history.bars(symbol, part.start, part.end) if bars is None else bars)
            if limit is not None and sum(map(len, read)) >= limit:
                break
        found = [bar for bars in reversed(read) for bar in bars]
        return found if limit is None else found[-limit:]

    def _archived(self, symbol: str, part: _Part) -> list[Bar] | None:
        """Bars of the archive; None where the vendor has others by now."""
        found: list[Bar] = []
        for entry in part.entries:
            bars = [Bar(symbol, *each[:6]) for each in archive.bars_of(entry) if part.start <= each.time < part.end]
            if bars and not found and not self._is_the_vendors(bars[0]):
                break
            found += bars
        else:
            if not found or self._is_the_vendors(found[-1]):
                return found
        log.warning("the vendor has other bars than the archive by now", symbol=symbol)
        return None

    def _parts(self, symbol: str, start: datetime, end: datetime) -> list[_Part]:
        """A period in parts, one after the other."""
        with self._database.transaction() as connection:
            entries = [each for each in reversed(archive.entries(connection, symbol, start, end)) if each.same]
        found: list[_Part] = []
        at = start
        for each in entries:
            first, last = max(each.starts_at, start), min(each.ends_at, end)
            found += _of_the_vendor(at, first)
            if found and found[-1].entries and found[-1].end == first and last - found[-1].start <= _AT_ONCE:
                before = found.pop()
                found.append(_Part(before.start, last, (*before.entries, each)))
            else:
                found.append(_Part(first, last, (each,)))
            at = last
        return [*found, *_of_the_vendor(at, end)]

    def _is_the_vendors(self, bar: Bar) -> bool:
        return list(self._history.bars(bar.symbol, bar.time, bar.time + _MINUTE)) == [bar]


def _of_the_vendor(start: datetime, end: datetime) -> Iterator[_Part]:
    while start < end:
        last = min(start + _AT_ONCE, end)
        yield _Part(start, last)
        start = last
