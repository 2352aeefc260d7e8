"""Compares the side of each rule, buying or selling, with the words it is read from.

A request whose “buy” is misspelt or missing (“by AAPL when the RSI is over 30 sell under 70”) can be read with both conditions at the other side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.contraries import COMBINED, contrary_to
from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.lexicon import BUY, BUYS, ONLY, SELLS, TO_THE_EXIT
from stratforge.intent.measures import forms_of, near, texts
from stratforge.intent.requirements import SETTLED, Requirement, Status
from stratforge.intent.rules import EXIT_KINDS, Rule, RuleKind
from stratforge.intent.stretches import names_a_side, stretches_of
from stratforge.intent.turns import Spans


def side_findings(
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    spans: Spans,
    assumptions: Sequence[str] = (),
) -> Iterator[str]:
    """Finds rules that buy by words which only speak of selling, and the other way round.

    Args:
        turns: The person's words, turn by turn.
        requirements: What they are said to ask for.
        rules: The rules of each requirement.
        spans: Where each requirement's quotation stands in each turn.
        assumptions: What the answer says it decided by itself, such as a proposal that was chosen.
    """
    told = any(BUYS.search(each) and SELLS.search(each) for each in assumptions)
    for each, of_it, places in zip(requirements, rules, spans, strict=True):
        sides: set[RuleKind] = {rule.kind for rule in of_it if rule.kind in (RuleKind.BUY, RuleKind.SELL)}
        dropping = any(rule.kind is RuleKind.DROP for rule in of_it)
        if each.status in SETTLED or not sides or dropping:
            continue
        found = set[str]()
        plain = each.status is Status.COVERED and len(sides) == 2
        if plain and not told and not any(map(_tells_sides, turns)):
            found.add(
                f"does not say what is bought by and what is sold by, and its rules do ({texts(of_it)}): ask, or call it assumed and say how it is read."
            )
        for turn, stretches in zip(turns, places, strict=True):
            for start, end in stretches:
                found |= set(_in_stretch(turn, start, end, of_it, sides))
        for problem in sorted(found):
            yield f"“{each.quote[:80]}” {problem}"


def _tells_sides(turn: str) -> bool:
    """Whether a turn names a side, or both as in “RSI 30/70”."""
    return names_a_side(turn) or bool(re.search(r"\d\s*[/-]\s*\d", turn))


def _in_stretch(turn: str, start: int, end: int, rules: Sequence[Rule], sides: set[RuleKind]) -> Iterator[str]:
    stretches = [
        (max(start, each.start), min(end, each.end), each)
        for each in stretches_of(turn)
        if each.start < end and start < each.end
    ]
    if len(sides) == 1 and stretches:
        (side,) = sides
        said = stretches[0][2].side
        own = BUY if side is RuleKind.BUY else TO_THE_EXIT
        if (
            said is not None
            and all(each.side in (said, None) for _, _, each in stretches)
            and said is not side
            and not own.search(turn[start:end])
            and not ONLY.search(turn[start:end])
        ):
            yield f"belongs to what is {_done(said)}, and its rule {side.value.split()[0]}s ({texts(rules)})."
    for side in (RuleKind.BUY, RuleKind.SELL):
        words = [turn[first:last] for first, last, each in stretches if each.side is side and each.own]
        mine = [each for each in rules if _side_of(each) is side or each.kind in EXIT_KINDS]
        for text in words:
            yield from _numbers(text, side, rules)
            for problem in contrary_to(text, mine, turn):
                yield f"{problem} ({texts(mine)})."
    match = COMBINED.search(turn, start, end)
    if match and not any(re.search(r" [+/*-] ", atom.text) for rule in rules for atom in rule.atoms):
        yield f"speaks of “{match[0]}”, and its rules do not compute that ({texts(rules)})."


def explained_otherwise(explanation: str, rules: Sequence[Rule]) -> Iterator[str]:
    """Finds what an explanation says of buying or selling otherwise than the rules; what it says that is nowhere is found by `unfounded`."""
    for each in stretches_of(explanation):
        text = explanation[each.start : each.end]
        mine = [rule for rule in rules if _side_of(rule) is each.side]
        if each.side is None or not each.own or not mine:
            continue
        for problem in (*_numbers(text, each.side, rules), *contrary_to(text, mine, explanation)):
            yield f"The explanation {problem.removesuffix('.')}: “{text.strip(' ,.;:')[:120]}”."


def _side_of(rule: Rule) -> RuleKind | None:
    return {RuleKind.BUY: RuleKind.BUY, RuleKind.ONLY: RuleKind.BUY, RuleKind.SELL: RuleKind.SELL}.get(rule.kind)


def _numbers(text: str, side: RuleKind, rules: Sequence[Rule]) -> Iterator[str]:
    """Numbers, times and days that this side speaks of and only the other side's rules have."""
    for element in elements_of(text, Kind.NUMBER, Kind.TIME, Kind.DAY):
        forms = forms_of(element) if element.kind is Kind.NUMBER else {element.value}
        about = [each for each in rules if element.kind is not Kind.DAY or "weekday" in each.text]
        holders = {_side_of(each) for each in about if any(near(form, one) for form in forms for one in each.numbers)}
        # Monday is 0, which stands for much else.
        if element.kind is Kind.DAY and not element.value:
            holders = {_side_of(each) for each in about if re.search(r"weekday \S+ 0\b", each.text)}
        if holders and not holders & {side, None}:
            yield f"says {element.text} of what is {_done(side)}, and its rule does not ({texts(rules)})."


def _done(side: RuleKind) -> str:
    return "bought" if side is RuleKind.BUY else "sold"
