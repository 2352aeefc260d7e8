"""Sweeps of a portfolio strategy: the same symbols under many values of its constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.metrics import Metrics, bars_in_a_year, daily_returns, day_ends, days_in_a_year
from stratforge.backtest.portfolio import Market, run_on_market
from stratforge.backtest.portfolio_report import PortfolioReport
from stratforge.backtest.sweep import Floats, Point, PointResult, digest_of
from stratforge.strategy import StrategyError
from stratforge.strategy.rotation import PortfolioStrategy

# Of a decision besides `rebalance`: what is held is valued, and orders are filled; of a bar of a symbol: figures and curves. Nanoseconds, measured.
_DECISION_NANOSECONDS = 60_000
_BAR_NANOSECONDS = 60


def run_seconds(strategy: PortfolioStrategy, bars: int, decisions: int) -> float:
    """About how long one run takes on one core, by nominal costs: known before it begins.

    Args:
        bars: Bars of each symbol.
        decisions: How often it decides.
    """
    decided = decisions * (strategy.decision_nanoseconds + _DECISION_NANOSECONDS)
    return (strategy.columns_nanoseconds(bars) + decided + len(strategy.symbols) * bars * _BAR_NANOSECONDS) / 1e9


def sweep_seconds(strategy: PortfolioStrategy, points: int, bars: int, decisions: int, folds: int) -> float:
    """About how long a sweep and its walk-forward take on one core; see `run_seconds`."""
    return points * run_seconds(strategy, bars, decisions) * (1 + folds / (folds + 1))


class PortfolioSweeper:
    """Runs points of a portfolio strategy on the bars of its symbols; columns that points have in common are computed once."""

    def __init__(
        self,
        strategy: PortfolioStrategy,
        bars: Mapping[str, Any],
        config: BacktestConfig | None = None,
        since: int | None = None,
    ) -> None:
        """
        Args:
            bars: As `run_portfolio_backtest` takes them.
            since: Where decisions begin, in seconds since the epoch: the bars before only say what columns are then.

        Raises:
            BacktestError: if the bars or the configuration cannot be used.
        """
        self.strategy = strategy
        market = Market.of(strategy, bars)
        self._market = market if since is None else market.since(since, strategy.universe)
        self.bars = self._market.clock
        self._before = len(market.clock) - len(self.bars)
        config = config or BacktestConfig()
        self.config = replace(config, bars_per_year=config.bars_per_year or bars_in_a_year(self.bars.time))
        self.days_per_year = days_in_a_year(self.bars)
        # What cannot be run is refused before the first point is.
        run_on_market(strategy, self._market.between(0, 1), self.config)

    def run(self, point: Point) -> PointResult:
        """Backtests one combination of parameters and gives its figures."""
        return self.run_between(point, 0, len(self.bars))

    def run_between(self, point: Point, start: int, stop: int) -> PointResult:
        """The result of one point on the bars `start` to `stop` of the clock; indicators know the bars before, and nothing is held at first."""
        try:
            strategy = self.strategy.with_parameters(**point)
            _ = strategy.lookback
        except StrategyError as error:
            return PointResult(point, error=str(error.findings[0]))
        return PointResult.of(point, run_on_market(strategy, self._market.between(start, stop), self.config).metrics)

    def daily_returns(self, point: Point) -> Floats:
        """Returns of every day at one point, for statistics of their distribution."""
        report = run_on_market(self.strategy.with_parameters(**point), self._market, self.config)
        return daily_returns(report.equity_values, day_ends(self.bars), self.config.cash)

    def report(self) -> PortfolioReport:
        """The whole report of the strategy as it is."""
        return run_on_market(self.strategy, self._market, self.config)

    def with_slippage(self, bps: float) -> Metrics:
        """The figures of the strategy as it is with other slippage, everything else the same."""
        return run_on_market(self.strategy, self._market, replace(self.config, slippage_bps=bps)).metrics

    def identity(self) -> str:
        """A digest of all that results depend on besides the point: code, configuration and the bars of every symbol."""
        return digest_of(self.strategy.source, self.config, self._market.columns, self._before)
