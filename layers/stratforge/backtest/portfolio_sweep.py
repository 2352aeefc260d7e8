"""Sweeps of a portfolio strategy: the same symbols under many values of its constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.metrics import bars_in_a_year, daily_returns, day_ends, days_in_a_year
from stratforge.backtest.portfolio import Market, run_on_market
from stratforge.backtest.sweep import Floats, Point, PointResult, digest_of
from stratforge.strategy import StrategyError
from stratforge.strategy.rotation import PortfolioStrategy


class PortfolioSweeper:
    """Runs points of a portfolio strategy on the bars of its symbols; columns that points have in common are computed once."""

    def __init__(
        self, strategy: PortfolioStrategy, bars: Mapping[str, Any], config: BacktestConfig | None = None
    ) -> None:
        """
        Args:
            bars: As `run_portfolio_backtest` takes them.

        Raises:
            BacktestError: if the bars or the configuration cannot be used.
        """
        self.strategy = strategy
        self._market = Market.of(strategy, bars)
        self.bars = self._market.clock
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

    def identity(self) -> str:
        """A digest of all that results depend on besides the point: code, configuration and the bars of every symbol."""
        return digest_of(self.strategy.source, self.config, self._market.columns)
