"""Later turns: an answer that does not surely say what all of the conversation asks for is a question instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.intent.additions import adds, one_more_symbol
from stratforge.intent.follow_ups import ASK, turn_questions
from stratforge.intent.gate import rules_of
from stratforge.intent.reading.beside import compares_another
from stratforge.intent.reading.doubts import not_understood
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.tokens import tokens_of
from stratforge.intent.reading.unsure import several_of
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import read_rule
from stratforge.strategy import compile_strategy

from simulators.gemini.author.amendments import measures_of
from simulators.gemini.author.turns import WHOSE
from simulators.gemini.author.wording import Wording


def request_after(requests: Sequence[str], answers: Sequence[Mapping[str, Any]]) -> Request:
    """Builds what the last of several turns asks for, with the open turns before it and the rules that stand.

    Args:
        requests: What the person said, turn by turn.
        answers: The answers to all turns but the last.
    """
    still_open, before, traded = list[str](), None, ""
    for turn, answer in zip(requests, answers, strict=False):
        still_open.append(turn)
        if answer["kind"] == "strategy" and answer["python_code"]:
            still_open, before, traded = [], _rules(answer), answer["symbol"]
    return Request(requests[-1], before is None, before, tuple(still_open), traded=traded)


def findings_of(requests: Sequence[str], answers: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> list[str]:
    """The points on which an answer does not say what the conversation asks for."""
    draft = StrategyDraft.model_validate(found)
    return review(draft, compile_strategy(draft.python_code), request_after(requests, answers))


def doubts(requests: Sequence[str], answers: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> list[str]:
    """The questions to ask in the place of an answer that does not pass; none where it does."""
    if asked := list(_beside_what_stands(request_after(requests, answers), _rules(found) or ())):
        return asked
    findings = findings_of(requests, answers, found)
    if not findings:
        return []
    return asked_in(findings) or _unread(request_after(requests, answers))


def asked_of(request: str, findings: Sequence[str]) -> list[str]:
    """The questions to ask in the place of a strategy that does not surely do what its request says."""
    return asked_in(findings) or [f"“{request.strip()[:200]}” was not surely understood, so nothing was written. Please say in other words when it should buy, and when it should sell."]  # fmt: skip


def asked_in(findings: Sequence[str]) -> list[str]:
    """The questions among what does not pass."""
    asked = [each.removesuffix(ASK).strip() for each in findings if each.endswith(ASK)]
    return [each for each in asked if "“" in each and each.endswith(("?", "more."))]


def _beside_what_stands(request: Request, rules: Sequence[str]) -> Iterator[str]:
    """The questions that a change leaves which takes back what nobody took back, or leaves what it may be in the place of."""
    before = request.before or ()
    gone = [each for each in before if each not in rules and re.search(r"\bminute\b", each)]
    if "overnight" in request.text.lower() and gone:
        asks = f"Does this stay: {'; '.join(in_words(read_rule(each)) for each in gone)}?"
        yield not_understood(request.text.strip()[:200], asks)
    instead = re.search(r"\binstead\b", request.text, re.IGNORECASE)
    only = re.match(r"\W*(?:only|just)\b", request.text, re.IGNORECASE)
    for new in rules:
        bounds = new not in before and new.startswith("buy") and measures_of(new)
        alike = [each for each in before if bounds and each in rules and each.startswith("buy") and measures_of(each) == bounds]  # fmt: skip
        spans = all(each.startswith("buy only when") and each.count(" minute ") > 1 for each in (new, *alike))
        if alike and (instead or (only and spans)):
            asks = f"Does it take the place of: {'; '.join(in_words(read_rule(each)) for each in alike)}?"
            yield not_understood(request.text.strip()[:200], asks)


def plainer(requests: Sequence[str], answers: Sequence[Mapping[str, Any]], questions: Sequence[str]) -> list[str]:
    """The questions about a change, where those that were found are about words of a turn that a strategy answers already."""
    request = request_after(requests, answers)
    if request.before is not None and (beside := list(_added(request))):
        return beside[:1]
    last = " ".join(requests[-1].lower().split())
    quoted = [words for each in questions if "not understood" in each for words in re.findall(r"“([^”]+)”", each)]
    read = WHOSE not in questions and all(" ".join(each.lower().split()) in last for each in quoted)
    if request.before is None or read:
        return list(questions)
    return [
        *several_of(requests[-1], request.before),
        *turn_questions(requests[-1], stands=True, traded=request.traded),
    ] or _unread(request)


def _added(request: Request) -> Iterator[str]:
    """The questions about one more symbol, also where an open turn named it and the last one does not say what becomes of it."""
    for turn in (request.text, *reversed(request.earlier)):
        others = [each for each in Wording(turn).symbols if each != request.traded and adds(turn, each)]
        yield from (one_more_symbol(turn, each, request.traded) for each in others)


def _unread(request: Request) -> list[str]:
    stands = "; ".join(in_words(read_rule(each)) for each in request.before or ())
    if stands and (any("bars.of(" in each for each in request.before or ()) or compares_another(tokens_of(request.text, request.traded))):  # fmt: skip
        # What stands and what is said anew are not put together where another symbol is looked at.
        return [
            f"“{request.text.strip()[:200]}” was not understood as a change of what stands ({stands[:400]}), so nothing was written. "
            "Please say in other words what should change, or describe all of it as a new strategy."
        ]
    return [
        f"“{request.text.strip()[:200]}” was not understood as a change"
        f"{f' of what stands ({stands[:400]})' if stands else ' of what was said before'}, so nothing was written. "
        "Please say in other words what should change, or the whole strategy once more."
    ]


def _rules(answer: Mapping[str, Any]) -> tuple[str, ...] | None:
    return tuple(rules_of([Requirement.model_validate(each) for each in answer["requirements"]])) or None
