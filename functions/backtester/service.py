"""One backtest job: load the bars, run the engine, store the report."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.broker.history import AlpacaHistory, HistoryUnavailable
from stratforge.market import BarColumns
from stratforge.storage import backtests, jobs, strategies
from stratforge.storage.database import Database
from stratforge.strategy import StrategyError, compile_strategy

DEFAULT_PERIOD = timedelta(days=30)
MAX_BARS = 500_000


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
            jobs.set_progress(connection, job.job_id, "loading bars")
        bars = self._bars(symbol, request.get("start"), request.get("end"))
        config = BacktestConfig(**request.get("config", {}))
        with self._database.transaction() as connection:
            jobs.set_progress(connection, job.job_id, "backtesting")
        report = run_backtest(compile_strategy(strategy.python_code), bars, config).as_dict()
        metrics = report.pop("metrics")
        return {
            "strategy_id": strategy.strategy_id,
            "version": strategy.version,
            "symbol": symbol,
            "config": report.pop("config"),
            "metrics": metrics,
            "report": report,
        }

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
