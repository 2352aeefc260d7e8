"""Studies: sweeps and walk-forwards that are larger than one function's time, in parts that are worked on side by side.

A part is a stretch of the points: their results, and for each step of the walk-forward the best of them on the bars that it learns from. The best of the parts' best
is the best of all, so that a study says what `run_sweep` and `walk_forward` say on one machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from stratforge.backtest.sweep import Fold, Point, PointResult, Sweepable, fold_windows, random_points, ranked_results

# Seconds that a part is planned to take: a function has three times as long.
PART_SECONDS = 40.0
# Points that are tried to know what the others take, and seconds after which no more are.
_TRIED, _MOST_TRYING = 12, 20.0
# A run of so few bars takes what every run takes besides its bars.
_SHORT = 2
# Seconds that each part takes before its first point: its bars are read, the strategy is compiled.
_BEGINNING = 0.5
# What has cost so much more than was said is not gone on with; so few seconds cost nothing, and are those of a machine that had much else to do.
_TOLERANCE, _SPARED = 1.2, 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A study before it begins.

    Attributes:
        points: Combinations of parameters.
        part: Points in each part; the last one may have fewer.
        seconds: Seconds of one core that all of it takes.
    """

    points: int
    part: int
    seconds: float

    @property
    def most_seconds(self) -> float:
        """Returns the seconds after which it is not gone on with, as it would cost more than was said."""
        return max(_TOLERANCE * self.seconds, self.seconds + _SPARED)

    @property
    def parts(self) -> int:
        """The number of parts that cover all points."""
        return -(-self.points // self.part)

    def points_of(self, part: int) -> slice:
        """The stretch of all points that a part has."""
        return slice(part * self.part, min((part + 1) * self.part, self.points))


@dataclass(frozen=True, slots=True)
class Part:
    """The outcome of one part.

    Attributes:
        results: Of each point, in their order.
        best: Of each step of the walk-forward, the best point on what it learns from.
        seconds: Seconds of one core that it took.
    """

    results: list[PointResult]
    best: list[PointResult]
    seconds: float


@dataclass(frozen=True, slots=True)
class Tried:
    """The times of points, of which some were tried, in seconds of one core: the one source of what a sweep is said to cost.

    Attributes:
        bars: How many each ran on.
        start: A run of next to no bars.
        run: A run of all of them, with its columns computed.
        shared: What all points share: compiling, and columns that follow no parameter.
        columns: Computing the other columns of a point with which no earlier one shares any.
        of_parameter: Of that, what another value of each parameter alone has computed anew.
    """

    bars: int
    start: float
    run: float
    shared: float
    columns: float
    of_parameter: Mapping[str, float]

    def on(self, bars: int, columns: float) -> Tried:
        """The same on another number of bars, whose columns take so many times as long."""
        run = self.start + (self.run - self.start) * bars / self.bars
        each = {name: seconds * columns for name, seconds in self.of_parameter.items()}
        return Tried(bars, self.start, run, self.shared * columns, self.columns * columns, each)

    def point(self, folds: int) -> float:
        """Seconds of a point and of its steps of the walk-forward, each of which learns from one part of `folds + 1`."""
        return self.run + folds * self.start + (self.run - self.start) * folds / (folds + 1)

    def anew(self, sweep: Mapping[str, Sequence[float]], stretch: slice) -> float:
        """Seconds of the columns that a stretch of all points computes: those that points share once."""
        total = sum(self.of_parameter.values())
        # What follows two parameters has been counted with either, and is another column for nearly every point.
        together = min(max(0.0, total - self.columns), self.columns)
        first, last = int(stretch.start), int(stretch.stop) - 1
        found = self.shared + together * (last + 1 - first)
        stride = 1
        for name in reversed(list(sweep)):
            turns = last // stride - first // stride + 1
            found += max(0.0, self.of_parameter.get(name, 0.0) - together) * min(len(sweep[name]), turns)
            stride *= len(sweep[name])
        return found


def try_out(
    sweeper: Sweepable,
    sweep: Mapping[str, Sequence[float]],
    clock: Callable[[], float] = time.process_time,
    tried: int = _TRIED,
) -> Tried:
    """Tries a few points of a grid, drawn from all of it: what a point takes follows its parameters."""
    bars = len(sweeper.bars)

    def took(point: Point, stop: int) -> float:
        began = clock()
        sweeper.run_between(point, 0, stop)
        return clock() - began

    first, *others = points = random_points(sweep, tried)
    # Compiles, and computes what all points share.
    all_of_it = took(first, _SHORT)
    start = min(took(first, _SHORT) for _ in range(3))
    columns, began = [], clock()
    runs = [took(first, bars)]
    for point in others:
        if clock() - began > _MOST_TRYING:
            break
        columns.append(max(0.0, took(point, _SHORT) - start))
        runs.append(took(point, bars))
    of_parameter = {
        name: max(0.0, took(other, _SHORT) - start)
        for name, values in sweep.items()
        if (other := _another(first, name, values, points)) is not None
    }
    # Of the one that shared the least.
    anew = max(columns, default=0.0)
    return Tried(bars, start, fmean(runs), max(0.0, all_of_it - start - anew), anew, of_parameter)


def _another(point: Point, name: str, values: Sequence[float], tried: Sequence[Point]) -> Point | None:
    """A point that was not tried and differs in one parameter alone, best in a value of it that no point has had."""
    had = [each[name] for each in tried]
    candidates = ({**point, name: value} for value in sorted(values, key=had.__contains__))
    return next((each for each in candidates if each not in tried), None)


def plan(
    sweeper: Sweepable,
    sweep: Mapping[str, Sequence[float]],
    folds: int,
    clock: Callable[[], float] = time.process_time,
) -> Plan:
    """Plans the study of a grid by what a few of its points take here.

    Raises:
        BacktestError: if there are too few bars for the walk-forward.
    """
    fold_windows(len(sweeper.bars), folds)
    return planned(try_out(sweeper, sweep, clock), sweep, folds)


def planned(tried: Tried, sweep: Mapping[str, Sequence[float]], folds: int) -> Plan:
    """Plans the study of a grid by what a few of its points took."""
    each = max(tried.point(folds), 1e-6)
    points = math.prod(map(len, sweep.values()))
    found = Plan(points, max(1, int(PART_SECONDS / (each + tried.columns))), each * points)
    anew = sum(tried.anew(sweep, found.points_of(part)) for part in range(found.parts))
    return replace(found, seconds=found.seconds + anew + _BEGINNING * found.parts)


def run_part(
    sweeper: Sweepable,
    points: Sequence[Point],
    folds: int,
    wanted: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.process_time,
    since: float | None = None,
) -> Part:
    """Runs the points of a part.

    Args:
        wanted: Called before each point; raises when nobody wants the study any more.
        since: When the work on it began, by the clock, where that was before now.
    """
    windows = fold_windows(len(sweeper.bars), folds)
    began = clock() if since is None else since
    results, trained = [], []
    for point in points:
        wanted()
        result, learned = _run_point(sweeper, point, windows)
        results.append(result)
        trained.append(learned)
    best = [ranked_results(of_fold)[0] for of_fold in zip(*trained, strict=True)]
    return Part(results, best, clock() - began)


def _run_point(
    sweeper: Sweepable, point: Point, windows: Sequence[tuple[int, int, int]]
) -> tuple[PointResult, list[PointResult]]:
    return sweeper.run(point), [sweeper.run_between(point, start, middle) for start, middle, _ in windows]


def walked_forward(sweeper: Sweepable, bests: Iterable[Sequence[PointResult]], folds: int) -> list[Fold]:
    """The walk-forward of all points, from the best of each part in the parts' order."""
    found = []
    of_folds = zip(*bests, strict=True)
    for (start, middle, stop), candidates in zip(fold_windows(len(sweeper.bars), folds), of_folds, strict=True):
        best = ranked_results(candidates)[0]
        found.append(Fold(start, middle, stop, best, sweeper.run_between(best.parameters, middle, stop)))
    return found
