"""Sweeps of portfolio strategies: each point is its backtest, in whatever order, company and process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stratforge.backtest import BacktestConfig, BacktestError
from stratforge.backtest.portfolio import Market, run_on_market, run_portfolio_backtest
from stratforge.backtest.portfolio_sweep import PortfolioSweeper
from stratforge.backtest.sweep import grid, ranked_results, run_sweep, walk_forward
from stratforge.market import BarColumns
from stratforge.strategy.graph import bars_of, reachable
from stratforge.strategy.rotation import compile_portfolio

from tests.support.random_rotations import markets

SOURCE = """
UNIVERSE = ["AA", "BB", "CC", "DD", "EE"]
SCHEDULE = "weekly"
TOP, DAYS = 2, 20
def indicators(bars):
    return {"momentum": bars.close.pct_change(DAYS) - bars.of("ZZ").close.pct_change(DAYS)}
def rebalance(universe, portfolio, state):
    return weights.equal(universe.momentum.top(TOP))
"""
CONFIG = BacktestConfig(cash=10_000, commission_bps=5)
POINTS = grid({"TOP": [1, 2, 3], "DAYS": [5, 20]})


@pytest.fixture(scope="module")
def bars() -> dict[str, BarColumns]:
    """Daily bars with gaps, late beginnings and early ends."""
    return markets(7, 260, broken=False)


@pytest.fixture(scope="module")
def sweeper(bars: dict[str, BarColumns]) -> PortfolioSweeper:
    """A sweep of the strategy."""
    return PortfolioSweeper(compile_portfolio(SOURCE), bars, CONFIG)


def test_a_point_is_its_backtest(sweeper: PortfolioSweeper, bars: dict[str, BarColumns]) -> None:
    results = run_sweep(sweeper, POINTS)
    for point, result in zip(POINTS, results, strict=True):
        metrics = run_portfolio_backtest(compile_portfolio(SOURCE).with_parameters(**point), bars, CONFIG).metrics
        assert (result.final_equity, result.sharpe, result.max_drawdown, result.trades) == (
            metrics.final_equity,
            metrics.sharpe,
            metrics.max_drawdown,
            metrics.trades,
        )
    assert len({result.final_equity for result in results}) == len(POINTS)


def test_what_is_read_of_another_symbol_is_computed_once_whoever_reads_it(bars: dict[str, BarColumns]) -> None:
    strategy = compile_portfolio(SOURCE)
    market = Market.of(strategy, bars)
    run_on_market(strategy, market, CONFIG)
    others = [
        node for node in reachable(strategy.columns.values()) if node.operation == "pct_change" and node.timeframe
    ]
    assert [node.timeframe for node in others] == [bars_of("ZZ")]
    columns = [market.values[symbol].series(others[0]) for symbol in strategy.universe]
    assert all(each is columns[0] for each in columns)
    assert len(columns[0]) == len(bars["ZZ"]) + 1


def test_processes_and_interruptions_change_nothing(sweeper: PortfolioSweeper, tmp_path: Path) -> None:
    whole = run_sweep(sweeper, POINTS)
    assert run_sweep(sweeper, POINTS, processes=2) == whole
    run_sweep(sweeper, POINTS[:2], results=tmp_path / "kept")
    done: list[int] = []
    assert run_sweep(sweeper, POINTS, results=tmp_path / "kept", progress=done.append) == whole
    assert done[0] == 2
    other = PortfolioSweeper(sweeper.strategy, markets(8, 260, broken=False), CONFIG)
    with pytest.raises(BacktestError, match="another strategy, configuration or bars"):
        run_sweep(other, POINTS, results=tmp_path / "kept")


def test_a_point_that_does_not_fit_says_why_and_the_others_run(sweeper: PortfolioSweeper) -> None:
    results = run_sweep(sweeper, grid({"TOP": [0, 2], "DAYS": [20]}))
    assert "whole number from 1 to 50" in str(results[0].error)
    assert ranked_results(results)[0].parameters["TOP"] == 2


def test_a_stretch_begins_flat_and_knows_the_bars_before_but_none_after(
    sweeper: PortfolioSweeper, bars: dict[str, BarColumns]
) -> None:
    start, stop = 120, 200
    begins, ends = (int(sweeper.bars.time[place]) for place in (start, stop))
    cut = {symbol: each.take(np.flatnonzero(each.time < ends)) for symbol, each in bars.items()}
    shorter = PortfolioSweeper(sweeper.strategy, cut, sweeper.config)
    assert shorter.run_between({"TOP": 2}, start, len(shorter.bars)) == sweeper.run_between({"TOP": 2}, start, stop)
    alone = {symbol: each.take(np.flatnonzero(each.time >= begins)) for symbol, each in cut.items()}
    without = PortfolioSweeper(sweeper.strategy, alone, sweeper.config)
    assert without.run({"TOP": 2}) != sweeper.run_between({"TOP": 2}, start, stop)


def test_a_walk_forward_goes_through_the_clock(sweeper: PortfolioSweeper) -> None:
    folds = walk_forward(sweeper, POINTS, folds=3)
    assert [fold.test_stop for fold in folds][-1] == len(sweeper.bars)
    for fold in folds:
        assert fold.unseen == sweeper.run_between(fold.best.parameters, fold.test_start, fold.test_stop)


def test_what_cannot_be_run_is_refused_before_the_first_point(bars: dict[str, BarColumns]) -> None:
    with pytest.raises(BacktestError, match="stop_loss is not in"):
        PortfolioSweeper(compile_portfolio(SOURCE), bars, BacktestConfig(stop_loss=0.1))
