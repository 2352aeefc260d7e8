"""Backtesting a strategy, with a sweep of its parameters when that is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Protocol

from stratforge.application.jobs.requests import MAX_SWEPT_BARS, NewBacktest, default_period
from stratforge.application.jobs.results import FinishedBacktest
from stratforge.application.jobs.work import Failed, Work
from stratforge.backtest import BacktestError, run_backtest
from stratforge.backtest.engine import own_bars
from stratforge.backtest.overfitting import deflated_sharpe_ratio
from stratforge.backtest.sensitivity import cost_sensitivity
from stratforge.backtest.sweep import Sweeper, grid, ranked_results, run_sweep, walk_forward
from stratforge.broker.history import Found, HistoryRefused, HistoryUnavailable
from stratforge.market import Bar, BarColumns
from stratforge.storage.strategies import backtests, strategies
from stratforge.storage.strategies.jobs import FailureCode
from stratforge.strategy import StrategyError, compile_strategy
from stratforge.strategy.lookback import DAY_MINUTES

MAX_BARS = 500_000
_TELL_EVERY = 0.5


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


def backtest_strategy(work: Work, history: History) -> None:
    """Backtests the current version of a strategy and stores the report.

    Raises:
        Failed: if the strategy is gone, or there are no bars to run it on.
        Canceled: if nobody wants it any more.
    """
    request = NewBacktest.model_validate(work.job.request)
    with work.database.transaction() as connection:
        strategy = strategies.get_strategy(connection, request.strategy_id, of_user=work.job.user_id)
    try:
        if strategy is None:
            raise BacktestError("the strategy was deleted; choose another")
        symbol = request.symbol or strategy.symbol
        compiled, config = compile_strategy(strategy.python_code), request.config.config()
        if request.parameters:
            compiled = compiled.with_parameters(**request.parameters)
        work.tell("loading bars")
        bars = own_bars(compiled, _bars(history, symbol, request, compiled.bar_minutes))
        work.tell("backtesting")
        tested = run_backtest(compiled, bars, config, symbol=symbol)
        report = tested.as_dict()
        report["parameters"] = request.parameters or {}
        report["period"] = [int(bars.time[0]), int(bars.time[-1]) + bars.seconds]
        report["bar_minutes"] = bars.seconds // 60
        work.tell("trying other costs")
        report["costs"] = [asdict(each) for each in cost_sensitivity(tested)]
        if request.sweep:
            report["sweep"] = _sweep(
                work, Sweeper(compiled, bars, config, target="python"), request.sweep, request.folds
            )
    except (BacktestError, StrategyError, HistoryRefused, HistoryUnavailable) as error:
        raise Failed(FailureCode.BACKTEST_REFUSED, str(error)) from error
    made = backtests.NewReport(
        strategy.strategy_id, strategy.version, symbol, report.pop("config"), report.pop("metrics"), report
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


def _sweep(work: Work, sweeper: Sweeper, parameters: dict[str, list[float]], folds: int) -> dict[str, Any]:
    """All points of a grid, the steps of a walk-forward, and how much of the best is luck."""
    points = grid(parameters)
    if len(points) * len(sweeper.bars) > MAX_SWEPT_BARS:
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
    steps = walk_forward(sweeper, points, folds=folds)
    best = ranked_results(results)[0]
    scale = math.sqrt(sweeper.days_per_year)
    deflated = deflated_sharpe_ratio(sweeper.daily_returns(best.parameters), [each.sharpe / scale for each in results])
    return {
        "parameters": parameters,
        "points": [each.as_dict() for each in results],
        "best": best.as_dict(),
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
