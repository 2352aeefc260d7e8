"""A “buy” or “sell” that is misspelt or missing, and an indicator that is: neither makes a strategy of the other kind without a word."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.intent.spelling import near_indicator, respelled
from stratforge.strategy import compile_strategy

RSI = "ta.rsi(bars.close, length=14)"


def exchanged(first: str, second: str, low: int, high: int) -> StrategyDraft:
    """An answer that sells by the first of two quotations and buys by the second."""
    code = (
        f'def indicators(bars):\n    return {{"rsi": {RSI}}}\n\n\ndef on_bar(bar, position, state):\n'
        f"    if position.quantity == 0 and bar.rsi < {high}:\n        return buy()\n"
        f"    if position.quantity > 0 and bar.rsi > {low}:\n        return sell()\n"
    )
    lines = list(range(1, 10))
    wanted = [
        {"quote": first, "meaning": "it sells", "status": "covered", "rules": [f"sell when {RSI} > {low}"], "lines": lines},
        {"quote": second, "meaning": "it buys", "status": "covered", "rules": [f"buy when {RSI} < {high}"], "lines": lines},
    ]  # fmt: skip
    said = ["No size was given.", "The usual numbers are taken: RSI of 14 bars."]
    return StrategyDraft.model_validate(
        {"name": "x", "symbol": "AAPL", "python_code": code, "logic_explanation": f"The RSI of 14 bars, {low} and {high}.", "assumptions": said, "requirements": wanted}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("by AAPL when rsi over 30 sell", "under 70"),
        ("AAPL when rsi over 30 sell", "under 70"),
        ("bui AAPL rsi > 30, sell", "< 70"),
        ("by AAPL when rsi over 30. sell", "when the rsi is under 70"),
        ("AAPL if rsi over 30 exit", "if rsi less than 70"),
        ("kauf3 AAPL wenn rsi über 30 verkaufe", "wenn rsi unter 70"),
    ],
)
def test_what_follows_sell_is_not_bought_by(first: str, second: str) -> None:
    draft = exchanged(first, second, 30, 70)
    found = review(draft, compile_strategy(draft.python_code), Request(f"{first} {second}", whole=True))
    assert any("belongs to what is sold" in each for each in found), found


def test_one_quotation_of_everything_keeps_the_sides_apart() -> None:
    words = "buy AAPL when rsi under 30 sell over 70"
    draft = exchanged(words, words, 30, 70)
    found = review(draft, compile_strategy(draft.python_code), Request(words, whole=True))
    assert any("of what is sold" in each for each in found), found


@pytest.mark.parametrize("word", ["RIS", "SRI", "RRSI", "RSII", "RAI"])
def test_a_misspelt_indicator_is_no_symbol_whose_price_is_compared(word: str) -> None:
    words = f"Buy when {word} is below 35, sell above 60"
    code = (
        'def indicators(bars):\n    return {"price": bars.close}\n\n\ndef on_bar(bar, position, state):\n'
        "    if position.quantity == 0 and bar.close < 35:\n        return buy()\n"
        "    if position.quantity > 0 and bar.close > 60:\n        return sell()\n"
    )
    rules = ["buy when close < 35", "sell when close > 60", f"symbol {word}"]
    draft = StrategyDraft.model_validate(
        {"name": "x", "symbol": word, "python_code": code, "logic_explanation": "Below 35, above 60.", "requirements": [{"quote": words, "meaning": "-", "status": "covered", "rules": rules, "lines": list(range(1, 10))}]}
    )  # fmt: skip
    found = review(draft, compile_strategy(draft.python_code), Request(words, whole=True))
    assert any("misspelt" in each for each in found), found


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("By AAPL when RSII < 30, selkl when rsi > 70", {f"buy when {RSI} < 30", f"sell when {RSI} > 70"}),
        ("bluy TSLA whne rsi drops beloww 25 and sell abvoe 65", {f"buy when {RSI} < 25", f"sell when {RSI} > 65"}),
    ],
)
def test_typing_errors_are_read_and_said(words: str, rules: set[str]) -> None:
    answer = write_answer([words])
    assert {rule for each in answer["requirements"] for rule in each["rules"] if not rule.startswith("symbol")} == rules
    draft = StrategyDraft.model_validate(answer)
    assert review(draft, compile_strategy(draft.python_code), Request(words, whole=True)) == []
    assert sum("is read as" in each for each in draft.assumptions) >= 3


def test_only_what_is_near_is_read_as_another_word() -> None:
    assert (
        respelled("sel it abvoe 70", ["“sel” is read as “sell”.", "“abvoe” is read as “above”."]) == "sell it above 70"
    )
    assert (
        respelled("sell it above 70", ["“above” is read as “below”.", "“sell” is read as “buy”."]) == "sell it above 70"
    )
    assert near_indicator("ris") == "rsi"
    assert near_indicator("rsi") is near_indicator("apple") is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("neither", "either"), ("nor", "or"), ("none", "one"), ("nobody", "body"), ("Tuesday", "Thursday"), ("increasing", "decreasing"), ("increase", "decrease"),
        ("ascending", "descending"), ("unequal", "equal"), ("ungleich", "gleich"), ("equal", "unequal"), ("cant", "can"), ("wont", "want"), ("isnt", "is"), ("dont", "do"),
        ("disallow", "allow"), ("unprofitable", "profitable"), ("profitable", "unprofitable"), ("loss", "less"), ("last", "least"), ("least", "last"), ("highest", "lowest"),
        ("kein", "ein"), ("keine", "eine"), ("minimum", "maximum"), ("falls", "fails"), ("rises", "rinses"), ("uptrend", "downtrend"), ("inactive", "active"), ("ever", "never"),
        ("winning", "wining"), ("long", "low"), ("unless", "useless"), ("until", "unit"), ("outside", "inside"), ("raise", "rise"), ("two", "ten"), ("first", "last"),
    ],
)  # fmt: skip
def test_no_word_becomes_its_contrary_or_another_by_being_called_misspelt(written: str, read: str) -> None:
    assert respelled(f"x {written} y", [f"“{written}” is read as “{read}”."]) == f"x {written} y"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("abvoe", "above"),
        ("selkl", "sell"),
        ("mondays", "monday"),
        ("bbuy", "buy"),
        ("whne", "when"),
        ("drosp", "drops"),
        ("ovre", "over"),
    ],
)
def test_errors_of_typing_are_read_as_what_they_are(written: str, read: str) -> None:
    assert respelled(f"x {written} y", [f"“{written}” is read as “{read}”."]) == f"x {read} y"
