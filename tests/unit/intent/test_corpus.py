"""Requests that were collected beside the grammar: what is written for them, and what is asked about."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.strategy import compile_strategy

from tests.evaluation.corpus_cases import ASKED, WRITTEN


@pytest.mark.parametrize(
    ("words", "symbol", "rules"),
    [
        pytest.param(*each, id=each[0][:70], marks=[pytest.mark.long] if number % 4 else [])
        for number, each in enumerate(WRITTEN)
    ],
)
def test_it_is_written_with_its_decisions(words: str, symbol: str, rules: frozenset[str]) -> None:
    draft = StrategyDraft.model_validate(write_answer([words]))
    assert draft.questions == []
    assert draft.symbol == symbol
    said = {rule for each in draft.requirements for rule in each.rules if not rule.startswith("symbol")}
    assert said == rules
    assert review(draft, compile_strategy(draft.python_code), Request(words, whole=True)) == []


@pytest.mark.parametrize("words", ASKED, ids=[each[:70] for each in ASKED])
def test_it_is_asked_about(words: str) -> None:
    assert not write_answer([words])["python_code"]
