"""The highest and lowest price of the bars held: in a backtest, bar by bar, and in a replay over a split."""

from __future__ import annotations

import numpy as np
import pytest
from stratforge.backtest import BacktestConfig
from stratforge.backtest.engine import run_loop
from stratforge.backtest.loop import loop_for
from stratforge.market import BarColumns
from stratforge.market.corporate_actions import SplitScale
from stratforge.strategy import PositionView, StrategyError, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.replay import RecordedBar, replay

BARS = _random_history(4, 400, 0.01, 20.0)
# Leaves three per cent below the highest price or two above the lowest, and enters again two bars later.
SOURCE = """
def on_bar(bar, position, state):
    state["n"] = 0 if position.quantity > 0 else state["n"] + 1
    if position.quantity == 0 and state["n"] > 2:
        return buy()
    if bar.close < position.max_favorable * 0.97 or (position.quantity > 0 and bar.close > position.max_adverse * 1.02):
        return sell()
"""


def expected() -> list[tuple[int, float]]:
    """Bars and sides of the fills, by a loop that keeps the bars held in lists."""
    fills: list[tuple[int, float]] = []
    highs: list[float] = []
    lows: list[float] = []
    held, order, wait = False, 0.0, 0
    for index in range(len(BARS)):
        if order:
            fills.append((index, order))
            held = order == 1.0
            highs, lows = [], []
        if held:
            highs.append(float(BARS.high[index]))
            lows.append(float(BARS.low[index]))
        wait = 0 if held else wait + 1
        close, order = float(BARS.close[index]), 0.0
        if not held and wait > 2:
            order = 1.0
        elif held and (close < max(highs) * 0.97 or close > min(lows) * 1.02):
            order = 2.0
    return fills


def test_a_backtest_sees_the_extremes_of_the_bars_held() -> None:
    strategy, config = compile_strategy(SOURCE), BacktestConfig()
    fills = run_loop(loop_for(strategy, config, "python"), strategy, Values(BARS), config)
    assert list(zip(fills.bar.astype(int).tolist(), fills.side.tolist(), strict=True)) == expected()
    assert len(fills.bar) > 20


def test_live_sees_them_bar_by_bar() -> None:
    strategy = compile_strategy(SOURCE)
    state: dict[str, float] = {}
    for end, (quantity, high, low) in enumerate(((0, 0, 0), (2, 1, 1), (2, 2, 2), (0, 0, 0), (1, 4, 4)), 1):
        bars = BARS.slice(0, end)
        state = evaluate_last_bar(strategy, Values(bars), PositionView(quantity, 5.0), state).state
        kept = [value for key, value in sorted(state.items(), key=lambda item: item[0]) if key != "n"]
        # The highest is of the bars from `high` on, the lowest of those from `low` on.
        first = {1: 1, 2: 1, 4: 4}.get(high, 0)
        assert kept == ([BARS.low[first:end].min(), BARS.high[first:end].max()] if quantity else [])
        assert low == high


@pytest.mark.parametrize("since", [0, 3])
def test_a_replay_divides_them_at_a_split_unless_the_position_came_after(since: int) -> None:
    source = "def on_bar(bar, position, state):\n    if position.max_favorable >= 20:\n        return sell()\n"
    price = np.array([30.0, 30.0, 30.0, 15.0, 15.0])
    time = 60 * np.arange(5)
    # On the fourth bar the prices halve, by a split of two for one.
    split = SplitScale(180, 2.0)
    bars = [
        RecordedBar(
            int(time[index]),
            BarColumns(
                time[: index + 1],
                *(price[: index + 1] / (2.0 if index > 2 else 1.0) * (2.0 if index > 2 else 1.0),) * 5,
            ),
            1.0 if index >= since else 0.0,
            10.0,
            (split,) if index == 3 else (),
        )
        for index in range(5)
    ]
    _, differences = replay(compile_strategy(source), bars, {})
    # Before the split 30 has been seen; after it that is 15.
    assert [each.time for each in differences] == ([0, 60, 120] if since == 0 else [])


def test_the_key_of_an_extreme_is_no_key_of_the_strategys() -> None:
    with pytest.raises(StrategyError):
        compile_strategy(
            "def on_bar(bar, position, state):\n    state['position_max_favorable_among_the_bars_held_so_far'] = 1\n"
        )
