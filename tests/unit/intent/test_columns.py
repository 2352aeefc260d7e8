"""Columns are the same by what they are made of: no bars that are made up show where one bends."""

from __future__ import annotations

import pytest
from stratforge.intent.columns import SameColumns
from stratforge.intent.gate import contract_findings
from stratforge.intent.requirements import Requirement, Status
from stratforge.strategy import compile_strategy

REQUEST = "Buy when the RSI is below 30, sell when the RSI is above 70"
_RSI = "ta.rsi(bars.close, length=14)"


def _code(column: str, rule: str = "bar.rsi < 30") -> str:
    return f"""
def indicators(bars):
    return {{"rsi": {column}}}

def on_bar(bar, position, state):
    if position.quantity == 0 and {rule}:
        return buy()
    if position.quantity > 0 and bar.rsi > 70:
        return sell()
"""


def _findings(column: str, *, of_rules: str = _RSI, rule: str = "bar.rsi < 30") -> list[str]:
    code = _code(column, rule)
    requirement = Requirement(
        quote=REQUEST,
        meaning="both",
        status=Status.COVERED,
        rules=[f"buy when {of_rules} < 30", f"sell when {of_rules} > 70"],
        lines=list(range(1, len(code.split("\n")))),
    )
    return contract_findings(REQUEST, [requirement], compile_strategy(code))


@pytest.mark.parametrize(
    "column",
    [
        "ta.rsi(np.where(bars.close > 200, 400 - bars.close, bars.close), length=14)",
        "ta.rsi(np.where(bars.close > 1000, 1000, bars.close), length=14)",
        "ta.rsi(np.where(bars.close < 50, bars.open, bars.close), length=14)",
        "ta.rsi(np.where(bars.volume > 500000, bars.open, bars.close), length=14)",
        "ta.rsi(np.where(bars.volume > 0, bars.close, np.nan), length=14)",
        "ta.rsi(bars.close.clip(0, 150), length=14)",
        "ta.rsi(bars.close.clip(60, 100000000), length=14)",
        "ta.rsi(np.minimum(bars.close, 1000), length=14)",
        "ta.rsi(np.maximum(bars.close, 0.5 * bars.open), length=14)",
        "ta.rsi(bars.close.round(3), length=14)",
        "ta.rsi(bars.close + bars.close * bars.close * bars.close / 1000000000000000, length=14)",
        "ta.rsi(bars.close.ffill(), length=14)",
        "ta.rsi(bars.close, length=14).clip(5, 95)",
        "ta.rsi(bars.close, length=14).fillna(50)",
        "np.where(bars.close > 200, 100 - ta.rsi(bars.close, length=14), ta.rsi(bars.close, length=14))",
        "np.maximum(ta.rsi(bars.close, length=14), bars.close - 100000)",
        "ta.rsi(ta.valuewhen(bars.close < 100000, bars.close), length=14)",
    ],
)
def test_a_column_that_bends_where_no_made_up_bar_goes_is_not_the_rules(column: str) -> None:
    assert _findings(column)


@pytest.mark.parametrize(
    "column",
    [
        "ta.rsi(np.where(bars.close > 200, 400 - bars.close, bars.close), length=14)",
        "ta.rsi(bars.close.clip(0, 150), length=14)",
        "np.where(bars.close > 200, 0, ta.rsi(bars.close, length=14))",
        "ta.rsi(bars.close, length=14) * (bars.close < 5000)",
    ],
)
def test_a_rule_cannot_say_a_column_that_bends(column: str) -> None:
    assert any("cannot be said as a rule" in each for each in _findings(column, of_rules=column))


def test_the_column_of_the_rules_passes() -> None:
    assert not [each for each in _findings(_RSI) if "column" in each or "Tried" in each]


@pytest.mark.parametrize(
    "rule",
    [
        "(bar.rsi if bar.close < 5000 else 100 - bar.rsi) < 30",
        "min(bar.rsi, bar.close) < 30",
        "abs(bar.rsi - 150) > 120",
    ],
)
def test_neither_does_a_condition_that_bends(rule: str) -> None:
    assert _findings(_RSI, rule=rule)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("bars.close.rolling(20).mean()", "ta.sma(bars.close, length=20)", True),
        ("bars.close.pct_change(10) * 100", "ta.roc(bars.close, length=10)", True),
        ("(bars.high + bars.low) / 2", "ta.hl2(bars.high, bars.low)", True),
        ("bars.high + bars.low", "bars.low + bars.high", True),
        ("bars.close.rolling(20).max()", "bars.high.rolling(20).max()", False),
        ("ta.sma(bars.close, length=20)", "ta.sma(bars.close + 0.000000001, length=20)", False),
        ("ta.sma(bars.close, length=20)", "ta.sma(bars.close.clip(0, 1000000000), length=20)", False),
        ("ta.sma(bars.close * bars.close, length=2)", "ta.sma(bars.close * bars.close, length=2)", True),
    ],
)
def test_columns_are_the_same(one: str, other: str, same: bool) -> None:
    strategy = compile_strategy(
        f'def indicators(bars):\n    return {{"one": {one}, "other": {other}}}\n\ndef on_bar(bar, position, state):\n    if bar.one > bar.other:\n        return buy()\n    return sell()\n'
    )
    columns = SameColumns()
    assert (columns.of(strategy.columns["one"]) == columns.of(strategy.columns["other"])) is same


@pytest.mark.parametrize("length", [150, 199, 201, 1_000])
def test_averages_of_other_numbers_of_days_are_others(length: int) -> None:
    """Though a week of minutes has no two hundred days."""
    days = "bars.resample('1d').close"
    one, other, same, minutes = (
        compile_strategy(f"def indicators(bars):\n    return {{'x': {each}}}\ndef on_bar(bar, position, state):\n    if bar.x > 0:\n        return buy()\n").columns["x"]
        for each in (f"ta.sma({days}, length=200)", f"ta.sma({days}, length={length})", f"{days}.rolling(200).mean()", "ta.sma(bars.close, length=200)")
    )  # fmt: skip
    known = SameColumns()
    assert known.of(one) == known.of(same)
    assert len({known.of(each) for each in (one, other, minutes)}) == 3
