"""Accounts for the deciding words of each quotation: what a covered requirement says has to be in the rules of the side it is said of, and in the way it is said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.conditions_of_sale import sale_findings
from stratforge.intent.levels import level_findings, past_findings
from stratforge.intent.occasions import occasion_findings
from stratforge.intent.references import reference_findings
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import EXIT_KINDS, Rule, RuleKind
from stratforge.intent.stretches import stretches_of
from stratforge.intent.structure import compared_findings, day_of_its_own, named_elsewhere, structure_findings
from stratforge.intent.turns import Spans, plain_words


def unaccounted(
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    spans: Spans,
    assumptions: Sequence[str],
) -> Iterator[str]:
    """Finds deciding words that the rules do not follow.

    Args:
        turns: The person's words, turn by turn.
        requirements: What they are said to ask for.
        rules: The rules of each requirement.
        spans: Where each requirement's quotation stands in each turn.
        assumptions: What the answer says it decided by itself; words that are quoted there are told.
    """
    told = plain_words(" ".join(assumptions))
    standing = [
        rule
        for each, of_it in zip(requirements, rules, strict=True)
        if each.status is not Status.SUPERSEDED
        for rule in of_it
        if rule.dropped is None
    ]
    found = dict[str, None]()
    for each, of_it, places in zip(requirements, rules, spans, strict=True):
        changing = any(rule.dropped is not None for rule in of_it)
        if each.status is not Status.COVERED or not of_it:
            continue
        if changing:
            new = [rule for rule in of_it if rule.dropped is None]
            found |= {f"“{each.quote[:80]}” {problem}.": None for problem in past_findings(each.quote, new)}
            continue
        for turn, quoted in zip(turns, places, strict=True):
            for start, end in quoted:
                for words, problem in _in_place(turn, start, end, of_it, standing):
                    if not words or plain_words(words) not in told:
                        found[f"“{each.quote[:80]}” {problem}."] = None
    yield from found


def passages(turn: str, start: int, end: int) -> list[tuple[int, int, RuleKind | None, list[str]]]:
    """The stretches of a quotation, those of one side that follow each other taken together, each with its clauses."""
    merged = list[tuple[int, int, RuleKind | None, list[str]]]()
    for each in stretches_of(turn):
        first, last = max(start, each.start), min(end, each.end)
        if first >= last:
            continue
        if merged and merged[-1][2] is each.side:
            before = merged.pop()
            merged.append((before[0], last, each.side, [*before[3], turn[first:last]]))
        else:
            merged.append((first, last, each.side, [turn[first:last]]))
    return merged


def _in_place(
    turn: str, start: int, end: int, rules: Sequence[Rule], standing: Sequence[Rule]
) -> Iterator[tuple[str, str]]:
    yield from sale_findings(turn[start:end], rules, standing)
    yield from compared_findings(turn[start:end], rules)
    yield from reference_findings(turn[start:end], rules)
    spoken: RuleKind | None = None
    clauses = dict[RuleKind, list[str]]()
    runs = list[tuple[int, int, RuleKind]]()
    for first, last, side, parts in passages(turn, start, end):
        words = turn[first:last]
        own = _of_side(rules, side)
        mine = own or list(rules)
        around = re.split(r"[.;!?](?=\s)", turn[:first])[-1][-60:] if first > start else ""
        yield from level_findings(words, mine, around)
        yield from occasion_findings(words, mine, turn[start:end])
        # A restriction that names no side goes on with the one before it.
        spoken = side or spoken
        if spoken is not None:
            runs.append((runs.pop()[0] if runs and runs[-1][2] is spoken else first, last, spoken))
            clauses.setdefault(spoken, []).extend(parts)
        if side is not None and own:
            yield from named_elsewhere(words, own)
    for first, last, spoken in runs:
        yield from structure_findings(turn[first:last], _of_side(standing, spoken), spoken)
    for side, parts in clauses.items():
        yield from day_of_its_own(parts, _of_side(rules, side))


def _of_side(rules: Sequence[Rule], side: RuleKind | None) -> list[Rule]:
    if side is None:
        return list(rules)
    kinds = {side, RuleKind.ONLY} if side is RuleKind.BUY else {side, *EXIT_KINDS}
    return [each for each in rules if each.kind in kinds]
