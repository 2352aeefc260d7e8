"""Studies: sweeps and walk-forwards that are larger than one function's time, in parts that are worked on side by side.

A part is a stretch of the points: their results, and for each step of the walk-forward the best of them on the bars that it learns from. The best of the parts' best
is the best of all, so that a study says what `run_sweep` and `walk_forward` say on one machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stratforge.backtest.sweep import Fold, Point, PointResult, Sweepable, fold_windows, ranked_results

# Seconds that a part is planned to take: a function has three times as long.
PART_SECONDS = 40.0
# Points that are tried to know what the others take.
_TRIED = 5
# What has cost so much more than was said is not gone on with.
TOLERANCE = 1.2


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


def plan(
    sweeper: Sweepable, points: Sequence[Point], folds: int, clock: Callable[[], float] = time.process_time
) -> Plan:
    """Plans a study by what a few of its points take here.

    Raises:
        BacktestError: if there are too few bars for the walk-forward.
    """
    windows = fold_windows(len(sweeper.bars), folds)
    # Spread over the grid: what a point takes follows its parameters. The first compiles and fills what others share.
    tried = [points[index * (len(points) - 1) // _TRIED] for index in range(_TRIED + 1)]
    sweeper.run(tried[0])
    began = clock()
    for point in tried[1:]:
        _run_point(sweeper, point, windows)
    each = max((clock() - began) / _TRIED, 1e-6)
    return Plan(len(points), max(1, int(PART_SECONDS / each)), each * len(points))


def run_part(
    sweeper: Sweepable,
    points: Sequence[Point],
    folds: int,
    wanted: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.process_time,
) -> Part:
    """Runs the points of a part.

    Args:
        wanted: Called before each point; raises when nobody wants the study any more.
    """
    windows = fold_windows(len(sweeper.bars), folds)
    began = clock()
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
