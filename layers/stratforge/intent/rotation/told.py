"""Tells a person the rules of a portfolio that go beyond their words as they are surely read, in words made from the rules themselves, never in their author's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.changes import changed_rules, read_change
from stratforge.intent.rotation.reading import DAYS, RotationReading, read_rotation
from stratforge.intent.rotation.rules import (
    SINGLE,
    Part,
    RotationRule,
    by_part,
    in_words,
    is_rotation_rule,
    read_rotation_rule,
)

_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"")
_SPAN = re.compile(r"(\d+)[- ]?(?:trading |market )?(day|week|month|quarter|year)s?\b", re.IGNORECASE)
# “A month is 21 trading days”, “21 trading days a month”.
_COUNTED = re.compile(
    r"\b(?:a|an|per|each|one|1) (?:week|month|quarter|year)\s*(?:is|=|are|as|:|being|has|counts?|\()[^.;,]*|\b\d+ (?:trading |market )?(?:days )?(?:a|per|in a|for a|each) (?:week|month|quarter|year)\b",
    re.IGNORECASE,
)
_OF_RULES = re.compile(r"\b(?:rank\w*|momentum|returns?|strongest|best|weakest|volatil\w*|averages?|filter\w*|gains?|performance)\b", re.IGNORECASE)  # fmt: skip
_SCHEDULES = ("daily", "weekly", "monthly", "quarterly", "yearly")


@dataclass(frozen=True, slots=True)
class Said:
    """The sure part of a person's words: the rules that they say.

    Attributes:
        whole: Whether every word of them was read.
        rules: Canonical rules that they say, or that stood before.
        loose: Of parts that they say without all of it, such as momentum without a length: how such a rule looks.
        asks: What has to be asked, because it cannot be as they say.
        notes: What is told of how they are taken.
    """

    whole: bool
    rules: frozenset[str]
    loose: dict[Part, RotationRule]
    asks: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, readings: Sequence[RotationReading], before: Sequence[str] | None) -> Said:
        """Gathers the rules that readings of turns say, after those that stood before them."""
        rules = {each.text: each for each in rules_before(before)}
        loose, asks, notes = dict[Part, RotationRule](), list[str](), list[str]()
        for reading in readings:
            for piece in reading.pieces:
                asks += [piece.asks] if piece.asks else []
                notes += [piece.note] if piece.note else []
                for rule in map(read_rotation_rule, piece.rules):
                    if rule.dropped:
                        rules.pop(rule.text.removeprefix("drop "), None)
                        continue
                    if rule.part in SINGLE:
                        # What is said last counts.
                        rules = {text: each for text, each in rules.items() if each.part is not rule.part}
                        loose.pop(rule.part, None)
                    if piece.assumed:
                        loose[rule.part] = rule
                    else:
                        rules[rule.text] = rule
        return cls(all(each.whole for each in readings), frozenset(rules), loose, tuple(asks), tuple(dict.fromkeys(notes)))  # fmt: skip

    def unsaid(self, texts: Iterable[str]) -> list[RotationRule]:
        """Those of rules that no word surely says; what goes is not among them."""
        found = [read_rotation_rule(text) for text in texts if is_rotation_rule(text)]
        return [each for each in found if not each.dropped and each.text not in self.rules]


def readings_of(turns: Sequence[str], before: Sequence[str] | None) -> list[RotationReading]:
    """The strict readings of turns: of a whole portfolio, of all of them as one, or of a change to what stands before each."""
    standing, found = rules_before(before), list[RotationReading]()
    for turn in turns:
        reading = read_turn(turn, standing)
        if reading.whole and standing:
            standing = changed_rules(standing, reading)
        found.append(reading)
    if not standing and len(turns) > 1 and not all(each.whole for each in found):
        # A question and its answer make one request.
        together = read_rotation(". ".join(each.strip().rstrip(".") for each in turns))
        return [together] if together.whole else found
    return found


def rules_before(before: Sequence[str] | None) -> list[RotationRule]:
    """The rules of portfolios among those that stood before."""
    return [read_rotation_rule(text) for text in before or () if is_rotation_rule(text)]


def read_turn(turn: str, standing: Sequence[RotationRule]) -> RotationReading:
    """The strict reading of one turn."""
    whole = read_rotation(turn)
    return whole if whole.whole or not standing else read_change(turn, standing)


def in_force(turns: Sequence[str], requirements: Sequence[Requirement]) -> list[str]:
    """The turns that were not asked about and then said anew; the last one always counts."""
    replaced = {each.quote.strip() for each in requirements if each.status is Status.SUPERSEDED}
    return [*(each for each in turns[:-1] if each.strip() not in replaced), turns[-1]]


def sentences(said: Said, requirements: Sequence[Requirement], unit: str) -> list[str]:
    """The sentences that a person is told of rules that their words do not surely say.

    Args:
        said: What they do say.
        requirements: Of the answer.
        unit: What lengths count: days or minutes.
    """
    found = list(said.notes)
    for each in requirements:
        if each.status not in (Status.COVERED, Status.ASSUMED):
            continue
        quote = each.quote.strip()
        free = not said.whole and quote and each.status is Status.COVERED
        standing = [rule for rule in map(read_rotation_rule, filter(is_rotation_rule, each.rules)) if not rule.dropped]
        told = standing if free else said.unsaid(each.rules)
        words = "; ".join(in_words(rule, unit) for rule in told)
        if words:
            found.append(f"“{quote}” is read as: {words}." if quote else f"No word of the request says this, and it is taken so: {words}.")  # fmt: skip
    return list(dict.fromkeys(found))


def unasked(said: Said, rules: Sequence[RotationRule]) -> Iterator[str]:
    """Rules that cannot stand beside words that were all read: nobody asked for them, and no usual answer is one."""
    if not said.whole:
        return
    parts = by_part([read_rotation_rule(text) for text in said.rules])
    for rule in said.unsaid(each.text for each in rules):
        loose = said.loose.get(rule.part)
        if loose is not None:
            if _shape(loose) != _shape(rule):
                yield f"The request says something like “{loose.text}”, and the rules of the requirements say {rule.text}: only its lengths are open."
        elif rule.part in (Part.WHERE, Part.WHEN, Part.RANK) or (rule.part is Part.TAKE and rule.word != "all"):
            yield f"Every word of the request is understood, and none says “{rule.text}”: leave it out."
        elif rule.part in SINGLE and rule.part not in (Part.TAKE, Part.WEIGHTS) and rule.part not in parts:
            yield f"No word of the request says “{rule.text}”: ask."


def _shape(rule: RotationRule) -> str:
    return re.sub(r"(?<=\()\d+(?=\))", "N", rule.text)


def contradictions(assumptions: Sequence[str], rules: Sequence[RotationRule]) -> Iterator[str]:
    """Assumptions in their author's words that say something else than the rules do."""
    parts = by_part(rules)
    for each in assumptions:
        if " is read as: " not in each and not each.startswith("No word of the request says this"):
            text = _QUOTED.sub(" ", each)
            for what, rule in _otherwise(text, parts):
                yield f"assumptions says “{each[:120]}”, and the rules say {rule}: {what}."


def _otherwise(text: str, parts: dict[Part, list[RotationRule]]) -> Iterator[tuple[str, str]]:
    low = text.lower()
    one = {part: found[0] for part, found in parts.items() if part in SINGLE}
    weights, take, schedule = one.get(Part.WEIGHTS), one.get(Part.TAKE), one.get(Part.REBALANCE)
    if weights is not None:
        says = {
            "equal": bool(re.search(r"\bequal(?:ly)?\b", low) and re.search(r"\bweight|\bparts?\b|\bones\b", low)),
            "inverse volatility": bool(re.search(r"\binverse(?:ly)?\b", low)),
        }
        if any(says.values()) and not says.get(weights.word):
            yield "these are other weights", weights.text
    if take is not None:
        if take.word != "all" and re.search(r"\ball (?:of (?:them|these|the (?:symbols|etfs|stocks|funds)) )?(?:are|is|will be) (?:held|bought|chosen|taken)\b", low):  # fmt: skip
            yield "these are others that are held", take.text
        counts = [*re.findall(r"\b(\d{1,2}) (?:strongest|best|highest|weakest|worst|lowest)", low), *re.findall(r"\b(?:top|bottom) (\d{1,2})\b", low)]  # fmt: skip
        if counts and take.count not in map(int, counts):
            yield "this is another number of them", take.text
    named = [each for each in _SCHEDULES if re.search(rf"\b{each}\b", low)]
    if schedule is not None and named and schedule.word not in named and re.search(r"\b(?:rebalanc|decide|rotat)", low):
        yield "this is another time", schedule.text
    numbers = {number for found in parts.values() for rule in found for number in rule.numbers}
    if _OF_RULES.search(text):
        for count, unit in _SPAN.findall(_COUNTED.sub(" ", text)):
            if not {float(count) * DAYS[unit.lower()], float(count)} & numbers:
                yield f"no rule has {count} {unit.lower()}s", "; ".join(sorted(each.text for found in parts.values() for each in found if each.numbers))  # fmt: skip
