"""Whole conversations with the offline author: a question, an answer by a word or by one of the replies, and the strategy that was asked for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import request_of
from stratforge.ai.prompts import first_request, refinement_request
from stratforge.ai.quant import Turn
from stratforge.ai.review import review
from stratforge.intent.gate import rules_of
from stratforge.strategy import compile_strategy

RSI = "ta.rsi(bars.close, length=14)"
SMA = "ta.sma(bars.close, length=200)"
BOUND = "Buy AAPL when RSI < 30, sell when RSI > 70, but only if price is above the 200 SMA"
BACK = "Buy AAPL when price is back above the 200 SMA, sell when RSI > 70"
LATELY = "Buy AAPL when RSI was below 30 in the last 10 bars and price > VWAP, sell when RSI > 70"
VWAP = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"


def written(*turns: str) -> tuple[dict[str, Any], set[str]]:
    """The answer to the last turn, once it has passed the product's gate, and its rules."""
    conversation = list[Turn]()
    draft = None
    for index, words in enumerate(turns):
        conversation.append(Turn("user", (refinement_request if conversation else first_request)(words)))
        answer = write_answer(turns[: index + 1])
        draft = StrategyDraft.model_validate(answer)
        conversation.append(Turn("model", draft.model_dump_json()))
    assert draft is not None
    assert draft.kind == "strategy", draft.questions
    assert review(draft, compile_strategy(draft.python_code), request_of(conversation[:-1])) == []
    return answer, set(rules_of(draft.requirements))


@pytest.mark.parametrize(
    ("request_", "answer", "rules"),
    [
        (BOUND, "buying", {f"buy when {RSI} < 30", f"sell when {RSI} > 70", f"buy only when close > {SMA}"}),
        (BOUND, "the purchase", {f"buy when {RSI} < 30", f"sell when {RSI} > 70", f"buy only when close > {SMA}"}),
        (BOUND, "I mean the sale", {f"buy when {RSI} < 30", f"sell when {RSI} > 70 and close > {SMA}"}),
        (BACK, "the crossing", {f"buy when crosses_above(close, {SMA})", f"sell when {RSI} > 70"}),
        (BACK, "level", {f"buy when close > {SMA}", f"sell when {RSI} > 70"}),
        (LATELY, "at one of them", {f"buy when close > {VWAP} and within_bars(10, {RSI} < 30)", f"sell when {RSI} > 70"}),
        (LATELY, "all of them", {f"buy when for_bars(10, {RSI} < 30) and close > {VWAP}", f"sell when {RSI} > 70"}),
        ("Buy AAPL when price is well below the 200 SMA, sell when RSI > 70", "by 1%", {f"buy when close <= {SMA} * 0.99", f"sell when {RSI} > 70"}),
        ("Buy AAPL when price > 200-day SMA, sell when price < 200-day SMA", "yes", {f"buy when close > {SMA}", f"sell when close < {SMA}"}),
        ("Buy AAPL when RSI < 30. Get rid of it when things look bad", "sell when RSI > 70", {f"buy when {RSI} < 30", f"sell when {RSI} > 70"}),
        ("Buy AAPL when RSI < 30. Get rid of it when things look bad", "sell all at the close", {f"buy when {RSI} < 30", "sell when minute >= 955", "buy only when minute < 955"}),
    ],
)  # fmt: skip
def test_a_word_answers_a_question(request_: str, answer: str, rules: set[str]) -> None:
    assert write_answer([request_])["kind"] == "clarify"
    found, said = written(request_, answer)
    assert said == rules | {each for each in said if each.startswith("symbol")}
    assert any(answer in each for each in found["assumptions"])


@pytest.mark.parametrize("request_", [BOUND, BACK, LATELY])
def test_every_reply_that_is_offered_is_written_when_it_is_pressed(request_: str) -> None:
    questions = write_answer([request_])["questions"]
    replies = [each for question in questions for each in re.findall(r"\d\. “([^”]+)”", question)]
    assert len(replies) == 2
    strategies = [written(request_, each)[1] for each in replies]
    assert strategies[0] != strategies[1]
    # By its number it is the same.
    assert written(request_, "2")[1] - {"symbol AAPL"} == strategies[1] - {"symbol AAPL"}


def test_no_reply_that_is_offered_is_the_request_itself() -> None:
    request = "Buy AAPL when the 1 min RSI is below 30, sell when it is above 70"
    (question,) = write_answer([request])["questions"]
    assert "chart of that timeframe" in question
    assert request not in question


def test_an_answer_that_is_not_understood_leaves_the_question_open() -> None:
    assert write_answer([BOUND, "whatever looks better"])["kind"] == "clarify"


def test_no_answer_is_passed_over_where_one_of_two_readings_was_meant() -> None:
    """The gate lets nobody take words of which no reading is sure, unless the person has said more and is told how they are read."""
    whole = "Buy AAPL when RSI < 30, sell when RSI > 70. Only buy if price is above the 200 SMA."
    alone = StrategyDraft.model_validate(write_answer([whole]))
    asked = [*request_turns(BOUND), Turn("user", refinement_request("ok"))]
    assert any("but only if" in each for each in review(alone, compile_strategy(alone.python_code), request_of(asked)))


def request_turns(words: str) -> list[Turn]:
    draft = StrategyDraft.model_validate(write_answer([words]))
    return [Turn("user", first_request(words)), Turn("model", draft.model_dump_json())]
