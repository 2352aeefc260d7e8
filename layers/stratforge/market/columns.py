"""Bars as columns of numbers: what indicators and the engine compute on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from stratforge.market.bars import Bar
from stratforge.market.clocks import CLOCKS, clock_field
from stratforge.market.hours import closing_minute
from stratforge.market.symbols import is_crypto

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Which bars: a range of them, or their indices in ascending order.
Chosen = slice | Integers

PRICE_COLUMNS = ("open", "high", "low", "close", "volume")
_NEW_YORK = ZoneInfo("America/New_York")
_HOUR, _DAY = 3600, 86400
# Between daily bars lie four days at most, with a holiday beside a weekend; bars of a week are no further apart than that only by chance.
_WEEKEND = 5 * _DAY
_FEW = 10


def exchange_timezone(symbol: str) -> ZoneInfo:
    """The time zone a symbol's exchange lives in: New York for stocks, UTC for crypto."""
    return ZoneInfo("UTC") if is_crypto(symbol) else _NEW_YORK


# Of a portfolio's symbols the bars begin at the same times.
@lru_cache(maxsize=8)
def _offsets(hours_as_bytes: bytes, timezone: ZoneInfo) -> Integers:
    """Seconds that the exchange's wall clock is ahead of UTC in each of these hours since the epoch, to be read only."""
    hours = np.frombuffer(hours_as_bytes, dtype=np.int64)
    # No clock is changed forth and back within a day: a day that ends as it began has one offset.
    days, day = np.unique(hours // 24, return_inverse=True)
    first, last = _looked_up(days * 24, timezone), _looked_up(days * 24 + 23, timezone)
    offsets = first[day]
    changing = (first != last)[day]
    offsets[changing] = _looked_up(hours[changing], timezone)
    offsets.flags.writeable = False
    return offsets


def _looked_up(hours: Integers, timezone: ZoneInfo) -> Integers:
    return np.array([_offset(hour, timezone) for hour in hours.tolist()], dtype=np.int64)


# Live the same days are asked for on every bar.
@lru_cache(maxsize=1 << 16)
def _offset(hour: int, timezone: ZoneInfo) -> int:
    return int((datetime.fromtimestamp(hour * _HOUR, timezone).utcoffset() or timedelta()).total_seconds())


def local_seconds(time: Integers, timezone: ZoneInfo) -> Integers:
    """Seconds since the epoch (UTC), ascending, as the wall clock of a time zone shows them."""
    if not len(time):
        return time
    # Offsets change on whole hours only, so one look-up an hour is enough.
    hours = time // _HOUR
    if len(hours) <= 2:
        return time + _looked_up(hours, timezone)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(hours)) + 1))
    offsets = _offsets(hours[starts].tobytes(), timezone)
    return time + np.repeat(offsets, np.diff(starts, append=len(time)))


def bar_seconds(local: Integers, *, daily: bool) -> int:
    """The length of each bar in seconds: as long as from one to the next in most cases, however many are missing.

    Of a few bars nothing is the rule: then the longest length that goes into every distance between them. Days are days, whatever lies between them.

    Args:
        local: Their starts by the wall clock, in seconds.
        daily: Whether they are days, which one alone does not show.
    """
    apart = np.diff(local)
    if not len(apart):
        return _DAY if daily else 60
    length = int(apart.min())
    if len(apart) < _FEW:
        length = int(np.gcd.reduce(apart))
    elif 2 * np.count_nonzero(apart == length) < len(apart):
        lengths, times = np.unique(apart, return_counts=True)
        length = int(lengths[times.argmax()])
    return _DAY if _DAY <= length < _WEEKEND else length


@dataclass(frozen=True, eq=False)
class BarColumns:
    """Consecutive bars of one symbol as arrays of equal length.

    `time` holds the bars' starts in seconds since the epoch (UTC), ascending. A bar is `minutes` long, and those that are `daily` a day of the exchange.
    `days` are the symbol's days as its exchange has them, before and during the bars: of each bar those before its own day are known. None where nobody has them.
    `others` are the bars of other symbols that are looked at beside these, with their days; see `market.other_symbols`.
    Of each place of `CLOCKS` there is the minute of the day on its clocks at which each bar begins, under the name that `clock_field` gives.
    """

    time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    timezone: ZoneInfo = field(default=_NEW_YORK, kw_only=True)
    daily: bool = field(default=False, kw_only=True)
    minutes: int = field(default=1, kw_only=True)
    days: BarColumns | None = field(default=None, kw_only=True)
    others: Mapping[str, BarColumns] = field(default_factory=dict, kw_only=True)

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def from_bars(cls, bars: Sequence[Bar]) -> BarColumns:
        """Columns of bars of one symbol, in ascending time."""
        symbol = bars[0].symbol if bars else "AAPL"
        return cls.from_rows(
            ((bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars),
            exchange_timezone(symbol),
        )

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[Any]], timezone: ZoneInfo) -> BarColumns:
        """Columns of (time, open, high, low, close, volume) rows, in ascending time."""
        material = list(rows)
        time = np.array([int(row[0].timestamp()) for row in material], dtype=np.int64)
        numbers = np.array([[float(value) for value in row[1:6]] for row in material], dtype=np.float64)
        numbers = numbers.reshape(len(material), 5)
        open_, high, low, close, volume = (np.ascontiguousarray(numbers[:, column]) for column in range(5))
        return cls(time, open_, high, low, close, volume, timezone=timezone)

    def tail(self, length: int) -> BarColumns:
        """The last `length` bars, or all when there are fewer."""
        return self.slice(max(0, len(self) - length), len(self))

    def slice(self, start: int, stop: int) -> BarColumns:
        """Bars `start` (included) to `stop` (excluded), sharing memory with these."""
        return self.take(slice(start, stop))

    def take(self, chosen: Chosen) -> BarColumns:
        """The bars of a slice (sharing memory with these) or of ascending indices."""
        return BarColumns(
            self.time[chosen],
            self.open[chosen],
            self.high[chosen],
            self.low[chosen],
            self.close[chosen],
            self.volume[chosen],
            timezone=self.timezone,
            daily=self.daily,
            minutes=self.minutes,
            days=self.days,
            others=self.others,
        )

    def after_unknown(self) -> BarColumns:
        """These bars after one, a day before them, of which nothing is known."""
        time = np.concatenate((self.time[:1] - _DAY, self.time)) if len(self) else np.zeros(1, dtype=np.int64)
        columns = (np.concatenate(([np.nan], getattr(self, name))) for name in PRICE_COLUMNS)
        return BarColumns(time, *columns, timezone=self.timezone, daily=self.daily, minutes=self.minutes)

    @property
    def seconds(self) -> int:
        """The length of a bar in seconds."""
        return _DAY if self.daily else 60 * self.minutes

    @cached_property
    def local_seconds(self) -> Integers:
        """The bars' starts in the exchange's wall clock, as seconds since the epoch."""
        return local_seconds(self.time, self.timezone)

    @cached_property
    def day(self) -> Integers:
        """The exchange's calendar day of each bar, as days since the epoch."""
        return self.local_seconds // _DAY

    @cached_property
    def nights(self) -> Floats:
        """Nights between each bar and the one before, by the exchange's calendar: three over a weekend, none within a day and before the first bar."""
        return np.diff(self.day, prepend=self.day[:1]).astype(np.float64)

    @property
    def anchor(self) -> Integers:
        """A number that changes on the bar with which whatever begins anew every day begins anew: of daily bars it never does."""
        return np.zeros(len(self), dtype=np.int64) if self.daily else self.day

    @cached_property
    def hour(self) -> Floats:
        """Hour of the day in exchange time, 0 to 23."""
        return (self.local_seconds % _DAY // _HOUR).astype(np.float64)

    @cached_property
    def minute(self) -> Floats:
        """Minute of the hour in exchange time, 0 to 59."""
        return (self.local_seconds % _HOUR // 60).astype(np.float64)

    @cached_property
    def weekday(self) -> Floats:
        """Day of the week in exchange time: Monday is 0."""
        return ((self.day + 3) % 7).astype(np.float64)

    @cached_property
    def day_of_month(self) -> Floats:
        """Day of the month in exchange time, from 1."""
        dates = self._dates
        days: Floats = (dates - dates.astype("datetime64[M]")).astype(np.float64)
        return days + 1.0

    @cached_property
    def calendar_month(self) -> Floats:
        """Month in exchange time: January is 1."""
        return (self._dates.astype("datetime64[M]").astype(np.int64) % 12 + 1).astype(np.float64)

    @cached_property
    def calendar_year(self) -> Floats:
        """Year in exchange time, with its century."""
        years: Floats = self._dates.astype("datetime64[Y]").astype(np.float64)
        return years + 1970.0

    @property
    def _dates(self) -> npt.NDArray[np.datetime64]:
        return self.day.astype("datetime64[D]")

    @cached_property
    def minutes_to_close(self) -> Floats:
        """Minutes from the beginning of each bar to the close of its day, 0 after it; NaN where the market never closes."""
        if self.timezone.key == "UTC":
            return np.full(len(self), np.nan)
        days, places = np.unique(self.day, return_inverse=True)
        closes = np.array([closing_minute(each) for each in days.tolist()], dtype=np.float64)
        return np.maximum(closes[places] - self.local_seconds % _DAY // 60, 0.0)


def _minute_in(place: str) -> cached_property[Floats]:
    """The minutes of the day on a place's clocks."""
    return cached_property(lambda bars: (local_seconds(bars.time, CLOCKS[place]) % _DAY // 60).astype(np.float64))


for _place in CLOCKS:
    _field = _minute_in(_place)
    _field.__set_name__(BarColumns, clock_field(_place))
    setattr(BarColumns, clock_field(_place), _field)
