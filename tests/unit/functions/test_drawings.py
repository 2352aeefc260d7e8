"""Drawings of a report: axes and figures say what the points say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from functions.api.dashboard.drawings import excursion_rows, reach, scatter

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
