"""Drafts of strategies that go long and short; see `intent/long_short`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.framing import Framed, frame_of
from stratforge.ai.prompts import Request
from stratforge.ai.review import by_the_code
from stratforge.intent.follow_ups import ASK
from stratforge.intent.long_short.gate import NOT_DONE, SAY_ALL, judged, judged_change, said_together
from stratforge.intent.long_short.marks import Side, marks_in
from stratforge.intent.long_short.rules import TURN, SideRule, of_both_sides, read_side_rule
from stratforge.intent.rules import Rule, RuleError, RuleKind
from stratforge.intent.shorts import as_bought, as_short
from stratforge.intent.sides import explained_otherwise
from stratforge.intent.written_rules import beyond_told
from stratforge.strategy import Strategy
from stratforge.strategy.explanation import explain

# A change of one that goes long and short by its rules is `examined_change`'s.
NOT_ADDED = "What stands does not go long and short by rules that are known, and no change from words makes it do so: decline, and say that both sides can be asked for anew, as a whole strategy, or that its code is changed by hand."


def examined_both_ways(
    draft: StrategyDraft, strategy: Strategy, request: Request
) -> tuple[StrategyDraft, StrategyDraft, list[str]]:
    """Judges a draft whose code goes long and short.

    Returns:
        The draft as it was judged and as it is shown once it has passed, with what the person is told of its readings; and its faults.
    """
    if not request.whole:
        return draft, draft, [NOT_ADDED]
    framed = Framed.of(draft, request)
    together = said_together((*framed.earlier, framed.request))
    if together is None:
        return draft, draft, [f"{SAY_ALL} {ASK}"]
    text, anew = together
    found = judged(text, framed.requirements, strategy, framed.assumptions, draft.symbol)
    told = [each for each in (*anew, *found.told) if each not in draft.assumptions]
    shown = draft.model_copy(update={"assumptions": [*draft.assumptions, *told]})
    findings = [
        *found.findings,
        *framed.findings(draft),
        *_explained(draft),
        *by_the_code(shown, strategy, request, told),
    ]
    if findings:
        return shown, shown, findings
    requirements = framed.marked(draft, found.requirements)
    beside = beyond_told(explain(strategy), draft.requirements)
    return shown, shown.model_copy(update={"requirements": requirements, "assumptions": [*shown.assumptions, *beside]}), findings  # fmt: skip


def examined_change(
    draft: StrategyDraft, strategy: Strategy, request: Request
) -> tuple[StrategyDraft, StrategyDraft, list[str]]:
    """Judges a draft that changes a strategy that goes long and short; see `examined_both_ways`."""
    found = judged_change(request.before or (), request.text, draft.requirements, strategy, draft.assumptions)
    undone = [NOT_DONE.format(each.strip()[:120]) for each in request.earlier]
    told = [each for each in (*undone, *found.told) if each not in draft.assumptions]
    shown = draft.model_copy(update={"assumptions": [*draft.assumptions, *told]})
    asks = [*frame_of(request).asks] if frame_of(request).spoken else []
    findings = [*found.findings, *asks, *_explained(draft), *by_the_code(shown, strategy, request, told)]
    return shown, shown, findings


def _explained(draft: StrategyDraft) -> Iterator[str]:
    """What the explanation says of a side otherwise than its rules."""
    long, short = of_both_sides(_rules(draft))
    turns = any(TURN in each.rules for each in draft.requirements)
    for sentence in re.split(r"(?<=[.!?;])\s+|\n", draft.logic_explanation):
        sides = {each.side for each in marks_in(sentence)} - {Side.NONE}
        if sides == {Side.LONG}:
            yield from explained_otherwise(_as_deeds(sentence), _with_ends(long, short, turns=turns))
        elif sides == {Side.SHORT}:
            yield from map(as_short, explained_otherwise(as_bought(sentence), _with_ends(short, long, turns=turns)))
        elif len(sides) == 2 and re.search(r"\b(?:when|if|once|above|below)\b", sentence):
            yield f"The explanation says of both sides in one sentence “{sentence[:120]}”: give each side a sentence of its own."


def _with_ends(rules: Sequence[Rule], other: Sequence[Rule], *, turns: bool) -> list[Rule]:
    """The rules of a side, with the other's beginning where that ends it."""
    ends = [Rule(RuleKind.SELL, each.condition) for each in other if each.kind is RuleKind.BUY] if turns else []
    return [*rules, *ends]


def _as_deeds(sentence: str) -> str:
    """A sentence of the long side with “buy” for “go long”."""
    for each in reversed(marks_in(sentence)):
        if "long" in sentence[each.start : each.end].lower():
            sentence = f"{sentence[: each.start]}{'buys' if each.deed == 'enters' else 'sells' if each.deed == 'leaves' else ''}{sentence[each.end :]}"
    return sentence


def _rules(draft: StrategyDraft) -> list[SideRule]:
    found = list[SideRule]()
    for text in (text for each in draft.requirements for text in each.rules if not text.startswith("drop ")):
        try:
            rule = read_side_rule(text)
        except RuleError:
            continue
        found += [rule] if rule is not None else []
    return found
