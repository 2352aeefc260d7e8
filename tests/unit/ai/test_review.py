"""The second gate: an explanation says what its code does."""

from __future__ import annotations

import pytest
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import _explanation, review, told
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import read_rule
from stratforge.intent.sides import explained_otherwise
from stratforge.intent.unfounded import unfounded
from stratforge.strategy import compile_strategy
from stratforge.strategy.explanation import explain

CODE = """
FAST, SLOW = 10, 30
STOP = 0.02

def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW), "rsi": ta.rsi(bars.close, length=14)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow and bar.rsi < 70:
        return buy()
    if position.quantity > 0 and position.unrealized_return < -STOP:
        return sell()
"""
RULES = [
    "buy when ta.sma(bars.close, length=10) > ta.sma(bars.close, length=30) and ta.rsi(bars.close, length=14) < 70",
    "sell when gain <= -2",
]
TRUE = "Buys when the 10-bar average is above the 30-bar average and the RSI is below 70; sells after a loss of 2 %."


@pytest.mark.parametrize(
    ("explanation", "missing"),
    [
        (TRUE, []),
        (TRUE.replace("RSI", "momentum"), ["ta.rsi"]),
        (TRUE.replace("30-bar", "40-bar"), ["says 40", "SLOW = 30"]),
        (TRUE.replace("2 %", "5 %"), ["5 %", "STOP = 0.02"]),
        ("It makes money.", ["ta.rsi", "ta.sma", "FAST = 10", "SLOW = 30", "STOP = 0.02"]),
    ],
)
def test_what_the_explanation_leaves_out_or_says_wrong_is_found(explanation: str, missing: list[str]) -> None:
    asked = "Buy when the 10-bar average is above the 30-bar one with an RSI under 70, sell at 2% loss"
    requirement = Requirement(
        quote=asked, meaning="the same", status=Status.COVERED, rules=RULES, lines=list(range(1, 13))
    )
    draft = StrategyDraft(
        name="x", symbol="AAPL", python_code=CODE, logic_explanation=explanation, requirements=[requirement]
    )
    request = Request(asked, whole=True)
    strategy = compile_strategy(CODE)
    found = review(told(draft, strategy, request)[0], strategy, request)
    assert len(found) == len(missing)
    assert all(word in finding for word, finding in zip(missing, found, strict=True))


@pytest.mark.parametrize(
    "explanation",
    [
        "Buys with momentum of former versions when the 10-bar average is above the 30-bar average and the universities are below 70; sells after a loss of 2 %.",
        "Buys when the 10-bar average is below the 30-bar average and the RSI is below 70; sells after a loss of 2 %.",
        "Buys when the 10-bar average is above the 30-bar average and the RSI is above 70; sells after a loss of 2 %.",
        "Buys when the 10-bar average is above the 30-bar average and the RSI is below 70; sells after a gain of 2 %.",
        "Buys after a loss of 2 %; sells when the 10-bar average is above the 30-bar average and the RSI is below 70.",
        TRUE + " It has a stop of 5 %.",
        TRUE + " It trades only on Mondays.",
    ],
)
def test_an_explanation_that_says_otherwise_is_found(explanation: str) -> None:
    rules = [read_rule(each) for each in RULES]
    draft = StrategyDraft(name="x", symbol="AAPL", python_code=CODE, logic_explanation=explanation)
    code = explain(compile_strategy(CODE))
    assert [*explained_otherwise(explanation, rules), *unfounded(explanation, code, RULES), *_explanation(draft)]
    assert list(unfounded(TRUE, code, RULES)) == []
    assert list(explained_otherwise(TRUE, rules)) == []
