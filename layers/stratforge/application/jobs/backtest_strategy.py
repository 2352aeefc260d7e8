"""Backtesting a strategy, with a sweep of its parameters when that is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from stratforge.application.errors import Invalid
from stratforge.application.jobs.requests import NewBacktest
from stratforge.application.jobs.results import FinishedBacktest
from stratforge.application.jobs.study import DOLLARS_A_SECOND, StartStudy, begin_study
from stratforge.application.jobs.tested import History, Tested, tested
from stratforge.application.jobs.work import Continues, Failed, Work
from stratforge.backtest import BacktestError
from stratforge.backtest.overfitting import deflated_sharpe_ratio
from stratforge.backtest.study import walked_forward
from stratforge.backtest.sweep import (
    Fold,
    Point,
    PointResult,
    Sweepable,
    grid,
    ranked_results,
    run_sweep,
    walk_forward,
)
from stratforge.broker.history import HistoryRefused, HistoryUnavailable
from stratforge.storage.strategies import backtests, strategies, studies
from stratforge.storage.strategies.jobs import FailureCode
from stratforge.storage.strategies.studies import Material
from stratforge.strategy import StrategyError

_TELL_EVERY = 0.5
# Points of a study that its report shows: the best.
SHOWN_POINTS = 400
_GONE = "the strategy was deleted; choose another"


def backtest_strategy(work: Work, history: History, start: StartStudy | None = None) -> None:
    """Backtests a version of a strategy and stores the report.

    Args:
        start: Has the parts of a sweep worked on that is larger than one function's time; None refuses such a sweep.

    Raises:
        Failed: if the strategy is gone, or there are no bars to run it on.
        Canceled: if nobody wants it any more.
        Continues: if its sweep is worked on in parts.
    """
    with _refusals():
        request = NewBacktest.model_validate(work.job.request)
        wanted = _tested(work, request.version)
        work.tell("loading bars")
        material = wanted.load(history)
        if start is not None and request.sweep and wanted.is_study(grid(request.sweep), material):
            begin_study(work, material, wanted.sweeper(material), request.sweep, request.folds, start)
            raise Continues
        _report(work, wanted, material, _sweep)


def sweep_of_study(work: Work, material: Material) -> tuple[Sweepable, list[Point], int]:
    """Gives what runs the points of a job's study, all points, and the steps of the walk-forward.

    Raises:
        Failed: if the strategy is gone.
    """
    with _refusals():
        wanted = _tested(work, material.version)
        return wanted.sweeper(material), grid(wanted.request.sweep or {}), wanted.request.folds


def report_study(work: Work, material: Material) -> None:
    """Stores the report of a study whose parts are done.

    Raises:
        Failed: if the strategy is gone.
        Canceled: if nobody wants it any more.
    """
    with _refusals():
        _report(work, _tested(work, material.version), material, _put_together)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (BacktestError, StrategyError, Invalid, HistoryRefused, HistoryUnavailable) as error:
        raise Failed(FailureCode.BACKTEST_REFUSED, str(error)) from error


def _tested(work: Work, number: int | None) -> Tested:
    """What a job backtests: a version of its strategy, the latest for jobs of an earlier edition, which name none."""
    request = NewBacktest.model_validate(work.job.request)
    with work.database.transaction() as connection:
        strategy = strategies.get_strategy(connection, request.strategy_id, of_user=work.job.user_id)
        if strategy is None:
            raise BacktestError(_GONE)
        version = strategies.get_version(connection, request.strategy_id, number or strategy.version)
    if version is None:
        raise BacktestError(_GONE)
    return tested(request, version.version, version.python_code, version.symbol)


def _report(
    work: Work, wanted: Tested, material: Material, sweep: Callable[[Work, Tested, Material], dict[str, Any]]
) -> None:
    request = wanted.request
    report = wanted.report(material, work.tell)
    report["parameters"] = request.parameters or {}
    if request.sweep:
        report["sweep"] = sweep(work, wanted, material)
    made = backtests.NewReport(
        request.strategy_id, wanted.version, wanted.symbol, report.pop("config"), report.pop("metrics"), report
    )
    work.succeed(
        lambda connection: FinishedBacktest(
            backtest_id=backtests.add_backtest(connection, work.job.job_id, work.job.user_id, made),
            metrics=made.metrics,
        )
    )


def _sweep(work: Work, wanted: Tested, material: Material) -> dict[str, Any]:
    """All points of a grid, the steps of a walk-forward, and how much of the best is luck."""
    parameters, sweeper = wanted.request.sweep or {}, wanted.sweeper(material)
    points = grid(parameters)
    if wanted.is_study(points, material):
        raise BacktestError(
            f"{len(points)} points on {len(sweeper.bars):,} bars are too many; give fewer values or a shorter period"
        )
    told = monotonic()

    def progress(done: int) -> None:
        nonlocal told
        if monotonic() - told > _TELL_EVERY:
            told = monotonic()
            work.tell(f"sweeping {done}/{len(points)}")

    results = run_sweep(sweeper, points, progress=progress)
    work.tell("walking forward")
    return _said(sweeper, parameters, results, walk_forward(sweeper, points, folds=wanted.request.folds))


def _put_together(work: Work, wanted: Tested, material: Material) -> dict[str, Any]:
    """The same of the parts of a study, with the best points and what it took."""
    request, sweeper = wanted.request, wanted.sweeper(material)
    results, best = [], []
    with work.database.transaction() as connection:
        planned = studies.read_plan(connection, work.job.job_id)
        done = studies.done_so_far(connection, work.job.job_id)
        for part in studies.parts(connection, work.job.job_id):
            results += part.results
            best.append(part.best)
    assert planned is not None
    work.tell("walking forward")
    said = _said(sweeper, request.sweep or {}, results, walked_forward(sweeper, best, request.folds), SHOWN_POINTS)
    said["study"] = {
        "points": planned.points,
        "parts": planned.parts,
        "seconds": round(done.seconds, 1),
        "dollars": round(done.seconds * DOLLARS_A_SECOND, 4),
        "said_dollars": round(planned.seconds * DOLLARS_A_SECOND, 4),
    }
    return said


def _said(
    sweeper: Sweepable,
    parameters: dict[str, list[float]],
    results: Sequence[PointResult],
    steps: Sequence[Fold],
    shown: int | None = None,
) -> dict[str, Any]:
    """The report of a sweep, with all points or the best of them."""
    ranked = ranked_results(results)
    scale = math.sqrt(sweeper.days_per_year)
    sharpes = [each.sharpe / scale for each in results]
    deflated = deflated_sharpe_ratio(sweeper.daily_returns(ranked[0].parameters), sharpes)
    return {
        "parameters": parameters,
        "points": [each.as_dict() for each in (results if shown is None else ranked[:shown])],
        "best": ranked[0].as_dict(),
        "folds": [
            {
                "start": int(sweeper.bars.time[fold.test_start]),
                "stop": int(sweeper.bars.time[fold.test_stop - 1]),
                "best": fold.best.as_dict(),
                "unseen": fold.unseen.as_dict(),
            }
            for fold in steps
        ],
        "deflated_sharpe": deflated if math.isfinite(deflated) else None,
    }
