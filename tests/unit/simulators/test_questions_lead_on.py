"""An answer that a question itself proposes works: the replies that it offers, their numbers, and the whole strategy said once more."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.intent.gate import rules_of
from stratforge.intent.reading import unsure

from functions.api.dashboard.pages.jobs import replies_in
from tests.support.conversations import talk

CASES = [json.loads(each) for each in Path(__file__).with_name("questions.jsonl").read_text("utf-8").splitlines()]
# What is asked, by what, and how it is asked where the offline author has a question of its own about these words.
ASKED = [each for each in CASES if "asks" in each]
WHOSE = [each for each in CASES if "meant" in each]


def some(cases: Sequence[dict[str, Any]], name: str) -> list[Any]:
    """All cases, of which every fourth is no long one."""
    return [pytest.param(each, id=str(each[name])[-70:], marks=[pytest.mark.long] if number % 4 else []) for number, each in enumerate(cases)]  # fmt: skip


ANEW = "Buy 10 AAPL when the RSI is below 30. Sell when the RSI is above 70."
_NOT_READ = ("This part was not understood", "This was not understood")
_NUMBERS = re.compile(r"Has it the numbers of “.*”\?")


def asks_in_the_code() -> set[str]:
    """The questions about words of which no reading is sure, as the product's tables and constants have them."""
    found = set[str]()
    for path in Path(unsure.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        said = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and isinstance(node.body[0], ast.Expr)}  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said and re.fullmatch(r"[A-Z][^\\|\n]*\?(?: [A-Z][^\\|\n]*\.)?", node.value) and " " in node.value and "(?:" not in node.value:  # fmt: skip
                found.add(node.value)
    return found


def test_there_is_a_conversation_for_every_question() -> None:
    listed = {each["asks"] for each in ASKED}
    assert asks_in_the_code() - listed == set()


def answers_to(questions: list[str], request: str) -> list[str]:
    """What questions propose: the replies to press, and their numbers."""
    numbers = [each for question in questions for each in re.findall(r"([123])\. “", question)]
    return [*replies_in(questions, request), *numbers]


@pytest.mark.parametrize("case", some(ASKED, "asks"))
def test_what_a_question_proposes_leads_on(case: dict[str, str]) -> None:
    request = case["request"]
    asked = write_answer([request])["questions"]
    assert any(case.get("asked", case["asks"]) in _NUMBERS.sub("Has it the numbers of “…”?", each) for each in asked)
    for answer in answers_to(asked, request):
        found = talk(request, answer)
        again = found.draft.questions if found.strategy is None else []
        assert not {*again} & {*asked}, answer
        assert not any(each.startswith(_NOT_READ) for each in again), answer


@pytest.mark.parametrize("case", some(ASKED, "asks"))
def test_the_whole_strategy_once_more_is_an_answer(case: dict[str, str]) -> None:
    passed = talk(case["request"], ANEW)
    assert passed.strategy is not None, passed.draft.questions
    told = " ".join(passed.draft.assumptions)
    # What it stands in the place of is told, and nothing of it is left.
    assert "what was said after that stands in its place" in told
    assert {"size 10 shares", "buy when ta.rsi(bars.close, length=14) < 30", "sell when ta.rsi(bars.close, length=14) > 70"} == set(rules_of(passed.draft.requirements))  # fmt: skip


@pytest.mark.parametrize("case", some(WHOSE, "turns"))
def test_whose_a_condition_is_can_be_answered(case: dict[str, Any]) -> None:
    """What is said in the words of the question is written, or leads to a reply that is; nothing is taken to be of one symbol that may be of another."""
    turns = case["turns"]
    passed = talk(*turns)
    if passed.strategy is None:
        replies = replies_in(passed.draft.questions, " ".join(turns))
        assert replies, passed.draft.questions
        for each in replies:
            assert talk(*turns, each).strategy is not None, each
        passed = talk(*turns, replies[0])
    assert passed.draft.symbol == case["symbol"]
    assert sorted(rules_of(passed.draft.requirements)) == sorted(case["meant"])


@pytest.mark.parametrize(
    ("turns", "symbol"),
    [
        (("buy AAPL and SPY when RSI is below 30", "AAPL"), "AAPL"),
        (("buy AAPL or SPY when RSI is below 30, sell when RSI is above 70", "SPY"), "SPY"),
        (("buy AAPL, MSFT and SPY when RSI is below 30, sell when RSI is above 70", "for MSFT please"), "MSFT"),
        (("Kaufe AAPL und MSFT wenn der RSI unter 30 fällt", "AAPL"), "AAPL"),
    ],
)
def test_one_of_the_symbols_that_are_named_is_an_answer(turns: tuple[str, ...], symbol: str) -> None:
    passed = talk(*turns)
    assert passed.strategy is not None, passed.draft.questions
    assert passed.draft.symbol == symbol
    assert any(turns[-1] in each for each in passed.draft.assumptions)


def test_what_was_said_of_the_size_is_not_forgotten() -> None:
    asked = write_answer(["Buy 10 SPY when RSI was below 30, sell when RSI is above 70", "Buy SPY when RSI is below 30. Sell when RSI is above 70."])  # fmt: skip
    assert asked["kind"] == "clarify"
    assert "was said before" in asked["questions"][0]


def test_a_sale_that_nobody_named_is_asked_about_where_another_symbol_is_looked_at() -> None:
    asked = write_answer(["buy AAPL when SPY is above its 200 SMA"])
    assert asked["kind"] == "clarify"
    assert "when it sells" in asked["questions"][0]
