"""The offline author over conversations in which it asks: what was said before the question is not forgotten, and its answers pass the gate."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import AnswerKind, StrategyDraft
from stratforge.ai.drafting import request_of
from stratforge.ai.prompts import answer_request, first_request
from stratforge.ai.quant import Turn
from stratforge.ai.review import review
from stratforge.intent.gate import rules_of
from stratforge.strategy import compile_strategy

RSI = "ta.rsi(bars.close, length=14)"
FLURB = "Buy AAPL when the RSI is below 30 and the flurb is green, only before 15:00. Sell above 70."


def converse(*turns: str) -> tuple[StrategyDraft, list[str]]:
    """The last answer of a conversation and what the gate finds in it."""
    conversation, draft = list[Turn](), None
    for index, words in enumerate(turns):
        conversation.append(Turn("user", answer_request(words) if conversation else first_request(words)))
        draft = StrategyDraft.model_validate(write_answer(turns[: index + 1]))
        if draft.python_code:
            found = review(draft, compile_strategy(draft.python_code), request_of(conversation))
        else:
            found = []
        conversation.append(Turn("model", draft.model_dump_json()))
    assert draft is not None
    return draft, found


@pytest.mark.parametrize(
    ("turns", "rules"),
    [
        (
            (FLURB, "leave it out"),
            {f"buy when {RSI} < 30", "buy only when minute < 900", f"sell when {RSI} > 70"},
        ),
        (
            (FLURB, "Buy when the RSI is below 25 and sell when it is above 60"),
            {f"buy when {RSI} < 25", "buy only when minute < 900", f"sell when {RSI} > 60"},
        ),
        (
            ("sell when the RSI is above 70, put in 10% of equity", "buy when it is below 30"),
            {f"buy when {RSI} < 30", f"sell when {RSI} > 70", "size 10% of equity"},
        ),
        (
            ("Buy AAPL when the RSI is below 30 and sell when it is above 70", "add a 1% stop and use 22", "22 instead of 30"),
            {f"buy when {RSI} < 22", f"sell when {RSI} > 70", "sell when gain <= -1"},
        ),
        (
            ("Buy AAPL and MSFT when the RSI is below 30 and sell when it is above 70", "MSFT"),
            {f"buy when {RSI} < 30", f"sell when {RSI} > 70"},
        ),
    ],
)  # fmt: skip
def test_what_was_said_before_the_question_is_written_too(turns: tuple[str, ...], rules: set[str]) -> None:
    draft, found = converse(*turns)
    assert found == []
    assert set(rules_of(draft.requirements)) == rules


def test_one_of_the_proposals_is_chosen_by_its_number() -> None:
    draft, found = converse("a momentum strategy for Google", "the second one")
    assert (found, draft.symbol) == ([], "GOOG")
    assert "bars.high.rolling(60)" in " ".join(rules_of(draft.requirements))


def test_words_that_were_not_understood_are_asked_for_again_until_they_are_left_out() -> None:
    draft, _ = converse(FLURB, "add a 1% stop")
    assert draft.kind is AnswerKind.CLARIFY
    assert "flurb" in " ".join(draft.questions)


def test_a_request_that_cannot_be_done_does_not_stand_in_the_way_of_the_next() -> None:
    draft, found = converse(
        "Buy TSLA call options when RSI is above 80", "then buy it when RSI is below 20 and sell above 60"
    )
    assert (found, draft.symbol) == ([], "TSLA")


def test_what_is_left_out_is_said() -> None:
    draft, _ = converse(FLURB, "leave it out")
    assert any("flurb is green" in each for each in draft.assumptions)


def test_numbers_that_the_person_said_are_not_called_usual() -> None:
    draft, _ = converse("Buy AAPL when price is above the 50 SMA, sell when RSI is above 70", "only before 11:00")
    assert not any("50-bar" in each or "70" in each for each in draft.assumptions if "usual" in each)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("make the exit 65", f"sell when {RSI} > 65"),
        ("Use 7 periods for the RSI", "sell when ta.rsi(bars.close, length=7) > 70"),
        ("sell only on a 1% gain instead", "sell when gain >= 1"),
        ("and the price must be above 50 dollars", "buy only when close > 50"),
        ("raise 70 by 5", f"sell when {RSI} > 75"),
        ("lower the level 30 by 5", f"buy when {RSI} < 25"),
    ],
)
def test_a_change_says_what_goes_and_what_comes(change: str, rule: str) -> None:
    draft, found = converse("Buy AAPL when the RSI is below 30 and sell when it is above 70", change)
    assert found == []
    assert rule in rules_of(draft.requirements)
    assert len([each for each in rules_of(draft.requirements) if each.startswith("sell")]) == 1


ON_FRIDAYS = "Buy NKE when RSI < 30, sell when RSI > 60, not on Fridays"


def test_what_was_asked_and_answered_is_not_asked_again_of_a_later_change() -> None:
    draft, found = converse(ON_FRIDAYS, "buying", "and a stop of 1%")
    assert found == []
    assert any(each.startswith("buy only when weekday") for each in rules_of(draft.requirements))
    assert {"stop loss 1%", "sell when gain <= -1"} & set(rules_of(draft.requirements))


def test_what_is_offered_to_press_leaves_out_nothing_that_was_said_since() -> None:
    open_still, _ = converse(ON_FRIDAYS, "stop 1%")
    asked_again, _ = converse(ON_FRIDAYS, "what?")
    assert not any("You could say" in each for each in open_still.questions)
    assert any("You could say" in each for each in asked_again.questions)


@pytest.mark.parametrize(
    ("change", "stays"),
    [("sell after 30 bars", False), ("sell at 15:30", False), ("stop 1%", True), ("take profit 2%", True)],
)
def test_a_sale_that_was_decided_for_a_person_goes_with_one_that_is_named_and_stays_told_beside_a_stop(
    change: str, *, stays: bool
) -> None:
    draft, found = converse("Buy KO when RSI < 30.", change)
    assert found == []
    assert (f"sell when {RSI} >= 30" in rules_of(draft.requirements)) is stays
    assert any(each.startswith("What was decided before") for each in draft.assumptions) is stays


@pytest.mark.parametrize(
    "request_in_words",
    [
        "Kaufe SPY um 10 Uhr und verkaufe um 15:30 Uhr.",
        "Compra SPY a las 10:00 y vende a las 15:30.",
        "Achète SPY à 10h00, vends à 15h30.",
        "Buy SPY at 9:00 CT and sell at 14:30 CT.",
    ],
)
def test_times_are_read_as_each_language_says_them(request_in_words: str) -> None:
    draft, found = converse(request_in_words)
    assert found == []
    assert {"buy when minute >= 600 and minute < 601", "sell when minute >= 930"} <= set(rules_of(draft.requirements))  # fmt: skip


def test_a_question_quotes_the_persons_own_words_in_their_language() -> None:
    words = "Kaufe NVDA bei Überschreiten des VWAP und verkaufe bei Unterschreiten."
    draft, _ = converse(words)
    quoted = [each for each in draft.questions if each.startswith("This was not understood: ")]
    assert quoted
    assert all("“buy”" not in each and "at Überschreiten" not in each for each in quoted)


def test_what_is_proposed_to_a_person_who_goes_short_is_a_short_strategy() -> None:
    draft, _ = converse("I wanna short meme stocks. AMC when RSI above 80, cover after 30 mins")
    assert not any("crosses above the 30-bar average and cover" in each for each in draft.questions)
    assert any("Short AMC when the RSI is above 70" in each for each in draft.questions)
