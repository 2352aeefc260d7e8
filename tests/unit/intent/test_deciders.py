"""Nothing decides in the code that no rule says: each is put into a right answer, and found."""

from __future__ import annotations

import pytest
from stratforge.intent.deciders import said_by_no_rule
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.rules import read_rule
from stratforge.intent.trial import disagreement
from stratforge.strategy import compile_strategy

RSI = "ta.rsi(bars.close, length=14)"
RULES = [
    f"buy when {RSI} < 30 and close > ta.sma(bars.close, length=50)",
    f"sell when {RSI} > 70",
    "sell when gain <= -2",
    "sell when drop >= 5",
    "at most 3 buys a day",
    "buy only when minute >= 630",
]
CODE = """\
STOP, TRAIL = 0.02, 5


def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14), "sma": ta.sma(bars.close, length=50)}


def on_bar(bar, position, state):
    if bar.time.weekday != state.get("day", -1):
        state["bought"] = 0
    state["day"] = bar.time.weekday
    peak = max(state.get("peak", bar.close), bar.close) if position.quantity > 0 else bar.close
    state["peak"] = peak
    late = bar.time.hour > 10 or (bar.time.hour == 10 and bar.time.minute >= 30)
    if position.quantity == 0 and bar.rsi < 30 and bar.close > bar.sma and late and state["bought"] < 3:
        state["bought"] = state["bought"] + 1
        return buy()
    if position.quantity > 0 and (bar.rsi > 70 or bar.close <= position.average_entry_price * (1 - STOP)):
        return sell()
    if position.quantity > 0 and bar.close <= peak * (1 - TRAIL / 100):
        return sell()
"""
ENTRY, EXIT = "bar.rsi < 30", "bar.rsi > 70"


def found_in(code: str) -> list[str]:
    return said_by_no_rule(compile_strategy(code), reference_strategy([read_rule(each) for each in RULES]))


def test_what_the_rules_say_in_other_forms_is_said() -> None:
    assert found_in(CODE) == []
    assert found_in(CODE.replace("position.average_entry_price * (1 - STOP)", "position.entry_price * 0.98")) == []
    assert found_in(CODE.replace("bar.close > bar.sma", "bar.close - bar.sma > 0")) == []
    assert found_in(CODE.replace("late and", "bar.time.hour * 60 + bar.time.minute >= 630 and")) == []


@pytest.mark.parametrize(
    "more",
    [
        "bar.time.month != 12",
        "bar.high != bar.low",
        "not bar.close == bar.open",
        "bar.volume != 0",
        "abs(bar.close - 100) > 0.0000001",
        "bar.time.day <= 20",
        "bar.time.year < 2027",
        "bar.time.minutes_to_close > 5",
        "bar.time.weekday != 0",
        "bar.volume < 60000",
        "bar.close < 5000",
        "bar.rsi > 1",
        "bar.rsi * bar.rsi < 899",
        "bar.time.minute != 37",
        "bar.time.minute_in_tokyo != 37",
        "bar.time.minute % 30 < 29",
        "position.bars_held < 390",
        "position.unrealized_return > -0.3",
        "position.quantity < 0.5",
        "position.max_favorable < 9000",
        "account.equity > 1000",
        'state["n"] < 50',
        'state["n"] < 30',
        'state["n"] * state["n"] < bar.close * bar.close',
        'state["n"] < bar.close * bar.close',
        'state.get("k", 17) < 30',
        "int(bar.rsi) < 29",
        "not bar.volume > 60000",
        "(bar.rsi if bar.volume < 60000 else 99) < 30",
        "bar.rsi < 30 / max(0, 60000 - bar.volume)",
        "min(bar.rsi, bar.volume) < 30",
        "bar.quiet",
        "bar.quiet == 1",
        "quiet",
        "low(bar)",
    ],
)
@pytest.mark.parametrize("where", [ENTRY, EXIT])
def test_what_no_rule_says_is_found(more: str, where: str) -> None:
    code = CODE.replace("length=50)}", 'length=50), "quiet": bars.volume < 60000}')
    code = code.replace("    late = ", '    state["n"] = state["n"] + 1\n    quiet = bar.volume < 60000\n    late = ')
    if "low(" in more:
        code = code.replace("def on_bar", "def low(bar):\n    return bar.volume < 60000\n\n\ndef on_bar")
    code = code.replace(where, f"({where} and {more})")
    assert found_in(code)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("buy()", "buy(confidence=0.1)"),
        ("buy()", "buy(fraction=0.2 * min(1, max(0, 60000 - bar.volume)))"),
        ("buy()", "buy(fraction=0.2 if bar.volume < 60000 else 0.1)"),
        ("return sell()", "return sell(confidence=0.1)"),
        ("position.quantity == 0 and", "position.quantity < 100 and"),
        ("position.quantity == 0 and", "position.quantity <= 1 and"),
    ],
)
def test_how_much_is_traded_and_when_something_is_held_is_what_rules_can_say(old: str, new: str) -> None:
    assert found_in(CODE.replace(old, new))


@pytest.mark.parametrize("written", ["bar.close <= 400", "not bar.close > 400"])
def test_a_price_that_stands_at_its_level_is_tried(written: str) -> None:
    """What is below a round number is not what is at it."""
    reference = reference_strategy([read_rule("buy when close < 400"), read_rule("sell when close > 410")])
    code = f"def on_bar(bar, position, state):\n    if position.quantity == 0 and {written}:\n        return buy()\n    if position.quantity > 0 and bar.close > 410:\n        return sell()\n"
    assert disagreement(compile_strategy(code), reference)
    right = code.replace(written, "not bar.close >= 400")
    assert disagreement(compile_strategy(right), reference) is None
