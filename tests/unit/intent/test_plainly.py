"""Plain words for what was said: they mean the same, lead back to the person's own words, and nothing that decides is passed over."""

from __future__ import annotations

import pytest
from simulators.gemini.author.strict import rules_of_statement
from stratforge.intent.reading.asides import decides
from stratforge.intent.reading.plainly import plainly
from stratforge.intent.reading.statements import statements_of

from tests.support.contracts import RSI, found_in, written


def test_plain_words_lead_back_to_the_persons_own() -> None:
    turn = (
        "hey, could you make a bot that buys AAPL whenever RSI(14) is below 30, because it snaps back. Sell above 70."
    )
    plain = plainly(turn)
    at = plain.text.index("Sell")
    assert at < turn.index("Sell")
    start, end = plain.place(at, at + 4)
    assert turn[start:end] == "Sell"
    assert "because" not in plain.text


@pytest.mark.parametrize(
    "words",
    [
        "10 bars", "on Mondays", "never", "unless it rains", "buy the dip", "dump it", "above the average", "half of it", "rarely", "with leverage", "add to winners", "max exposure", "if volatile", "the other way round, or not",
    ],
)  # fmt: skip
def test_what_may_decide_is_known(words: str) -> None:
    assert decides(words)


@pytest.mark.parametrize(
    "said",
    ["Rarely.", "On Fridays too.", "Small size.", "Trend filter: price above VWAP.", "Una sola operación diaria.", "Add to winners.", "Max 2 trades.", "Solo il lunedi."],
)  # fmt: skip
def test_what_may_decide_is_not_passed_over(said: str) -> None:
    assert written(f"Buy AAPL when RSI < 30, sell when RSI > 70. {said}") is None


@pytest.mark.parametrize("said", ["I like this one.", "My mentor told me about it.", "It is a nice idea, thanks!"])
def test_what_decides_nothing_is_passed_over(said: str) -> None:
    answer = written(f"Buy AAPL when RSI < 30, sell when RSI > 70. {said}")
    assert answer is not None
    assert len(answer[0]) == 2


def test_a_label_within_a_text_is_not_passed_over() -> None:
    read = statements_of("Buy AAPL when RSI < 30. Emergency: RSI > 70. Sell when RSI > 80.", "AAPL")
    assert not all(each.kind for each in read)


@pytest.mark.parametrize(
    ("bought", "sold"),
    [
        ("price closes above the high of the first 5 minutes", "sell when close < opening_high(5)"),
        ("price closes below the low of the first 5 minutes", "sell when close > opening_low(5)"),
    ],
)
def test_back_inside_the_range_is_read_from_the_side_it_bought_on(bought: str, sold: str) -> None:
    answer = written(f"Buy SPY when {bought}. Sell if it closes back inside the range.")
    assert answer is not None
    assert sold in answer[0]


@pytest.mark.parametrize(("opens", "sign"), [("down", ">="), ("up", "<=")])
def test_a_gap_is_filled_from_the_side_to_which_it_opened(opens: str, sign: str) -> None:
    read = statements_of(f"Buy when it gaps {opens} 1% and RSI < 50. Sell when the gap is filled.", "SPY")
    assert all(each.kind for each in read)
    assert rules_of_statement(read[-1]) == [f"sell when close {sign} yesterday_close"]


@pytest.mark.parametrize("words", ["only trade 9:45am-3pm", "only trade 8am–8pm", "only buy 10:00-12:00"])
def test_a_stretch_of_the_day_has_both_its_ends(words: str) -> None:
    facts = {fact for each in statements_of(words, "BTC/USD") for ways in each.readings[:1] for way in ways for fact in way}  # fmt: skip
    assert {fact[1] for fact in facts} == {">=", "<"}
    assert len(facts) == 2


def test_an_aside_that_is_quoted_by_itself_is_told_and_no_contradiction() -> None:
    words = "Buy AAPL when RSI < 30, sell when RSI > 70. My mentor told me about it."
    quoted = [(words[:22], [f"buy when {RSI} < 30"]), (words[24:42], [f"sell when {RSI} > 70"]), (words[44:-1], [])]
    assert found_in(words, *quoted, assumptions=["The RSI is of 14 bars."]) == []
