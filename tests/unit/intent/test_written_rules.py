"""Which rules of the code somebody asked for is told by the lines, and lines that decide nothing are found."""

from __future__ import annotations

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import told
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.written_rules import beyond, nowhere
from stratforge.strategy import compile_strategy
from stratforge.strategy.explanation import explain

CODE = """LEVEL = 30
SPARE = 5

def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi < LEVEL:
        state["n"] = 1
        return buy()
    if bar.time.hour == 15:
        return sell()
    if position.quantity > 0 and bar.rsi > 70:
        return sell()
"""
STRATEGY = compile_strategy(CODE)
RULES = explain(STRATEGY)


def asking(*lines: int, status: Status = Status.COVERED, rule: str = "buy when close > 1") -> Requirement:
    return Requirement(quote="buy low", meaning="", status=status, rules=[rule], lines=list(lines))


def test_what_no_requirement_names_is_beyond_them() -> None:
    wanted = [asking(1, 8), asking(13, 14)]
    assert [(each.text, each.line) for each in beyond(RULES, wanted)] == [
        ("sell everything, when the hour is equal to 15", 12)
    ]
    assert beyond(RULES, [*wanted, asking(11)]) == []
    assert beyond(RULES, []) == []
    assert beyond(RULES, [*wanted, asking(status=Status.KEPT)]) == []
    assert len(beyond(RULES, [*wanted, asking(11, status=Status.SUPERSEDED)])) == 1


def test_where_one_line_decides_both_sides_each_has_to_be_asked_for() -> None:
    code = "def on_bar(bar, position, state):\n    return buy() if bar.close < 30 else (sell() if bar.close > 50 else None)\n"
    rules, buying = explain(compile_strategy(code)), asking(2)
    assert [each.does for each in beyond(rules, [buying])] == ["sell"]
    assert [each.does for each in beyond(rules, [asking(2, rule="sell when close > 50")])] == ["buy"]
    assert beyond(rules, [buying, asking(2, rule="sell when close > 50")]) == []
    assert beyond(rules, [asking(2, rule="stop loss 2 %")]) == []


def test_a_constant_alone_names_no_rule() -> None:
    assert [each.line for each in beyond(RULES, [asking(1, 5)])] == [10, 12, 14]


def test_lines_that_decide_nothing_are_found() -> None:
    (finding,) = nowhere(RULES, [asking(2, 3)])
    assert "names lines that decide nothing" in finding
    for each in (asking(1), asking(2, 10), asking(2, status=Status.ASSUMED), asking(2, rule="symbol AAPL"), asking()):
        assert list(nowhere(RULES, [each])) == []


def test_a_person_is_told_what_the_code_does_besides() -> None:
    draft = StrategyDraft(
        name="x",
        symbol="AAPL",
        python_code=CODE,
        logic_explanation="",
        requirements=[asking(1, 8), asking(13)],
        assumptions=["As you said."],
    )
    judged, shown = told(draft, STRATEGY, Request("Buy low", whole=True))
    beside = (
        "The code also does this, which no requirement names: sell everything, when the hour is equal to 15 (line 12)."
    )
    assert beside in shown.assumptions
    # Its numbers are not what the answer tells of itself: the gates judge without them.
    assert beside not in judged.assumptions
