"""Conversations with the offline author through the product's own gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import Passed, write_strategy
from stratforge.ai.prompts import answer_request, first_request, refinement_request
from stratforge.ai.quant import Drafted, Turn


def passed(conversation: list[Turn], answer: dict[str, Any]) -> Passed:
    """What comes of an answer that is the same however often it is asked for."""
    drafted = Drafted(StrategyDraft.model_validate(answer), 1)
    return write_strategy(lambda _system, _turns: drafted, conversation, lambda _: None, lambda _: [])


def conversation_of(turns: Sequence[str]) -> tuple[list[Turn], Passed | None]:
    """A conversation up to its last turn, and what came before it."""
    conversation, last = list[Turn](), None
    for count, words in enumerate(turns, start=1):
        if last is None:
            conversation.append(Turn("user", first_request(words)))
        else:
            follow = refinement_request if last.strategy else answer_request
            conversation += [Turn("model", last.draft.model_dump_json()), Turn("user", follow(words))]
        if count < len(turns):
            last = passed(conversation, write_answer(turns[:count]))
    return conversation, last


def talk(*turns: str) -> Passed:
    """What the offline author makes of the last turn, as it passes the gates."""
    return passed(conversation_of(turns)[0], write_answer(turns))
