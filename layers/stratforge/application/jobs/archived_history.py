"""Past bars for backtests: months that the archive has whole come from there, everything else from the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from stratforge.application.jobs.tested import History
from stratforge.broker.history import Found
from stratforge.market import Bar, BarColumns
from stratforge.observability import logger
from stratforge.storage.market import archive, market_data
from stratforge.storage.postgres.database import Database

log = logger("history")
_MINUTE = timedelta(minutes=1)
# A price of the archive and the vendor's may differ by so much, which is rounding; a split moves it by more.
_SAME_PRICE = 2e-3


class ArchivedHistory:
    """The vendor's history, of which the archive holds a part.

    A month counts as whole when the vendor was asked for all of it before it was archived. So that a split that nobody here heard of is no jump, the first and the last
    bar of each archived stretch are compared with the vendor's; where they differ everything is the vendor's.
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
        """Finished 1-minute bars of one symbol, oldest first; the latest `limit` ones.

        Raises:
            HistoryUnavailable: if the vendor does not answer.
            ArchiveUnavailable: if the archive does not give what it has.
        """
        bars = self._composed(symbol, start, end)
        if bars is None:
            return self._history.bars(symbol, start, end, limit)
        return bars[-limit:] if limit is not None else bars

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Finished 1-minute bars of many symbols, as `bars` gives them of one."""
        composed = {each: self._composed(each, start, end) for each in symbols}
        found = Found({symbol: bars for symbol, bars in composed.items() if bars is not None})
        others = [symbol for symbol, bars in composed.items() if bars is None]
        if others:
            found.take(self._history.bars_of(others, start, end))
        return found

    def _composed(self, symbol: str, start: datetime, end: datetime) -> list[Bar] | None:
        """Bars of the archive and, around them, of the vendor; None where all are the vendor's."""
        stretches = self._stretches(symbol, start, end)
        found: list[Bar] = []
        begins = start
        for first, last in stretches:
            if begins < first:
                found += self._history.bars(symbol, begins, first)
            with self._database.transaction() as connection:
                columns = market_data.bars_between(connection, symbol, first, last, _all(first, last))
            bars = _as_bars(symbol, columns)
            if not all(self._is_the_vendors(each) for each in (bars[:1] + bars[-1:])):
                log.warning("the archive is on another scale than the vendor", symbol=symbol)
                return None
            found += bars
            begins = last
        if stretches and begins < end:
            found += self._history.bars(symbol, begins, end)
        return found if stretches else None

    def _stretches(self, symbol: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The times within the period of which the archive has everything, one after the other."""
        with self._database.transaction() as connection:
            whole = [each for each in archive.entries(connection, symbol, start, end) if each.complete]
        found: list[tuple[datetime, datetime]] = []
        for each in reversed(whole):
            first, last = max(each.starts_at, start), min(each.ends_at, end)
            if found and found[-1][1] == first:
                found[-1] = (found[-1][0], last)
            else:
                found.append((first, last))
        return found

    def _is_the_vendors(self, bar: Bar) -> bool:
        (theirs, *_) = [*self._history.bars(bar.symbol, bar.time, bar.time + _MINUTE), None]
        return theirs is not None and abs(theirs.close - bar.close) <= bar.close * Decimal(_SAME_PRICE)


def _all(first: datetime, last: datetime) -> int:
    return (last - first) // _MINUTE + 1


def _as_bars(symbol: str, columns: BarColumns) -> list[Bar]:
    rows = zip(columns.open, columns.high, columns.low, columns.close, columns.volume, strict=True)
    return [
        Bar(symbol, datetime.fromtimestamp(time, UTC), *(Decimal(str(float(each))) for each in row))
        for time, row in zip(columns.time.tolist(), rows, strict=True)
    ]
