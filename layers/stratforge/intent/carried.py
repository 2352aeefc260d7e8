"""Requirements carried through a change by hand: they stay where their rules still say all that the code does, with the new values of its constants.

Nothing is believed here either: rules with other numbers are tried against the code like those of any answer (`trial`), and where no reading of the change
agrees with the code, what was asked for is no description of it any more.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from stratforge.intent.gate import behavior_findings
from stratforge.intent.long_short.gate import follows_both_ways, goes_both_ways_by
from stratforge.intent.long_short.rules import side_in_words
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.gate import decides_as
from stratforge.intent.rotation.rules import in_words as portfolio_in_words
from stratforge.intent.rotation.rules import read_rotation_rule
from stratforge.intent.rules import RuleError, read_rule
from stratforge.intent.shorts import code_as_bought, rule_as_bought
from stratforge.intent.timeframes import names_frame
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.constants import timeframe_of, with_constants
from stratforge.strategy.rotation import PortfolioStrategy
from stratforge.strategy.rotation.schedule import Schedule

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
# How a constant of the code may stand in a rule: as it is, as a percentage, as a fraction.
_FORMS: tuple[Callable[[float], float], ...] = (abs, lambda value: 100 * abs(value), lambda value: abs(value) / 100)
# How many readings of a change are tried.
_TRIED = 16
# How many combinations are looked at for readings, of which most may name one number twice.
_COMBINED = 4_096
# Texts of more lines each are not compared line by line: looking for what is alike would take seconds.
_COMPARABLE_LINES = 1_000
Code = Strategy | PortfolioStrategy
# A number of a rule: which rule it is, where the number begins and where it ends.
Place = tuple[int, int, int]


class _Said(NamedTuple):
    """A rule of a requirement, with the lines that do what the requirement asks for."""

    text: str
    lines: Sequence[int]


def changed_constants(old: Code, new: Code) -> dict[str, tuple[float, float]] | None:
    """The constants whose values differ, where nothing else does but comments and layout; None where something else does."""
    if old.parameters.keys() != new.parameters.keys():
        return None
    # How a line is moved in decides what it does: what is compared is what the code means.
    alike = (ast.dump(ast.parse(with_constants(each.source, new.parameters))) for each in (old, new))
    return _other_values(old, new) if next(alike) == next(alike) else None


def _other_values(old: Code, new: Code) -> dict[str, tuple[float, float]]:
    """The values of constants that both have and that differ."""
    both = [name for name in old.parameters if name in new.parameters]
    return {name: (old.parameters[name], new.parameters[name]) for name in both if old.parameters[name] != new.parameters[name]}  # fmt: skip


def carried(
    requirements: Sequence[Requirement], old: Code, new: Code, *, old_symbol: str, symbol: str
) -> list[Requirement] | None:
    """The requirements as they stand after a change by hand; None where they do not say what the code does.

    Args:
        requirements: What was asked for, of the code before.
        old: The code before.
        new: The code after.
        old_symbol: What it traded.
        symbol: What it trades.
    """
    if isinstance(old, PortfolioStrategy) != isinstance(new, PortfolioStrategy):
        return None
    standing_still = [each for each in requirements if each.status is not Status.SUPERSEDED]
    kept = [each for each in (_traded(one, old_symbol, symbol) for one in standing_still) if each]
    if old.bar_minutes != new.bar_minutes:
        kept = [each for each in (_on_other_bars(one, old, new) for one in kept) if each]
    changed = _other_values(old, new)
    said = [_Said(_declared(text, old, new), each.lines) for each in kept for text in each.rules]
    if not any(_stands(each.text) for each in said):
        return None
    same_code = old.source == new.source and ("/" in old_symbol) == ("/" in symbol)
    lines = _moved_lines(old.source, new.source)
    unchanged = [each.text for each in said]
    for rules in [unchanged] if same_code else itertools.islice(_readings(said, old.source, changed), _TRIED):
        if same_code or _agrees(list(dict.fromkeys(filter(_stands, rules))), new, symbol):
            renewed = iter(rules)
            return [_renewed(each, [next(renewed) for _ in each.rules], lines, changed, new) for each in kept]
    return None


def _agrees(rules: Sequence[str], code: Code, symbol: str) -> bool:
    """Whether rules say all that code does, tried on made-up bars."""
    if isinstance(code, PortfolioStrategy):
        return decides_as(rules, code)
    if goes_both_ways_by(rules):
        return follows_both_ways(rules, code)
    if code.shorts:
        image, faults = code_as_bought(code.source)
        if faults or any(text.startswith(("buy ", "sell ")) for text in rules):
            return False
        rules, code = [rule_as_bought(text) for text in rules], compile_strategy(image)
    try:
        standing = [read_rule(each) for each in rules]
    except RuleError:
        return False
    return not any(behavior_findings(standing, code, symbol))


def _declared(text: str, old: Code, new: Code) -> str:
    """A rule with what the code of a portfolio declares now, where it says what the code before declared: its symbols, its times, or its fixed weights."""
    if isinstance(old, PortfolioStrategy) and isinstance(new, PortfolioStrategy):
        if text.startswith("universe ") and set(re.split(r"[\s,]+", text)[1:]) == set(old.universe) != set(
            new.universe
        ):
            return f"universe {', '.join(new.universe)}"
        if text == f"rebalance {old.schedule}":
            return f"rebalance {new.schedule}"
        if text.startswith("weights ") and (was := _fixed_weights(old)) and (now := _fixed_weights(new)) != was:
            said = read_rotation_rule(text)
            if now and dict(zip(said.symbols, said.weights, strict=True)) == was:
                return f"weights {', '.join(f'{symbol} {part:.12g}' for symbol, part in now.items())}"
    return text


def _fixed_weights(code: PortfolioStrategy) -> dict[str, float]:
    """The weights that are written out in the code of a portfolio, by their symbols; none where not just one set of them is."""
    found = list[dict[str, float]]()
    for node in ast.walk(ast.parse(code.source)):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
            try:
                found.append(ast.literal_eval(node.value))
            except ValueError:
                return {}
    return found[0] if len(found) == 1 else {}


def explained(requirements: Sequence[Requirement], code: Code) -> str:
    """Says what the rules of requirements do, in sentences made from them."""
    texts = dict.fromkeys(text for each in requirements for text in each.rules if _stands(text))
    said = list(dict.fromkeys(_in_words(text, code) for text in texts))
    if isinstance(code, PortfolioStrategy):
        said = ["; ".join(said)] if said else []
    return " ".join(f"{each[0].upper()}{each[1:]}." for each in said)


def _in_words(text: str, code: Code) -> str:
    if isinstance(code, PortfolioStrategy):
        return portfolio_in_words(read_rotation_rule(text), "minutes" if code.schedule.minutes else "days")
    if code.shorts and not text.startswith(("buy ", "sell ")):
        return side_in_words(text)
    return in_words(read_rule(text))


def _stands(text: str) -> bool:
    return not text.startswith(("drop ", "symbol "))


def _traded(requirement: Requirement, before: str, symbol: str) -> Requirement | None:
    """A requirement without what it says of another symbol than is traded now; of one whose words name that, what became of it."""
    rules = [each for each in requirement.rules if not each.startswith("symbol ") or each[7:].strip().upper() == symbol]
    if requirement.rules and not rules:
        return None
    kept = requirement.model_copy(update={"rules": rules})
    named = symbol != before and _names(before, f"{kept.quote} {kept.meaning}")
    return _otherwise(kept, f"its symbol is {symbol} instead of {before}") if named else kept


def _on_other_bars(requirement: Requirement, old: Code, new: Code) -> Requirement | None:
    """A requirement of code that decides on other bars now: nothing where it says those before and no more."""
    if not names_frame(requirement.quote, timeframe_of(old.source)):
        return requirement
    bars = f"it decides on bars of {new.bar_minutes:,} minutes instead of {old.bar_minutes:,}"
    return _otherwise(requirement, bars) if requirement.rules else None


def _otherwise(requirement: Requirement, how: str) -> Requirement:
    """A requirement whose words say something else than is done now."""
    update = {"meaning": f"{requirement.meaning} (changed by hand: {how})"[:600], "status": Status.ASSUMED}
    return requirement.model_copy(update=update)


def _names(symbol: str, text: str) -> bool:
    # “A 2 % stop” does not name the symbol A.
    return bool(re.search(rf"(?<!\w){re.escape(symbol)}(?!\w)", text, 0 if len(symbol) < 3 else re.IGNORECASE))


def _moved_lines(old: str, new: str) -> dict[int, int]:
    """Where each line of the code before stands now."""
    one, other = old.split("\n"), new.split("\n")
    found = dict[int, int]()
    if len(one) * len(other) > _COMPARABLE_LINES**2:
        # What stands before and behind all that changed.
        first = next((at for at, (was, now) in enumerate(zip(one, other, strict=False)) if was != now), min(len(one), len(other)))  # fmt: skip
        rest = list(zip(reversed(one[first:]), reversed(other[first:]), strict=False))
        last = next((at for at, (was, now) in enumerate(rest) if was != now), len(rest))
        found |= {at: at for at in range(1, first + 1)}
        return found | {len(one) - at: len(other) - at for at in range(last)}
    for kind, start, end, there, until in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal" or end - start == until - there:
            found |= {start + at + 1: there + at + 1 for at in range(end - start)}
    return found


def _readings(said: Sequence[_Said], source: str, changed: Mapping[str, tuple[float, float]]) -> Iterator[list[str]]:
    """The rules with the changed constants, in each way in which their numbers may be these constants; the likeliest first."""
    options = [[*_options(said, _line_of(name, source), was, now), {}] for name, (was, now) in changed.items()]
    seen = set[tuple[str, ...]]()
    for choice in itertools.islice(itertools.product(*options), _COMBINED):
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
    return next((each.lineno for each in ast.parse(source).body if isinstance(each, ast.Assign) and name in _targets(each)), 0)  # fmt: skip


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


def _targets(statement: ast.Assign) -> set[str]:
    return {each.id for target in statement.targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def _replaced(text: str, numbers: Mapping[tuple[int, int], str]) -> str:
    for (start, end), new in sorted(numbers.items(), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _renewed(
    requirement: Requirement,
    rules: list[str],
    lines: Mapping[int, int],
    changed: Mapping[str, tuple[float, float]],
    code: Code,
) -> Requirement:
    """A requirement with its rules and lines as they are now; what was changed in it was not asked for in its words."""
    update: dict[str, object] = {"rules": rules, "lines": [lines[each] for each in requirement.lines if each in lines]}
    if rules != requirement.rules:
        said = "; ".join(_in_words(each, code) for each in rules if _stands(each))
        values = ", ".join(f"{name} is {now:.12g} instead of {was:.12g}" for name, (was, now) in changed.items())
        update |= {"meaning": f"{said} (changed by hand{values and f': {values}'})"[:600], "status": Status.ASSUMED}
    return requirement.model_copy(update=update)


def rules_in(requirements: Sequence[Requirement]) -> set[str]:
    """The rules of requirements that make the strategy."""
    return {text for each in requirements if each.status is not Status.SUPERSEDED for text in each.rules if _stands(text)}  # fmt: skip


def says_before(text: str, old: Code, new: Code, old_symbol: str, symbol: str) -> bool:
    """Tells whether a text says what was so of the code before and is no more: the value of a constant, what is traded, or when a portfolio decides."""
    numbers = [float(each) for each in _NUMBER.findall(text.replace(",", ""))]
    values = [was for was, _ in _other_values(old, new).values()]
    if any(abs(number - form(was)) < 1e-9 for was in values for form in _FORMS for number in numbers):
        return True
    gone = [old_symbol] if symbol != old_symbol else []
    if isinstance(old, PortfolioStrategy) and isinstance(new, PortfolioStrategy):
        gone += old.universe if old.universe != new.universe else ()
        stands = _fixed_weights(new)
        parts = [part for symbol, part in _fixed_weights(old).items() if stands.get(symbol) != part]
        if any(abs(number - form(was)) < 1e-9 for was in parts for form in _FORMS for number in numbers):
            return True
        if old.schedule != new.schedule and re.search(_times(old.schedule), text, re.IGNORECASE):
            return True
    return any(_names(each, text) for each in gone)


def _times(schedule: Schedule) -> str:
    """How texts say when a portfolio decides."""
    if schedule.minutes:
        return rf"\b{schedule.minutes}[- ]min"
    noun = {"daily": "day"}.get(schedule.period, schedule.period.removesuffix("ly"))
    return rf"\b{schedule.period}\b|\b(?:every|each|once a) {noun}\b"
