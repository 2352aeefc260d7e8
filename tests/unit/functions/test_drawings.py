"""Drawings of a report: axes and figures say what the points say."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from functions.api.dashboard.drawings import calendar, excursion_rows, reach, scatter

_SHARES = st.floats(-1, 1, allow_nan=False)
_TRIPS = st.lists(st.tuples(st.floats(-1, 0), st.floats(0, 5), _SHARES), max_size=60)


@given(trips=_TRIPS)
def test_the_line_of_no_return_parts_winners_from_losers(trips: list[tuple[float, float, float]]) -> None:
    zero = reach(trips).zero
    for point in scatter(trips, 0):
        above = point.y <= zero + 0.11  # of a drawing 150 high
        assert above if point.kind == "good" else point.y >= zero - 0.11


@given(trips=_TRIPS)
def test_every_trade_is_a_winner_or_a_loser_and_within_the_axes(trips: list[tuple[float, float, float]]) -> None:
    rows = excursion_rows(trips)
    assert sum(each.trades for each in rows) == len(trips)
    axes = reach(trips)
    for each in rows:
        against, worst, favor, best = each.shown
        assert -axes.against <= worst <= against <= 0
        assert 0 <= favor <= best <= axes.favor


_DAYS = st.dictionaries(st.dates(date(2010, 1, 1), date(2030, 1, 1)), st.floats(-1, 1, allow_nan=False), min_size=1)


@given(days=_DAYS)
def test_every_day_of_the_last_year_is_in_its_week_and_weekday_and_each_week_under_a_month(
    days: dict[date, float],
) -> None:
    found = calendar(sorted(days.items()))
    assert found is not None
    last = max(days)
    first = last - timedelta(days=last.weekday(), weeks=53)
    known = {day.isoformat(): f"{value:+.2%}" for day, value in days.items() if day >= first}
    assert {each.date: each.text for each in found.days} == known
    assert [each.date for each in found.days] == sorted(known, reverse=True)
    weeks = {len(each) for _, each in found.rows}
    assert weeks == {sum(span for _, span in found.months)}
    assert max(weeks) <= 54
    placed = [(name, week, day) for name, row in found.rows for week, day in enumerate(row) if day]
    assert {day.date for _, _, day in placed} == set(known)
    mondays = set()
    for name, week, day in placed:
        at = date.fromisoformat(day.date)
        assert f"{at:%a}" == name
        mondays.add(at - timedelta(days=at.weekday(), weeks=week))
    assert len(mondays) == 1, "columns are weeks in a row"
    assert [name for name, _ in found.rows][:5] == ["Mon", "Tue", "Wed", "Thu", "Fri"]


def test_there_is_no_calendar_of_no_days() -> None:
    assert calendar([]) is None
