"""The gate is total and bounded: whatever the source is, it is compiled or refused, at once, and what passes is small enough to run."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from stratforge.backtest import run_backtest
from stratforge.strategy import Code, PositionView, StrategyError, compile_strategy, evaluate_last_bar
from stratforge.strategy.cost import MAX_CELLS, MAX_NANOSECONDS, MAX_OPERATIONS
from stratforge.strategy.findings import Finding
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import _random_history, window_length
from stratforge.strategy.source import MAX_CHARACTERS, MAX_FINDINGS

from tests.support.large_programs import Programs
from tests.support.tiers import one_of

READS = "def on_bar(bar, position, state):\n    if bar.x > 0:\n        return buy()\n"
# Seconds of this thread's processor time, not of the clock: a busy machine changes nothing.
GATE_SECONDS = 1.0


def indicators(lines: str, value: str = "x") -> str:
    """A strategy with these lines in `indicators`."""
    return f"def indicators(bars):\n{lines}    return {{'x': {value}}}\n{READS}"


def decides(lines: str) -> str:
    """A strategy with these lines in `on_bar`."""
    return f"def on_bar(bar, position, state):\n{lines}"


def many(call: Callable[[int], str], count: int) -> str:
    """A strategy that adds up many calls."""
    return indicators(f"    x = {' + '.join(call(number) for number in range(count))}\n")


def nested(count: int) -> str:
    """Loops inside of loops."""
    return (
        "".join(f"{'    ' * (level + 1)}for i in range(1):\n" for level in range(count))
        + "    " * (count + 1)
        + "x = 1\n"
    )


def gate(source: str) -> tuple[Finding, ...]:
    """Checks, compiles and measures a source within the time there is; gives the findings."""
    # The garbage of all tests before is not this program's.
    gc.disable()
    began = time.thread_time()
    findings: tuple[Finding, ...] = ()
    try:
        strategy = compile_strategy(source)
        cost = strategy.cost
    except StrategyError as error:
        findings = error.findings
    else:
        assert cost.operations <= MAX_OPERATIONS
        assert cost.cells <= MAX_CELLS
        assert cost.nanoseconds <= MAX_NANOSECONDS
    finally:
        seconds = time.thread_time() - began
        gc.enable()
    assert seconds < GATE_SECONDS
    assert len(findings) <= MAX_FINDINGS
    assert all(len(str(finding)) < 2_000 for finding in findings)
    return findings


ACCEPTED = {
    "a graph of 24 doublings": indicators("    x = bars.close\n" + "    x = x + x\n" * 24),
    "a chain of 240 operations": indicators("    x = bars.close\n" + "    x = x + 1\n" * 240),
    "min of 8 in min of 8, ten times": decides("    x = " + "min(" * 10 + "1" + ", 2, 3, 4, 5, 6, 7, 8)" * 10 + "\n"),
    "60 branches": decides("    if bar.close > 1:\n        return buy()\n" + "    elif bar.close > 2:\n        return sell()\n" * 60),
    "loops 8 deep": decides(nested(8)),
    "a number of 15 digits": decides("    x = 999999999999999\n"),
    "four long medians": many(lambda n: f"bars.close.rolling({2000 - n}).median()", 4),
    "prices next to nothing": indicators("    x = ta.mcgd(bars.close * 1e-300)\n"),
}  # fmt: skip
REFUSED = {
    "forty medians": (many(lambda n: f"bars.close.rolling({400 + n}).median()", 40), Code.TOO_LARGE),
    "forty slow indicators": (many(lambda n: f"ta.mcgd(bars.close, length={10 + n})", 40), Code.TOO_LARGE),
    "forty supertrends": (many(lambda n: f"ta.supertrend(bars.high, bars.low, bars.close, length={10 + n}).trend", 40), Code.TOO_LARGE),
    "a graph of 2,000 operations": (indicators("    x = bars.close\n" + "    x = x + 1\n" * 2_000), Code.TOO_LARGE),
    "an indicator without values": (indicators("    x = ta.fwma(bars.close, length=2000)\n"), Code.ARGUMENT),
    "loops 21 deep": (decides(nested(21)), Code.TOO_LARGE),
    "loops in sequence": (decides("    for i in range(1000):\n        x = i * 2 + i / 3\n" * 300), Code.TOO_LARGE),
    "a bound without bound": ("N = 1e15\n" + decides("    for i in range(N):\n        x = 1\n"), Code.UNBOUNDED),
    "a bound past it": (decides("    for i in range(10 ** 300):\n        x = 1\n"), Code.ARGUMENT),
    "min of 8 in min of 8, thirty times": (decides("    x = " + "min(" * 30 + "1" + ", 2, 3, 4, 5, 6, 7, 8)" * 30 + "\n"), Code.TOO_LARGE),
    "unknown names": (decides("".join(f"    v{n} = unknown{n:05d}{'y' * 20}\n" for n in range(700))), Code.UNKNOWN_NAME),
    "unknown names that look alike": (decides("".join(f"    {'y' * 30}{n:05d} = {'y' * 29}x{n:05d}\n" for n in range(380))), Code.UNKNOWN_NAME),
    "names of 300 letters": (f"def indicators(bars):\n    return {{{', '.join(f'{chr(39)}{chr(97 + n % 26) * 300}{chr(39)}: bars.close' for n in range(60))}}}\n{READS}", Code.STRUCTURE),
    "a number of 30,000 digits": (decides(f"    x = {'9' * 30_000}\n"), Code.SYNTAX),
    "150 branches": (decides("    if bar.close > 1:\n        return buy()\n" + "    elif bar.close > 2:\n        return sell()\n" * 150), Code.TOO_LARGE),
    "parentheses": (decides(f"    x = {'(' * 15_000}1{')' * 15_000}\n"), Code.SYNTAX),
    "an argument given twice": (decides("    return buy(confidence=0.1, confidence=0.9)\n"), Code.SYNTAX),
    "operators": (decides(f"    x = {'-' * 15_000}1\n"), Code.TOO_LARGE),
    "more than there may be": ("#" * (MAX_CHARACTERS + 1), Code.TOO_LARGE),
}  # fmt: skip


@pytest.mark.parametrize("source", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_long_but_cheap_passes_at_once_and_runs(source: str) -> None:
    assert gate(source) == ()
    strategy = compile_strategy(source)
    evaluate_last_bar(strategy, Values(_random_history(4, 200, 0.01, 50.0)), PositionView(), {})
    run_backtest(strategy, _random_history(4, 200, 0.01, 50.0))


@pytest.mark.parametrize(("source", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_too_much_is_refused_at_once(source: str, code: Code) -> None:
    findings = gate(source)
    assert findings
    assert findings[0].code in (code, Code.TOO_LARGE if code == Code.SYNTAX else code)


@pytest.mark.parametrize("seed", one_of(4, range(int(os.environ.get("SOAK_EXAMPLES") or 80))))
def test_large_programs_are_compiled_or_refused_in_time_and_what_passes_runs(seed: int) -> None:
    """Every program of a seed is the same one: `Programs(seed).program()` gives the one that fails."""
    source = Programs(seed).program()
    if gate(source):
        return
    strategy = compile_strategy(source)
    window = _random_history(9, window_length(strategy.lookback), 0.003, 50.0)
    evaluation = evaluate_last_bar(strategy, Values(window), PositionView(3.0, 20.0, 5.0), {"k": 2.0})
    assert all(abs(value) <= 1e300 for value in evaluation.state.values())
    if len(source) < 3_000:
        run_backtest(strategy, window.tail(100))


def test_most_large_programs_are_valid() -> None:
    """A fuzzer whose programs are all refused at the first line would find nothing."""
    accepted = 0
    for seed in range(40):
        try:
            compile_strategy(Programs(seed).program())
            accepted += 1
        except StrategyError:
            pass
    assert accepted >= 20


def test_the_cost_is_the_same_whoever_asks_and_whatever_the_constants_were() -> None:
    source = "N = 900\ndef on_bar(bar, position, state):\n    for i in range(N):\n        state['x'] = i * 2\n"
    dear = compile_strategy(source)
    cheap = dear.with_parameters(N=9)
    assert dear.cost == compile_strategy(source).cost
    assert dear.operations == 1 + 1 + 900 * (1 + 1 + 4 + 2) or dear.operations > 90 * cheap.operations
    assert dear.cost.nanoseconds > cheap.cost.nanoseconds


def test_constants_that_make_it_too_dear_are_refused() -> None:
    strategy = compile_strategy(
        "N = 10\ndef on_bar(bar, position, state):\n" + "    for i in range(N):\n        state['x'] = i * 2\n" * 60
    )
    with pytest.raises(StrategyError, match="operations a bar"):
        strategy.with_parameters(N=1_000)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e300, -1e16, 10**400, "5", None, [1], 1j])
def test_constants_are_finite_numbers_of_bounded_size(value: Any) -> None:
    strategy = compile_strategy("N = 1\ndef on_bar(bar, position, state):\n    state['x'] = N\n")
    with pytest.raises(StrategyError, match="N cannot be"):
        strategy.with_parameters(N=value)


def test_branches_do_not_add_up_and_loops_multiply() -> None:
    def operations(lines: str) -> int:
        return compile_strategy(decides(lines)).operations

    one = operations("    if bar.close > 1:\n        x = bar.close * 2\n")
    both = operations("    if bar.close > 1:\n        x = bar.close * 2\n    else:\n        x = bar.close * 3\n")
    assert one == both
    turns = [operations(f"    for i in range({count}):\n        x = i * 2\n") for count in (10, 20, 30)]
    assert turns[2] - turns[1] == turns[1] - turns[0] > 0


MESSAGES = {
    "return go_short()": "Write return short(), which sessions do where the account has short selling enabled",
    "return exit()": "return sell()",
    "return hold()": "Write return, or nothing",
    "K = 3": 'state["K"]',
    "K += 3": 'state["K"]',
    "del state['k']": "np.nan",
    "state.pop('k')": "np.nan",
    "state['k'] = None": "np.nan",
    "x = bars['MSFT']": 'bars.of("SPY")',
    "x = [1, 2]": "a list is not in the language",
    "x = 'text'": "text is not in the language",
    "x = (y := 2)": "an assignment with := is not",
    "x: int = 2": "a type annotation is not",
    "x = 1  # \u202eevil": "U+202E",
    "x = 1  # \u2028evil": "U+2028",
    "x = 1  # \x85evil": "U+0085",
}


@pytest.mark.parametrize(("line", "said"), MESSAGES.items(), ids=[repr(line) for line in MESSAGES])
def test_a_refusal_says_the_one_thing_that_helps(line: str, said: str) -> None:
    (finding,) = gate(f"K = 2\ndef on_bar(bar, position, state):\n    {line}\n")
    assert said in str(finding)


INDICATOR_MESSAGES = {
    "ta.nope(bars.close)": "ta.nope is not in the language",
    "ta.ha(bars.open, bars.high, bars.low, bars.close)": "ta.ohlc4",
    "bars['MSFT'].close": 'bars.of("SPY")',
    "bars['close']": "bars.close",
    "unknown": "the name unknown is not known",
    "bars.close.rolling(5)": "'x' is not a series",
}


@pytest.mark.parametrize(("value", "said"), INDICATOR_MESSAGES.items(), ids=INDICATOR_MESSAGES)
def test_what_is_wrong_in_indicators_is_not_said_again_where_it_is_read(value: str, said: str) -> None:
    (finding,) = gate(indicators("", value))
    assert said in str(finding)


def test_an_unknown_field_beside_a_wrong_indicator_is_still_found() -> None:
    source = indicators("", "ta.nope(bars.close)").replace("bar.x", "bar.y + bar.x")
    assert [finding.code for finding in gate(source)] == [Code.UNKNOWN_FUNCTION, Code.UNKNOWN_FIELD]


def test_no_message_names_a_class_of_the_syntax_tree() -> None:
    lines = ["x = lambda: 1", "x = [i for i in y]", "x = {1}", "x = f'{1}'", "assert 1", "global x", "x = yield", "raise x", "x = *y", "x = 1j",
             "with x: pass", "try:\n        x = 1\n    except x: pass", "async def f(): pass", "class A: pass", "import os", "x = y[1:2]", "match x:\n        case 1: pass"]  # fmt: skip
    names = ["Lambda", "ListComp", "JoinedStr", "Assert", "Yield", "NoneType", "Starred", "Slice", "Match", "AsyncFunctionDef", "ClassDef", "With", "Raise"]  # fmt: skip
    for line in lines:
        for source in (decides(f"    {line}\n"), indicators(f"    {line}\n", "bars.close"), f"{line.replace(chr(10) + '    ', chr(10))}\n{decides('    return')}"):  # fmt: skip
            text = " ".join(str(finding) for finding in gate(source))
            assert text
            assert not [name for name in names if name in text], text
