"""`on_bar` computes as Python does; where Python raises, the result is unknown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.market import BarColumns
from stratforge.strategy import PositionView, arithmetic, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.replay import RecordedBar, replay

BARS = _random_history(1, 60, 0.01, 20.0)
AWKWARD = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -2.5, 1e15, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan]
numbers = st.one_of(st.sampled_from(AWKWARD), st.floats(), st.floats(-1e6, 1e6))


def kept(expression: str, state: dict[str, Any] | None = None) -> float:
    """What `state["x"]` is after a bar that set it to the expression; NaN when it is not kept."""
    source = f"def on_bar(bar, position, state):\n    state['x'] = {expression}\n"
    return evaluate_last_bar(compile_strategy(source), Values(BARS), PositionView(), state or {}).state.get(
        "x", math.nan
    )


def as_python(function: Any, *arguments: float) -> float:
    """What Python gives; NaN where it raises or leaves the real numbers."""
    try:
        result = function(*arguments)
    except (ZeroDivisionError, OverflowError, ValueError):
        return math.nan
    return math.nan if isinstance(result, complex) else float(result)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("divide", lambda a, b: a / b), ("floor_divide", lambda a, b: a // b), ("modulo", lambda a, b: a % b), ("power", lambda a, b: a**b),
        ("least", min), ("greatest", max),
    ],
)  # fmt: skip
@given(a=numbers, b=numbers)
@example(a=0.3, b=618.853)
@example(a=-1.4235455048156448e17, b=8.853253064848493)
def test_operations_of_two_numbers_are_pythons(name: str, function: Any, a: float, b: float) -> None:
    got, expected = arithmetic.FUNCTIONS[name](a, b), as_python(function, a, b)
    if name in ("floor_divide", "modulo") and abs(a) > abs(b) * 2.0**64:
        # Its remainder would take a step for every bit of the quotient, two thousand at most.
        expected = math.nan
    if name == "power":
        assert got == pytest.approx(expected, rel=1e-12, abs=5e-324, nan_ok=True)
    else:
        assert got == expected or (math.isnan(got) and math.isnan(expected))


@pytest.mark.parametrize(
    ("name", "function"),
    [("square_root", math.sqrt), ("logarithm", math.log), ("logarithm10", math.log10), ("exponential", math.exp)],
)
@given(x=numbers)
def test_functions_are_pythons(name: str, function: Any, x: float) -> None:
    assert arithmetic.FUNCTIONS[name](x) == pytest.approx(as_python(function, x), rel=1e-15, nan_ok=True)


@given(
    st.one_of(numbers, st.floats(-1e16, 1e16), st.integers(-10_000_000, 10_000_000).map(lambda n: n / 1000)),
    st.integers(0, 8),
)
@example(57143280885379.516, 2)
@example(-461833331093466.25, 1)
def test_round_is_pythons(x: float, digits: int) -> None:
    if math.isfinite(x):
        assert arithmetic.round_half_even(x, float(digits)) == round(x, digits)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 if state.get('flag') else 0", 0.0),
        ("state.get('flag') or 5", 5.0),
        ("(state.get('flag') and 3) is None", 1.0),
        ("1 if not state.get('flag') else 0", 1.0),
        ("state.get('known') or 5", 7.0),
        ("0 or 5", 5.0),
        ("2 and 3", 3.0),
        ("round(2.675, 2)", 2.67),
        ("round(0.5) + round(1.5)", 2.0),
        ("min(1, np.nan)", 1.0),
        ("max(1, np.nan)", 1.0),
        ("min(np.nan, 1) is None", 1.0),
        ("min(np.inf, bar.close) == bar.close", 1.0),
        ("(np.inf // 1) is None", 1.0),
        ("(1e15 ** 2 % 7) is None", 1.0),
        ("(1e15 ** 2 // 7) is None", 1.0),
        ("1e15 * 1e3 // 1 == 1e15 * 1e3", 1.0),
        ("int(np.inf) is None", 1.0),
        ("round(-np.inf) is None", 1.0),
        ("round(np.inf, 2) > 1e15", 1.0),
        ("np.nan != 3", 1.0),
        ("np.nan == np.nan", 0.0),
        ("np.nan < 3 or np.nan >= 3", 0.0),
        ("(1 / 0) is None", 1.0),
        ("np.log(0) is None", 1.0),
        ("1 if np.nan else 0", 0.0),
    ],
)
def test_unknown_values_are_what_the_reference_says(expression: str, expected: float) -> None:
    assert kept(expression, {"known": 7.0}) == expected


def test_a_whole_number_of_the_database_is_a_float_again() -> None:
    # jsonb gives 1e16 back as an int, of which powers grow without bound.
    body = "    for i in range(1000):\n        state['x'] = state['x'] * state['x']\n    state['y'] = state['z'] + 1\n"
    strategy = compile_strategy(f"def on_bar(bar, position, state):\n{body}")
    state = evaluate_last_bar(strategy, Values(BARS), PositionView(), {"x": 10**16, "z": 10**17}).state
    assert state == {"y": 1e17, "z": 1e17}
    assert all(type(value) is float for value in state.values())


@pytest.mark.parametrize("value", ["np.inf", "-np.inf", "np.nan", "1e15 ** 15 * 1e15 ** 6", "state.get('x', 1) * 1e15"])
def test_what_is_not_finite_is_not_kept_in_the_state_in_a_backtest_either(value: str) -> None:
    # Buys on the bar after the key was lost, so a backtest that kept it would not trade as the live evaluation does.
    body = f"    if 'x' not in state and state.get('n', 0) > 3:\n        return buy()\n    state['n'] = state.get('n', 0) + 1\n    state['x'] = {value}\n"
    strategy = compile_strategy(f"def on_bar(bar, position, state):\n{body}")
    state: dict[str, float] = {}
    live = []
    for end in range(1, len(BARS) + 1):
        evaluation = evaluate_last_bar(strategy, Values(BARS.slice(0, end)), PositionView(), state)
        state = evaluation.state
        live.append(evaluation.signal is not None)
    report = run_backtest(strategy, BARS, BacktestConfig(cash=1e9))
    first = live.index(True) + 1 if True in live else math.inf
    assert (report.fills.bar[0] if len(report.fills.bar) else math.inf) == first


def test_bars_held_counts_the_bar_of_the_fill_in_backtest_and_replay_alike() -> None:
    source = "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return buy()\n    if position.bars_held >= 3:\n        return sell()\n"
    strategy = compile_strategy(source)
    trades = run_backtest(strategy, BARS).round_trips
    assert set((trades.exit_bar - trades.entry_bar).tolist()) == {3.0}
    held = [0.0, 5.0, 5.0, 5.0, 0.0]
    recorded = [RecordedBar(i, BARS.slice(0, i + 1), quantity, 20.0) for i, quantity in enumerate(held)]
    buys_and_sells = {0: "buy", 3: "sell", 4: "buy"}
    count, differences = replay(strategy, recorded, {})
    assert count == 5
    assert {each.time: each.replayed.side for each in differences if each.replayed} == buys_and_sells


def test_a_bar_of_zeros_divides_to_unknown() -> None:
    flat = BarColumns(BARS.time, *(np.zeros(60) for _ in range(5)))
    strategy = compile_strategy(
        "def on_bar(bar, position, state):\n    if bar.high / bar.low > 0:\n        return buy()\n"
    )
    assert evaluate_last_bar(strategy, Values(flat), PositionView(), {}).signal is None
