"""The gate between request and code. What it finds goes back to whoever wrote the answer; nothing passes that leaves a part of the request out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Element, Kind, Unit, elements_of
from stratforge.intent.program import Comparison, Program
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.scenarios import never_acts
from stratforge.strategy import Strategy

_UP = re.compile(
    r"\b(?:above|over|greater than|more than|higher than|exceeds?|über|oberhalb|encima|dessus)\b|>|高于",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(?:below|under|beneath|less than|lower than|unter|unterhalb|debajo|dessous|sous)\b|<|低于", re.IGNORECASE
)
_NEGATED = re.compile(
    r"\b(?:not|never|don['’]?t|doesn['’]?t|isn['’]?t|avoid|skip|unless|except|no longer|without|nicht|nie|kein\w*|nunca|jamais|pas|sauf|no|ignore|stay out)\b|n['’]t\b",
    re.IGNORECASE,
)
_PER_DAY = re.compile(
    r"(?:per|a|each|every|pro|al|por|par)\s+(?:trading\s+)?(?:day|tag|día|jour|session)|daily", re.IGNORECASE
)
# What comes before a number that is to go.
_OLD = re.compile(
    r"\b(?:instead of|rather than|not|anstatt|statt|en lugar de|en vez de|au lieu de)\s*(?:the |a |an )?$|\b(?:change|replace|switch|swap|raise|lower|increase|decrease|reduce|move|from)\b[^,.;]*$(?<!to )(?<!with )(?<!by )(?<!for )",
    re.IGNORECASE,
)
_SCALES = (1.0, 0.01, 100.0, 60.0, 1 / 60)


def contract_findings(
    request: str,
    requirements: Sequence[Requirement],
    strategy: Strategy,
    assumptions: Sequence[str] = (),
    *,
    whole: bool = True,
) -> list[str]:
    """Lists the points on which request, requirements and code do not agree.

    Args:
        request: The person's words of this turn.
        requirements: What the answer says it asks for.
        strategy: The compiled code of the answer.
        assumptions: What the answer says it decided by itself.
        whole: Whether the request describes the whole strategy; a change describes a part, so the rest of the code need not be asked for.

    Returns:
        One sentence for each disagreement, saying what to do; nothing when they agree.
    """
    program = Program(strategy.source)
    found = [*_quotations(request, requirements), *_left_over(request, requirements)]
    for each in requirements:
        if each.status is Status.COVERED:
            found += _covered(each, program)
    if whole:
        found += _not_asked_for(program, requirements, assumptions)
    return [*found, *never_acts(strategy, program)]


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").split()).lower()


def _spans(request: str, quote: str) -> Iterator[tuple[int, int]]:
    words = [re.escape(each) for each in quote.replace("’", "'").split()]
    if words:
        pattern = r"\s+".join(words).replace("'", "['’]")
        for match in re.finditer(pattern, request, re.IGNORECASE):
            yield match.span()


def _quotations(request: str, requirements: Sequence[Requirement]) -> Iterator[str]:
    seen: dict[str, Requirement] = {}
    for each in requirements:
        if not any(True for _ in _spans(request, each.quote)):
            yield f"requirements quotes “{each.quote[:80]}”, and the request does not say that: quote its own words."
        twin = seen.setdefault(_plain(each.quote), each)
        if twin is not each and twin.status is not each.status:
            yield f"requirements quotes “{each.quote[:80]}” twice, as {twin.status.value} and as {each.status.value}: which is it?"


def _left_over(request: str, requirements: Sequence[Requirement]) -> Iterator[str]:
    spans = [span for each in requirements for span in _spans(request, each.quote)]
    for element in elements_of(request):
        if not any(start <= element.start and element.end <= end for start, end in spans):
            around = request[max(0, element.start - 25) : element.end + 25].strip()
            yield f"The request says “{element.text}” (in “…{around}…”), and no requirement quotes it: add it as covered, assumed or unsupported."


def _covered(requirement: Requirement, program: Program) -> Iterator[str]:
    said = f"“{requirement.quote[:80]}”"
    if not requirement.lines or not all(1 <= each <= len(program.lines) for each in requirement.lines):
        yield f"{said} is covered, it says, and names no line of the code that does it."
        return
    values = program.values_on(requirement.lines)
    elements = elements_of(requirement.quote)
    for element in elements:
        if _OLD.search(requirement.quote[: element.start]):
            continue
        yield from _element_stands(element, requirement, program, values, said)
    yield from _directions(requirement, elements, program, said)


def _directions(requirement: Requirement, elements: Sequence[Element], program: Program, said: str) -> Iterator[str]:
    """Levels that the code compares the other way than the words just before them say."""
    negated = "not" in program.words_used(requirement.lines)
    begin = 0
    for element in elements:
        if element.kind is Kind.WORD:
            continue
        before, begin = requirement.quote[begin : element.start], element.end
        if element.kind is not Kind.NUMBER or element.unit not in (Unit.NONE, Unit.MONEY):
            continue
        bounds = [
            (match.start(), up) for pattern, up in ((_UP, True), (_DOWN, False)) for match in pattern.finditer(before)
        ]
        if not bounds:
            continue
        up = max(bounds)[1] != bool(_NEGATED.search(before))
        operators = program.operators_with(element.value, requirement.lines)
        right, wrong = ({">", ">="}, {"<", "<="}) if up else ({"<", "<="}, {">", ">="})
        if operators & wrong and operators.isdisjoint(right) and not negated:
            yield f"{said} means {'above' if up else 'at or below'} {element.value:g}, and the lines it names compare the other way."


def _element_stands(
    element: Element, requirement: Requirement, program: Program, values: set[float], said: str
) -> Iterator[str]:
    if element.kind is Kind.NUMBER:
        if element.unit is Unit.DAYS and not _PER_DAY.search(requirement.quote):
            yield f"{said} counts days or longer, and bars are minutes: it cannot be covered by {element.value:g} bars. Ask, or say it is unsupported or assumed."
            return
        scales = {
            Unit.PERCENT: (1.0, 0.01),
            Unit.HOURS: (60.0, 1.0),
            Unit.MINUTES: (1.0,),
            Unit.MONEY: (1.0, 0.01),
        }.get(element.unit, _SCALES)
        near = {element.value * scale for scale in scales} | (
            {1 - element.value / 100, 1 + element.value / 100} if element.unit is Unit.PERCENT else set()
        )
        near |= {960 - element.value * scale for scale in (1.0, 60.0)} | {
            570 + element.value * scale for scale in (1.0, 60.0)
        }
        if not any(abs(one - other) <= 1e-6 * max(1.0, abs(one)) for one in near for other in values):
            yield f"{said} has {element.text}, and the lines it names do not: name the lines where it stands, or mend the code."
        used = program.words_used(requirement.lines)
        if element.unit is Unit.MONEY and "unrealized_return" in used:
            yield f"{said} is an amount of money, and the lines it names use a fraction of the price."
        if (
            element.unit is Unit.PERCENT
            and "quantity" in used
            and "unrealized_return" not in used
            and re.search(r"buy\(quantity", program.text_on(requirement.lines))
        ):
            yield f"{said} is a percentage, and the lines it names use a number of shares."
        if (
            element.unit is Unit.MONEY
            and re.search(r"\b(?:stop|trail\w*|target|profit|loss)\b", requirement.quote, re.IGNORECASE)
            and used & {"notional", "fraction"}
            and not used & {"average_entry_price", "close", "peak"}
        ):
            yield f"{said} is a stop or a target, and the lines it names are a size."
    elif element.kind is Kind.TIME:
        hour, minute = divmod(int(element.value), 60)
        late = element.value + 720 if hour < 12 else element.value
        if not (
            {element.value, late} & values
            or ({float(hour), float(minute)} <= values | {0.0} or {float(hour + 12), float(minute)} <= values | {0.0})
        ):
            yield f"{said} has the time {element.text}, and the lines it names do not: minutes of the day are hour * 60 + minute."
    elif element.kind is Kind.DAY and "weekday" not in program.words_used(requirement.lines):
        yield f"{said} names a day of the week, and the lines it names do not look at bar.time.weekday."


def _not_asked_for(program: Program, requirements: Sequence[Requirement], assumptions: Sequence[str]) -> Iterator[str]:
    named = {line for each in requirements if each.status is not Status.UNSUPPORTED for line in each.lines}
    told = " ".join(assumptions)
    numbers = {float(each.replace(",", "")) for each in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", told)}
    numbers |= {60.0 * int(hour) + int(minute) for hour, minute in re.findall(r"\b(\d{1,2}):(\d\d)\b", told)}
    for each in program.comparisons:
        if any(each.line <= line <= each.last_line for line in named) or _told(each, told, numbers):
            continue
        yield f"Line {each.line} makes the strategy {each.action} only when {each.words}, and neither a requirement nor an assumption says so."


def _told(comparison: Comparison, told: str, numbers: set[float]) -> bool:
    if not told:
        return False
    values = {abs(each) for each in comparison.values if each}
    if values:
        return bool(values & numbers) or bool({round(each * 100, 8) for each in values} & numbers)
    words = re.findall(r"\w+", f"{comparison.left} {comparison.right}")
    return any(word.lower() in told.lower() for word in words if len(word) > 3)
