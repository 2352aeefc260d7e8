"""Bars of longer timeframes against an independent, slow reading of the rules."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.resampling import RECENT, TIMEFRAMES, decided_bars, deciding, resample

from tests.support.random_programs import awkward_bars

NEW_YORK = ZoneInfo("America/New_York")
EARLY = date(2023, 11, 24)  # The day after Thanksgiving.
Made = tuple[float, float, float, float, float]


def minutes(day: date, first: time, last: time) -> BarColumns:
    """Rising bars of every minute of a day from `first` to before `last`."""
    begin, end = (datetime.combine(day, each, NEW_YORK).timestamp() for each in (first, last))
    stamps = np.arange(begin, end, 60).astype(np.int64)
    close = np.arange(100.0, 100.0 + len(stamps))
    return BarColumns(stamps, close - 0.5, close + 1, close - 1, close, np.full(len(stamps), 10.0))


def span(moment: datetime, length: int) -> tuple[datetime, datetime]:
    """When the longer bar of a minute begins and ends, on the exchange's clock."""
    midnight = moment.replace(hour=0, minute=0)
    if length == 1_440 or moment.tzname() == "UTC":
        begin = midnight + timedelta(minutes=(moment - midnight) // timedelta(minutes=1) // length * length)
        return begin, begin + timedelta(minutes=length)
    close = midnight + timedelta(hours=13 if moment.date() == EARLY else 16)
    base = close if moment >= close else midnight + timedelta(hours=9, minutes=30)
    begin = base
    while begin > moment:
        begin -= timedelta(minutes=length)
    while begin + timedelta(minutes=length) <= moment:
        begin += timedelta(minutes=length)
    end = begin + timedelta(minutes=length)
    return begin, end if moment >= close else min(end, close)


def slowly(bars: BarColumns, length: int) -> list[Made | None]:
    """For each minute the last completed longer bar, one minute after the other."""
    said: list[Made | None] = []
    completed: Made | None = None
    forming: list[int] = []
    begun: datetime | None = None

    def made() -> Made:
        high, low = max(bars.high[each] for each in forming), min(bars.low[each] for each in forming)
        total = sum(bars.volume[each] for each in forming)
        return float(bars.open[forming[0]]), float(high), float(low), float(bars.close[forming[-1]]), float(total)

    for place, stamp in enumerate(bars.time.tolist()):
        # Without its zone, as a clock on the wall.
        moment = datetime.fromtimestamp(stamp, bars.timezone).replace(tzinfo=None)
        begin, end = span(moment.replace(tzinfo=ZoneInfo("UTC")) if bars.timezone.key == "UTC" else moment, length)
        if forming and begin != begun:
            completed, forming = made(), []
        begun = begin
        forming.append(place)
        if moment + timedelta(minutes=1) >= end.replace(tzinfo=None):
            completed = made()
        said.append(completed)
    return said


def quickly(bars: BarColumns, timeframe: str) -> list[Made | None]:
    """The same of what is tested."""
    found = resample(bars, timeframe)
    columns = [getattr(found.bars, name) for name in PRICE_COLUMNS]
    return [tuple(float(each[at]) for each in columns) if at >= 0 else None for at in found.latest.tolist()]  # type: ignore[misc]


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_the_last_completed_bar_is_that_of_a_slow_reading(timeframe: str) -> None:
    """On minutes with pauses, halts and nights, of a stock and of crypto."""
    stock = awkward_bars(5, 3_000)
    crypto = BarColumns(*(getattr(stock, name) for name in ("time", *PRICE_COLUMNS)), timezone=ZoneInfo("UTC"))
    early = minutes(EARLY, time(8), time(17))
    for bars in (stock, crypto, early):
        assert quickly(bars, timeframe) == slowly(bars, TIMEFRAMES[timeframe])


def test_hours_are_counted_from_the_open_and_none_reaches_beyond_the_close() -> None:
    bars = minutes(date(2023, 11, 22), time(9), time(17))
    found = resample(bars, "1h")
    hours, clock = found.bars.hour * 60 + found.bars.minute, bars.hour * 60 + bars.minute
    assert hours.tolist() == [9 * 60, *(9 * 60 + 30 + 60 * number for number in range(7)), 16 * 60]
    # The hour from 15:30 ends with the session, on its last bar.
    assert found.latest[clock == 15 * 60 + 58] == 6
    assert found.latest[clock == 15 * 60 + 59] == 7
    early = resample(minutes(EARLY, time(9, 30), time(13)), "1h")
    assert early.latest[-1] == 3


def test_a_bar_whose_last_minute_has_none_is_completed_by_the_next_bar() -> None:
    bars = minutes(date(2023, 11, 22), time(9, 30), time(10))
    gapped = bars.take(np.flatnonzero(bars.minute != 34))
    assert resample(bars, "5min").latest[:6].tolist() == [-1, -1, -1, -1, 0, 0]
    assert resample(gapped, "5min").latest[:6].tolist() == [-1, -1, -1, -1, 0, 0]
    assert resample(gapped, "5min").bars.close[0] == bars.close[3]


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_bars_that_are_as_long_already_stay_what_they_are(timeframe: str) -> None:
    bars = resample(awkward_bars(5, 9_000), timeframe).bars
    again = resample(bars, timeframe)
    assert again.bars is bars
    # None lags.
    assert again.latest.tolist() == list(range(len(bars)))
    assert resample(bars, "5min").bars is bars


@pytest.mark.parametrize("seed", [0, *(pytest.param(each, marks=pytest.mark.long) for each in range(1, 5))])
@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_every_longer_bar_is_decided_on_once_and_in_order_with_a_bar_of_a_minute_each(
    timeframe: str, seed: int
) -> None:
    """Whatever is missing, and as soon as it is completed: at most one bar of a minute later, where two were completed by one."""
    bars = awkward_bars(seed, 3_000)
    longer, decided, places = resample(bars, timeframe), list[int](), list[int]()
    for end in range(RECENT, len(bars)):
        window = decided_bars(bars.slice(max(0, end - 2_000), end), timeframe, 3)
        completed = longer.latest[end - 1]
        if window is not None:
            places.append(end - 1)
            decided.append(int(np.searchsorted(longer.bars.time, window.time[-1])))
            if len(window) == 3 and end < 2_000:
                assert window.close.tolist() == longer.bars.close[decided[-1] - 2 : decided[-1] + 1].tolist()
            assert completed - decided[-1] in (0, 1)
        elif decided:
            assert decided[-1] == completed
    assert decided == list(range(decided[0], decided[-1] + 1)) if decided else timeframe == "1d"
    assert places == [each for each in deciding(bars, timeframe).tolist() if RECENT <= each + 1 < len(bars)]


def test_two_bars_that_one_minute_completes_are_decided_on_one_after_the_other() -> None:
    bars = minutes(date(2023, 11, 22), time(9, 30), time(10))
    # 9:34 to 9:38 have none: 9:39 completes what began at 9:30 and at 9:35.
    gapped = bars.take(np.flatnonzero((bars.minute < 34) | (bars.minute > 38)))
    ends = {end: decided_bars(gapped.slice(0, end), "5min", 1) for end in range(2, 12)}
    said = {int(gapped.minute[end - 1]): int(found.minute[-1]) for end, found in ends.items() if found is not None}
    # Each bears the time of the first bar that it was made of.
    assert said == {39: 30, 40: 39, 44: 40}


def test_there_may_be_no_bars() -> None:
    none = minutes(EARLY, time(10), time(10))
    assert len(resample(none, "1d").bars) == len(resample(none, "5min").latest) == 0
