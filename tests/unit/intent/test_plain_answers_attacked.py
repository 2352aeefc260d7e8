"""Answers in words, under attack: questions that begin like a request, claims in other words and languages, and honest words that look like a claim."""

from __future__ import annotations

import pytest
from stratforge.intent.plain_answers import answer_findings, asks_for_change, claims_change


@pytest.mark.parametrize(
    "turn",
    [
        "Don't change anything, just tell me why it sold on Monday",
        "Do not change the code. Why did it lose in March?",
        "Only one question: why did it lose in March?",
        "Hold on, why did it sell?",
        "Close to the end of March it lost. Why?",
        "Trade by trade, what did it earn?",
        "Buy and hold: would that have been better?",
        "Stop buying into the hype: is this strategy any good?",
        "Nur eine Frage: warum hat sie verloren?",
        "Kein Trade seit Montag, warum?",
        "I want to know why it lost in March",
        "Can you write down what it does?",
    ],
)
def test_a_question_that_begins_like_a_request_is_a_question(turn: str) -> None:
    assert not asks_for_change(turn)
    assert not list(answer_findings(turn, "It sold because the stop was reached."))


@pytest.mark.parametrize(
    "turn",
    ["How about a stop of 2 %? Add it.", "Is there a stop? If not, add one of 2%.", "What a mess. Remove the stop."],
)
def test_a_request_behind_a_question_is_a_request(turn: str) -> None:
    assert asks_for_change(turn)


@pytest.mark.parametrize(
    ("turn", "answer"),
    [
        ("What does it hold?", "The strategy now holds 12 shares of AAPL."),
        ("How does it stand?", "It now trades at 101.50, above the average."),
        ("What changed in version 2?", "In version 2 the stop has been removed."),
        ("What did you change?", "In version 3 I removed the stop."),
        ("Why did it sell?", "The Fed's rate has been raised, and the price fell through the stop."),
        ("What is the stop?", "The stop is set at 2 % below the price that was paid."),
        ("What changed?", "The length was changed by hand from 14 to 7."),
        ("Is there a stop?", "The stop was removed in version 3."),
        ("What did you do?", "I changed nothing."),
        ("What if I remove it?", "When the stop is removed it loses more."),
        ("Was hast du gemacht?", "Ich habe nichts geändert."),
        ("Why is it flat?", "The position was closed by the stop, and no order was placed since."),
    ],
)
def test_an_honest_answer_of_what_is_or_was_claims_nothing(turn: str, answer: str) -> None:
    assert not list(answer_findings(turn, answer))


@pytest.mark.parametrize(
    "text",
    [
        "Done: the stop is at 2 % from now on.",
        "I've gone ahead and added a stop of 2 %.",
        "I also added a stop of 2 %.",
        "I have successfully removed the stop.",
        "A stop of 2 % was added.",
        "The stop is removed.",
        "From now on it sells at 15:55.",
        "Your strategy now uses an EMA.",
        "Your strategy will now sell at 15:55.",
        "We've added a stop of 2 %.",
        "Not a problem: I added the stop.",
        "I added the stop, nothing else was touched.",
        "I added the stop with no other change.",
        "I changed the rule to sell when the RSI is above 80.",
        "I have changed the length by hand.",
        "I've adjusted your stop to 1 %.",
        "I tightened the stop.",
        "The stop was widened to 3 %.",
        "I have placed an order for 10 AAPL.",
        "I started the session.",
        "Ich habe den Stop angepasst.",
        "Der Stop wurde hinzugefügt.",
        "Die Strategie verkauft jetzt um 15:55.",
        "Se ha añadido un stop del 2 %.",
        "La estrategia ahora vende a las 15:55.",
        "Le stop a été ajouté.",
        "止损已设置为2%。",
        "止损已经被添加。",
        "ストップを追加しました。",
        "2%のストップを設定しました。",
    ],
)
def test_a_claim_in_other_words_is_a_claim(text: str) -> None:
    assert claims_change(text)
