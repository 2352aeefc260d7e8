"""Code that looks at another symbol, and that its words do not ask for, does not pass; a change of such code is tried against it like any other."""

from __future__ import annotations

from stratforge.intent.deeds import deeds_lost
from stratforge.intent.gate import contract_findings
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.rules import read_rule
from stratforge.intent.trial import sides_decided
from stratforge.strategy import compile_strategy

LOOKS = """
def indicators(bars):
    spy = bars.of("SPY")
    days = spy.resample("1d")
    return {"mean": ta.sma(spy.close, 20), "spy": spy.close, "trend": ta.sma(days.close, 200), "day": days.close, "rsi": ta.rsi(bars.close, 14)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi < 40 and bar.spy > bar.mean and bar.day > bar.trend:
        return buy()
    if position.quantity > 0 and bar.rsi > 60:
        return sell()
"""
PLAIN = """
def indicators(bars):
    return {"rsi": ta.rsi(bars.close, 14)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi < 40:
        return buy()
"""


def test_an_answer_whose_code_looks_at_another_symbol_does_not_pass() -> None:
    findings = contract_findings("Buy when RSI is below 40, sell above 60.", [], compile_strategy(LOOKS))
    assert any("looks at SPY with bars.of(…), and no rule does" in each for each in findings)


def test_a_strategy_that_follows_rules_of_another_symbol_looks_at_it() -> None:
    rules = [read_rule('buy when ta.sma(bars.of("SPY").close, length=20) > 100'), read_rule("sell when close < 90")]
    assert reference_strategy(rules).other_symbols == ("SPY",)


def test_a_change_of_such_code_is_tried_against_it() -> None:
    old, new = compile_strategy(LOOKS), compile_strategy(PLAIN)
    assert sides_decided(old, {"buy", "sell"}) == {"buy", "sell"}
    # It holds what that sold, and buys where that did not.
    assert deeds_lost(old, new) == (True, True)
