"""Days and times that are excepted: never the contrary, and never of one side alone without a word."""

from __future__ import annotations

import pytest
from stratforge.intent.exceptions import one_sided
from stratforge.intent.rules import RuleKind, read_rule

from tests.support.contracts import RSI, found_in, written

BUY, SELL = f"buy when {RSI} < 30", f"sell when {RSI} > 70"
TOLD = ["The usual numbers are taken: RSI of 14 bars."]


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy AAPL when RSI < 30 every day but Monday, sell RSI > 70", [f"{BUY} and weekday == 0", SELL]),
        ("Buy AAPL when RSI < 30 all days save Friday, sell RSI > 70", [f"{BUY} and weekday == 4", SELL]),
        ("Buy AAPL when RSI < 30 any day bar Monday, sell RSI > 70", [f"{BUY} and weekday == 0", SELL]),
        ("Buy AAPL when RSI < 30 apart from Mondays, sell RSI > 70", [f"{BUY} and weekday == 0", SELL]),
        ("Buy AAPL when RSI < 30 after Wednesday, sell RSI > 70", [f"{BUY} and weekday == 2", SELL]),
        ("Buy AAPL when RSI < 30 before Wednesday, sell RSI > 70", [f"{BUY} and weekday == 2", SELL]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, except before 10:00", [BUY, f"{SELL} and not (minute >= 600)"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70 unless it is after 15:00", [BUY, f"{SELL} and minute >= 900"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, except on Mondays", [BUY, f"{SELL} and weekday != 0"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, except on Mondays", [BUY, SELL, "buy only when weekday != 0"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70. No trades on Friday", [BUY, SELL, "buy only when weekday != 4"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, not after 15:00", [BUY, SELL, "buy only when minute < 900"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, only on Mondays", [BUY, SELL, "buy only when weekday == 0"]),
        ("Compra AAPL cuando el RSI < 30 y vende cuando RSI > 70, salvo los lunes", [BUY, f"{SELL} and weekday != 0"]),
    ],
)
def test_the_gate_finds_an_exception_that_is_turned_or_of_one_side(words: str, rules: list[str]) -> None:
    assert found_in(words, (words, rules), assumptions=TOLD)


def test_an_exception_of_both_sides_and_one_that_is_told_pass() -> None:
    words = "Buy AAPL when RSI < 30, sell when RSI > 70, except on Mondays"
    both = [BUY, f"{SELL} and weekday != 0", "buy only when weekday != 0"]
    assert found_in(words, (words, both), assumptions=TOLD) == []
    told = [*TOLD, "“except on Mondays” is read of buying alone."]
    assert found_in(words, (words, [BUY, SELL, "buy only when weekday != 0"]), assumptions=told) == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("Buy AAPL when RSI < 30 every day but Monday, sell RSI > 70", f"({RSI} < 30) and (not (weekday == 0))"),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, except before 10:00", f"({RSI} > 70) and (not (minute < 600))"),
        ("Buy AAPL when RSI < 30, sell RSI > 70, unless before 10:00", f"({RSI} > 70) and (not (minute < 600))"),
    ],
)
def test_the_author_reads_an_exception_as_one(words: str, wanted: str) -> None:
    answer = written(words)
    assert answer is not None
    assert any(each.endswith(wanted) for each in answer[0])


@pytest.mark.parametrize(
    "words",
    [
        "Buy AAPL when RSI < 30, sell when RSI > 70, except on Mondays",
        "Buy AAPL when RSI < 30, sell when RSI > 70, unless it is Monday",
        "Buy AAPL when RSI < 30, sell when RSI > 70, except between 12:00 and 13:00",
        "Compra AAPL cuando el RSI baje de 30 y vende cuando suba de 70, salvo los lunes",
        "Buy AAPL when RSI < 30, sell when RSI > 70. No trades on Wednesday or Thursday",
        "Buy AAPL when RSI < 30, sell when RSI > 70. Not on Mondays.",
    ],
)
def test_the_author_says_of_which_side_an_exception_is_read(words: str) -> None:
    answer = written(words)
    assert answer is not None
    rules, told = answer
    sides = {each.split()[0] for each in rules if "weekday" in each or "minute" in each}
    assert sides == {"buy", "sell"} or any("alone" in each for each in told)


@pytest.mark.parametrize("when", ["after Wednesday", "after Monday", "before Thursday", "since Tuesday"])
def test_days_after_or_before_a_day_are_asked_about(when: str) -> None:
    assert written(f"Buy AAPL when RSI < 30 {when}, sell when RSI > 70") is None


def test_numbers_in_words_are_numbers() -> None:
    answer = written("Buy AAPL when RSI < thirty, sell when RSI > seventy")
    assert answer is not None
    assert answer[0] == {BUY, SELL}
    assert written("Buy AAPL when RSI is below thirty and sell above seventy") is not None
    words = "Buy AAPL when RSI < twenty five, sell when RSI > seventy-five"
    assert found_in(words, (words, [f"buy when {RSI} < 20", f"sell when {RSI} > 75"]), assumptions=TOLD)
    assert found_in(words, (words, [f"buy when {RSI} < 25", f"sell when {RSI} > 75"]), assumptions=TOLD) == []


def test_a_restriction_in_a_sentence_of_its_own_is_told_to_be_of_buying() -> None:
    words = "Buy when RSI < 30, sell when RSI > 70. Only when price is above the 200 SMA."
    rules = [read_rule(each) for each in ("buy when ta.rsi(bars.close, length=14) < 30", "sell when ta.rsi(bars.close, length=14) > 70", "buy only when close > ta.sma(bars.close, length=200)")]  # fmt: skip
    assert list(one_sided([words], rules)) == [("Only when price is above the 200 SMA", RuleKind.BUY)]


@pytest.mark.parametrize(
    "words",
    [
        "Hands off before 10:00.",
        "Leave out the first half hour.",
        "Nothing while price is below the 200 SMA.",
        "Stay away in the morning.",
    ],
)
def test_a_bound_of_buying_alone_that_names_no_side_is_told_whatever_its_words(words: str) -> None:
    rules = [
        read_rule("buy only when minute >= 600"),
        read_rule("buy when close > 10"),
        read_rule("sell when gain >= 1"),
    ]
    for turn in (f"{words} Buy SPY above 10, sell at 1% profit.", words):
        assert [side for _, side in one_sided([turn], rules)] == [RuleKind.BUY]


@pytest.mark.parametrize(
    "words", ["Good morning! Buy SPY above 10, sell at 1% profit.", "No buying before 10:00. Sell at 1% profit."]
)
def test_what_bounds_nothing_or_names_its_side_needs_no_telling(words: str) -> None:
    rules = [
        read_rule("buy only when minute >= 600"),
        read_rule("buy when close > 10"),
        read_rule("sell when gain >= 1"),
    ]
    assert not list(one_sided([words], rules))
