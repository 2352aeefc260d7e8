"""Requests and conversations that were once written as something else, through every gate and without a word to the person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import request_of
from stratforge.ai.quant import Turn
from stratforge.ai.review import review, told
from stratforge.intent.gate import rules_of
from stratforge.strategy import compile_strategy

from tests.support.conversations import conversation_of

CASES = [json.loads(each) for each in Path(__file__).with_name("misread.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(each, id=" | ".join(each["turns"])[-70:], marks=[pytest.mark.long] if number % 5 else [])
        for number, each in enumerate(CASES)
    ],
)
def test_it_is_asked_about_written_otherwise_or_told(case: dict[str, list[str]]) -> None:
    """What was written here is asked about, caught by the gate, written by other rules, or the person is told how the words were read.

    Of cases that are “plain”, telling is not enough: their words mean one thing, and it is another.
    """
    conversation, _ = conversation_of(case["turns"])
    draft = StrategyDraft.model_validate(write_answer(case["turns"]))
    if not draft.python_code:
        assert draft.questions
        return
    shown = _shown(draft, conversation)
    if shown is None:
        return
    standing = [each for each in rules_of(shown.requirements) if not each.startswith("symbol ")]
    said = [
        each
        for each in shown.assumptions
        if (each.startswith("“") and (" is taken as: " in each or " is read " in each))
        or each.startswith("What was decided before")
    ]
    assert sorted(standing) != case["rules"] or (said and "plain" not in case), case["why"]


def _shown(draft: StrategyDraft, conversation: list[Turn]) -> StrategyDraft | None:
    """The draft as the person sees it; None where a gate catches it."""
    request, strategy = request_of(conversation), compile_strategy(draft.python_code)
    judged, _ = told(draft, strategy, request)
    return None if review(judged, strategy, request) else judged
