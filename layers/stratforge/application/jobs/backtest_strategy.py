"""Backtesting a strategy, with a sweep of its parameters when that is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Protocol

from stratforge.application.jobs.requests import NewBacktest, default_period, is_study
from stratforge.application.jobs.results import FinishedBacktest
from stratforge.application.jobs.study import DOLLARS_A_SECOND, StartStudy, begin_study
from stratforge.application.jobs.work import Continues, Failed, Work
from stratforge.backtest import BacktestError, run_backtest
from stratforge.backtest.engine import own_bars
from stratforge.backtest.overfitting import deflated_sharpe_ratio
from stratforge.backtest.sensitivity import cost_sensitivity
from stratforge.backtest.study import walked_forward
from stratforge.backtest.sweep import Fold, Point, PointResult, Sweeper, grid, ranked_results, run_sweep, walk_forward
from stratforge.broker.history import Found, HistoryRefused, HistoryUnavailable
from stratforge.market import Bar, BarColumns
from stratforge.storage.strategies import backtests, strategies, studies
from stratforge.storage.strategies.jobs import FailureCode
from stratforge.storage.strategies.studies import Material
from stratforge.strategy import Strategy, StrategyError, compile_strategy
from stratforge.strategy.lookback import DAY_MINUTES

MAX_BARS = 500_000
_TELL_EVERY = 0.5
# Points of a study that its report shows: the best.
SHOWN_POINTS = 400
_GONE = "the strategy was deleted; choose another"


class History(Protocol):
    """Past bars and the market's clock."""

    def now(self) -> datetime:
        """The time of the market, which is not ours where the market is replayed."""
        ...

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
        """Finished 1-minute bars from `start` (included) to `end` (excluded), oldest first; the latest `limit` ones."""
        ...

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Bars of days that began from `start` (included) to `end` (excluded), adjusted for all splits until now."""
        ...


def backtest_strategy(work: Work, history: History, start: StartStudy | None = None) -> None:
    """Backtests the current version of a strategy and stores the report.

    Args:
        start: Has the parts of a sweep worked on that is larger than one function's time; None refuses such a sweep.

    Raises:
        Failed: if the strategy is gone, or there are no bars to run it on.
        Canceled: if nobody wants it any more.
        Continues: if its sweep is worked on in parts.
    """
    with _refusals():
        request = NewBacktest.model_validate(work.job.request)
        with work.database.transaction() as connection:
            strategy = strategies.get_strategy(connection, request.strategy_id, of_user=work.job.user_id)
        if strategy is None:
            raise BacktestError(_GONE)
        tested = _Tested(request, strategy.version, strategy.python_code, request.symbol or strategy.symbol)
        work.tell("loading bars")
        compiled = tested.strategy()
        bars = own_bars(compiled, _bars(history, tested.symbol, request, compiled.bar_minutes))
        if start is not None and request.sweep and is_study(math.prod(map(len, request.sweep.values())), len(bars)):
            sweeper = Sweeper(compiled, bars, request.config.config(), target="python")
            begin_study(work, tested.version, sweeper, grid(request.sweep), request.folds, start)
            raise Continues
        _report(work, tested, bars, _sweep)


def sweep_of_study(work: Work, material: Material) -> tuple[Sweeper, list[Point], int]:
    """Gives what runs the points of a job's study, all points, and the steps of the walk-forward.

    Raises:
        Failed: if the strategy is gone.
    """
    with _refusals():
        tested = _tested(work, material)
        sweeper = Sweeper(tested.strategy(), material.bars, tested.request.config.config(), target="python")
        return sweeper, grid(tested.request.sweep or {}), tested.request.folds


def report_study(work: Work, material: Material) -> None:
    """Stores the report of a study whose parts are done.

    Raises:
        Failed: if the strategy is gone.
        Canceled: if nobody wants it any more.
    """
    with _refusals():
        _report(work, _tested(work, material), material.bars, _put_together)


@dataclass(frozen=True, slots=True)
class _Tested:
    """A version of a strategy as a backtest was asked for: its code, the symbol, and the request with parameters and costs."""

    request: NewBacktest
    version: int
    python_code: str
    symbol: str

    def strategy(self) -> Strategy:
        """The strategy, with the parameters that the request sets."""
        compiled = compile_strategy(self.python_code)
        return compiled.with_parameters(**self.request.parameters) if self.request.parameters else compiled


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (BacktestError, StrategyError, HistoryRefused, HistoryUnavailable) as error:
        raise Failed(FailureCode.BACKTEST_REFUSED, str(error)) from error


def _tested(work: Work, material: Material) -> _Tested:
    """What a study backtests: the version of its beginning."""
    request = NewBacktest.model_validate(work.job.request)
    with work.database.transaction() as connection:
        strategy = strategies.get_strategy(connection, request.strategy_id, of_user=work.job.user_id)
        version = strategies.get_version(connection, request.strategy_id, material.version)
    if strategy is None or version is None:
        raise BacktestError(_GONE)
    return _Tested(request, material.version, version.python_code, request.symbol or strategy.symbol)


def _report(
    work: Work, tested: _Tested, bars: BarColumns, sweep: Callable[[Work, Sweeper, NewBacktest], dict[str, Any]]
) -> None:
    request = tested.request
    work.tell("backtesting")
    compiled, config = tested.strategy(), request.config.config()
    ran = run_backtest(compiled, bars, config, symbol=tested.symbol)
    report = ran.as_dict()
    report["parameters"] = request.parameters or {}
    report["period"] = [int(bars.time[0]), int(bars.time[-1]) + bars.seconds]
    report["bar_minutes"] = bars.seconds // 60
    work.tell("trying other costs")
    report["costs"] = [asdict(each) for each in cost_sensitivity(ran)]
    if request.sweep:
        report["sweep"] = sweep(work, Sweeper(compiled, bars, config, target="python"), request)
    made = backtests.NewReport(
        request.strategy_id, tested.version, tested.symbol, report.pop("config"), report.pop("metrics"), report
    )
    work.succeed(
        lambda connection: FinishedBacktest(
            backtest_id=backtests.add_backtest(connection, work.job.job_id, work.job.user_id, made),
            metrics=made.metrics,
        )
    )


def _bars(history: History, symbol: str, request: NewBacktest, bar_minutes: int) -> BarColumns:
    """The bars of a minute of a period, or its days: up to now by the market's clock, unless given."""
    end = request.end or history.now().replace(second=0, microsecond=0)
    start = request.start or end - default_period(bar_minutes)
    if bar_minutes == DAY_MINUTES:
        found = history.days_of([symbol], start, end)
        if symbol in found.refused:
            raise BacktestError(found.refused[symbol])
        # The day that is not over is no bar yet.
        bars: Sequence[Bar] = [each for each in found.bars.get(symbol, []) if each.time + timedelta(days=1) <= end]
    else:
        bars = history.bars(symbol, start, end, MAX_BARS)
    if not bars:
        raise BacktestError(
            f"there are no bars of {symbol} from {start:%Y-%m-%d} to {end:%Y-%m-%d}; choose another period"
        )
    return replace(BarColumns.from_bars(bars), daily=bar_minutes == DAY_MINUTES)


def _sweep(work: Work, sweeper: Sweeper, request: NewBacktest) -> dict[str, Any]:
    """All points of a grid, the steps of a walk-forward, and how much of the best is luck."""
    parameters = request.sweep or {}
    points = grid(parameters)
    if is_study(len(points), len(sweeper.bars)):
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
    return _said(sweeper, parameters, results, walk_forward(sweeper, points, folds=request.folds))


def _put_together(work: Work, sweeper: Sweeper, request: NewBacktest) -> dict[str, Any]:
    """The same of the parts of a study, with the best points and what it took."""
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
    sweeper: Sweeper,
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
