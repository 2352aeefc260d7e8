"""That the lines which a requirement names are those of the code in which its numbers, hours and days stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Element, Kind, Unit, elements_of
from stratforge.intent.lexicon import OLD
from stratforge.intent.measures import moved_to, near
from stratforge.intent.program import Program
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import Rule
from stratforge.intent.spelling import respelled

_MINUTES = re.compile(r"\bminute(?:_in_\w+)? [<>=!]+ (\d+)\b")
_SCALES = (1.0, 0.01, 100.0, 60.0, 1 / 60)


def lines_findings(
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    program: Program,
    bar_minutes: int,
    assumptions: Sequence[str] = (),
) -> Iterator[str]:
    """Finds covered requirements that name no line, or lines on which what they say does not stand.

    Args:
        requirements: Those of an answer.
        rules: The rules of each.
        program: The answer's code.
        bar_minutes: How long its bars are.
        assumptions: What the answer says it decided by itself, such as how a word is spelled.
    """
    for each, of_it in zip(requirements, rules, strict=True):
        if each.status is Status.COVERED:
            quote = respelled(each.quote, assumptions)
            gone = [rule.dropped for rule in of_it if rule.dropped is not None]
            yield from _named(each.model_copy(update={"quote": quote}), gone, program)
            yield from _times_stand(quote, each.lines, of_it, program, bar_minutes)


def _named(requirement: Requirement, gone: Sequence[Rule], program: Program) -> Iterator[str]:
    """That the lines named for a requirement are those in which its numbers, hours and days stand."""
    said = f"“{requirement.quote[:80]}”"
    if requirement.rules and all(each.startswith(("drop ", "symbol ")) for each in requirement.rules):
        return
    if not requirement.lines or not all(1 <= each <= len(program.lines) for each in requirement.lines):
        yield f"{said} is covered, it says, and names no line of the code that does it."
        return
    values = program.values_on(requirement.lines)
    for element in elements_of(requirement.quote):
        if not OLD.search(requirement.quote[: element.start]):
            yield from _element_stands(element, requirement, gone, program, values, said)


def _times_stand(
    quote: str, lines: list[int], rules: Sequence[Rule], program: Program, bar_minutes: int
) -> Iterator[str]:
    """That the lines named for a rule of the clock have its time: as minutes of the day, or in hours."""
    minutes = {float(each) for rule in rules if rule.dropped is None for each in _MINUTES.findall(rule.text)}
    values = program.values_on(lines) if minutes else set()
    by_hours = bool(minutes) and "hour" in program.words_used(lines)
    for minute in sorted(minutes):
        # On longer bars the code may name the minute at which the bar begins that ends then.
        times = {at + off for at in (minute, minute - bar_minutes) for off in (-1, 0, 1)}
        if not times & values and not (by_hours and {each // 60 for each in times} & values):
            yield f"“{quote[:80]}” is about {minute // 60:.0f}:{minute % 60:02.0f}, and the lines it names have no such time: name the lines where it stands, or mend the code."


def _element_stands(
    element: Element, requirement: Requirement, gone: Sequence[Rule], program: Program, values: set[float], said: str
) -> Iterator[str]:
    if (
        element.unit is Unit.MINUTES
        and element.value == 1
        and re.search(r"^[- ]?(?:min|minute|m)\b", requirement.quote[element.end :].lstrip(" -"), re.IGNORECASE)
    ):
        # “1-minute bars” are what the bars are.
        return
    if element.kind is Kind.NUMBER and element.unit is not Unit.DAYS:
        scales = {
            Unit.PERCENT: (1.0, 0.01),
            Unit.HOURS: (60.0, 1.0),
            Unit.MINUTES: (1.0,),
            Unit.MONEY: (1.0, 0.01),
        }.get(element.unit, _SCALES)
        forms = {element.value * scale for scale in scales} | (
            {1 - element.value / 100, 1 + element.value / 100} if element.unit is Unit.PERCENT else set()
        )
        forms |= {960 - element.value * scale for scale in (1.0, 60.0)} | {
            570 + element.value * scale for scale in (1.0, 60.0)
        }
        if re.match(r" ?(?:k|grand)\b", requirement.quote[element.end :], re.IGNORECASE):
            forms.add(1_000 * element.value)
        if element.unit is Unit.NONE and element.value in (1, 2, 3, 4):
            # “Not after 3”: in the afternoon.
            forms |= {60 * (element.value + 12)}
        # “Raise 70 by 5”: what comes of it stands there.
        forms |= moved_to(requirement.quote, element, gone)[0]
        if not any(near(one, other) for one in forms for other in values):
            yield f"{said} has {element.text}, and the lines it names do not: name the lines where it stands, or mend the code."
    elif element.kind is Kind.DAY and "weekday" not in program.words_used(requirement.lines):
        yield f"{said} names a day of the week, and the lines it names do not look at bar.time.weekday."
