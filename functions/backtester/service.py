"""One job of the backtester: a backtest (with a sweep, when it is asked for), or a live session's recorded bars again."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.backtest.overfitting import deflated_sharpe_ratio
from stratforge.backtest.sweep import Sweeper, grid, ranked_results, run_sweep, walk_forward
from stratforge.broker.history import AlpacaHistory, HistoryUnavailable
from stratforge.market import BarColumns
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, jobs, replays, sessions, strategies
from stratforge.strategy import StrategyError, compile_strategy
from stratforge.strategy.replay import replay

DEFAULT_PERIOD = timedelta(days=30)
MAX_BARS = 500_000
# What a sweep may come to within the function's time, in bars of all its points.
MAX_SWEPT_BARS = 40_000_000
_TELL_EVERY = 0.5


class BacktesterService:
    """Runs jobs. A job that is delivered again and finished already is left alone."""

    def __init__(self, database: Database, history: AlpacaHistory) -> None:
        self._database = database
        self._history = history

    def handle(self, job_id: UUID) -> str:
        """Runs one job; returns its final status."""
        with self._database.transaction() as connection:
            job = jobs.begin_job(connection, job_id)
        if job is None:
            return "finished before"
        try:
            if job.kind == "REPLAY":
                return self._replay(job)
            result = self._run(job)
        except (BacktestError, StrategyError, HistoryUnavailable) as error:
            with self._database.transaction() as connection:
                jobs.finish_job(connection, job_id, error={"code": "backtest-refused", "message": str(error)})
            return "failed"
        with self._database.transaction() as connection:
            backtest_id = backtests.add_backtest(connection, job_id, job.user_id, **result)
            summary = {"backtest_id": str(backtest_id), "metrics": result["metrics"]}
            jobs.finish_job(connection, job_id, result=summary)
        return "succeeded"

    def _run(self, job: jobs.Job) -> dict[str, Any]:
        request = job.request
        with self._database.transaction(job.user_id) as connection:
            strategy = strategies.get_strategy(connection, UUID(request["strategy_id"]))
            if strategy is None:
                raise BacktestError("the strategy was deleted; choose another")
            symbol = request.get("symbol") or strategy.symbol
        self._tell(job.job_id, "loading bars")
        bars = self._bars(symbol, request.get("start"), request.get("end"))
        config = BacktestConfig(**request.get("config", {}))
        self._tell(job.job_id, "backtesting")
        compiled = compile_strategy(strategy.python_code)
        report = run_backtest(compiled, bars, config, symbol=symbol).as_dict()
        if request.get("sweep"):
            report["sweep"] = self._sweep(job.job_id, Sweeper(compiled, bars, config, target="python"), request)
        metrics = report.pop("metrics")
        return {
            "strategy_id": strategy.strategy_id,
            "version": strategy.version,
            "symbol": symbol,
            "config": report.pop("config"),
            "metrics": metrics,
            "report": report,
        }

    def _sweep(self, job_id: UUID, sweeper: Sweeper, request: dict[str, Any]) -> dict[str, Any]:
        """All points of a grid, the steps of a walk-forward, and how much of the best is luck."""
        points = grid(request["sweep"])
        if len(points) * len(sweeper.bars) > MAX_SWEPT_BARS:
            raise BacktestError(
                f"{len(points)} points on {len(sweeper.bars):,} bars are too many; give fewer values or a shorter period"
            )
        told = monotonic()

        def progress(done: int) -> None:
            nonlocal told
            if monotonic() - told > _TELL_EVERY:
                told = monotonic()
                self._tell(job_id, f"sweeping {done}/{len(points)}")

        results = run_sweep(sweeper, points, progress=progress)
        self._tell(job_id, "walking forward")
        folds = walk_forward(sweeper, points, folds=request.get("folds") or 4)
        best = ranked_results(results)[0]
        scale = math.sqrt(sweeper.per_year)
        deflated = deflated_sharpe_ratio(
            sweeper.bar_returns(best.parameters), [each.sharpe / scale for each in results]
        )
        return {
            "parameters": {name: list(values) for name, values in request["sweep"].items()},
            "points": [each.as_dict() for each in results],
            "best": best.as_dict(),
            "folds": [
                {
                    "start": int(sweeper.bars.time[fold.test_start]),
                    "stop": int(sweeper.bars.time[fold.test_stop - 1]),
                    "best": fold.best.as_dict(),
                    "unseen": fold.unseen.as_dict(),
                }
                for fold in folds
            ],
            "deflated_sharpe": deflated if math.isfinite(deflated) else None,
        }

    def _replay(self, job: jobs.Job) -> str:
        """Evaluates a session's recorded bars again and notes whether its signals are the same."""
        session_id = UUID(job.request["session_id"])
        self._tell(job.job_id, "replaying")
        with self._database.transaction(job.user_id) as connection:
            session = replays.recorded_session(connection, session_id)
            if session is None:
                raise BacktestError("the session has seen no bar yet; ask again when it has")
            live = replays.recorded_signals(connection, session_id)
            count, differences = replay(session.strategy, replays.recorded_bars(connection, session), live)
        noted = [
            {"time": each.time, "live": each.live and each.live.side, "replayed": each.replayed and each.replayed.side}
            for each in differences[:100]
        ]
        with self._database.transaction() as connection:
            sessions.note_replay(connection, session_id, count, noted)
            result = {"session_id": str(session_id), "bars": count, "signals": len(live), "differences": noted}
            jobs.finish_job(connection, job.job_id, result=result)
        return "succeeded"

    def _tell(self, job_id: UUID, text: str) -> None:
        with self._database.transaction() as connection:
            jobs.set_progress(connection, job_id, text)

    def _bars(self, symbol: str, start_text: str | None, end_text: str | None) -> BarColumns:
        """The bars of a period: the last 30 days of the market's clock, unless given."""
        end = datetime.fromisoformat(end_text) if end_text else self._history.now().replace(second=0, microsecond=0)
        start = datetime.fromisoformat(start_text) if start_text else end - DEFAULT_PERIOD
        bars = self._history.bars(symbol, start, end, MAX_BARS)
        if not bars:
            raise BacktestError(
                f"there are no bars of {symbol} from {start:%Y-%m-%d} to {end:%Y-%m-%d}; choose another period"
            )
        return BarColumns.from_bars(bars)
