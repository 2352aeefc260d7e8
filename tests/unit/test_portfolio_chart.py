"""What a portfolio session was worth is reckoned backwards from what it has: it begins with its capital, whatever was traded, split or paid since."""

from __future__ import annotations

import numpy as np
import pytest
from stratforge.application.benchmark import equal_parts, points_for
from stratforge.application.portfolio_chart import Movement, Points, reckoned
from stratforge.market.corporate_actions import SplitScale, ratio_since

NAN = float("nan")


def points(prices: dict[str, list[float]]) -> Points:
    """Points ten seconds apart with these prices."""
    count = len(next(iter(prices.values())))
    time = np.linspace(0.0, 10.0 * (count - 1), count) if count else np.empty(0)
    return Points(time, np.asarray(time + 10), {name: np.array(each, dtype=float) for name, each in prices.items()})


def test_the_worth_at_each_time_is_that_of_what_was_held_then() -> None:
    found = reckoned(
        points({"AA": [10, 12, 11, 20], "BB": [5, 5, 6, 4]}),
        {"BB": 10.0},
        20.0,
        # Bought AA for 40 after the first point, sold it for 60 after the second, and bought BB for 100.
        [Movement(25, "BB", 10, -100), Movement(22, "AA", -4, 60), Movement(11, "AA", 4, -40)],
        ["AA", "BB"],
    )
    assert found.time == [0, 10, 20, 30]
    assert found.equity == [100, 60 + 4 * 12, 20 + 10 * 6, 20 + 10 * 4]
    assert found.weights == {
        "AA": [0, pytest.approx(48 / 108, abs=1e-4), 0, 0],
        "BB": [0, 0, 0.75, pytest.approx(2 / 3, abs=1e-4)],
    }
    assert found.benchmark == [100, 110, 115, 140]


def test_what_moves_cash_alone_is_taken_back_too_and_a_symbol_without_a_price_is_worth_nothing() -> None:
    found = reckoned(
        points({"AA": [NAN, 2.0]}), {"AA": 5.0}, 89.0, [Movement(12, "AA", 5, -10), Movement(12, "AA", 0, -1)], ["AA"]
    )
    assert found.equity == [100, 99]
    assert found.benchmark == [100, 100], "of what had no price at the beginning nothing is bought"


def test_nothing_to_show_is_nothing() -> None:
    found = reckoned(points({"AA": []}), {}, 100.0, [], ["AA"])
    assert (found.time, found.equity, found.benchmark, found.weights) == ([], [], [], {})


def test_points_before_a_time_can_be_left_out() -> None:
    found = points({"AA": [1, 2, 3]}).since(20)
    assert (found.time.tolist(), found.prices["AA"].tolist()) == ([20], [3])


def test_equal_parts_grow_as_their_symbols_do_on_average() -> None:
    assert equal_parts([np.array([1.0, 2.0]), np.array([4.0, 2.0]), np.array([NAN, 9.0])], 8.0).tolist() == [8, 10]
    assert equal_parts([], 8.0).tolist() == []


def test_an_old_unit_is_as_many_now_as_the_splits_after_it_say() -> None:
    splits = [SplitScale(100, 2.0), SplitScale(200, 1.5)]
    assert [ratio_since(splits, time) for time in (50, 150, 250)] == [3.0, 1.5, 1.0]


def test_the_more_symbols_the_fewer_points() -> None:
    assert [points_for(each) for each in (0, 1, 20, 40, 500)] == [60, 60, 60, 30, 12]
