"""What the language accepts and means."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.market import BarColumns
from stratforge.strategy import (
    Code,
    PositionView,
    StrategyError,
    compile_strategy,
    evaluate_last_bar,
    language_reference,
)
from stratforge.strategy.evaluation import Evaluation
from stratforge.strategy.graph import Values
from stratforge.strategy.language_reference import EXAMPLE, prompt_section, reference_page

from tests.support.tiers import examples

HOLD = "\ndef on_bar(bar, position, state):\n    return\n"
ESCAPES = sorted((Path(__file__).parent / "escapes").glob("*.py"))


def bars(length: int = 50, close: float | None = None) -> BarColumns:
    """Made-up bars."""
    path = 100 + np.sin(np.arange(length) / 3.0) * 5 if close is None else np.full(length, close)
    time = 1_700_000_040 + 60 * np.arange(length, dtype=np.int64)
    return BarColumns(time, path, path + 1, path - 1, path, np.full(length, 1000.0))


def decide(
    body: str, state: dict[str, float] | None = None, position: PositionView | None = None, length: int = 50
) -> Evaluation:
    """The evaluation of an `on_bar` with this body."""
    strategy = compile_strategy(f"def on_bar(bar, position, state):\n{body}")
    return evaluate_last_bar(strategy, Values(bars(length)), position or PositionView(), state or {})


def value_of(expression: str, **names: float) -> float:
    """The value of an expression of `on_bar`, read back through the state."""
    constants = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    strategy = compile_strategy(f"{constants}def on_bar(bar, position, state):\n    state['x'] = {expression}\n")
    return evaluate_last_bar(strategy, Values(bars()), PositionView(), {}).state.get("x", math.nan)


def codes(source: str) -> list[Code]:
    """Codes of the findings of a source."""
    with pytest.raises(StrategyError) as refused:
        compile_strategy(source)
    for finding in refused.value.findings:
        assert finding.line >= 1
        assert finding.column >= 1
        assert finding.message
        assert finding.suggestion
    return [finding.code for finding in refused.value.findings]


def test_the_example_of_the_reference_compiles() -> None:
    strategy = compile_strategy(EXAMPLE)
    assert strategy.parameters == {"FAST": 12.0, "SLOW": 26.0}
    assert strategy.indicators == ("fast", "slow", "rsi")
    assert "ta.ema(close, length=10)" in prompt_section()


@pytest.mark.parametrize("place", ["indicators(bars)", "on_bar(bar, position, state)"])
@pytest.mark.parametrize("path", ESCAPES, ids=lambda path: path.stem)
def test_hostile_strategies_are_refused_with_a_line_and_a_reason(path: Path, place: str) -> None:
    source = path.read_text().replace("def signal(df):", f"def {place}:")
    assert codes(source + (HOLD if place.startswith("indicators") else ""))


# More of the families of the files: each an expression that must not be accepted in either place.
HOSTILE = [
    "__import__('os').system('id')",
    "().__class__.__bases__[0].__subclasses__()",
    "bars.close.__class__.__init__.__globals__",
    "bar.close.__class__",
    "position.__dict__",
    "state.__class__.__mro__",
    "state.setdefault('x', open)",
    "state['x'].__reduce__",
    "bar.time.__init__",
    "bar.previous.__class__",
    "bars.close.values.ctypes",
    "bars.close.map(open)",
    "bars.close.pipe(eval, '1')",
    "bars.close.agg('to_pickle', path='/tmp/x')",
    "bars.close.astype('O')",
    "bars.close.str.format('x')",
    "bars['close'].to_csv('/tmp/x')",
    "np.load('/etc/passwd')",
    "np.lib.format.open_memmap('/tmp/x')",
    "np.vectorize(open)('/etc/passwd')",
    "np.frompyfunc(eval, 1, 1)",
    "np.random.rand()",
    "np.datetime64('now')",
    "np.empty(10)",
    "pd.read_pickle('/tmp/x')",
    "pd.eval('1')",
    "pd.Timestamp.now()",
    "ta.utils",
    "ta.Strategy('x')",
    "ta.sma.__globals__",
    "ta.sma.__call__(bars.close)",
    "getattr(bars, 'close')",
    "globals()",
    "locals()",
    "vars()",
    "dir()",
    "type('X', (), {})",
    "[x for x in range(10)]",
    "{x: x for x in range(10)}",
    "(x for x in range(10))",
    "(yield)",
    "(await x)",
    "(x := open)",
    "lambda: 1",
    "f'{bars!r:>1000000000}'",
    "'a' * 10**9",
    "'%s' % bars",
    "b'x'",
    "1j",
    "...",
    "10 ** 10 ** 10 ** 10 if 1 << 99999 else 0",
    "9" * 400,
    "buy.__globals__",
    "buy(**state)",
    "buy(*[1])",
    "print(1)",
    "input()",
    "breakpoint()",
    "exit()",
    "open('/etc/passwd')",
    "compile('1', 'x', 'eval')",
    "super().__init__",
    "__name__",
    "__builtins__",
    "NotImplemented",
    "Ellipsis",
    "bars.close.shift(periods=-5)",
    "bars.close.shift(0 - 1)",
    "bars.close.rolling(window=5, center=1).mean()",
    "bars.close.diff(-1)",
    "bars.close.pct_change(periods=-2)",
    "bars.close.fillna(method='bfill')",
    "bars.close.rank()",
    "bars.close.iloc[::-1]",
    "ta.sma(bars.close, length=-5)",
    "ta.dpo(bars.close, centered=True)",
    "ta.ichimoku(bars.high, bars.low, bars.close).chikou",
    "bars.close.rolling(10**7).mean()",
    "bars.close.ewm(span=10**9).mean()",
]


@pytest.mark.parametrize("expression", HOSTILE)
def test_hostile_expressions_are_refused_in_both_places(expression: str) -> None:
    assert codes(f"def indicators(bars):\n    return {{'x': {expression}}}\n{HOLD}")
    assert codes(f"def on_bar(bar, position, state):\n    v = {expression}\n    return buy(quantity=v)\n")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 // 2", 3.0),
        ("-7 // 2", -4.0),
        ("-7 % 3", 2.0),
        ("2 ** -1", 0.5),
        ("1 / 0", math.nan),
        ("(1 / 0) > 1e15", 0.0),  # What Python refuses is unknown.
        ("0 / 0 == 0 / 0", 0.0),
        ("round(2.5)", 2.0),
        ("round(3.14159, 2)", 3.14),
        ("int(-2.7)", -2.0),
        ("min(3, 1, 2)", 1.0),
        ("max(1, 5) if 2 > 1 else 0", 5.0),
        ("1 < 2 < 3", 1.0),
        ("True + True", 2.0),
        ("not 0", 1.0),
        ("3 and 5", 5.0),
        ("0 or 7", 7.0),
        ("np.sqrt(16) + np.abs(-1)", 5.0),
        ("np.sqrt(-1) > 0", 0.0),
        ("abs(-2)", 2.0),
        ("'seen' in state", 0.0),
        ("state.get('seen', 4)", 4.0),
        ("state['seen']", 0.0),
        ("state.get('seen') is None", 1.0),
    ],
)
def test_expressions_mean_what_python_means_and_are_total(expression: str, expected: float) -> None:
    found = value_of(expression)
    assert found == expected or (math.isnan(found) and math.isnan(expected))


@given(
    st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]),
    st.floats(-1e6, 1e6).map(lambda x: round(x, 6)),
    st.floats(-1e3, 1e3).map(lambda x: round(x, 3)),
)
@settings(max_examples=examples(300), deadline=None)
def test_arithmetic_agrees_with_python_wherever_python_has_an_answer(operator: str, a: float, b: float) -> None:
    try:
        expected = eval(f"({a!r}) {operator} ({b!r})")
    except (ZeroDivisionError, OverflowError):
        return
    if isinstance(expected, complex) or abs(expected) > 1e300:
        return
    assert value_of(f"A {operator} B", A=a, B=b) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_state_lasts_between_bars_and_holds_numbers_only() -> None:
    state: dict[str, float] = {}
    for _ in range(3):
        state = decide("    state['n'] = state.get('n', 0) + 1\n", state).state
    assert state == {"n": 3.0}


def test_previous_is_unknown_on_the_first_bar() -> None:
    assert decide("    state['x'] = bar.previous.close > 0\n", length=1).state == {"x": 0.0}
    assert decide("    state['x'] = bar.previous.close > 0\n", length=2).state == {"x": 1.0}


def test_a_signal_carries_its_side_confidence_and_size() -> None:
    signal = decide("    return buy(confidence=0.7, notional=250)\n").signal
    assert signal is not None
    assert (signal.side, signal.confidence, signal.size_kind, signal.size) == ("buy", 0.7, "notional", 250.0)


@pytest.mark.parametrize("size", ["0", "-1", "0/0", "1/0", "1e15"])
def test_a_size_that_means_nothing_is_no_signal(size: str) -> None:
    assert decide(f"    return buy(quantity={size})\n").signal is None


def test_bounded_loops_run_and_unbounded_ones_are_refused() -> None:
    assert decide("    total = 0\n    for i in range(10):\n        total += i\n    state['x'] = total\n").state == {
        "x": 45.0
    }
    assert Code.UNBOUNDED in codes("def on_bar(bar, position, state):\n    for i in range(1000000):\n        pass\n")
    nested = (
        "def on_bar(bar, position, state):\n    for i in range(900):\n        for j in range(900):\n            pass\n"
    )
    assert Code.TOO_LARGE in codes(nested)


def test_a_name_that_may_be_unassigned_is_refused() -> None:
    assert codes("def on_bar(bar, position, state):\n    if bar.close > 1:\n        x = 1\n    state['y'] = x\n") == [
        Code.UNASSIGNED
    ]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("bars.close.shift(-1)", Code.LOOK_AHEAD),
        ("bars.close.rolling(5, center=True).mean()", Code.LOOK_AHEAD),
        ("bars.close.bfill()", Code.LOOK_AHEAD),
        ("bars.close.max()", Code.LOOK_AHEAD),
        ("bars.close - bars.close.mean()", Code.LOOK_AHEAD),
        ("bars.close[-1]", Code.LOOK_AHEAD),
        ("bars.close.iloc[5]", Code.LOOK_AHEAD),
        ("bars.close.interpolate()", Code.LOOK_AHEAD),
        ("bars.close.cumsum()", Code.UNBOUNDED),
        ("bars.close.expanding().mean()", Code.UNBOUNDED),
        ("ta.sma(bars.close, length=0)", Code.ARGUMENT),
        ("ta.sma(bars.close, length=10**9)", Code.ARGUMENT),
        ("ta.sma(bars.close, length=2.5)", Code.ARGUMENT),
        ("ta.nothing(bars.close)", Code.UNKNOWN_FUNCTION),
        ("bars.closing", Code.UNKNOWN_FIELD),
        ("ta.macd(bars.close)", Code.TYPE),
        ("ta.macd(bars.close).sign", Code.UNKNOWN_FIELD),
        ("bars.close > 1 and bars.open > 1", Code.NOT_IN_LANGUAGE),
        ("(lambda: bars.close)()", Code.UNKNOWN_FUNCTION),
        ("[bars.close][0]", Code.NOT_IN_LANGUAGE),
        ("bars.close.apply(float)", Code.NOT_IN_LANGUAGE),
        ("bars.close.__class__", Code.UNKNOWN_FIELD),
        ("missing", Code.UNKNOWN_NAME),
    ],
)
def test_refusals_name_their_kind(expression: str, code: Code) -> None:
    found = codes(f"def indicators(bars):\n    return {{'x': {expression}}}\n{HOLD}")
    assert code in found or Code.NOT_IN_LANGUAGE in found


def test_every_finding_is_reported_at_once() -> None:
    source = "import os\nX = 'a'\ndef indicators(bars):\n    return {'a': bars.clos, 'b': ta.smaa(bars.close)}\n" + HOLD
    assert len(codes(source)) == 4


def test_unknown_names_come_with_the_nearest_known_one() -> None:
    with pytest.raises(StrategyError, match="Did you mean rsi"):
        compile_strategy(f"def indicators(bars):\n    return {{'x': ta.rsii(bars.close)}}\n{HOLD}")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x" * 100_000,
        "(" * 5_000,
        "def on_bar(bar, position, state):\n    return " + "-" * 3_000 + "1",
        "def on_bar(bar, position, state):\n    x = " + "+".join(["1"] * 20_000),
        "def on_bar(bar, position, state):\n    return \x00",
        "def on_bar(bar, position, state):\n    x = 9" + "9" * 5_000,
        "def on_bar(bar, position, state):\n    x = \ud800",
        "def on_bar(bar, position, state): return eval('1')",
        "async def on_bar(bar, position, state):\n    return",
        "def on_bar(bar, position, state, *more):\n    return",
        "def on_bar(bar, position, state: print(1)):\n    return",
        "@print\ndef on_bar(bar, position, state):\n    return",
    ],
)
def test_sources_of_any_shape_are_refused_without_harm(source: str) -> None:
    assert codes(source)


@given(st.text(max_size=300))
@settings(max_examples=examples(200), deadline=None)
def test_random_text_is_compiled_or_refused(text: str) -> None:
    for source in (text, f"def on_bar(bar, position, state):\n    x = {text}\n"):
        try:
            compile_strategy(source)
        except StrategyError as error:
            assert error.findings


def test_parameters_can_be_changed_and_are_checked_again() -> None:
    strategy = compile_strategy("N = 5\ndef indicators(bars):\n    return {'x': ta.sma(bars.close, length=N)}\n" + HOLD)
    assert strategy.with_parameters(N=7).parameters == {"N": 7.0}
    with pytest.raises(StrategyError):
        strategy.with_parameters(N=-1)
    with pytest.raises(StrategyError):
        strategy.with_parameters(M=1)


def test_equal_calls_are_one_node_whoever_wrote_them() -> None:
    one = compile_strategy(f"def indicators(bars):\n    return {{'x': ta.sma(bars.close, length=5)}}\n{HOLD}")
    other = compile_strategy(f"N = 5\ndef indicators(bars):\n    return {{'y': ta.sma(bars.close, N)}}\n{HOLD}")
    assert one.columns["x"] is other.columns["y"]


def test_the_reference_page_is_the_one_generated_from_the_vocabulary() -> None:
    page = Path(language_reference.__file__).with_name("REFERENCE.md")
    assert page.read_text() == reference_page(), (
        "run: stratforge reference --markdown > layers/stratforge/strategy/REFERENCE.md"
    )


@pytest.mark.parametrize(
    ("code", "line", "column"),
    [
        ("def on_bar(bar, position, state):\n    return \uff42uy(quantity=1)\n", 2, 12),
        ("def on_bar(bar, position, state):\n    '''\u00e9\n'''\n    x = \uff41ccount.cash  # \u00e9\n", 4, 9),
        ("\u212a = 1\ndef on_bar(bar, position, state):\n    return buy()\n", 1, 1),
        ("def on_bar(bar, position, state):\n    state['x'] = bar.clo\u017fe\n", 2, 22),
        ("def on_bar(bar, position, state):\n    return buy(quantity=\uff11)\n", 2, 25),
    ],
)
def test_letters_that_python_reads_as_others_are_refused(code: str, line: int, column: int) -> None:
    """The parser makes plain letters of them, by a library that a worker of the sandbox cannot load."""
    with pytest.raises(StrategyError) as refused:
        compile_strategy(code)
    assert [(each.line, each.column) for each in refused.value.findings] == [(line, column)]
