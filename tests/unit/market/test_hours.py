"""The exchange's early closes, against the list that the exchanges published."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from stratforge.market import BarColumns
from stratforge.market.hours import CLOSE, EARLY_CLOSE, closing_minute

# As published, from 1995 to 2026: the day after Thanksgiving of every year is left out.
PUBLISHED = [
    "1995-07-03",
    "1996-07-05",
    "1996-12-24",
    "1997-07-03",
    "1997-12-24",
    "1997-12-26",
    "1998-12-24",
    "1999-12-31",
    "2000-07-03",
    "2001-07-03",
    "2001-12-24",
    "2002-07-05",
    "2002-12-24",
    "2003-07-03",
    "2003-12-24",
    "2003-12-26",
    "2006-07-03",
    "2007-07-03",
    "2007-12-24",
    "2008-07-03",
    "2008-12-24",
    "2009-12-24",
    "2012-07-03",
    "2012-12-24",
    "2013-07-03",
    "2013-12-24",
    "2014-07-03",
    "2014-12-24",
    "2015-12-24",
    "2017-07-03",
    "2018-07-03",
    "2018-12-24",
    "2019-07-03",
    "2019-12-24",
    "2020-12-24",
    "2023-07-03",
    "2024-07-03",
    "2024-12-24",
    "2025-07-03",
    "2025-12-24",
    "2026-12-24",
]
THANKSGIVING = [
    "24",
    "29",
    "28",
    "27",
    "26",
    "24",
    "23",
    "29",
    "28",
    "26",
    "25",
    "24",
    "23",
    "28",
    "27",
    "26",
    "25",
    "23",
    "29",
    "28",
    "27",
    "25",
    "24",
    "23",
    "29",
    "27",
    "26",
    "25",
    "24",
    "29",
    "28",
    "27",
]


def test_early_closes_are_those_that_were_published() -> None:
    published = {date.fromisoformat(each) for each in PUBLISHED}
    published |= {date(1995 + index, 11, int(day)) for index, day in enumerate(THANKSGIVING)}
    epoch = date(1970, 1, 1)
    days = [date(1995, 1, 1) + timedelta(days=index) for index in range((date(2027, 1, 1) - date(1995, 1, 1)).days)]
    early = {day for day in days if day.weekday() < 5 and closing_minute((day - epoch).days) == EARLY_CLOSE}
    assert early == published
    assert all(closing_minute((day - epoch).days) == CLOSE for day in set(days) - early if day.weekday() < 5)


def minutes(*local: datetime, timezone: str = "America/New_York") -> list[float]:
    """What a strategy reads on bars that begin at these times."""
    time = np.array([int(each.timestamp()) for each in local], dtype=np.int64)
    bars = BarColumns(time, *(np.ones(len(time)) for _ in range(5)), timezone=ZoneInfo(timezone))
    return [float(each) for each in bars.minutes_to_close]


def test_minutes_to_the_close_count_from_the_beginning_of_a_bar() -> None:
    exchange = ZoneInfo("America/New_York")
    usual = [datetime(2026, 3, 6, hour, minute, tzinfo=exchange) for hour, minute in ((9, 30), (15, 59), (16, 0))]
    # Two days later the clocks are changed; the day after Thanksgiving ends at 13:00.
    later = [datetime(2026, 3, 9, 15, 59, tzinfo=exchange), datetime(2026, 11, 27, 12, 30, tzinfo=exchange)]
    assert minutes(*usual, *later) == [390.0, 1.0, 0.0, 1.0, 30.0]


def test_what_never_closes_has_no_minutes_to_its_close() -> None:
    assert np.isnan(minutes(datetime(2026, 3, 6, 15, 0, tzinfo=UTC), timezone="UTC")).all()
