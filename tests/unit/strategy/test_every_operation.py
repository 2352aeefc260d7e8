"""Nothing of the language is left out anywhere: every word of its tables is documented, runs alike in both backends, has a lookback and a cost.

The tables are what the compiler reads, so that a word that is added to one of them and missed by a test, the reference or the weights fails here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from stratforge.backtest import BacktestConfig
from stratforge.backtest.engine import loop_column, loop_parameters, run_loop
from stratforge.backtest.loop import loop_for
from stratforge.backtest.matching import FILL_COLUMNS, config_arguments
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.resampling import DAY, TIMEFRAMES, resample
from stratforge.strategy import arithmetic, compile_strategy, cost, language_reference
from stratforge.strategy.exits import EXITS
from stratforge.strategy.graph import OPERATIONS, Values, reachable
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.on_bar_expressions import SIGNALS
from stratforge.strategy.order_terms import TERMS
from stratforge.strategy.source import OWN_BARS
from stratforge.strategy.vocabulary import (
    ACCOUNT_FIELDS,
    NUMPY_FUNCTIONS,
    POSITION_FIELDS,
    ROLLING_METHODS,
    SERIES_METHODS,
    SHORT_TIME_FIELDS,
    TIME_FIELDS,
)

from tests.unit.strategy.test_causality import OF_SERIES
from tests.unit.strategy.test_language_reference import METHODS

PAGE = Path(language_reference.__file__).with_name("REFERENCE.md").read_text(encoding="utf-8")
BARS = _random_history(23, 900, 0.004, 40.0)
# Every function, operator and field of `on_bar`, each of which moves what is bought.
EXPRESSIONS = """
def indicators(bars):
    return {"x": ta.rsi(bars.close, length=5)}
def on_bar(bar, position, state):
    v = bar.open + bar.high + bar.low + bar.close + bar.volume / 1e6 + bar.previous.close + bar.previous.x
    v = v + bar.hour + bar.minute + bar.weekday
    v = v + bar.time.hour + bar.time.minute + bar.time.weekday + bar.time.day + bar.time.month + bar.time.year / 1e3 + bar.time.minutes_to_close
    v = v + position.quantity + position.average_entry_price + position.entry_price + position.unrealized_return + position.bars_held
    v = v + position.max_favorable + position.max_adverse + account.equity / 1e5 + account.cash / 1e5 + account.buying_power / 1e5
    v = v // -0.3 % 7 + (bar.close / 3) ** 0.5 + bar.open / bar.close + round(bar.close / 3, 2) - round(bar.close) * int(-bar.close) + float(v)
    v = v + min(v, 2) - max(v, bar.open) + abs(v) + np.abs(v) + np.floor(v) - np.ceil(v) + np.sign(v) + np.sqrt(abs(v)) + np.log(abs(v) + 1)
    v = v + np.exp(v / 1e6) - np.log10(abs(v) + 1) + np.minimum(v, 3) - np.maximum(v, 4) + bool(v) + np.where(v > 1, 2, v) + np.isnan(v)
    v = v + (bar.x or 3) + (bar.x and 2) + (not bar.x)
    state["v"] = v
    if position.quantity == 0 and v % 3 > 1:
        return buy(confidence=abs(v) % 1, fraction=abs(v) % 1)
    if position.bars_held > abs(v) % 5:
        return sell(fraction=0.7)
"""
# The clocks of other places, by themselves: numba calls no function with so many arguments as all fields together are.
CLOCKS = """
def on_bar(bar, position, state):
    v = bar.time.minute_in_berlin + 2 * bar.time.minute_in_london + 3 * bar.time.minute_in_new_york + 5 * bar.time.minute_in_chicago
    v = v + 7 * bar.time.minute_in_denver + 11 * bar.time.minute_in_los_angeles + 13 * bar.time.minute_in_tokyo + 17 * bar.time.minute_in_utc
    if position.quantity == 0 and v % 19 > 10:
        return buy()
    if position.bars_held > v % 5:
        return sell()
"""


def decisions(side: str, sizes: tuple[str, ...], more: dict[str, str]) -> list[str]:
    """Decisions of a side, with each size and each keyword."""
    found = [f"{side}(confidence=0.8)", *(f"{side}({size}={'0.5' if size == 'fraction' else '700'})" for size in sizes)]
    return [*found, *(f"{side}({', '.join(f'{name}={more[name]}' for name in _alone(each))})" for each in more)]


def _alone(name: str) -> tuple[str, ...]:
    """A keyword with what it cannot be without."""
    return ("limit", name) if name in ("expire_bars", "or_stop") else (name,)


LONG = {
    "stop_loss": "0.004", "stop_loss_price": "bar.low", "take_profit": "0.004", "take_profit_price": "bar.high * 1.002", "trailing_stop": "0.003",
    "trailing_stop_distance": "bar.close * 0.003",
    "limit": "bar.low", "stop": "bar.high", "or_stop": "bar.high", "expire_bars": "3",
}  # fmt: skip
SHORT = {
    "stop_loss": "0.004", "stop_loss_price": "bar.high", "take_profit": "0.004", "take_profit_price": "bar.low * 0.998", "trailing_stop": "0.003",
    "trailing_stop_distance": "bar.close * 0.003",
    "limit": "bar.high", "stop": "bar.low", "or_stop": "bar.low", "expire_bars": "3",
}  # fmt: skip
OF_SIDE = {
    "buy": decisions("buy", ("fraction", "quantity", "notional"), LONG),
    "sell": decisions(
        "sell", ("fraction", "quantity"), {**LONG, "limit": "bar.high", "stop": "bar.low", "or_stop": "bar.low"}
    ),
    "short": decisions("short", ("fraction", "quantity", "notional"), SHORT),
    "cover": decisions(
        "cover", ("fraction", "quantity"), {**SHORT, "limit": "bar.low", "stop": "bar.high", "or_stop": "bar.high"}
    ),
}
ADJUST = [f"adjust({name}={value})" for name, value in LONG.items() if name in EXITS]


def taking_turns(calls: list[str]) -> str:
    """A strategy that makes one decision after the other, whatever is held."""
    lines = "\n".join(f"    if turn == {place}:\n        return {call}" for place, call in enumerate(calls))
    return f'def on_bar(bar, position, state):\n    state["n"] = state.get("n", -1) + 1\n    turn = state["n"] % {len(calls)}\n{lines}\n'


PROGRAMS = {
    "expressions": EXPRESSIONS,
    "clocks": CLOCKS,
    "long": taking_turns([each for pair in zip(OF_SIDE["buy"], [*OF_SIDE["sell"], *ADJUST][: len(OF_SIDE["buy"])], strict=False) for each in pair] + OF_SIDE["sell"] + ADJUST),
    "short": taking_turns(OF_SIDE["buy"][:3] + OF_SIDE["sell"][:3] + [each for pair in zip(OF_SIDE["short"], [*OF_SIDE["cover"], "cover()"], strict=False) for each in pair] + ADJUST),
}  # fmt: skip


def fills_of(source: str, target: str) -> np.ndarray:
    """Every fill of a backtest, by one of the two backends."""
    strategy, config, values = compile_strategy(source), BacktestConfig(slippage_bps=1, commission_bps=1), Values(BARS)
    if target == "python":
        fills = run_loop(loop_for(strategy, config, "python"), strategy, values, config)
        return np.array([getattr(fills, name) for name in FILL_COLUMNS])
    loop = loop_for(strategy, config, "numba")
    columns = [np.ascontiguousarray(loop_column(strategy, values, name), dtype=np.float64) for name in loop.columns]
    sink = [np.zeros(8 * len(BARS)) for _ in FILL_COLUMNS]
    count = loop.function(
        len(BARS), config.cash, *columns, *loop_parameters(loop, strategy, values, 0), *config_arguments(config), *sink
    )
    return np.array([each[:count] for each in sink])


@pytest.mark.parametrize(
    "name", ["expressions", "clocks", *(pytest.param(each, marks=pytest.mark.long) for each in ("long", "short"))]
)
def test_both_backends_trade_the_same(name: str) -> None:
    """Not nearly: prices, quantities and cash to a part in 10^12, as the processor's own logarithms may end otherwise."""
    pytest.importorskip("numba")
    interpreted, compiled = (fills_of(PROGRAMS[name], target) for target in ("python", "numba"))
    assert interpreted.shape == compiled.shape
    assert interpreted.shape[1] > 60
    np.testing.assert_allclose(interpreted, compiled, rtol=1e-12)


def test_the_programs_use_every_function_field_and_decision() -> None:
    lowered = {name: compile_strategy(source).on_bar for name, source in PROGRAMS.items()}
    text = "\n".join(each.text for each in lowered.values())
    assert [each for each in arithmetic.FUNCTIONS if not re.search(rf"\b(?:{each}|{'abs' if each == 'absolute' else each})\(", text)] == []  # fmt: skip
    for name in (*PRICE_COLUMNS, *SHORT_TIME_FIELDS):
        assert f"bar.{name}" in EXPRESSIONS, name
    for owner, fields in (("bar.time", TIME_FIELDS), ("position", POSITION_FIELDS), ("account", ACCOUNT_FIELDS)):
        for name in fields:
            assert re.search(rf"\b{owner}\.{name}\b", EXPRESSIONS + CLOCKS), name
    for name in NUMPY_FUNCTIONS:
        assert f"np.{name}(" in EXPRESSIONS, name
    assert set(OF_SIDE) == set(SIGNALS)
    for side, name in product(SIGNALS, (*EXITS, *TERMS)):
        program = PROGRAMS["short" if side in ("short", "cover") else "long"]
        assert re.search(rf"\b{side}\([^)\n]*\b{name}=", program), (side, name)
    for name in EXITS:
        assert f"adjust({name}=" in PROGRAMS["long"]


WORDS = {
    "indicators": [f"`ta.{name}(" for name in REGISTRY],
    "functions": [f"np.{name}" for name in NUMPY_FUNCTIONS],
    "methods": [*SERIES_METHODS, *ROLLING_METHODS],
    "fields": [*TIME_FIELDS, *POSITION_FIELDS, *(f"account.{name}" for name in ACCOUNT_FIELDS)],
    "decisions": [*SIGNALS, "adjust", *EXITS, *TERMS],
    "timeframes": [*TIMEFRAMES, *OWN_BARS],
}


@pytest.mark.parametrize("kind", WORDS)
def test_the_reference_names_every_word(kind: str) -> None:
    assert [each for each in WORDS[kind] if not re.search(rf"(?<!\w){re.escape(each)}", PAGE)] == []


def test_the_reference_says_every_output_and_parameter_of_an_indicator() -> None:
    for name, each in REGISTRY.items():
        (line,) = [row for row in PAGE.split("\n") if re.match(rf"\|\s*`ta\.{name}\(", row)]
        for said in (*each.outputs, *(parameter.name for parameter in each.parameters)):
            assert re.search(rf"\b{said}\b", line), (name, said)


def test_every_operation_has_a_weight_in_the_cost() -> None:
    names = {each.partition(":")[0] for each in OPERATIONS if each != "indicator"} | {"constant", "resampled"}
    for name, each in REGISTRY.items():
        choices = [parameter.choices for parameter in each.parameters if parameter.kind == "choice"]
        names |= {".".join(("ta", name, *chosen)) for chosen in product(*choices)}
    assert {name for name in names if not any(weight > 0 for weight in cost._WEIGHTS.get(name, ()))} == set()


def test_every_word_of_a_decision_costs_something() -> None:
    empty = compile_strategy("def on_bar(bar, position, state):\n    return\n").cost.operations
    for calls in OF_SIDE.values():
        plain = compile_strategy(PROGRAMS["short"]).cost.operations
        assert plain > empty
        for call in calls:
            source = f"def on_bar(bar, position, state):\n    if bar.close > 1e9:\n        return short()\n    return {call}\n"
            bare = source.replace(call, "None")
            assert compile_strategy(source).cost.operations > compile_strategy(bare).cost.operations, call


# Three days of days are more minutes than any window has.
@pytest.mark.parametrize("expression", [re.sub(r"ta\.ema\((bars\.resample\('(?:4h|1d)'\)\.close), 3\)", r"\1", each) for each in OF_SERIES])  # fmt: skip
def test_every_operation_of_series_has_a_window_that_stands_for_its_history(expression: str) -> None:
    strategy = compile_strategy(
        f"def indicators(bars):\n    return {{'x': {expression}}}\n"
        "def on_bar(bar, position, state):\n    if bar.x > bar.previous.x:\n        return buy()\n"
    )
    (node,) = strategy.columns.values()
    lookback = strategy.lookback
    assert 1 <= lookback <= 32_768
    history = _random_history(7, lookback + 1_200, 0.004, 50.0)
    history = replace(history, days=resample(history, DAY).bars)
    full = Values(history).series(node)
    for end in np.linspace(max(lookback, 600), len(history), 12, dtype=int):
        window = Values(history.slice(max(0, end - lookback), end)).series(node)
        for back in (1, 2):
            assert np.array_equal(full[end - back], window[-back], equal_nan=True), (end, back)


def test_the_series_that_are_tried_are_of_every_operation() -> None:
    tried = set[str]()
    for expression in OF_SERIES:
        strategy = compile_strategy(f"def indicators(bars):\n    return {{'x': {expression}}}\ndef on_bar(bar, position, state):\n    return\n")  # fmt: skip
        tried |= {node.operation for node in reachable(strategy.columns.values())}
    assert set(OPERATIONS) - tried - {"indicator", "constant"} == set()
    assert set(METHODS) == {*SERIES_METHODS, *(f".{name}" for name in ROLLING_METHODS)}
