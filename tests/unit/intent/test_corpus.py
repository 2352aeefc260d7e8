"""Requests that were collected beside the grammar: what is written for them, and what is asked about."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.strategy import compile_strategy

from tests.evaluation.corpus_cases import ASKED, OPEN, WRITTEN
from tests.support.tiers import one_of


def written(words: str) -> tuple[StrategyDraft, frozenset[str]]:
    draft = StrategyDraft.model_validate(write_answer([words]))
    return draft, frozenset(rule for each in draft.requirements for rule in each.rules if not rule.startswith("symbol"))


@pytest.mark.parametrize(("words", "symbol", "rules"), one_of(3, WRITTEN, lambda each: each[0][:70]))
def test_it_is_written_with_its_decisions(words: str, symbol: str, rules: frozenset[str]) -> None:
    draft, said = written(words)
    assert (draft.questions, draft.symbol, said) == ([], symbol, rules)
    assert review(draft, compile_strategy(draft.python_code), Request(words, whole=True)) == []


@pytest.mark.parametrize(("words", "symbol", "rules"), one_of(3, OPEN, lambda each: each[0][:70]))
def test_it_is_written_with_its_decisions_or_asked_about(words: str, symbol: str, rules: frozenset[str]) -> None:
    draft, said = written(words)
    assert not draft.python_code or (draft.symbol, said) == (symbol, rules)


@pytest.mark.parametrize("words", ASKED, ids=[each[:70] for each in ASKED])
def test_it_is_asked_about(words: str) -> None:
    assert not write_answer([words])["python_code"]
