"""Programs composed from the grammar and beyond it: refused with findings, or run to bounded numbers in bounded time."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from stratforge.backtest import run_backtest
from stratforge.backtest.loop import loop_for
from stratforge.market import BarColumns
from stratforge.strategy import PositionView, Strategy, StrategyError, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.vocabulary import NUMPY_FUNCTIONS, SERIES_METHODS

from tests.support.tiers import examples

BARS = _random_history(17, 300, 0.01, 25.0)
HISTORY = _random_history(77, 6_000, 0.004, 60.0)
FROZEN = BarColumns(BARS.time, *(np.full(300, value) for value in (5.0, 5.0, 5.0, 5.0, 0.0)))
numbers = st.sampled_from(["0", "1", "2", "-3", "0.5", "14", "1e15", "N", "True"])
names = st.sampled_from(["a", "b", "bars", "np", "ta", "state", "bar", "__class__", "open", "len", "x" * 50, "é"])
attributes = st.sampled_from(
    [
        "close",
        "volume",
        "shift",
        "rolling",
        "mean",
        "__class__",
        "values",
        "T",
        "previous",
        "quantity",
        "format",
        "gi_frame",
    ]
)


def series(depth: int, *, hostile: bool) -> st.SearchStrategy[str]:
    """Expressions of `indicators`: of the grammar, and with `hostile` also beyond it."""
    leaf = st.sampled_from(["bars.close", "bars.open", "bars.high", "bars.low", "bars.volume"])
    if depth == 0:
        return leaf
    inner = series(depth - 1, hostile=hostile)
    single = [name for name, each in REGISTRY.items() if not each.logical]
    calls = st.sampled_from(sorted(single)).flatmap(
        lambda name: st.tuples(*(inner for _ in REGISTRY[name].inputs)).map(
            lambda inputs: (
                f"ta.{name}({', '.join(inputs)})" + (f".{REGISTRY[name].outputs[0]}" if REGISTRY[name].outputs else "")
            )
        )
    )
    choices = [
        leaf,
        calls,
        calls,
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from("+-*/%"), st.sampled_from(["2", "0.5", "N", "7"])).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(inner, st.sampled_from(["shift", "diff", "pct_change"]), st.integers(1, 9)).map(
            lambda t: f"{t[0]}.{t[1]}({t[2]})"
        ),
        st.tuples(
            inner, st.sampled_from(["mean", "std", "max", "min", "sum", "median", "var"]), st.integers(2, 30)
        ).map(lambda t: f"{t[0]}.rolling({t[2]}).{t[1]}()"),
        st.tuples(inner, st.integers(2, 40)).map(lambda t: f"{t[0]}.ewm(span={t[1]}).mean()"),
        st.tuples(st.sampled_from(["maximum", "minimum"]), inner, inner).map(lambda t: f"np.{t[0]}({t[1]}, {t[2]})"),
        st.tuples(st.sampled_from(["abs", "sqrt", "log", "exp", "sign"]), inner).map(lambda t: f"np.{t[0]}({t[1]})"),
        st.tuples(inner, inner, inner, inner).map(lambda t: f"np.where({t[0]} > {t[1]}, {t[2]}, {t[3]})"),
    ]
    if hostile:
        choices += [
            st.tuples(inner, attributes).map(lambda t: f"{t[0]}.{t[1]}"),
            st.tuples(inner, st.sampled_from(sorted(SERIES_METHODS)), numbers).map(lambda t: f"{t[0]}.{t[1]}({t[2]})"),
            st.tuples(st.sampled_from(sorted(NUMPY_FUNCTIONS)), inner, inner).map(
                lambda t: f"np.{t[0]}({t[1]}, {t[2]})"
            ),
        ]
    return st.one_of(*choices)


_READS = [
    "bar.close", "bar.x", "bar.previous.x", "bar.time.hour", "position.quantity", "position.unrealized_return", "v",
    "state['k']", "state.get('k', 1)", "position.bars_held",
]  # fmt: skip


def scalar(depth: int, *, hostile: bool) -> st.SearchStrategy[str]:
    """Expressions of `on_bar`: of the grammar, and with `hostile` also beyond it."""
    reads = st.sampled_from(_READS)
    leaf = st.one_of(numbers, reads, reads, names) if hostile else st.one_of(numbers, reads, reads)
    if depth == 0:
        return leaf
    inner = scalar(depth - 1, hostile=hostile)
    operators = ["+", "-", "*", "/", "//", "%", "**", "<", "==", "and", "or"] + (["&", "is", "in"] if hostile else [])
    functions = ["abs", "round", "int", "float", "np.sqrt", "np.exp", "np.log"] + (["len", "eval"] if hostile else [])
    choices = [
        leaf,
        st.tuples(inner, st.sampled_from(operators), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["-", "not ", "+"]), inner).map(lambda t: f"({t[0]}{t[1]})"),
        st.tuples(st.sampled_from(functions), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
    ]
    if hostile:
        choices += [
            st.tuples(inner, attributes).map(lambda t: f"{t[0]}.{t[1]}"),
            inner.map(lambda text: f"[{text} for i in (1, 2)]"),
            inner.map(lambda text: f"(lambda: {text})()"),
            inner.map(lambda text: f'f"{{{text}}}"'),
        ]
    return st.one_of(*choices)


def statements(*, hostile: bool) -> st.SearchStrategy[str]:
    """Statements of `on_bar`."""
    deep, shallow = scalar(2, hostile=hostile), scalar(1, hostile=hostile)
    choices = [
        deep.map(lambda text: f"v = {text}"),
        deep.map(lambda text: f"state['k'] = {text}"),
        shallow.map(lambda text: f"v *= {text}"),
        shallow.map(lambda text: f"for i in range(40):\n        v = v * 1.5 + {text}"),
        deep.map(lambda text: f"if {text}:\n        v = v + 1"),
        st.tuples(shallow, shallow).map(lambda t: f"if {t[0]}:\n        return buy(confidence={t[1]})"),
        st.tuples(shallow, shallow).map(lambda t: f"if {t[0]}:\n        return buy(quantity={t[1]})"),
        shallow.map(lambda text: f"if {text}:\n        return sell(fraction={text})"),
        st.tuples(shallow, shallow).map(
            lambda t: f"if {t[0]}:\n        return short(quantity={t[1]}) if {t[1]} > 0 else cover(fraction={t[1]})"
        ),
    ]
    if hostile:
        beyond = [
            "while True: pass", "import os", "del v", "global v", "yield v", "raise v", "with v: pass",
            "try:\n        v = 1\n    except Exception: pass",
        ]  # fmt: skip
        choices.append(st.sampled_from(beyond))
    return st.one_of(*choices)


def compiled(source: str) -> Strategy | None:
    """The strategy, or None when it was refused (with findings that can be shown)."""
    try:
        return compile_strategy(source)
    except StrategyError as error:
        assert error.findings
        for finding in error.findings:
            assert len(str(finding)) < 2_000
        return None


def assert_harmless(strategy: Strategy) -> None:
    """Runs a strategy on lively and on frozen bars: numbers come out, in time, whatever it computes."""
    began = time.thread_time()
    for bars in (BARS, FROZEN, BARS.slice(0, 1)):
        state: dict[str, float] = {"k": 1.0}
        for position in (PositionView(), PositionView(3.0, 20.0, 5.0)):
            evaluation = evaluate_last_bar(strategy, Values(bars), position, state)
            state = evaluation.state
            assert all(isinstance(value, float | int) and math.isfinite(value) for value in state.values())
            if evaluation.signal is not None:
                assert 0 <= evaluation.signal.confidence <= 1
                assert 0 <= evaluation.signal.size <= 1e12
    report = run_backtest(strategy, BARS)
    assert np.isfinite(report.equity_values).all()
    # Who is short can lose more than there is.
    assert strategy.shorts or (report.equity_values >= 0).all()
    assert time.thread_time() - began < 10.0


def program(body: list[str], indicator: str = "bars.close") -> str:
    """A whole strategy."""
    lines = "\n".join(f"    {statement}" for statement in body)
    return f"N = 5\ndef indicators(bars):\n    return {{'x': {indicator}}}\ndef on_bar(bar, position, state):\n    v = 1\n{lines}\n"


fuzzing = settings(
    max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@given(st.lists(statements(hostile=True), min_size=1, max_size=5))
@fuzzing
def test_decisions_beyond_the_grammar_are_refused_or_harmless(body: list[str]) -> None:
    strategy = compiled(program(body))
    if strategy is not None:
        assert_harmless(strategy)


@given(st.lists(statements(hostile=False), min_size=1, max_size=5))
@fuzzing
def test_decisions_of_the_grammar_compile_and_are_harmless(body: list[str]) -> None:
    strategy = compiled(program(body))
    assert strategy is not None
    assert_harmless(strategy)


@given(series(2, hostile=True))
@fuzzing
def test_indicators_beyond_the_grammar_are_refused_or_harmless(expression: str) -> None:
    strategy = compiled(program(["if bar.x > bar.previous.x:\n        return buy()"], expression))
    if strategy is not None:
        assert_harmless(strategy)


@given(series(2, hostile=False))
@fuzzing
def test_indicators_of_the_grammar_compile_and_are_causal(expression: str) -> None:
    strategy = compiled(program(["if bar.x > bar.previous.x:\n        return buy()"], expression))
    assert strategy is not None
    assert_harmless(strategy)
    node = strategy.columns["x"]
    whole, part = Values(BARS).series(node)[:211], Values(BARS.slice(0, 211)).series(node)
    # Rounding may tip a comparison deep inside; a value of the future would change more than a few bars.
    scale = np.nanmax(np.abs(part), initial=1.0)
    same = np.isclose(part, whole, rtol=1e-6, atol=1e-9 * scale, equal_nan=True)
    assert same.mean() > 0.97


@given(series(2, hostile=False))
@fuzzing
def test_the_trailing_window_stands_for_the_history_of_any_composition(expression: str) -> None:
    strategy = compiled(program(["if bar.x > 1:\n        return buy()"], expression))
    assert strategy is not None
    try:
        lookback = strategy.lookback
    except StrategyError:
        return  # It says that it needs too long a history.
    if lookback > 3_000:
        return
    node = strategy.columns["x"]
    full = Values(HISTORY).series(node)
    for end in range(3_200, len(HISTORY), 293):
        got, expected = Values(HISTORY.slice(end - lookback, end)).series(node)[-1], full[end - 1]
        if got != expected and not (np.isnan(got) and np.isnan(expected)):
            largest = np.nanmax(np.abs(full[end - lookback : end]), initial=0.0)
            assert abs(got - expected) <= 1e-6 * max(abs(expected), 1e-3 * largest) + 1e-12, (end, lookback)


@pytest.mark.parametrize(
    "body",
    [
        ["v = 10 ** 15", "for i in range(900):\n        v = v * v", "state['k'] = v"],
        ["for i in range(900):\n        state['k'] = state['k'] ** 2 + 1e15"],
        ["v = np.exp(1e15)", "state['k'] = v - v"],
        ["v = (0 - 8) ** 0.333", "return buy(quantity=v)"],
        ["return buy(quantity=1e15 * 1e15)"],
    ],
)
def test_numbers_that_explode_stay_numbers(body: list[str]) -> None:
    strategy = compiled(program(body))
    assert strategy is not None
    assert_harmless(strategy)


EVERY_OPERATION = [
    "x = bar.close // -0.3 % 7 ** 0.5 / 3 + round(bar.close / 3, 8) - round(bar.close) * int(-bar.close)",
    "x = x + min(x, 2) - max(x, bar.open) + abs(x) + np.floor(x) - np.ceil(x) + np.sign(x) + np.sqrt(abs(x)) + np.log(abs(x) + 1)",
    "x = x + np.exp(x / 1e3) - np.log10(abs(x) + 1) + np.minimum(x, 3) - np.maximum(x, 4) + bool(x)",
    "if x > 0: return buy(confidence=abs(x) % 1, fraction=abs(x) % 1)",
    "return sell()",
]


@pytest.mark.long
@given(st.lists(statements(hostile=False), min_size=1, max_size=4))
@example(EVERY_OPERATION)
@settings(
    max_examples=11,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # Shrinking would compile for minutes.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_machine_code_gives_what_the_interpreter_gives(body: list[str]) -> None:
    from stratforge.backtest import BacktestConfig
    from stratforge.backtest.sweep import Sweeper

    strategy = compiled(program(body))
    assert strategy is not None
    config = BacktestConfig()
    single = run_backtest(strategy, BARS, config)
    swept = Sweeper(strategy, BARS, config).run({})
    assert abs(swept.final_equity - single.metrics.final_equity) < 0.005
    assert swept.trades == single.metrics.trades
    assert loop_for(strategy, config, "numba").columns == loop_for(strategy, config, "python").columns
