"""The hours at which the exchange closes: rules, so that a backtest of any year and a live session know the same."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

OPEN, CLOSE, EARLY_CLOSE = 9 * 60 + 30, 16 * 60, 13 * 60
_EPOCH = date(1970, 1, 1)
_FRIDAY = 4
# Days that no rule foretold.
_ONCE = frozenset((date(1997, 12, 26), date(1999, 12, 31), date(2003, 12, 26)))


@lru_cache(maxsize=1 << 14)
def closing_minute(day: int) -> int:
    """The minute of the day at which the New York exchanges close, on a day given as days since the epoch.

    At 13:00 on the day after Thanksgiving, on the day before Christmas and on the day before (until 2012 also after) Independence Day, where those
    are trading days; at 16:00 otherwise. Since 1995; a close that is announced out of turn is not known.
    """
    return EARLY_CLOSE if _closes_early(_EPOCH + timedelta(days=day)) else CLOSE


def _closes_early(day: date) -> bool:
    weekday = day.weekday()
    if day.month == 11:
        return weekday == _FRIDAY and 23 <= day.day <= 29
    if day.month == 12:
        return (day.day == 24 and weekday < _FRIDAY) or day in _ONCE
    if day.month == 7 and day.day == 3:
        return weekday < _FRIDAY and (weekday != 2 or day.year >= 2013)
    return day.month == 7 and day.day == 5 and weekday == _FRIDAY and day.year < 2013
