"""The offline author over the sets of cases by people's habits: never silently wrong, and right often enough.

A case is silently wrong when an answer passes every gate and does something else than each acceptable reading.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import request_of
from stratforge.ai.prompts import first_request, refinement_request
from stratforge.ai.quant import Turn
from stratforge.ai.review import review
from stratforge.strategy import StrategyError, compile_strategy

from tests.evaluation import (
    attacked_cases,
    everyday_cases,
    filtered_cases,
    forum_cases,
    held_out_cases,
    held_out_refinements,
    plain_cases,
    refinement_cases,
    tricky_cases,
    unwritable_cases,
)
from tests.evaluation.cases import Case
from tests.evaluation.judge import difference, held, paths
from tests.support.tiers import one_of

OPEN = (
    *plain_cases.CASES,
    *filtered_cases.CASES,
    *unwritable_cases.CASES,
    *tricky_cases.CASES,
    *refinement_cases.CASES,
    *everyday_cases.CASES,
    *attacked_cases.CASES,
    *forum_cases.CASES,
)
HELD_OUT = (*held_out_cases.CASES, *held_out_refinements.CASES)

# Held-out cases that are silently wrong, and clear cases that come out right: the first may only fall, the others only rise.
HELD_OUT_WRONG = 0
OPEN_RIGHT = 330
HELD_OUT_RIGHT = 34


_CASES = {case.turns: case for case in OPEN + HELD_OUT}


def outcome(case: Case) -> str:
    """right; asked; refused; caught by a gate; or silently wrong."""
    return _outcome(case.turns)


@cache
def _outcome(turns: tuple[str, ...]) -> str:
    case = _CASES[turns]
    conversation = list[Turn]()
    for index, words in enumerate(case.turns):
        lead = refinement_request if conversation else first_request
        conversation.append(Turn("user", lead(words)))
        draft = StrategyDraft.model_validate(write_answer(case.turns[: index + 1]))
        conversation.append(Turn("model", draft.model_dump_json()))
    if not draft.python_code:
        assert draft.questions or draft.lookups or draft.answer, case.turns
        return "refused" if case.wants_question else "asked"
    try:
        strategy = compile_strategy(draft.python_code)
    except StrategyError:
        return "caught"
    if review(draft, strategy, request_of(conversation[:-1])):
        return "caught"
    if case.wants_question or difference(case, strategy, draft.symbol) is not None:
        return "silently wrong"
    return "right"


def test_there_are_enough_cases_and_a_third_is_held_out() -> None:
    everything = OPEN + HELD_OUT
    assert len({case.turns for case in everything}) == len(everything)
    assert sum(not case.then for case in everything) >= 250
    assert sum(bool(case.then) for case in everything) >= 60
    assert all(case.held_out for case in HELD_OUT)
    assert not any(case.held_out for case in OPEN)


@pytest.mark.long
def test_every_reference_trades_on_the_paths() -> None:
    """A reference that never buys, or never is out, would tell nothing apart."""
    codes = {reference.code for case in OPEN + HELD_OUT for reference in case.references[:1]}
    for code in codes:
        strategy = compile_strategy(code)
        assert 0 < sum(float((held(strategy, bars) > 0.001).mean()) for bars in paths()) < 3, code


@pytest.mark.parametrize("case", one_of(8, OPEN, lambda case: " … ".join(case.turns)[-90:]))
def test_the_offline_author_is_not_silently_wrong(case: Case) -> None:
    assert outcome(case) != "silently wrong"


@pytest.mark.long
def test_held_out_cases_are_not_silently_wrong() -> None:
    counts = Counter(outcome(case) for case in HELD_OUT)
    assert counts["silently wrong"] <= HELD_OUT_WRONG


@pytest.mark.long
def test_clear_requests_come_out_right() -> None:
    assert sum(outcome(case) == "right" for case in OPEN) >= OPEN_RIGHT
    assert sum(outcome(case) == "right" for case in HELD_OUT) >= HELD_OUT_RIGHT
