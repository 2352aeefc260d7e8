"""A study in parts says what a sweep and a walk-forward on one machine say, costs what was planned, and ends when nobody wants it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.backtest.study import PART_SECONDS, Plan, Tried, plan, run_part, walked_forward
from stratforge.backtest.sweep import Point, PointResult, Sweeper, grid, run_sweep, walk_forward
from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy

CODE = """
FAST, SLOW = 3, 8

def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
"""
POINTS = grid({"FAST": [2, 3, 4, 5], "SLOW": [6, 8, 12, 20, 30]})


def bars_of(count: int, seed: int) -> BarColumns:
    """A random path."""
    close = np.round(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.003, count))), 2)
    rows = [
        (1_767_623_400 + 60 * index, price, price + 0.1, price - 0.1, price, 1000.0)
        for index, price in enumerate(close.tolist())
    ]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return BarColumns(columns[0].astype(np.int64), *columns[1:])


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 25), st.integers(1, 5), st.integers(0, 1000))
def test_whatever_the_parts_it_is_the_sweep_and_the_walk_forward_of_all(part: int, folds: int, seed: int) -> None:
    sweeper = Sweeper(compile_strategy(CODE), bars_of(300, seed), target="python")
    planned = Plan(len(POINTS), part, 1.0)
    parts = [run_part(sweeper, POINTS[planned.points_of(each)], folds) for each in range(planned.parts)]
    assert str([each for one in parts for each in one.results]) == str(run_sweep(sweeper, POINTS))
    forward = walked_forward(sweeper, [each.best for each in parts], folds)
    assert str(forward) == str(walk_forward(sweeper, POINTS, folds=folds))


@settings(deadline=None)
@given(st.integers(1, 100_000), st.integers(1, 5_000))
def test_parts_cover_all_points_once(points: int, part: int) -> None:
    planned = Plan(points, part, 1.0)
    covered = [range(points)[planned.points_of(each)] for each in range(planned.parts)]
    assert [each.start for each in covered] == [0, *(each.stop for each in covered[:-1])]
    assert covered[-1].stop == points


@dataclass
class Clocked:
    """A sweep whose points take the seconds that their parameter says, for a whole run and for each step alike; columns take so much where no point had them before.

    Attributes:
        columns: Seconds of the columns that follow the named parameters.
    """

    bars: BarColumns
    columns: dict[tuple[str, ...], float] = field(default_factory=dict)
    days_per_year: float = 252.0
    now: float = 0.0
    ran: list[Point] = field(default_factory=list)
    known: set[tuple[tuple[str, float], ...]] = field(default_factory=set)

    def run(self, point: Point) -> PointResult:
        """A run."""
        return self.run_between(point, 0, len(self.bars))

    def run_between(self, point: Point, start: int, stop: int) -> PointResult:
        """A run of a part, which takes its part of the time."""
        for names, seconds in self.columns.items():
            column = tuple((name, point[name]) for name in names)
            if column not in self.known:
                self.known.add(column)
                self.now += seconds
        self.now += point.get("SECONDS", 0.2) * (stop - start) / len(self.bars)
        self.ran.append(point)
        return PointResult(point, sharpe=point.get("SECONDS", 0.0))

    def daily_returns(self, point: Point) -> npt.NDArray[np.float64]:
        """Nobody asks for them."""
        raise NotImplementedError

    def identity(self) -> str:
        """Nobody asks for it."""
        raise NotImplementedError

    def clock(self) -> float:
        """The time."""
        return self.now

    def restarted(self) -> Clocked:
        """The same in another function, which knows no columns."""
        return Clocked(self.bars, self.columns)


def _cost(sweeper: Clocked, points: list[Point], planned: Plan, folds: int) -> float:
    """Seconds of all parts, each in a function of its own."""
    workers = [sweeper.restarted() for _ in range(planned.parts)]
    parts = [
        run_part(worker, points[planned.points_of(number)], folds, clock=worker.clock)
        for number, worker in enumerate(workers)
    ]
    assert all(each.seconds < 1.5 * PART_SECONDS for each in parts)
    return sum(each.seconds for each in parts)


@pytest.mark.parametrize("folds", [1, 4])
def test_a_study_costs_what_was_planned(folds: int) -> None:
    sweep = {"SECONDS": [0.5 + 0.1 * (index % 11) for index in range(2_000)]}
    sweeper = Clocked(bars_of(600, 1))
    planned = plan(sweeper, sweep, folds, sweeper.clock)
    assert planned.points == 2_000
    assert planned.seconds == pytest.approx(_cost(sweeper, grid(sweep), planned, folds), rel=0.2)


@pytest.mark.parametrize(
    "columns",
    [
        {("FAST",): 0.3, ("SLOW",): 0.4},
        {("SLOW",): 0.7},
        {("FAST", "SLOW"): 0.5},
        {("FAST",): 0.2, ("FAST", "SLOW"): 0.1, (): 3.0},
    ],
)
def test_columns_that_points_share_are_planned_once_in_each_part(columns: dict[tuple[str, ...], float]) -> None:
    sweep = {"FAST": [float(each) for each in range(40)], "SLOW": [float(each) for each in range(100, 160)]}
    sweeper = Clocked(bars_of(600, 1), columns)
    planned = plan(sweeper, sweep, 2, sweeper.clock)
    assert planned.parts > 10
    assert planned.seconds == pytest.approx(_cost(sweeper, grid(sweep), planned, 2), rel=0.1)


def test_what_points_took_is_told_of_other_bars() -> None:
    tried = Tried(1_000, 0.001, 0.101, 0.03, 0.02, {"FAST": 0.01})
    longer = tried.on(10_000, 8.0)
    assert longer.run == pytest.approx(1.001)
    assert (longer.shared, longer.columns, longer.of_parameter["FAST"]) == pytest.approx((0.24, 0.16, 0.08))
    assert longer.point(4) == pytest.approx(1.001 + 4 * 0.001 + 1.0 * 4 / 5)


def test_no_more_points_are_tried_when_they_take_long() -> None:
    sweeper = Clocked(bars_of(600, 1))
    sweep = {"SECONDS": [50.0 + each for each in range(500)]}
    planned = plan(sweeper, sweep, 1, sweeper.clock)
    assert len(sweeper.ran) < 12
    assert planned.part == 1


def test_a_part_ends_when_nobody_wants_the_study() -> None:
    sweeper = Clocked(bars_of(60, 1))

    def wanted() -> None:
        """Ends it after the second point."""
        if len({each["SECONDS"] for each in sweeper.ran}) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run_part(sweeper, [{"SECONDS": float(index)} for index in range(9)], 1, wanted)
    assert len({each["SECONDS"] for each in sweeper.ran}) == 2


def test_a_study_is_not_gone_on_with_when_it_costs_a_fifth_more_and_a_minute_more() -> None:
    assert Plan(points=10, part=1, seconds=1.0).most_seconds == 61
    assert Plan(points=10, part=1, seconds=1_000.0).most_seconds == 1_200
