"""A strategy's own functions: what is put where they are called means what Python says, and costs what it takes."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.strategy import Code, PositionView, StrategyError, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.trace import Traced

from tests.support.tiers import examples

BARS = _random_history(1, 60, 0.01, 20.0)
FUNCTIONS = '''
N = 3
def half(x):
    """Half of it."""
    return x / 2
def steps(a, b=2, c=-1):
    total = a + half(b)
    if a > b:
        total -= N
        if c > 0:
            return total * c
    elif a == b:
        total, a = a, total
    else:
        extra = half(a)
        total = total + extra
    if total > 4 or c == 7:
        return total - c + a / 4
    pass
    return total if total < 0 else half(n)
def above(bar, n=1):
    return bar.close > bar.open * n
'''.replace("half(n)", "half(N)")


def told(call: str, *numbers: float) -> float:
    """What a call gives in the language."""
    source = f"{FUNCTIONS}def on_bar(bar, position, state):\n    a, b, c = state['a'], state['b'], state['c']\n    state['x'] = {call} + 0 * above(bar) + 0 * steps(1) + 0 * half(1)\n"
    state = dict(zip("abc", numbers, strict=True))
    return evaluate_last_bar(compile_strategy(source), Values(BARS), PositionView(), state).state.get("x", math.nan)


@given(st.lists(st.integers(-6, 9), min_size=3, max_size=3), st.sampled_from(["steps(a, b, c)", "steps(c, a)", "steps(b, c=half(a), b=half(a) * 2)"]))  # fmt: skip
@settings(max_examples=examples(60), deadline=None)
def test_a_function_means_what_python_says(numbers: list[int], call: str) -> None:
    scope: dict[str, Any] = dict(zip("abc", map(float, numbers), strict=True))
    exec(FUNCTIONS, scope)
    assert told(call, *numbers) == eval(call, scope)


def test_functions_take_series_and_bars() -> None:
    source = (
        "def distance(x, n):\n    mean = x.rolling(n).mean()\n    return (x - mean) / x.rolling(n).std()\n"
        "def up(bar, x=0):\n    return bar.close > bar.open and bar.z > x\n"
        "def entry(bar, position):\n    if position.quantity == 0 and up(bar):\n        return buy(fraction=0.5)\n"
        "def indicators(bars):\n    return {'z': distance(bars.close, n=20)}\n"
        "def on_bar(bar, position, state):\n    if up(bar.previous, x=9):\n        return sell()\n    return entry(bar, position)\n"
    )
    plain = (
        "def indicators(bars):\n    x = bars.close\n    return {'z': (x - x.rolling(20).mean()) / x.rolling(20).std()}\n"
        "def on_bar(bar, position, state):\n    if bar.previous.close > bar.previous.open and bar.previous.z > 9:\n        return sell()\n"
        "    return buy(fraction=0.5) if position.quantity == 0 and (bar.close > bar.open and bar.z > 0) else None\n"
    )
    with_functions, without = compile_strategy(source), compile_strategy(plain)
    assert with_functions.columns == without.columns
    assert with_functions.on_bar.body == without.on_bar.body
    assert with_functions.operations == without.operations


def refused(source: str) -> list[tuple[int, Code]]:
    """Lines and codes of a refusal."""
    with pytest.raises(StrategyError) as error:
        compile_strategy(source)
    return [(each.line, each.code) for each in error.value.findings]


@pytest.mark.parametrize(
    ("function", "line", "code"),
    [
        ("def f(x):\n    return f(x)\n", 2, Code.UNBOUNDED),
        ("def f(x):\n    return g(x)\ndef g(x):\n    return f(x)\n", 4, Code.UNBOUNDED),
        ("def f(x):\n    return x + y\n", 2, Code.UNKNOWN_NAME),
        ("def f(x):\n    return x + bar.close\n", 2, Code.UNKNOWN_NAME),
        ("def f(x):\n    if x > 1:\n        z = 2\n    return z\n", 4, Code.UNASSIGNED),
        ("def f(x):\n    state['a'] = x\n    return x\n", 2, Code.NOT_IN_LANGUAGE),
        ("def f(x):\n    for i in range(3):\n        x += i\n    return x\n", 2, Code.NOT_IN_LANGUAGE),
        ("def f(x):\n    while x:\n        pass\n    return x\n", 2, Code.NOT_IN_LANGUAGE),
        ("def f(x):\n    return (lambda: x)()\n", 2, Code.NOT_IN_LANGUAGE),
        ("def f(x):\n    def g():\n        return x\n    return g()\n", 2, Code.NOT_IN_LANGUAGE),
        ("def f(x):\n    return x.__class__\n", 2, Code.NOT_IN_LANGUAGE),
        ("def f(x, y):\n    return x\n", 4, Code.ARGUMENT),
        ("def f():\n    return 1\n", 4, Code.ARGUMENT),
        ("def f(*x):\n    return 1\n", 1, Code.STRUCTURE),
        ("def f(x: float):\n    return 1\n", 1, Code.STRUCTURE),
        ("@f\ndef f(x):\n    return 1\n", 2, Code.STRUCTURE),
        ("def f(np):\n    return 1\n", 1, Code.STRUCTURE),
        ("def f(x, n=-y):\n    return n\n", 1, Code.STRUCTURE),
        ("def f(x):\n    return x\ndef unused(x):\n    return 1\n", 3, Code.STRUCTURE),
        ("def f(x):\n    return 1\ndef f(x):\n    return 2\n", 3, Code.STRUCTURE),
        ("f = 1\ndef f(x):\n    return x\n", 2, Code.STRUCTURE),
        ("def buy(x):\n    return 1\ndef f(x):\n    return 2\n", 1, Code.STRUCTURE),
        ("def f(x):\n    if x > 0:\n        return x\n    return\n", 4, Code.TYPE),
    ],
)  # fmt: skip
def test_what_a_function_cannot_do_is_refused_where_it_stands(function: str, line: int, code: Code) -> None:
    found = refused(f"{function}def on_bar(bar, position, state):\n    state['x'] = f(bar.close) + 1\n")
    assert (line, code) in found


def test_a_name_of_a_function_is_not_that_of_its_caller() -> None:
    function = "N = 3\ndef f(x):\n    y = x * N\n    return y\n"
    source = f"{function}def on_bar(bar, position, state):\n    x, y = 5, 100\n    state['x'] = f(y) + f(x) + y + x\n"
    state = evaluate_last_bar(compile_strategy(source), Values(BARS), PositionView(), {}).state
    assert state == {"x": 300.0 + 15.0 + 105.0}
    shadowed = f"{function}def indicators(bars):\n    N = 5\n    return {{'x': f(bars.close) + N}}\ndef on_bar(bar, position, state):\n    return\n"
    assert refused(shadowed) == [(6, Code.NOT_IN_LANGUAGE)]
    assert refused(f"{function}def on_bar(bar, position, state):\n    f = 2\n    state['x'] = f(1)\n") == [
        (6, Code.NOT_IN_LANGUAGE)
    ]


@pytest.mark.parametrize(
    "functions",
    [
        # Doubles with every function, with every way through one, and with every use of a long argument.
        "def f0(x):\n    return x\n" + "".join(f"def f{i}(x):\n    return f{i - 1}(x) + f{i - 1}(x)\n" for i in range(1, 60)) + "def f(x):\n    return f59(x)\n",
        "def f(x):\n    y = x\n" + "".join(f"    if x > {i}:\n        y += {'1 + ' * 40} 1\n        if x == 3:\n            return y\n" for i in range(60)) + "    return y\n",
        "def f(x):\n" + "".join(f"    if x > {i}:\n        x = x + x\n" for i in range(60)) + "    return x\n",
        "def f(x):\n" + "".join(f"    if x > {i}:\n        return x\n" + "    pass\n" * 40 for i in range(12)) * 4 + "    return 1\n",
        "def f(x):\n" + "".join(f"    if x > {i}:\n        if x < 3:\n            return x\n" + "    pass\n" * 40 for i in range(60)) + "    return 1\n",
        "def f0(x):\n    return x\n" + "".join(f"def f{i}(x):\n    return {'-' * 40}f{i - 1}(x)\n" for i in range(1, 200)) + "def f(x):\n    return f199(x)\n",
    ],
)  # fmt: skip
def test_what_grows_without_end_is_refused_at_once(functions: str) -> None:
    began = time.process_time()
    found = refused(f"{functions}def on_bar(bar, position, state):\n    state['x'] = f(bar.close)\n")
    assert {code for _, code in found} == {Code.TOO_LARGE}
    assert time.process_time() - began < 1.0


def test_a_condition_of_a_function_is_traced_as_it_is_written() -> None:
    source = "def up(bar, n):\n    return bar.close > n\ndef on_bar(bar, position, state):\n    if up(bar, n=2) and position.quantity == 0:\n        return buy()\n"
    values = Values(BARS)
    (rule,) = Traced(compile_strategy(source)).last_bar(values, PositionView(), {}).rules
    assert rule.fired
    assert [(each.text, each.line) for each in rule.conditions] == [("bar.close > 2", 2), ("position.quantity == 0", 4)]
    assert rule.conditions[0].operands[0].value == pytest.approx(float(np.asarray(BARS.close)[-1]))


@pytest.mark.parametrize(
    ("helper", "call", "message"),
    [
        ("def f(x):\n    return 1\n", "f(open('/etc/passwd').read())", "f never reads x"),
        ("def f(x):\n    return 1\n", "f((a := 5))", "f never reads x"),
        ("def f(x):\n    return 1\n", "f(state.pop('x'))", "f never reads x"),
        ("def f(x):\n    y = __import__('os').system('ls')\n    return x\n", "f(3)", "y is never read"),
        ("def f(x):\n    y = x\n    y = 2\n    return y + x\n", "f(3)", "y is never read"),
        ("def f(x):\n    y, z = x.nosuch, 2\n    return z + x\n", "f(3)", "y is never read"),
        ("def f(x):\n    y = 1\n    if x > 1:\n        y = 2\n    return x\n", "f(3)", "y is never read"),
        ("def f(x):\n    if x > 2:\n        pass\n    return x\n", "f(3)", "this condition decides nothing"),
        ("def f(x):\n    return x\n    import os\n", "f(3)", "this is never reached"),
        ("def f(x):\n    if x:\n        return x\n    else:\n        return 2\n    class A: pass\n", "f(3)", "this is never reached"),
        ("K = 5\ndef f(x):\n    y = K\n    K = 2\n    return K + x + y\n", "f(0)", "K may not have a value here"),
        ("def f(x):\n    if x > 1:\n        max = 2\n        return max\n    return max(x, 5)\n", "f(0)", "max may not have a value here"),
        ("def f(x):\n    if x > 1:\n        np = 2\n        return np\n    return np.sqrt(x)\n", "f(0)", "np may not have a value here"),
    ],
)  # fmt: skip
def test_what_comes_to_nothing_in_a_function_is_refused(helper: str, call: str, message: str) -> None:
    with pytest.raises(StrategyError) as refused:
        compile_strategy(f"{helper}def on_bar(bar, position, state):\n    state['x'] = {call}\n")
    assert message in str(refused.value)


def test_what_is_read_on_one_path_only_is_read() -> None:
    source = "def f(x):\n    y = x * 2\n    if x > 3:\n        return 1\n    return y\ndef on_bar(bar, position, state):\n    state['x'] = f(2) + f(4)\n"
    assert evaluate_last_bar(compile_strategy(source), Values(BARS), PositionView(), {}).state == {"x": 5.0}
