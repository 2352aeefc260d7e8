"""A backtest that begins in the middle of history decides on its first bar as a session does that is started then: it knows the bars before and holds nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.backtest import BacktestConfig, BacktestError, BacktestReport, run_backtest
from stratforge.backtest.matching import Target
from stratforge.backtest.portfolio_sweep import PortfolioSweeper
from stratforge.backtest.sensitivity import cost_sensitivity
from stratforge.backtest.study import run_part
from stratforge.backtest.sweep import Sweeper, grid, run_sweep, walk_forward
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.rotation import compile_portfolio

from tests.support.naive import run_naive
from tests.support.tiers import examples
from tests.unit.backtest.test_engine import STRATEGIES, configs

CROSS = compile_strategy("""
FAST, SLOW = 50, 200

def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if state["n"] == 1 and bar.previous.slow > 0 and bar.slow > 0:
        return buy(fraction=0.5)
    if position.quantity == 0 and bar.fast > bar.slow:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
""")
BARS = _random_history(4, 700, 0.01, 80.0)
START = 500
SINCE = int(BARS.time[START])
POINTS = grid({"FAST": [5, 50], "SLOW": [60, 200]})


def numbers(report: BacktestReport) -> list[list[float]]:
    """All that was filled."""
    return [getattr(report.fills, name).tolist() for name in ("bar", "side", "quantity", "price", "cash", "held")]


def test_the_first_bar_of_the_period_is_decided_on_with_all_its_indicators() -> None:
    warm = run_backtest(CROSS, BARS, since=SINCE)
    assert warm.before == START
    assert np.isfinite(warm.indicator("slow")).all()
    assert warm.fills.bar[0] == 1, (
        "decided on the first, filled on the next; its previous bar is the one before the period"
    )
    cold = run_backtest(CROSS, BARS.slice(START, len(BARS)))
    assert not np.isfinite(cold.indicator("slow")[:199]).any()
    assert not len(cold.fills.bar) or cold.fills.bar[0] >= 199


def test_figures_curves_and_the_benchmark_are_of_the_period() -> None:
    report = run_backtest(CROSS, BARS, since=SINCE)
    close = BARS.close[START:]
    assert report.metrics.bars == len(report.equity_values) == len(close)
    assert report.metrics.buy_and_hold_return == pytest.approx(close[-1] / close[0] - 1)
    shown = report.as_dict()
    assert shown["curve"]["time"] == BARS.time[START:].tolist()
    assert {len(each["values"]) for each in shown["curve"]["indicators"]} == {len(close)}
    assert shown["analysis"]["days"][0]["day"] == str(BARS.day[START].astype("datetime64[D]"))
    own = next(each for each in cost_sensitivity(report) if each.slippage_bps == 0)
    assert own.total_return == report.metrics.total_return


@given(st.sampled_from(sorted(STRATEGIES)), configs, st.integers(0, 10_000), st.integers(1, 119))
@settings(max_examples=examples(60), deadline=None)
def test_it_trades_as_the_live_evaluation_does_from_then_on(
    name: str, config: BacktestConfig, seed: int, start: int
) -> None:
    strategy, bars = compile_strategy(STRATEGIES[name]), _random_history(seed, 120, 0.004, 40.0)
    report = run_backtest(strategy, bars, config, since=int(bars.time[start]))
    account, equity = run_naive(strategy, bars, config, start)
    assert report.fills.bar.tolist() == [bar for bar, *_ in account.fills]
    assert report.fills.price.tolist() == pytest.approx([price for *_, price, _ in account.fills], rel=1e-12)
    np.testing.assert_allclose(report.equity_values, equity, rtol=1e-9)


@pytest.mark.parametrize("target", ["python", "numba"])
def test_a_point_of_a_sweep_is_its_backtest(target: Target) -> None:
    sweeper = Sweeper(CROSS, BARS, since=SINCE, target=target)
    assert len(sweeper.bars) == len(BARS) - START
    for each in run_sweep(sweeper, POINTS):
        single = run_backtest(CROSS.with_parameters(**each.parameters), BARS, since=SINCE)
        assert each.final_equity == pytest.approx(single.metrics.final_equity, rel=1e-12)
        assert each.trades == single.metrics.trades
        assert each.sharpe == pytest.approx(single.metrics.sharpe, nan_ok=True)
        daily = np.cumprod(1 + sweeper.daily_returns(each.parameters))[-1] - 1
        assert daily == pytest.approx(single.metrics.total_return)
    part = run_part(sweeper, POINTS, 3)
    assert [each.final_equity for each in part.results] == [each.final_equity for each in run_sweep(sweeper, POINTS)]
    fold = walk_forward(sweeper, POINTS, folds=3)[0]
    assert fold.train_start == 0, "the first step learns from the beginning of the period"
    begun = run_backtest(
        CROSS.with_parameters(**fold.best.parameters), BARS.slice(0, START + fold.test_start), since=SINCE
    )
    assert fold.best.final_equity == pytest.approx(begun.metrics.final_equity, rel=1e-12)


def test_the_results_of_another_beginning_are_others() -> None:
    identities = {Sweeper(CROSS, BARS, since=since).identity() for since in (None, SINCE, SINCE + 60)}
    assert len(identities) == 3
    rotation = compile_portfolio(
        'UNIVERSE = ["AA", "BB"]\nSCHEDULE = "daily"\ndef indicators(bars):\n    return {"x": bars.close}\n'
        "def rebalance(universe, portfolio, state):\n    return weights.equal(universe.x.top(1))\n"
    )
    days = {each: _random_history(2, 300, 0.01, 80.0) for each in rotation.symbols}
    every = {PortfolioSweeper(rotation, days, since=since).identity() for since in (None, int(days["AA"].time[9]))}
    assert len(every) == 2


def test_a_period_without_a_bar_is_refused() -> None:
    with pytest.raises(BacktestError, match="no bars in this period"):
        run_backtest(CROSS, BARS, since=int(BARS.time[-1]) + 1)


def test_longer_bars_begin_with_the_first_that_begins_in_the_period() -> None:
    hours = compile_strategy('TIMEFRAME = "1h"\ndef on_bar(bar, position, state):\n    return buy(quantity=1)\n')
    bars = _random_history(9, 900, 0.001, 80.0)
    since = int(bars.time[400])
    report = run_backtest(hours, bars, since=since)
    assert since <= report.bars.time[0] < since + 3_600
    assert report.before > 0
