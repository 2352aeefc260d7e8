"""Bars of a longer timeframe made of bars of a minute: those that are completed, and which was the last of them at each minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stratforge.market.columns import BarColumns, Integers
from stratforge.market.hours import OPEN, closing_minute

# Each with its minutes: it holds no more bars of a minute than that.
TIMEFRAMES = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1_440}
_DAY = 86_400


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
    completed by the bar of its last minute, or by the next bar where that minute has none.
    """
    starts, ends = _spans(bars, TIMEFRAMES[timeframe] * 60)
    firsts = np.flatnonzero(np.diff(starts, prepend=starts[:1] - 1))
    lasts = np.append(firsts[1:], len(bars))[: len(firsts)] - 1
    seconds = _DAY if bars.daily else 60
    completed = lasts + (bars.local_seconds[lasts] + seconds < ends[lasts])
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
    whole_days = bars.daily or timeframe == "1d"
    return Resampled(BarColumns(bars.time[firsts], *made, timezone=bars.timezone, daily=whole_days), latest)


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
