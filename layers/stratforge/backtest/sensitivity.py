"""The influence of costs on a result: the same strategy on the same bars, with other slippage."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.engine import run_loop
from stratforge.backtest.loop import loop_for
from stratforge.backtest.metrics import Metrics, bars_in_a_year
from stratforge.backtest.portfolio_sweep import PortfolioSweeper
from stratforge.backtest.report import BacktestReport, metrics_of

SLIPPAGES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True, slots=True)
class CostPoint:
    """The result of a backtest at one slippage, in hundredths of a percent; the Sharpe ratio is None where it is not defined."""

    slippage_bps: float
    total_return: float
    sharpe: float | None
    costs: float
    trades: int


def cost_sensitivity(report: BacktestReport) -> list[CostPoint]:
    """Runs a report's strategy again with each slippage of `SLIPPAGES`, and with its own, everything else the same."""
    values, bars = report.values, report.bars
    per_year = bars_in_a_year(bars.time)
    found = []
    for slippage in sorted({*SLIPPAGES, report.config.slippage_bps}):
        config: BacktestConfig = replace(report.config, slippage_bps=slippage)
        loop = loop_for(report.strategy, config, "python")
        fills = run_loop(loop, report.strategy, values, config, report.before)
        metrics = metrics_of(bars, config, fills, per_year)
        found.append(_point(slippage, metrics))
    return found


def portfolio_cost_sensitivity(sweeper: PortfolioSweeper) -> list[CostPoint]:
    """The same of a portfolio strategy."""
    slippages = sorted({*SLIPPAGES, sweeper.config.slippage_bps})
    return [_point(slippage, sweeper.with_slippage(slippage)) for slippage in slippages]


def _point(slippage: float, metrics: Metrics) -> CostPoint:
    sharpe = metrics.sharpe if math.isfinite(metrics.sharpe) else None
    return CostPoint(slippage, metrics.total_return, sharpe, metrics.costs, metrics.trades)
