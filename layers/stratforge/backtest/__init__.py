"""Backtests: the same compiled strategy that runs live, over history, with costs and written assumptions.

>>> from stratforge.backtest import BacktestConfig, run_backtest
>>> report = run_backtest(strategy, bars, BacktestConfig(cash=10_000, slippage_bps=1))  # doctest: +SKIP
>>> print(report)  # doctest: +SKIP
"""

from stratforge.backtest.config import BacktestConfig, BacktestError
from stratforge.backtest.engine import run_backtest
from stratforge.backtest.report import BacktestReport

__all__ = ["BacktestConfig", "BacktestError", "BacktestReport", "run_backtest"]
