"""Requirements carried through a change by hand: they stay where their rules still say all that the code does, with the new values of its constants.

Nothing is believed here either: rules with other numbers are tried against the code like those of any answer (`trial`), and where no reading of the change
agrees with the code, what was asked for is no description of it any more.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from stratforge.intent.gate import behavior_findings
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import RuleError, read_rule
from stratforge.strategy import Strategy
from stratforge.strategy.constants import with_constants

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
# How a constant of the code may stand in a rule: as it is, as a percentage, as a fraction.
_FORMS: tuple[Callable[[float], float], ...] = (abs, lambda value: 100 * abs(value), lambda value: abs(value) / 100)
# How many readings of a change are tried.
_TRIED = 16
# A number of a rule: which rule it is, where the number begins and where it ends.
Place = tuple[int, int, int]


class _Said(NamedTuple):
    """A rule of a requirement, with the lines that do what the requirement asks for."""

    text: str
    lines: Sequence[int]


def changed_constants(old: Strategy, new: Strategy) -> dict[str, tuple[float, float]] | None:
    """The constants whose values differ, where nothing else does; None where something else does."""
    before, after = old.parameters, new.parameters
    if before.keys() != after.keys():
        return None
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    alike = with_constants(old.source, {name: value for name, (_, value) in changed.items()})
    return changed if alike.split() == new.source.split() else None


def carried(
    requirements: Sequence[Requirement], old: Strategy, new: Strategy, *, old_symbol: str, symbol: str
) -> list[Requirement] | None:
    """The requirements as they stand after a change by hand; None where they do not say what the code does.

    Args:
        requirements: What was asked for, of the code before.
        old: The code before.
        new: The code after.
        old_symbol: What it traded.
        symbol: What it trades.
    """
    changed = changed_constants(old, new) or {}
    kept = [each for each in (_traded(one, symbol) for one in requirements if one.status is not Status.SUPERSEDED) if each]  # fmt: skip
    said = [_Said(text, each.lines) for each in kept for text in each.rules]
    if not any(_stands(each.text) for each in said):
        return None
    same_code = old.source == new.source and ("/" in old_symbol) == ("/" in symbol)
    lines = _moved_lines(old.source, new.source)
    unchanged = [each.text for each in said]
    for rules in [unchanged] if same_code else itertools.islice(_readings(said, old.source, changed), _TRIED):
        try:
            standing = [read_rule(each) for each in dict.fromkeys(filter(_stands, rules))]
        except RuleError:
            continue
        if same_code or not any(behavior_findings(standing, new, symbol)):
            renewed = iter(rules)
            return [_renewed(each, [next(renewed) for _ in each.rules], lines, changed) for each in kept]
    return None


def explained(requirements: Sequence[Requirement]) -> str:
    """Says what the rules of requirements do, in sentences made from them."""
    rules = [read_rule(text) for each in requirements for text in each.rules if _stands(text)]
    said = dict.fromkeys(in_words(each) for each in rules)
    return " ".join(f"{each[0].upper()}{each[1:]}." for each in said)


def _stands(text: str) -> bool:
    return not text.startswith(("drop ", "symbol "))


def _traded(requirement: Requirement, symbol: str) -> Requirement | None:
    """A requirement without what it says of another symbol than is traded now."""
    rules = [each for each in requirement.rules if not each.startswith("symbol ") or each.split()[1].upper() == symbol]
    gone = requirement.rules and not rules
    return None if gone else requirement.model_copy(update={"rules": rules})


def _moved_lines(old: str, new: str) -> dict[int, int]:
    """Where each line of the code before stands now."""
    one, other = old.split("\n"), new.split("\n")
    found = dict[int, int]()
    for kind, start, end, there, until in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal" or end - start == until - there:
            found |= {start + at + 1: there + at + 1 for at in range(end - start)}
    return found


def _readings(said: Sequence[_Said], source: str, changed: Mapping[str, tuple[float, float]]) -> Iterator[list[str]]:
    """The rules with the changed constants, in each way in which their numbers may be these constants; the likeliest first."""
    options = [[*_options(said, _line_of(name, source), was, now), {}] for name, (was, now) in changed.items()]
    seen = set[tuple[str, ...]]()
    for choice in itertools.product(*options):
        together: dict[Place, str] = {}
        for each in choice:
            together |= each
        if len(together) < sum(map(len, choice)):
            continue
        rules = [_replaced(rule.text, {(start, end): new for (of, start, end), new in together.items() if of == n}) for n, rule in enumerate(said)]  # fmt: skip
        if tuple(rules) not in seen:
            seen.add(tuple(rules))
            yield rules


def _line_of(name: str, source: str) -> int:
    """The line that gives a constant its value; 0 where none is found."""
    return next((number for number, text in enumerate(source.split("\n"), 1) if re.match(rf"[\w, ]*\b{name}\b[\w, ]*=", text)), 0)  # fmt: skip


def _options(said: Sequence[_Said], line: int, was: float, now: float) -> Iterator[dict[Place, str]]:
    """The numbers of rules that may be the constant of a line, with what stands there now."""
    for form in _FORMS:
        found = {
            (n, match.start(), match.end()): f"{form(now):.12g}"
            for n, rule in enumerate(said)
            if _stands(rule.text)
            for match in _NUMBER.finditer(rule.text)
            if abs(float(match[0]) - form(was)) < 1e-9
        }
        if found:
            near = {at: new for at, new in found.items() if line in said[at[0]].lines}
            yield near or found
            yield found
            yield from ({at: new} for at, new in found.items())


def _replaced(text: str, numbers: Mapping[tuple[int, int], str]) -> str:
    for (start, end), new in sorted(numbers.items(), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _renewed(
    requirement: Requirement, rules: list[str], lines: Mapping[int, int], changed: Mapping[str, tuple[float, float]]
) -> Requirement:
    """A requirement with its rules and lines as they are now; what was changed in it was not asked for in its words."""
    update: dict[str, object] = {"rules": rules, "lines": [lines[each] for each in requirement.lines if each in lines]}
    if rules != requirement.rules:
        said = "; ".join(in_words(read_rule(each)) for each in rules if _stands(each))
        update |= {"meaning": f"{said} ({_by_hand(changed)})"[:600], "status": Status.ASSUMED}
    return requirement.model_copy(update=update)


def _by_hand(changed: Mapping[str, tuple[float, float]]) -> str:
    """The constants that a person changed, in words."""
    return "changed by hand: " + ", ".join(f"{name} is {now:.12g} instead of {was:.12g}" for name, (was, now) in changed.items())  # fmt: skip


def says_number(text: str, changed: Mapping[str, tuple[float, float]]) -> bool:
    """Tells whether a text has a value that a constant has no more."""
    numbers = [float(each) for each in _NUMBER.findall(text.replace(",", ""))]
    return any(abs(number - form(was)) < 1e-9 for was, _ in changed.values() for form in _FORMS for number in numbers)
