"""The bars of another symbol beside those of one that a strategy trades: which of them each bar sees."""

from __future__ import annotations

import numpy as np

from stratforge.market.columns import BarColumns, Integers
from stratforge.market.resampling import DAY, TIMEFRAME_OF, TIMEFRAMES, Resampled, resample

# After so many seconds a bar says nothing of its symbol any more, where several are looked at together: seven days, one of which may have 25 hours.
STALE = 7 * 86_400 + 3_600
_DAY = 86_400


def seen_beside(bars: BarColumns, symbol: str, timeframe: str = "") -> Resampled:
    """The bars of another symbol that stands beside these, and which of them was the last that each of these sees.

    A bar sees what was over when it began: of the other symbol the last bar that had ended then, as it was known then, so that nobody has to wait for it. A day is
    decided on when the next one opens, and sees the other's same day. What began more than seven days ago is not seen any more.

    Args:
        bars: The bars that look, with the other symbol's among their `others`.
        symbol: The other symbol.
        timeframe: One of `TIMEFRAMES`; without one they are as long as the bars that look. Days beside shorter bars are those of the exchange, before today.

    Raises:
        ValueError: if nobody has the other symbol's bars.
    """
    try:
        other = bars.others[symbol]
    except KeyError:
        raise ValueError(f"the bars of {symbol} are not there") from None
    if timeframe == DAY and bars.seconds < _DAY:
        days = other if other.daily else other.days if other.days is not None else resample(other, DAY).bars
        return Resampled(days, _not_stale(bars, days, np.searchsorted(days.day, bars.day) - 1))
    length = TIMEFRAMES[timeframe] * 60 if timeframe else bars.seconds
    as_it_is = Resampled(other, np.arange(len(other)))
    made = as_it_is if other.seconds >= length else resample(other, timeframe or TIMEFRAME_OF[length // 60])
    ended = (
        np.searchsorted(other.day, bars.day, side="right")
        if bars.daily
        else np.searchsorted(other.time, bars.time - other.seconds, side="right")
    )
    # A longer bar is seen once it was completed by what is seen.
    latest = np.concatenate(([-1], made.latest))[ended]
    return Resampled(made.bars, _not_stale(bars, made.bars, latest))


def _not_stale(bars: BarColumns, seen: BarColumns, latest: Integers) -> Integers:
    known = latest >= 0
    known[known] = bars.time[known] - seen.time[latest[known]] <= STALE
    return np.where(known, latest, -1)
