"""The bars of other symbols that a session saw beside its own, and sees again when it is replayed.

Which bars those were follows from its own bar: all that began a minute before it or earlier, as they were when the last of them was new. Only where that last one is another
than the bar a minute before is it recorded, and so is the edition of their days where it is another than before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np

from stratforge.market import BarColumns
from stratforge.market.columns import Integers, exchange_timezone
from stratforge.market.resampling import minutes_of
from stratforge.storage.market import daily_bars
from stratforge.storage.market.market_data import SPLIT_TIME
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies.bar_records import Record, read_record
from stratforge.storage.strategies.evaluations import SeenOfOthers
from stratforge.strategy.lookback import DAY_MINUTES, MAX_DAYS, OfOther, day_window_length, days_shown

MINUTE = 60
_FOREVER = 1 << 62


def begins(minutes: BarColumns, needed: OfOther, bar_minutes: int) -> int:
    """The beginning of the first of a symbol's own bars with which another symbol is looked at, by its last bars of a minute: before it have to be as many as are needed."""
    return int(minutes.time[max(0, len(minutes) - minutes_of(needed.back + 1, bar_minutes))])


@dataclass(frozen=True, slots=True)
class OtherMinutes:
    """The bars of a minute of another symbol, as they were stored."""

    record: Record

    @classmethod
    def read(
        cls, connection: Connection, symbol: str, first: int, needed: int, last: int, known_by: int | None = None
    ) -> OtherMinutes:
        """Reads the bars up to the last, from so many on as are needed before the first own bar that looks at them, of those that were there when the one at `known_by` (the last, if
        nothing else is said) was new."""
        start, end, known = (datetime.fromtimestamp(each, UTC) for each in (first, last, known_by or last))
        return cls(read_record(connection, symbol, start, end, needed + 1, known_by=known))

    def seen(self, first: int, needed: int, last: int | None) -> BarColumns:
        """The bars up to the last as they were when that was new: as many as are needed before the first own bar that looks at them, and those since."""
        bars = self.record.bars
        index = -1 if last is None else int(np.searchsorted(bars.time, last, side="right")) - 1
        if index < 0:
            return bars.slice(0, 0)
        known = self.record.known_with(index)
        chosen = known[max(0, _before(bars.time[known], first) - needed) :]
        return self.record.as_of(chosen, int(bars.time[index]))


def _before(times: Integers, first: int) -> int:
    return int(np.searchsorted(times, first - MINUTE, side="right"))


def lacking(bars: BarColumns, first: int, needed: int) -> int:
    """Counts the bars that are missing of those that are needed before the first own bar that looks at them."""
    return max(0, needed - _before(bars.time, first))


def days_length(needed: OfOther, bar_minutes: int) -> int:
    """The length of the window of days of another symbol that a session is shown; 0 where it looks at none."""
    if bar_minutes == DAY_MINUTES:
        return MAX_DAYS
    return days_shown(day_window_length(needed.days), bar_minutes) if needed.days else 0


def days_alone(days: BarColumns | None, symbol: str) -> BarColumns:
    """The bars of another symbol of which days alone are looked at."""
    none = BarColumns.from_rows([], exchange_timezone(symbol))
    return BarColumns(none.time, none.open, none.high, none.low, none.close, none.volume, timezone=none.timezone, days=days)  # fmt: skip


class SeenOthers:
    """The bars of other symbols that a session saw with each of its own, all read at once."""

    def __init__(
        self,
        connection: Connection,
        session_id: UUID,
        needed: Mapping[str, OfOther],
        bar_minutes: int,
        own: Record,
        last: datetime,
    ) -> None:
        """
        Args:
            connection: Where they are read.
            session_id: The session.
            needed: What it needs of each.
            bar_minutes: How long the bars are that it decides on.
            own: Its own bars.
            last: The last of them that it saw.
        """
        self._needed, self._bar_minutes = needed, bar_minutes
        self._noted = _noted(connection, session_id)
        # Of each symbol the bars under every name that they are kept under, with the time until when that was the symbol's own.
        self._minutes: dict[str, list[tuple[int, OtherMinutes]]] = {}
        self._days: dict[str, dict[int, BarColumns]] = {}
        for symbol, each in needed.items():
            if each.bars and bar_minutes < DAY_MINUTES and len(own.bars):
                self._minutes[symbol] = self._read(connection, symbol, each.bars, own, last)
            if days_length(each, bar_minutes):
                self._days[symbol] = self._editions(connection, symbol, own, last, days_length(each, bar_minutes))
        self._times = sorted(self._noted)

    def _read(
        self, connection: Connection, symbol: str, needed: int, own: Record, last: datetime
    ) -> list[tuple[int, OtherMinutes]]:
        """The bars of a minute that were seen with own ones from the first that was seen to a last one; whoever had the symbol before its owner of today had other bars."""
        found, begun = [], int(own.bars.time[min(own.start, len(own.bars) - 1)])
        for until, name in [*_earlier_owners(connection, symbol), (_FOREVER, symbol)]:
            if begun < until and begun <= (end := min(int(last.timestamp()), until - MINUTE)):
                # No window of its own begins earlier.
                known_by = self._noted.get(begun, {}).get(symbol, {}).get("last", begun - MINUTE)
                first = int(own.bars.time[0])
                found.append((until, OtherMinutes.read(connection, name, first, needed, end - MINUTE, known_by)))
                begun = until
        return found

    def _editions(
        self, connection: Connection, symbol: str, own: Record, last: datetime, length: int
    ) -> dict[int, BarColumns]:
        editions = {each[symbol].get("edition") for each in self._noted.values() if symbol in each}
        day = daily_bars.exchange_day(symbol, last)
        span = (int(own.bars.time[-1]) - int(own.bars.time[0])) // 86_400 if len(own.bars) else 0
        return {
            edition: daily_bars.days_before(connection, {symbol: day}, length + span + 1, {symbol: edition})[
                symbol
            ].bars
            for edition in editions
            if edition is not None
        }

    def beside(self, time: int, minutes: BarColumns) -> dict[str, BarColumns]:
        """The bars of the other symbols that were seen with one bar of a minute, by its time and the window that ends with it."""
        found = {}
        for symbol, needed in self._needed.items():
            days = self._days_at(symbol, time, int(minutes.day[-1]), days_length(needed, self._bar_minutes))
            if self._bar_minutes == DAY_MINUTES:
                found[symbol] = days_alone(None, symbol) if days is None else days
                continue
            of_minutes = next((each for until, each in self._minutes.get(symbol, ()) if time < until), None)
            if of_minutes is None:
                found[symbol] = days_alone(days, symbol)
                continue
            said = self._noted.get(time, {}).get(symbol, {})
            last = said.get("last", time - MINUTE)
            seen = of_minutes.seen(begins(minutes, needed, self._bar_minutes), needed.bars, last)
            found[symbol] = with_days(seen, days)
        return found

    def _days_at(self, symbol: str, time: int, today: int, length: int) -> BarColumns | None:
        for place in range(bisect_right(self._times, time) - 1, -1, -1):
            edition = self._noted[self._times[place]].get(symbol, {}).get("edition")
            if edition is not None:
                known = self._days[symbol][edition]
                end = int(np.searchsorted(known.day, today))
                return known.slice(max(0, end - length), end)
        return None


def with_days(bars: BarColumns, days: BarColumns | None) -> BarColumns:
    """The bars of another symbol with its days beside them."""
    return BarColumns(
        bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume, timezone=bars.timezone, days=days
    )


def _earlier_owners(connection: Connection, symbol: str) -> list[tuple[int, str]]:
    """The names under which the bars are kept of those who had a symbol before somebody took it over, each with when it was, the earliest first."""
    query = f"""
        SELECT extract(epoch FROM {SPLIT_TIME})::bigint, new_symbol || ' before ' || effective_on FROM corporate_actions
        WHERE kind = 'symbol_change' AND new_symbol = %s AND applied_at IS NOT NULL ORDER BY 1
    """  # noqa: S608 - an expression of ours
    return connection.execute(query, (symbol,)).fetchall()


def _noted(connection: Connection, session_id: UUID) -> dict[int, SeenOfOthers]:
    query = "SELECT extract(epoch FROM bar_time)::bigint, others FROM position_views WHERE session_id = %s AND others IS NOT NULL"
    return dict(connection.execute(query, (session_id,)).fetchall())
