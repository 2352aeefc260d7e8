"""A requirement is covered by the lines that do it, and words are quoted for one thing."""

from __future__ import annotations

from typing import Any

from stratforge.intent.gate import contract_findings
from stratforge.intent.requirements import Requirement, Status
from stratforge.strategy import compile_strategy

CODE = """\
def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}


def on_bar(bar, position, state):
    minute = bar.time.hour * 60 + bar.time.minute
    if position.quantity == 0 and bar.rsi < 30 and minute < 900:
        return buy()
    if position.quantity > 0 and (
        bar.rsi > 70
        or minute >= 955
    ):
        return sell()
"""
REQUEST = "Buy when the RSI is below 30. Sell when the RSI is above 70. Sell at 15:55. Only buy before 15:00."
RULES = {
    "Buy when the RSI is below 30": ("buy when ta.rsi(bars.close, length=14) < 30", [2, 7]),
    "Sell when the RSI is above 70": ("sell when ta.rsi(bars.close, length=14) > 70", [2, 10]),
    "Sell at 15:55": ("sell when minute >= 955", [11]),
    "Only buy before 15:00": ("buy only when minute < 900", [7]),
}
ASSUMED = ["The usual numbers are taken: the 14-bar RSI."]


def findings(*more: Requirement, **lines: Any) -> list[str]:
    wanted = [
        Requirement(quote=quote, meaning="so", status=Status.COVERED, rules=[rule], lines=lines.get(quote.split()[-1].replace(":", "_"), at))
        for quote, (rule, at) in RULES.items()
    ]  # fmt: skip
    return contract_findings(REQUEST, [*wanted, *more], compile_strategy(CODE), ASSUMED, symbol="AAPL")


def test_lines_in_which_everything_stands_are_no_finding() -> None:
    assert findings() == []


def test_a_time_that_points_at_another_times_lines_is_found() -> None:
    found = findings(**{"15_55": [7]})
    assert len(found) == 1
    assert "“Sell at 15:55” is about 15:55" in found[0]


def test_a_time_that_points_at_lines_without_any_is_found() -> None:
    assert any("is about 15:00" in each for each in findings(**{"15_00": [2, 10]}))


def test_the_same_words_are_not_quoted_for_different_rules() -> None:
    other = Requirement(quote="Sell at 15:55", meaning="-", status=Status.COVERED, rules=["sell when ta.rsi(bars.close, length=14) > 70"], lines=[10, 11])  # fmt: skip
    assert any("“Sell at 15:55” twice, for different rules" in each for each in findings(other))
