"""From a conversation to a strategy that passed every gate: ask, compile, backtest, compare, send findings back, at most three times.

This is the one door. What did not come out of it as `Passed` has no compiled `Strategy`, and nothing else is stored or runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from stratforge.ai.draft import AnswerKind, StrategyDraft
from stratforge.ai.failures import NotADraft
from stratforge.ai.prompts import Request, quant_instructions, repair_request, words_in
from stratforge.ai.quant import Drafted, Turn
from stratforge.ai.review import review
from stratforge.intent.gate import rules_of
from stratforge.strategy import Strategy, StrategyError, compile_strategy

MAX_REPAIRS = 3
# How much of an answer that is no draft the model is shown again.
_SHOWN = 2_000


class Quant(Protocol):
    """A model that drafts strategies; what it drafts is believed by nobody before the gate has looked."""

    model: str

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The draft for a conversation, and what it cost; `heard` is told what can be read of it as it comes."""
        ...


@dataclass(frozen=True, slots=True)
class Passed:
    """A draft that passed every gate, and how it came about. `strategy` is None when the model asks questions instead."""

    draft: StrategyDraft
    strategy: Strategy | None
    tokens: int
    repairs: tuple[tuple[str, ...], ...]
    model: str = ""


class NotPassed(Exception):
    """The last repair did not pass either; its findings."""

    def __init__(self, draft: StrategyDraft, findings: list[str], tokens: int, repairs: int) -> None:
        super().__init__(f"the code did not pass after {repairs} repairs")
        self.draft, self.findings, self.tokens = draft, findings, tokens


def write_strategy(
    ask: Callable[[str, list[Turn]], Drafted],
    conversation: list[Turn],
    progress: Callable[[str], None],
    check_symbol: Callable[[str], list[str]],
) -> Passed:
    """Asks until a draft passes.

    Args:
        ask: The model: system instruction and turns in, draft out.
        conversation: What was said so far; the last turn is the request.
        progress: Is told where the work stands, in a few words for a person.
        check_symbol: What is wrong with a symbol; nothing when it can be traded.

    Raises:
        NotPassed: if the last repair did not pass.
        ModelUnavailable: if the service did not answer.
        ModelRefused: if it refused to answer.
        NotADraft: if the last answer is not a draft.
    """
    turns, tokens, repairs = list(conversation), 0, list[tuple[str, ...]]()
    request = request_of(conversation)
    for attempt in range(MAX_REPAIRS + 1):
        progress("writing" if attempt == 0 else f"repairing {attempt}/{MAX_REPAIRS}")
        try:
            drafted = ask(quant_instructions(), turns)
        except NotADraft as error:
            tokens += error.tokens
            if attempt == MAX_REPAIRS:
                raise
            findings = [f"{error}; answer with one complete JSON object by the schema, and shorter."]
            repairs.append(tuple(findings))
            turns += [Turn("model", error.text[:_SHOWN]), Turn("user", repair_request(findings))]
            continue
        draft, tokens = drafted.draft, tokens + drafted.tokens
        if draft.kind is not AnswerKind.STRATEGY or (draft.questions and not draft.python_code.strip()):
            return Passed(draft, None, tokens, tuple(repairs), drafted.model)
        strategy, findings = _examine(draft, request, progress)
        findings += check_symbol(draft.symbol)
        if strategy is not None and not findings:
            return Passed(draft, strategy, tokens, tuple(repairs), drafted.model)
        if attempt == MAX_REPAIRS:
            raise NotPassed(draft, findings, tokens, MAX_REPAIRS)
        repairs.append(tuple(findings))
        turns += [Turn("model", draft.model_dump_json()), Turn("user", repair_request(findings))]
    raise AssertionError("unreachable")


def request_of(conversation: list[Turn]) -> Request:
    """Returns what a conversation asks for: all that was said since the last strategy and not answered otherwise.

    Raises:
        ValueError: if the last turn is no request.
    """
    still_open, whole, before = list[str](), True, None
    for turn in conversation:
        if turn.role == "user":
            words = words_in(turn.text)
            still_open += [] if words is None else [words]
            continue
        try:
            draft = StrategyDraft.model_validate_json(turn.text)
        except ValidationError:
            continue
        if draft.kind is AnswerKind.STRATEGY and draft.python_code.strip():
            still_open, whole, before = [], False, tuple(rules_of(draft.requirements)) or None
        elif draft.kind is AnswerKind.ANSWER:
            # A question that was answered asks for nothing more.
            del still_open[-1:]
    if conversation[-1].role != "user" or not still_open or words_in(conversation[-1].text) is None:
        raise ValueError("the last turn of a conversation is a request")
    return Request(still_open[-1], whole, before, tuple(still_open[:-1]))


def _examine(
    draft: StrategyDraft, request: Request, progress: Callable[[str], None]
) -> tuple[Strategy | None, list[str]]:
    progress("checking")
    try:
        strategy = compile_strategy(draft.python_code)
        # Measuring the lookback runs the indicators once over made-up bars.
        _ = strategy.lookback
    except StrategyError as error:
        return None, [str(finding) for finding in error.findings]
    progress("comparing with the request")
    return strategy, review(draft, strategy, request)
