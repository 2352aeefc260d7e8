"""Sweeps give what single backtests give, in order, resumably."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.backtest.overfitting import Shape, deflated_sharpe_ratio, expected_maximum_sharpe, robustness
from stratforge.backtest.sweep import (
    Sweeper,
    grid,
    random_points,
    ranked_results,
    run_sweep,
    walk_forward,
)
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history

STRATEGY = compile_strategy("""
FAST, SLOW, GAIN = 3, 8, 0.01
def indicators(bars):
    return {"fast": ta.ema(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW), "rsi": ta.rsi(bars.close, length=SLOW)}
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    for i in range(3):
        state["sum"] = state.get("sum", 0) * 0.5 + i
    if position.quantity == 0 and bar.fast > bar.slow and bar.rsi < 80 - state["sum"] and account.cash * 2 > account.equity:
        return buy(confidence=min(1, abs(bar.close - bar.previous.close) / 0.05 + 0.2), stop_loss=GAIN * 4, trailing_stop=0.02)
    if position.bars_held == 9:
        return adjust(stop_loss_price=position.max_adverse, take_profit=GAIN * 2)
    if position.unrealized_return > GAIN or (position.quantity > 0 and bar.fast < bar.slow and position.bars_held > 2):
        return sell(fraction=0.6 if state["n"] % 2 == 0 else 1)
""")
BARS = _random_history(31, 4_000, 0.003, 55.0)
POINTS = grid({"FAST": [2, 5, 9], "SLOW": [7, 20], "GAIN": [0.002, 0.02]})
CONFIGS = [
    BacktestConfig(),
    BacktestConfig(
        commission_bps=1, commission_per_order=0.5, slippage_bps=2, spread_bps=1, stop_loss=0.01, take_profit=0.02
    ),
    BacktestConfig(
        trailing_stop=0.015, participation=0.01, fractional=False, commission_per_share=0.005, sizing_value=0.4
    ),
]
# To make machine code of a loop takes seconds: what does not ask for another configuration shares this one's.
CONFIG = CONFIGS[1]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(CONFIGS[0], id="plain", marks=pytest.mark.long),
        pytest.param(CONFIG, id="costs and stops"),
        pytest.param(CONFIGS[2], id="trailing, volume, whole shares", marks=pytest.mark.long),
    ],
)
def test_every_point_equals_the_single_backtest_to_the_cent(config: BacktestConfig) -> None:
    for result in run_sweep(Sweeper(STRATEGY, BARS, config), POINTS):
        single = run_backtest(STRATEGY.with_parameters(**result.parameters), BARS, config).metrics
        assert abs(result.final_equity - single.final_equity) < 0.005
        assert result.trades == single.trades > 10
        for name in (
            "total_return",
            "annual_return",
            "sharpe",
            "max_drawdown",
            "exposure",
            "win_rate",
            "profit_factor",
        ):
            assert getattr(result, name) == pytest.approx(getattr(single, name), rel=1e-9, nan_ok=True), name


def test_processes_change_nothing() -> None:
    sweeper = Sweeper(STRATEGY, BARS, CONFIG)
    assert run_sweep(sweeper, POINTS, processes=2) == run_sweep(sweeper, POINTS)


def test_an_interrupted_sweep_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    seen: list[int] = []
    sweeper = Sweeper(STRATEGY, BARS, CONFIG)
    whole = run_sweep(sweeper, POINTS)
    run_sweep(sweeper, POINTS[:5], results=file)
    with file.open("a") as sink:
        sink.write('{"parameters": {"FA')
    text = file.read_text()
    file.write_text(text[: text.rindex('{"parameters": {"FA')])
    assert run_sweep(sweeper, POINTS, results=file, progress=seen.append) == whole
    assert seen[0] == 5


def test_results_of_something_else_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    run_sweep(Sweeper(STRATEGY, BARS, CONFIG), POINTS[:1], results=file)
    with pytest.raises(BacktestError, match="another strategy"):
        run_sweep(Sweeper(STRATEGY, BARS, BacktestConfig(cash=5)), POINTS, results=file)


def test_a_point_that_cannot_run_says_why_and_the_others_run() -> None:
    bad, good = run_sweep(Sweeper(STRATEGY, BARS, CONFIG), [{"FAST": -1}, {"FAST": 4}])
    assert bad.error is not None
    assert "must be a whole number" in bad.error
    assert good.error is None
    assert ranked_results([bad, good])[0] is good


def test_random_points_are_distinct_and_of_the_grid() -> None:
    values = {"a": list(range(40)), "b": list(range(30))}
    points = random_points(values, 100, seed=3)
    assert len({tuple(point.items()) for point in points}) == 100
    assert points == random_points(values, 100, seed=3)
    assert all(0 <= point["a"] < 40 and 0 <= point["b"] < 30 for point in points)


def test_walk_forward_learns_from_the_past_only() -> None:
    folds = walk_forward(Sweeper(STRATEGY, BARS, CONFIG), POINTS, folds=3)
    assert [fold.test_start - fold.train_start for fold in folds] == [1000, 1000, 1000]
    assert folds[-1].test_stop == len(BARS)
    for fold in folds:
        assert fold.unseen.parameters == fold.best.parameters
    changed = BARS.slice(0, len(BARS))
    later = changed.close.copy()
    later[folds[0].test_start :] *= 1.01
    other = type(BARS)(
        BARS.time, BARS.open, np.maximum(BARS.high, later), np.minimum(BARS.low, later), later, BARS.volume
    )
    assert walk_forward(Sweeper(STRATEGY, other, CONFIG), POINTS, folds=3)[0].best == folds[0].best


def test_the_deflated_sharpe_ratio_tells_luck_from_skill() -> None:
    generator = np.random.default_rng(5)
    trials = generator.normal(0, 0.01, (200, 1_000))
    sharpes = trials.mean(axis=1) / trials.std(axis=1, ddof=1)
    luckiest = trials[sharpes.argmax()]
    assert deflated_sharpe_ratio(luckiest, sharpes.tolist()) < 0.9
    skilled = generator.normal(0.003, 0.01, 1_000)
    assert deflated_sharpe_ratio(skilled, [*sharpes.tolist(), skilled.mean() / skilled.std()]) > 0.99
    # One trial needs no deflation: the probabilistic Sharpe ratio of Bailey and Lopez de Prado (2012).
    assert expected_maximum_sharpe([0.1]) == 0.0
    assert math.isnan(deflated_sharpe_ratio(np.zeros(10), [0.0]))


def test_the_expected_maximum_is_that_of_random_trials() -> None:
    generator = np.random.default_rng(6)
    highest = [generator.normal(0, 1, 50).max() for _ in range(4_000)]
    normal = generator.normal(0, 1, 50)
    normal = (normal - normal.mean()) / normal.std(ddof=1)
    assert expected_maximum_sharpe(normal.tolist()) == pytest.approx(float(np.mean(highest)), rel=0.03)


@pytest.mark.parametrize(
    ("sharpes", "shape", "average"),
    [
        ([1.0, 1.2, 1.0], Shape.PLATEAU, 1.0),
        ([0.5, 1.0, 0.7], Shape.SLOPE, 0.6),
        ([0.0, 2.0, None], Shape.PEAK, 0.0),
        ([-1.0, -0.5, None], Shape.LOSS, -0.5),
    ],
)
def test_the_best_point_is_held_against_its_neighbors(
    sharpes: list[float | None], shape: Shape, average: float
) -> None:
    values = [5.0, 10.0, 15.0]
    found = robustness(
        {"LENGTH": values}, [({"LENGTH": each}, sharpe) for each, sharpe in zip(values, sharpes, strict=True)]
    )
    assert found is not None
    assert found.shape is shape
    assert found.average == pytest.approx(average)


def test_the_steadiest_point_is_the_middle_of_the_plateau_not_the_peak() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    sharpes = [1.0, 1.0, 1.0, 0.0, 1.5, 0.0]
    found = robustness({"N": values}, [({"N": each}, sharpe) for each, sharpe in zip(values, sharpes, strict=True)])
    assert found is not None
    assert (found.shape, found.steadiest) == (Shape.PEAK, {"N": 2.0})


def test_a_sweep_of_one_point_has_no_neighbors() -> None:
    assert robustness({"N": [1.0]}, [({"N": 1.0}, 1.0)]) is None
    # Nor has a point of a sample whose steps nobody tried.
    assert robustness({"N": [1.0, 2.0, 3.0]}, [({"N": 1.0}, 0.5), ({"N": 3.0}, 1.0)]) is None


def test_neighbors_are_those_of_the_next_values_in_whatever_order_they_are_given() -> None:
    sharpes = {20.0: 2.9, 10.0: 3.0, 5.0: 2.9, 15.0: 0.0}
    found = robustness({"A": list(sharpes)}, [({"A": each}, sharpe) for each, sharpe in sharpes.items()])
    assert found is not None
    assert found.shape is Shape.SLOPE
    assert found.average == pytest.approx(1.45)


@pytest.mark.parametrize("value", [0.001, 0.1, 0.01, 0.0007, -0.001])
def test_returns_that_do_not_vary_say_nothing_of_skill(value: float) -> None:
    assert math.isnan(deflated_sharpe_ratio(np.full(250, value), [0.1, 0.2]))
