"""A trailing window of `lookback` bars stands for the whole history."""

from __future__ import annotations

import hashlib
import json
from functools import cache

import numpy as np
import pytest
from stratforge.market import BarColumns
from stratforge.strategy import Code, Strategy, StrategyError, compile_strategy
from stratforge.strategy.graph import Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import EDITION, _random_history, window_length

from tests.support.random_programs import awkward_bars

HOLD = "\ndef on_bar(bar, position, state):\n    if bar.x > 0 and bar.previous.x > 0:\n        return buy()\n"
COLUMNS = {
    "a": "bars.close",
    "b": "ta.sma(bars.close, 7)",
    "x": "bars.close",
    "y": "bars.open",
    "benchmark": "bars.open",
    "source": "bars.open",
    "condition": "(bars.close > bars.open)",
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


@pytest.mark.parametrize(
    ("columns", "most"),
    [
        (["ta.ema(bars.close, length=12)", "ta.ema(bars.close, length=26)"], 512),
        (["ta.rsi(bars.close, length=14)"], 512),
        (["ta.ema(bars.close, length=200)"], 4_096),
        (["ta.ema(bars.close, length=1000)"], 32_768),
        (
            [
                "ta.ema(bars.close, length=200)",
                "ta.adx(bars.high, bars.low, bars.close).adx",
                "ta.macd(bars.close).signal",
                "ta.supertrend(bars.high, bars.low, bars.close, length=10).trend",
                "ta.bbands(bars.close, length=200).upper",
            ],
            4_096,
        ),
    ],
)
def test_ordinary_strategies_pass_and_wait_for_no_more_than_their_averages_reach_back(
    columns: list[str], most: int
) -> None:
    names = ", ".join(f"'x{index}': {each}" for index, each in enumerate(columns))
    conditions = " and ".join(f"bar.x{index} > 1" for index in range(len(columns)))
    source = f"def indicators(bars):\n    return {{{names}}}\ndef on_bar(bar, position, state):\n    if {conditions}:\n        return buy()\n"
    strategy = compile_strategy(source)
    assert window_length(strategy.lookback) <= most
    assert strategy.cost.nanoseconds > 0


@pytest.mark.parametrize(
    "call",
    ["ta.ema(bars.close, 26)", "ta.rsi(bars.close, 14)", "ta.tema(bars.close, 12)", "ta.macd(bars.close).signal"],
)
def test_nothing_before_the_window_of_an_average_is_part_of_it_whatever_its_size(call: str) -> None:
    strategy = compile_strategy(f"def indicators(bars):\n    return {{'x': {call}}}\n{HOLD}")
    lookback = strategy.lookback
    now = _random_history(3, 2 * lookback, 0.01, 10.0)
    node = strategy.columns["x"]
    expected = Values(now.tail(lookback)).series(node)[-2:]
    for scale in (1e3, 1e30, 1e200):
        factor = np.where(np.arange(len(now)) < lookback, scale, 1.0)
        columns = [getattr(now, name) * factor for name in ("open", "high", "low", "close")]
        columns.append(now.volume)
        before = BarColumns(now.time, *columns)
        assert np.array_equal(Values(before).series(node)[-2:], expected)


def test_the_windows_of_this_edition_are_what_is_stored_as_its_own() -> None:
    """A window that changed makes every stored lookback worthless: `EDITION` is raised with the digest."""
    windows: dict[str, str] = {}
    for name, indicator in REGISTRY.items():
        for output in indicator.outputs or ("",):
            text = call(name).replace(f".{indicator.outputs[0]} + 0", f".{output}") if output else call(name)
            try:
                strategy = compile_strategy(f"def indicators(bars):\n    return {{'x': {text} + 0}}\n{HOLD}")
                windows[text] = str(window_length(strategy.lookback))
            except StrategyError as error:
                windows[text] = error.findings[0].code
    for text in (
        "bars.close.ewm(span=20).mean()", "bars.close.ewm(alpha=0.1, adjust=False).mean()", "bars.close.rolling(63).std()", "bars.close.shift(63)",
        "bars.close.ffill()", "ta.ema(ta.rsi(bars.close), 20)", "ta.ema(bars.close, 200)", "ta.rma(bars.close, 100)", "ta.macd(bars.close, 50, 100, 30).signal",
    ):  # fmt: skip
        strategy = compile_strategy(f"def indicators(bars):\n    return {{'x': {text} + 0}}\n{HOLD}")
        windows[text] = str(window_length(strategy.lookback))
    digest = hashlib.sha256(json.dumps(windows, sort_keys=True).encode()).hexdigest()
    assert (EDITION, digest[:16]) == (4, "4e0d9623fe925f71"), windows


def expressions() -> list[str]:
    """Calls of every indicator with other lengths than its defaults, and what is made of series without one."""
    found = ["bars.close.ewm(span=20).mean()", "bars.close.ewm(alpha=0.1, adjust=False).mean()", "bars.close.ffill()", "bars.close.rolling(63).std()"]  # fmt: skip
    for name, each in REGISTRY.items():
        inputs = ", ".join(COLUMNS.get(column, f"bars.{column}") for column in each.inputs)
        lengths = [p.name for p in each.parameters if p.kind == "length" and p.name != "ddof"]
        chosen = ", ".join(f"{parameter}={5 + 3 * place}" for place, parameter in enumerate(lengths))
        modes = ("", "ema", "tema", "hma") if any(p.name == "mamode" for p in each.parameters) else ("",)
        for mode in modes:
            arguments = ", ".join(filter(None, (inputs, chosen, f"mamode='{mode}'" if mode else "")))
            found += [f"ta.{name}({arguments}){f'.{output}' if output else ''}" for output in each.outputs or ("",)]
    return found


@cache
def strategy_of(text: str) -> Strategy:
    """A strategy with such a column; its lookback is measured once, whatever the markets it is tried on."""
    return compile_strategy(f"def indicators(bars):\n    return {{'x': {text} + 0}}\n{HOLD}")


@pytest.mark.parametrize("seed", [1680, *(pytest.param(each, marks=pytest.mark.long) for each in (0, 60, 1500))])
def test_a_window_of_the_lookback_and_not_a_bar_more_gives_the_very_values_whatever_the_market_does(seed: int) -> None:
    """On markets that stand still, halt, split and have no volume, where averages pass over unknown values and begin anew."""
    history = awkward_bars(seed, 6_000)
    whole = Values(history)
    for text in expressions():
        strategy = strategy_of(text)
        node, lookback = strategy.columns["x"], strategy.lookback
        full = whole.series(node)
        for end in range(len(history), lookback, -max((len(history) - lookback) // 25, 1)):
            alone = Values(history.slice(end - lookback, end)).series(node)
            assert np.array_equal(full[end - 2 : end], alone[-2:], equal_nan=True), (
                text,
                end,
                full[end - 2 : end],
                alone[-2:],
            )


def test_a_window_a_few_bars_shorter_would_not_be_enough() -> None:
    """Lookbacks are as long as they must be: for plain windows to the bar."""
    history = _random_history(7, 3_000, 0.01, 50.0)
    for text in (
        "ta.sma(bars.close, 50)",
        "bars.close.shift(50)",
        "ta.wma(bars.close, 30)",
        "ta.roc(bars.close, 20)",
        "ta.linreg(bars.close, 25)",
    ):
        strategy = compile_strategy(f"def indicators(bars):\n    return {{'x': {text} + 0}}\n{HOLD}")
        node = strategy.columns["x"]
        short = Values(history.tail(strategy.lookback - 1)).series(node)
        assert np.isnan(short[-2])
        assert Values(history).series(node)[-1] == short[-1]
