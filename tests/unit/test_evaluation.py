"""The evaluation set itself: its references are strategies that trade, and the offline author gets most of it right."""

from __future__ import annotations

from collections import Counter

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.strategy import compile_strategy

from tests.evaluation.cases import CASES, Case
from tests.evaluation.judge import difference, held, paths

REFERENCES = [reference for case in CASES for reference in case.references]


def test_there_are_enough_requests_of_every_group() -> None:
    counts = Counter(case.group for case in CASES)
    assert sum(counts.values()) >= 60
    assert min(counts.values()) >= 4
    assert len({case.request for case in CASES}) == len(CASES)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.entry[:40])
def test_every_reference_is_a_strategy_that_buys_and_sells_on_the_paths(reference: object) -> None:
    strategy = compile_strategy(reference.code)  # type: ignore[attr-defined]
    parts = [float((held(strategy, bars) > 0.001).mean()) for bars in paths()]
    assert 0 < sum(parts) < 3


def test_the_judge_tells_other_rules_apart() -> None:
    """A judge that agrees with anything would be none: most answers to another request are wrong."""
    rules = [case for case in CASES if case.references]
    codes = [compile_strategy(case.references[0].code) for case in rules]
    others = [
        difference(Case(case.group, case.request, case.references), codes[(index + 7) % len(codes)], "AAPL")
        for index, case in enumerate(rules)
    ]
    assert sum(each is not None for each in others) > 0.85 * len(others)


def test_the_offline_author_is_never_silently_wrong() -> None:
    """It may ask about what it did not read; what it writes does what was asked, and passes the gates."""
    wrong, asked = [], []
    for case in CASES:
        draft = StrategyDraft.model_validate(write_answer([case.request]))
        if not draft.python_code:
            assert draft.questions, case.request
            asked += [] if case.wants_question else [case.request]
            continue
        strategy = compile_strategy(draft.python_code)
        assert review(draft, strategy, Request(case.request, whole=True)) == [], case.request
        if case.wants_question or difference(case, strategy, draft.symbol) is not None:
            wrong.append(case.request)
    assert wrong == []
    # Three of them since words of which no reading is sure are asked about ("is back above", "opening range ... high of the first 30 minutes").
    assert len(asked) <= 8, asked
