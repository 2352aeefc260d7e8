"""What the grammar does not read and the strict reading does is written from it, and passes the gate; what neither reads stays a question."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from simulators.gemini.author.strict import written_strictly
from stratforge.strategy import compile_strategy

from tests.support.contracts import RSI, written

CLOSE_50 = "ta.sma(bars.close, length=50)"
ADX = "ta.adx(bars.high, bars.low, bars.close, length=14, lensig=14).adx"
UNLESS_BOTH = "Buy when RSI < 35 unless ADX is above 30 and the price is below the 50 SMA; sell when RSI > 60"


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy RSI < 35 sell RSI > 60, no stop loss", {f"buy when {RSI} < 35", f"sell when {RSI} > 60"}),
        (UNLESS_BOTH, {f"buy when (close >= {CLOSE_50} and {RSI} < 35) or ({ADX} <= 30 and {RSI} < 35)", f"sell when {RSI} > 60"}),
    ],
)  # fmt: skip
def test_what_the_strict_reading_alone_reads_is_written_and_passes(words: str, rules: set[str]) -> None:
    answer = written(words)
    assert answer is not None
    assert answer[0] == rules
    assert "No symbol was named: AAPL is used." in answer[1]


def test_its_numbers_can_be_tuned_and_are_the_words_own() -> None:
    answer = write_answer([UNLESS_BOTH])
    tuned = {each["name"]: each["value"] for each in answer["parameters"]}
    assert compile_strategy(answer["python_code"]).parameters == tuned
    assert {35, 30, 50, 60, 14} == set(tuned.values())


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("Buy AAPL only when the RSI is below 30, sell when the RSI is above 70", f"buy when {RSI} < 30"),
        ("Buy AAPL when RSI < 30, sell when RSI > 70. Only on Mondays.", "buy only when weekday == 0"),
        ("Buy AAPL at 15:50, sell at 10:00 the next day", "sell when days_held >= 1 and minute >= 600"),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, risk 1% with a stop 2% below", "size 1% of equity at risk"),
        ("Buy AAPL when RSI < 30 for 3 bars, sell when RSI > 70", f"buy when for_bars(3, {RSI} < 30)"),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, sell half at a profit of 2%", "sell 50% when gain >= 2"),
        ("Buy AAPL when the price crosses above the 50 SMA, sell when RSI > 70", f"buy when crosses_above(close, {CLOSE_50})"),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, at most 2 trades a day", "at most 2 buys a day"),
        ("Buy AAPL with 10% of my equity when RSI < 30, sell when RSI > 70", "size 10% of equity"),
    ],
)  # fmt: skip
def test_every_form_of_a_statement_becomes_its_rule(words: str, rule: str) -> None:
    answer = written_strictly(words)
    assert answer is not None
    assert rule in [each for requirement in answer["requirements"] for each in requirement["rules"]]


@pytest.mark.parametrize(
    "words",
    [
        "Buy AAPL when RSI < 30 and the moon is full, sell when RSI > 70",
        "Buy AAPL and MSFT when RSI < 30, sell when RSI > 70",
        "Sell AAPL when RSI > 70",
        "",
    ],
)
def test_nothing_is_written_where_a_word_is_not_read_or_a_side_is_missing(words: str) -> None:
    assert written_strictly(words) is None


def test_how_it_sells_is_told_where_nothing_was_said_of_it() -> None:
    answer = written_strictly("Buy AAPL when RSI < 30")
    assert answer is not None
    assert [each["rules"] for each in answer["requirements"] if each["status"] == "assumed"] == [
        [f"sell when {RSI} >= 30"]
    ]
    assert "No rule for selling was given: it will sell when RSI(14) is at or above 30." in answer["assumptions"]


def test_what_is_asked_for_a_reason_stays_a_question() -> None:
    answer = write_answer(["Buy AAPL and MSFT when RSI < 30, sell when RSI > 70"])
    assert (answer["kind"], answer["python_code"]) == ("clarify", "")
