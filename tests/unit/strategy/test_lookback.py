"""A trailing window of `lookback` bars stands for the whole history."""

from __future__ import annotations

import numpy as np
import pytest
from stratforge.strategy import Code, StrategyError, compile_strategy
from stratforge.strategy.graph import Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import _random_history

HOLD = "\ndef on_bar(bar, position, state):\n    if bar.x > 0 and bar.previous.x > 0:\n        return buy()\n"
COLUMNS = {
    "a": "bars.close",
    "b": "ta.sma(bars.close, 7)",
    "x": "bars.close",
    "y": "bars.open",
    "benchmark": "bars.open",
}


def call(name: str) -> str:
    """A call of an indicator with its defaults."""
    indicator = REGISTRY[name]
    inputs = ", ".join(COLUMNS.get(each, f"bars.{each}") for each in indicator.inputs)
    outputs = f".{indicator.outputs[0]}" if indicator.outputs else ""
    return f"ta.{name}({inputs}){outputs} + 0"


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_trailing_window_gives_the_very_values_of_the_full_history(name: str) -> None:
    try:
        strategy = compile_strategy(f"def indicators(bars):\n    return {{'x': {call(name)}}}\n{HOLD}")
        lookback = strategy.lookback
    except StrategyError as error:
        assert [finding.code for finding in error.findings] == [Code.UNBOUNDED]
        return
    history = _random_history(99, max(3 * lookback, 2_000), 0.004, 50.0)
    node = strategy.columns["x"]
    full = Values(history).series(node)
    for end in np.linspace(max(lookback, 600), len(history), 60, dtype=int):
        window = Values(history.slice(max(0, end - lookback), end)).series(node)
        for back in (1, 2):
            assert np.array_equal(full[end - back], window[-back], equal_nan=True), (
                end,
                back,
                full[end - back],
                window[-back],
            )


def test_windows_of_a_simple_average_are_exactly_as_long_as_needed() -> None:
    strategy = compile_strategy(f"def indicators(bars):\n    return {{'x': ta.sma(bars.close, length=200)}}\n{HOLD}")
    assert 201 <= strategy.lookback <= 270


def test_columns_that_nobody_reads_need_no_history() -> None:
    source = "def indicators(bars):\n    return {'x': ta.sma(bars.close, length=200)}\ndef on_bar(bar, position, state):\n    return\n"
    assert compile_strategy(source).lookback == 1
