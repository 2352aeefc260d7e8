"""The gate between a request for a portfolio and its code. What it finds goes back to whoever wrote the answer.

What the strict reading knows of the words must be what the rules say; what it does not know is told to the person with the answer; and the rules, which are a
portfolio strategy by themselves, must decide as the code does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.reading.indices import taken_for_funds
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.program import write_rotation
from stratforge.intent.rotation.reading import DAYS, RotationReading
from stratforge.intent.rotation.rules import (
    SINGLE,
    Part,
    RotationRule,
    RotationRuleError,
    by_part,
    is_rotation_rule,
    read_rotation_rule,
    standing_rules,
)
from stratforge.intent.rotation.told import (
    Said,
    contradictions,
    in_force,
    read_turn,
    readings_of,
    rules_before,
    sentences,
    unasked,
)
from stratforge.intent.rotation.trial import disagreement
from stratforge.intent.rotation.unlike import unlike_portfolio
from stratforge.strategy import StrategyError
from stratforge.strategy.rotation import PortfolioStrategy, compile_portfolio

_TURNS_ROUND = re.compile(r"\b(?:not|never|no|except|unless|without|avoid|skip)\b|n['’]t\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ATTACHED = re.compile(r"\d+(?:\.\d+)?(?:[- ]?(day|week|month|quarter|year)s?)?", re.IGNORECASE)


def rotation_findings(
    request: str,
    requirements: Sequence[Requirement],
    strategy: PortfolioStrategy,
    assumptions: Sequence[str] = (),
    *,
    before: Sequence[str] | None = None,
    earlier: Sequence[str] = (),
) -> list[str]:
    """Lists the points on which request, requirements and code of a portfolio strategy do not agree; see `contract_findings`."""
    turns = [*earlier, request]
    wrong = [
        f"The rule “{text[:120]}”: {why}." for each in requirements for text in each.rules if (why := _why_not(text))
    ]
    readings = readings_of(in_force(turns, requirements), before)
    said = Said.of(readings, before)
    found = [*_quotations(turns, requirements), *_left_over(turns, requirements, before), *wrong]
    if wrong:
        return found
    rules = standing_rules(requirements)
    found += _contrary(readings, rules)
    found += unasked(said, rules)
    found += [f"It cannot be as the request says: {each} Ask, and write nothing before it is answered." for each in said.asks]  # fmt: skip
    found += (
        f"{each} Ask, and write nothing before it is answered." for each in taken_for_funds(strategy.symbols, turns)
    )
    found += unlike_portfolio(requirements)
    found += contradictions(assumptions, rules)
    found += _unsaid(turns, requirements, assumptions)
    found += _numbers(requirements, assumptions, said)
    found += _kept(requirements, rules, before)
    missing = [
        each
        for each in rotation_told(request, requirements, strategy, before=before, earlier=earlier)
        if each not in assumptions
    ]
    found += [f"Nobody has shown that the rules say what these words do: tell the person in assumptions, in these words: {each}" for each in missing]  # fmt: skip
    try:
        reference = compile_portfolio(write_rotation(rules).source)
    except RotationRuleError as error:
        return [*found, f"The rules of the requirements are no portfolio: {error}."]
    except StrategyError as error:
        return [*found, f"A column of the rules is not in the language: {error.findings[0]}"]
    differs = disagreement(strategy, reference)
    return [*found, *_lines(requirements, strategy), *([differs] if differs else [])]


def rotation_told(
    request: str,
    requirements: Sequence[Requirement],
    strategy: PortfolioStrategy,
    *,
    before: Sequence[str] | None = None,
    earlier: Sequence[str] = (),
) -> list[str]:
    """Says how the rules take the words that the strict reading does not surely know, and what they say beyond all words; a person is shown it as assumptions."""
    turns = in_force((*earlier, request), requirements)
    unit = "minutes" if strategy.schedule.minutes else "days"
    return sentences(Said.of(readings_of(turns, before), before), requirements, unit)


def decides_as(rules: Sequence[str], strategy: PortfolioStrategy) -> bool:
    """Returns whether rules are a portfolio that decides as the code of one does, tried on made-up markets."""
    try:
        reference = compile_portfolio(write_rotation([read_rotation_rule(each) for each in rules]).source)
    except (RotationRuleError, StrategyError):
        return False
    return disagreement(strategy, reference) is None


def _why_not(text: str) -> str | None:
    try:
        read_rotation_rule(text)
    except RotationRuleError as error:
        return str(error)
    return None


def _quotations(turns: Sequence[str], requirements: Sequence[Requirement]) -> Iterator[str]:
    for each in requirements:
        quote = each.quote.strip()
        if each.status is Status.KEPT:
            continue
        if not quote and each.status is not Status.ASSUMED:
            yield f"“{each.meaning[:80]}” quotes nothing: what the request does not ask for is assumed."
        if quote and not any(quote in turn for turn in turns):
            yield f"requirements quotes “{quote[:80]}”, and no turn of the request says that: quote its own words."
        if each.status is Status.COVERED and not each.rules:
            yield f"“{quote[:80]}” is covered, it says, and has no rule."
        if each.status is Status.UNSUPPORTED and each.rules:
            yield f"“{quote[:80]}” is unsupported, and has a rule: it is one or the other."


def _left_over(
    turns: Sequence[str], requirements: Sequence[Requirement], before: Sequence[str] | None
) -> Iterator[str]:
    """Every word that says something lies in a quotation."""
    for turn in turns:
        covered = [False] * len(turn)
        for each in requirements:
            at = turn.find(each.quote.strip()) if each.quote.strip() else -1
            while at >= 0:
                covered[at : at + len(each.quote.strip())] = [True] * len(each.quote.strip())
                at = turn.find(each.quote.strip(), at + 1)
        open_ = "".join(" " if inside else letter for letter, inside in zip(turn, covered, strict=True))
        # Its own words for what says nothing are those of the strict reading.
        reading = read_turn(open_, rules_before(before))
        for word in reading.left:
            yield f"“{word}” of the request lies in no quotation: quote it with what it belongs to."
        for piece in reading.pieces:
            yield f"“{open_[piece.start : piece.end].strip()}” of the request lies in no quotation: quote it with what it belongs to."


def _contrary(readings: Sequence[RotationReading], rules: Sequence[RotationRule]) -> Iterator[str]:
    """What the strict reading knows of the last words about a part is what the rules say."""
    read = dict[Part, RotationRule]()
    conditions, dropped = dict[str, RotationRule](), set[str]()
    for reading in readings:
        told = _by_text(reading)
        said = [each for each in reading.rules if not each.dropped]
        for each in said:
            if each.part in SINGLE and told.get(each.text):
                read.pop(each.part, None)
            elif each.part in SINGLE:
                read[each.part] = each
        conditions |= {each.text: each for each in said if each.part not in SINGLE}
        gone = {each.text.removeprefix("drop ") for each in reading.rules if each.dropped}
        conditions = {text: each for text, each in conditions.items() if text not in gone}
        dropped = (dropped | gone) - {each.text for each in said}
    standing = by_part(rules)
    for part, rule in read.items():
        if rule.text not in [each.text for each in standing.get(part, [])]:
            stands = ", ".join(each.text for each in standing.get(part, [])) or "no rule"
            yield f"The request says “{rule.text}”, and the rules of the requirements say {stands}."
    texts = {each.text for each in rules}
    for text in conditions.keys() - texts:
        yield f"The request says “{text}”, and no rule of the requirements does."
    for text in sorted(dropped & texts):
        yield f"The request says that “{text}” goes, and it stands all the same."


def _by_text(reading: RotationReading) -> dict[str, str]:
    """What was decided for the person, by the rule that it made."""
    return {text: piece.assumed for piece in reading.pieces for text in piece.rules if piece.assumed}


def _unsaid(turns: Sequence[str], requirements: Sequence[Requirement], assumptions: Sequence[str]) -> Iterator[str]:
    told = " ".join(assumptions)
    for each in requirements:
        quote = each.quote.strip()
        if each.status in (Status.ASSUMED, Status.UNSUPPORTED, Status.SUPERSEDED) and quote and quote not in told:
            yield f"“{quote[:80]}” is {each.status.value}, and assumptions does not say so: quote the words there and say what becomes of them."
        if each.status is Status.UNSUPPORTED:
            yield f"“{quote[:80]}” cannot be done in a portfolio, it says: ask, and write nothing before it is answered."
        rules = [read_rotation_rule(text) for text in each.rules]
        if (
            each.status is Status.COVERED
            and _TURNS_ROUND.search(quote)
            and not any(rule.part in (Part.WHERE, Part.WHEN) or rule.dropped for rule in rules)
        ):
            yield f"“{quote[:80]}” turns something round, and its rules have no condition: ask what is meant."
    for turn in in_force(turns, requirements):
        yield from _impossible(turn)


def _impossible(turn: str) -> Iterator[str]:
    for symbol in re.findall(r"\b(?:short|leverag\w*|margin)\b", turn, re.IGNORECASE):
        yield f"“{symbol}” is not in a portfolio: weights are from 0 to 1 together. Ask, and write nothing before it is answered."


def _numbers(requirements: Sequence[Requirement], assumptions: Sequence[str], surely: Said) -> Iterator[str]:
    """The numbers of a quotation stand in its rules, and those of its rules in the quotation or in the assumptions."""
    told = {float(each) for each in _NUMBER.findall(" ".join(assumptions).replace(",", ""))}
    told |= {each / 100 for each in told}
    for each in requirements:
        if each.status not in (Status.COVERED, Status.ASSUMED):
            continue
        rules = [read_rotation_rule(text) for text in each.rules]
        if any(rule.dropped for rule in rules):
            continue
        have = {number for rule in rules for number in rule.numbers}
        said = _said(each.quote)
        for written, forms in said:
            if not any(abs(one - other) < 1e-9 for one in forms for other in have):
                yield f"“{each.quote[:80]}” has {written}, and its rules do not."
        known = {form for _, forms in said for form in forms} | told
        have = {number for rule in surely.unsaid(each.rules) for number in rule.numbers}
        for number in sorted(have - known):
            if not any(abs(number - other) < 1e-9 for other in known) and not _counted(number, each.quote):
                yield f"A rule of “{each.quote[:80] or each.meaning[:80]}” has {number:g}, which nobody asked for: tell it in assumptions."


def _counted(number: float, quote: str) -> bool:
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    if number > len(words) * DAYS["year"]:
        return False
    said = [place for place, word in enumerate(words, start=1) if re.search(rf"\b{word}\b", quote, re.IGNORECASE)]
    return any(number in (each, *(each * days for days in DAYS.values())) for each in said)


def _said(quote: str) -> list[tuple[str, set[float]]]:
    """The numbers of a quotation, each with what it may come to in a rule."""
    found = []
    for match in _ATTACHED.finditer(quote):
        value = float(_NUMBER.findall(match.group())[0])
        unit = match[1]
        days = value * DAYS[unit.lower()] if unit else value
        found.append((match.group(), {days} if unit else {value, value / 100}))
    return found


def _kept(
    requirements: Sequence[Requirement], rules: Sequence[RotationRule], before: Sequence[str] | None
) -> Iterator[str]:
    """That of what stood before nothing is lost or slipped in without a word."""
    stood = {rule.text: rule for rule in map(read_rotation_rule, filter(is_rotation_rule, before or ()))}
    kept = {text for each in requirements if each.status is Status.KEPT for text in each.rules}
    for text in sorted(kept - stood.keys()):
        yield f"The rule “{text}” is called kept, and did not stand before."
    dropped = {text.removeprefix("drop ") for each in requirements for text in each.rules if text.startswith("drop ")}
    new = {
        read_rotation_rule(text).part
        for each in requirements
        if each.status is Status.COVERED
        for text in each.rules
        if not text.startswith("drop ")
    }
    now = {each.text for each in rules}
    for text in sorted(stood.keys() - now - dropped):
        if stood[text].part not in new or stood[text].part not in SINGLE:
            yield f"The rule “{text}” stood before, and is gone: keep it, or let the requirement that asks for it say “drop {text}”."


def _lines(requirements: Sequence[Requirement], strategy: PortfolioStrategy) -> Iterator[str]:
    """That what is covered names lines of the code."""
    count = len(strategy.source.splitlines())
    for each in requirements:
        of_code = each.status is Status.COVERED and not all(text.startswith("drop ") for text in each.rules)
        if of_code and (not each.lines or not all(1 <= line <= count for line in each.lines)):
            yield f"“{each.quote[:80]}” is covered, it says, and names no line of the code that does it."
