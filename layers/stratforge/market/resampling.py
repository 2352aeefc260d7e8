"""Bars of a longer timeframe made of bars of a minute: those that are completed, and which was the last of them at each minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stratforge.market.columns import BarColumns, Integers
from stratforge.market.hours import OPEN, closing_minute

# Each with its minutes: it holds no more bars of a minute than that.
TIMEFRAMES = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1_440}
DAY = "1d"
# The same by their minutes.
TIMEFRAME_OF = {minutes: name for name, minutes in TIMEFRAMES.items()}
_DAY = 86_400
RECENT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """Completed bars of a longer timeframe.

    Attributes:
        bars: The completed bars; each has the time of the first bar that it was made of.
        latest: For each bar that they were made of the place of the last one that was completed when it ended; -1 where there was none.
    """

    bars: BarColumns
    latest: Integers


def resample(bars: BarColumns, timeframe: str) -> Resampled:
    """Makes bars of a longer timeframe, one of `TIMEFRAMES`.

    They are aligned to the exchange's session: those of a stock are counted from the open, none reaches beyond the close, and before the open and after
    the close others are counted from there; those of crypto are counted from midnight UTC. A day is a day of the exchange's calendar. A bar is
    completed by the bar of its last minute, or by the next bar where that minute has none. Bars that are as long already, or longer, stay what they are.
    """
    if bars.seconds >= TIMEFRAMES[timeframe] * 60:
        return Resampled(bars, np.arange(len(bars)))
    starts, ends = _spans(bars, TIMEFRAMES[timeframe] * 60)
    firsts = np.flatnonzero(np.diff(starts, prepend=starts[:1] - 1))
    lasts = np.append(firsts[1:], len(bars))[: len(firsts)] - 1
    completed = lasts + (bars.local_seconds[lasts] + bars.seconds < ends[lasts])
    # The last may not be yet.
    completed = completed[completed < len(bars)]
    firsts, lasts = firsts[: len(completed)], lasts[: len(completed)]
    upto = lasts[-1:].sum() + 1 if len(lasts) else 0
    made = [bars.open[firsts]]
    for ufunc, column in ((np.maximum, bars.high), (np.minimum, bars.low)):
        made.append(ufunc.reduceat(column[:upto], firsts) if len(firsts) else column[:0])
    made.append(bars.close[lasts])
    made.append(np.add.reduceat(bars.volume[:upto], firsts) if len(firsts) else bars.volume[:0])
    latest = np.searchsorted(completed, np.arange(len(bars)), side="right") - 1
    made_of = BarColumns(
        bars.time[firsts],
        *made,
        timezone=bars.timezone,
        daily=timeframe == DAY,
        minutes=TIMEFRAMES[timeframe],
        days=bars.days,
        others=bars.others,
    )
    return Resampled(made_of, latest)


def longer(bars: BarColumns, timeframe: str) -> Resampled:
    """The bars of a longer timeframe that a strategy on these bars sees, as `resample` makes them; but its days are those of the exchange, where there are any.

    A day is known from the next day on, whenever it ended, so that it does not matter which minutes of it there are.
    """
    if timeframe != DAY or bars.days is None or bars.seconds >= _DAY:
        return resample(bars, timeframe)
    return Resampled(bars.days, np.searchsorted(bars.days.day, bars.day) - 1)


def waiting(bars: BarColumns, timeframe: str) -> int | None:
    """The number of completed longer bars that wait after the one that is decided on with the last of these bars; None where none is.

    A bar of a minute may complete two, the one before its own and its own. They are decided on one after the other, with one bar of a minute each; `RECENT` of
    these are enough to know.
    """
    latest, decided = _decided_with(bars, timeframe)
    return int(latest[-1] - decided[-1]) if len(bars) > 1 and decided[-1] > decided[-2] else None


def deciding(bars: BarColumns, timeframe: str) -> Integers:
    """The places of those of these bars of a minute with which a longer one is decided on."""
    _, decided = _decided_with(bars, timeframe)
    return np.flatnonzero(np.diff(decided) > 0) + 1


def _decided_with(bars: BarColumns, timeframe: str) -> tuple[Integers, Integers]:
    """For each bar of a minute the places of the last longer one that was completed, and of the last that was decided on, when it ended."""
    latest, places = resample(bars, timeframe).latest, np.arange(len(bars))
    return latest, np.minimum.accumulate(latest - places) + places


def decided_bars(bars: BarColumns, timeframe: str, length: int) -> BarColumns | None:
    """The last `length` longer bars up to the one that is decided on with the last of these bars of a minute; None where none is.

    Whether one is depends on the last `RECENT` bars alone, whatever came before them.
    """
    left = waiting(bars.tail(RECENT), timeframe)
    if left is None:
        return None
    made = resample(bars, timeframe)
    end = int(made.latest[-1]) + 1 - left
    return made.bars.slice(max(0, end - length), end)


def opens_day(bars: BarColumns) -> bool:
    """Returns whether the last of these bars of a minute is the first of its day: of a stock in the regular hours."""
    last = bars.tail(2)
    if not len(last):
        return False
    if bars.timezone.key == "UTC":
        return len(last) < 2 or bool(last.day[0] != last.day[1])
    minutes = last.local_seconds % _DAY // 60
    within = [
        OPEN <= minute < closing_minute(day) for minute, day in zip(minutes.tolist(), last.day.tolist(), strict=True)
    ]
    return within[-1] and (len(last) < 2 or not within[0] or bool(last.day[0] != last.day[1]))


def latest_bars(bars: BarColumns, timeframe: str, length: int) -> BarColumns:
    """The last `length` longer bars that are completed with the last of these bars of a minute."""
    made = resample(bars, timeframe)
    return made.bars.tail(length) if len(made.latest) and made.latest[-1] >= 0 else made.bars.slice(0, 0)


def minutes_of(length: int, bar_minutes: int) -> int:
    """Bars of a minute that hold so many whole bars of a length, whatever is missing: of longer ones the first may be a part of one, and the last two be of others."""
    return length if bar_minutes == 1 else (length + 2) * bar_minutes


def _spans(bars: BarColumns, length: int) -> tuple[Integers, Integers]:
    """When the longer bar of each bar begins and ends, in seconds of the exchange's wall clock."""
    clock, midnight = bars.local_seconds, bars.day * _DAY
    if length == _DAY or bars.timezone.key == "UTC":
        starts = midnight + (clock - midnight) // length * length
        return starts, starts + length
    days, places = np.unique(bars.day, return_inverse=True)
    close = midnight + np.array([closing_minute(each) * 60 for each in days.tolist()], dtype=np.int64)[places]
    after = clock >= close
    counted_from = np.where(after, close, midnight + OPEN * 60)
    starts = counted_from + (clock - counted_from) // length * length
    ends = np.where(after, starts + length, np.minimum(starts + length, close))
    return starts, ends
