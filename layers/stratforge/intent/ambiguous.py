"""Words that are often read in two ways: how they were read has to be told, or asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.lexicon import INDICATORS
from stratforge.intent.measures import holds, minutes_of, near, texts
from stratforge.intent.requirements import SETTLED, Requirement
from stratforge.intent.rules import PRICES, Rule, RuleKind, is_number, numbers_in_text
from stratforge.intent.stretches import stretches_of
from stratforge.intent.turns import Spans, plain_words

_I = re.IGNORECASE
_PRICE = re.compile(
    r"\b(?:prices?|clos(?:e|es|ing)|stocks?|shares?|coins?|trad(?:es|ing)|quotes?|dollars?|usd|bucks|costs?|worth|preis|kurs|precio|prix|cours|bitcoin|ether\w*)\b|\$|€|价|株|値|終値",
    _I,
)
_PART_OR_DISTANCE = re.compile(
    r"\b(?:sell|exit|close|trim|dump)\w*\s+(?:at\s+)?\d[\d.]*\s*(?:%|percent)\s+(?:above|below|over|under|up|down|higher|lower|off|from)\b",
    _I,
)
_BOTH = re.compile(r"\bboth\b(?! sides)|\b(?:all|each) of (?:them|these|those)\b|\b(?:all|each) (?:two|three)\b", _I)
_THEY = re.compile(r"\b(?:they|these|those)\b(?:\s+\w+){0,2}?\s+(?:above|below|over|under|<|>)\s*-?\d", _I)
_AND_AT = re.compile(r"\band (?:also )?(?:at|by|around) (?:\d{1,2}(?:[:.h]\d\d|\s?[ap]m)|noon|the close)", _I)
_DAY = re.compile(r"\bday\w*|\bopens\b|\bgaps?\b|\byesterday|\bsession|\bmarket|\btoday|\bmorning|\bopening|\bhod\b|\blod\b|\bintraday|\bso far|\bfirst\b|9[:.]?30|\btag\w*|\bdía|\bjour|日", _I)  # fmt: skip
_DAY_FACTS = (("day_open", r"\bopen\b"), ("day_high", r"\bhighs?\b"), ("day_low", r"\blows?\b"))


def ambiguous_findings(
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    spans: Spans,
    assumptions: Sequence[str],
    numbers_told: frozenset[float],
) -> Iterator[str]:
    """Finds readings of words that can be read otherwise, and that no assumption tells.

    Args:
        turns: The person's words, turn by turn.
        requirements: What they are said to ask for.
        rules: The rules of each requirement.
        spans: Where each requirement's quotation stands in each turn.
        assumptions: What the answer says it decided by itself.
        numbers_told: The numbers in these.
    """
    told = plain_words(" ".join(assumptions))

    def untold(words: str) -> bool:
        return plain_words(words) not in told

    measured = any(_of_indicator(rule) for of_it in rules for rule in of_it)
    for each, of_it, places in zip(requirements, rules, spans, strict=True):
        if each.status in SETTLED or any(rule.dropped is not None for rule in of_it):
            continue
        yield from _of_quote(each.quote, of_it, untold)
        for turn, stretches in zip(turns, places, strict=True):
            for start, end in stretches:
                if measured:
                    yield from _prices(turn, start, end, of_it, told)
                yield from _guards(turn, start, end, of_it, numbers_told)


def _of_quote(quote: str, rules: Sequence[Rule], untold: Callable[[str], bool]) -> Iterator[str]:
    said, text = f"“{quote[:80]}”", texts(rules)
    sales = [each for each in rules if each.kind is RuleKind.SELL]
    match = _PART_OR_DISTANCE.search(quote)
    if match and any(each.value != 100 for each in sales) and untold(match[0]):
        yield f"{said}: “{match[0]}” may be a distance, and its rule sells a part ({text}): ask, or quote it in assumptions."
    match = _BOTH.search(quote) or _THEY.search(quote)
    side = next((each.side for each in stretches_of(quote) if match and each.start <= match.start() < each.end), None)
    mine = [each for each in rules if side is None or each.kind is side]
    if match and not any(len({atom.text for atom in each.atoms}) > 1 for each in mine) and untold(match[0]):
        yield f"{said} says “{match[0]}”, and its rule compares one thing ({text})."
    match = _AND_AT.search(quote)
    joined = [each for each in sales if 0 < sum(holds(one.text, "minute") for one in each.atoms) < len(each.atoms)]
    if match and any(not each.offers_choice for each in joined) and untold(match[0]):
        yield f"{said}: “{match[0]}” may be one more way to sell, and its rule needs both ({text}): ask, or quote it in assumptions."
    for fact, word in _DAY_FACTS:
        named = re.search(word, quote, _I)
        if named and re.search(rf"\b{fact}\b", text) and not _DAY.search(quote) and untold(f"“{named[0]}”"):
            yield f"{said}: “{named[0]}” may be the bar's, and its rule has the day's ({text}): use {named[0].rstrip('s')}, ask, or quote it in assumptions."


def _of_indicator(rule: Rule) -> bool:
    """Whether a rule compares an indicator with a plain number."""
    return any("ta." in side and is_number(other) for atom in rule.atoms for side, _, other in atom.ways)


def _prices(turn: str, start: int, end: int, rules: Sequence[Rule], told: str) -> Iterator[str]:
    """Levels of an indicator that are compared with the price, as “it” was taken for it."""
    levels = {
        number
        for rule in rules
        for atom in rule.atoms
        for side, _, other in atom.ways
        if side in PRICES and is_number(other)
        for number in numbers_in_text(other)
    }
    for element in elements_of(turn[start:end], Kind.NUMBER):
        if not any(near(element.value, each) for each in levels):
            continue
        place = start + element.start
        clauses = [each for each in stretches_of(turn) if each.start <= place]
        words = turn[clauses[-1].start : start + element.end + 12]
        before = turn[clauses[-2].start : clauses[-2].end] if len(clauses) > 1 else ""
        goes_on = _PRICE.search(before) and not any(pattern.search(before) for pattern, _ in INDICATORS)
        number = re.escape(f"{element.value:g}")
        if not _PRICE.search(words) and not goes_on and not re.search(rf"(?<![\d.]){number}(?![\d.]).*price", told):
            yield f"“{turn[start:end][:80]}”: {element.text} may be a level of the indicator that was named, and its rule compares it with the price: ask, or say in assumptions that it is a price."


def _guards(turn: str, start: int, end: int, rules: Sequence[Rule], numbers_told: frozenset[float]) -> Iterator[str]:
    """Purchases that are forbidden from a time on which the words only say to sell."""
    for rule in rules:
        if rule.kind is not RuleKind.ONLY or "minute" not in rule.text:
            continue
        sold = [each for other in rules if other.kind is RuleKind.SELL for each in other.numbers]
        for element in elements_of(turn[start:end], Kind.TIME):
            minutes = [each for each in rule.numbers if any(near(each, one) for one in minutes_of(turn, element))]
            at = start + element.start
            side = next((each.side for each in stretches_of(turn) if each.start <= at < each.end), None)
            if (
                side is RuleKind.SELL
                and any(near(one, each) for one in minutes for each in sold)
                and not all(any(near(one, each) for each in numbers_told) for one in minutes)
            ):
                yield f"“{turn[start:end][:80]}” says when to sell, and a rule forbids to buy from then on ({rule.text}): name it in assumptions, or leave it out."
