"""An answer in words changes nothing: it is none to who asks for a change, and may not say that it made one."""

from __future__ import annotations

import pytest
from stratforge.intent.plain_answers import answer_findings, asks_for_change, claims_change


@pytest.mark.parametrize(
    "turn",
    [
        "add a stop of 2%",
        "Please add a 2% stop.",
        "can you add a stop?",
        "OK, now remove the stop",
        "only on Mondays",
        "use 20 instead of 10",
        "I want to sell at 15:55",
        "Buy AAPL when the RSI is below 30",
        "Füge einen Stop von 2 % hinzu",
        "añade un stop del 2%",
        "ajoute un stop de 2 %",
        "加一个2%的止损",
    ],
)
def test_who_wants_something_else_asks_for_a_change(turn: str) -> None:
    assert asks_for_change(turn)


@pytest.mark.parametrize(
    "turn",
    [
        "Why did it lose in March?",
        "what does it do?",
        "explain the last trade",
        "how often does it buy on Mondays",
        "Which of mine is best?",
        "does it use a stop?",
        "thanks",
        "Warum hat sie verloren?",
        "为什么亏损？",
    ],
)
def test_who_wants_to_know_something_asks_for_no_change(turn: str) -> None:
    assert not asks_for_change(turn)


@pytest.mark.parametrize(
    "text",
    [
        "I added a stop of 2 %.",
        "Sure. I've changed the RSI to 25.",
        "The stop has been removed.",
        "The strategy now sells at 15:55.",
        "Ich habe einen Stop hinzugefügt.",
        "He añadido un stop.",
        "J'ai ajouté un stop.",
    ],
)
def test_words_that_claim_a_change_are_found(text: str) -> None:
    assert claims_change(text)


@pytest.mark.parametrize(
    "text",
    [
        "It buys when the RSI is below 30 and sells above 70.",
        "It lost 4.5 % in March: the stop sold 1 trade.",
        "I have not changed anything.",
        "You could say “add a stop of 2 %”.",
    ],
)
def test_words_that_tell_how_it_is_claim_nothing(text: str) -> None:
    assert not claims_change(text)


def test_an_answer_to_a_question_passes_and_an_empty_one_does_not() -> None:
    assert not list(answer_findings("What does it do?", "It buys when the RSI is low."))
    assert list(answer_findings("What does it do?", " "))
