"""A requirement of a portfolio whose rules do something else than its plain words name: another period, another symbol, the other side, another unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.rules import Part, RotationRule, RotationRuleError, read_rotation_rule
from stratforge.intent.unlike import ASK

_I = re.IGNORECASE
_PERIODS = {
    "daily": re.compile(r"\b(?:daily|every day|each day|täglich|diari\w+|quotidien\w*)\b", _I),
    "weekly": re.compile(r"\b(?:weekly|every week|each week|wöchentlich|semanal\w*|hebdomadaire\w*)\b", _I),
    "monthly": re.compile(r"\b(?:monthly|every month|each month|monatlich|mensual\w*|mensuel\w*)\b", _I),
    "quarterly": re.compile(r"\b(?:quarterly|every quarter|each quarter|vierteljährlich|quartalsweise|trimestral\w*|trimestriel\w*)\b", _I),
    "yearly": re.compile(r"\b(?:yearly|annually|every year|each year|jährlich|anual\w*|annuel\w*)\b", _I),
}  # fmt: skip
_OLD = re.compile(r"\b(?:instead of|rather than|no longer|no more|not|statt|nicht|en lugar de|en vez de|au lieu de|from)\W*$", _I)  # fmt: skip
_SEVERAL = re.compile(
    r"\bevery (?:other|second|[2-9]|\d\d|two|three|four|six) ?(?:day|week|month|quarter|year)s?\b", _I
)
_WITHOUT = re.compile(r"\b(?:drop|remove|delete|without|except|exclude|ohne|außer|quita|sin|sauf|sans)\s+(?P<symbol>[A-Z]{1,5}\b)")  # fmt: skip
_ALONE = re.compile(r"\bonly (?P<one>[A-Z]{2,5})\b(?! (?:if|when|while|is))|^\W*(?P<two>[A-Z]{2,5}) only\b")
_TURNED = re.compile(r"\b(?:keep out|leave out|exclude|avoid|skip|drop|unless|except|cash (?:if|when|while)|not|never|no)\b|n['’]t\b", _I)  # fmt: skip
_CASH_UNLESS = re.compile(r"\bcash\W+(?:unless|except)\b", _I)
_SIDE = re.compile(r"\b(?P<side>above|over|below|under)\b", _I)
_PERCENT = re.compile(r"(?P<amount>\d+(?:\.\d+)?) ?(?:%|percent)", _I)
_POLITE = re.compile(
    r"(?:\W|\b(?:thanks|thank you|ok|okay|great|good|nice|perfect|cool|fine|super|danke|gracias|merci|very much|a lot|so much|that is|that's|it|looks)\b)*",
    _I,
)
_ASKED = re.compile(r"^\W*(?:is|are|does|do|was|were|what about|how|why|which|should)\b.*\?\s*$", _I | re.DOTALL)


def unlike_portfolio(requirements: Sequence[Requirement]) -> Iterator[str]:
    """Finds requirements of a portfolio whose rules do something else than their words, whoever wrote them."""
    for each in requirements:
        quote = each.quote.strip()
        if each.status not in (Status.COVERED, Status.ASSUMED) or not quote:
            continue
        try:
            rules = [read_rotation_rule(text) for text in each.rules]
        except RotationRuleError:
            continue
        for text in _unlike(quote, [rule for rule in rules if not rule.dropped], bool(rules)):
            yield f"“{quote[:120]}” {text}: {ASK}"


def _unlike(quote: str, rules: Sequence[RotationRule], ruled: bool) -> Iterator[str]:
    if ruled and (_POLITE.fullmatch(quote) or _ASKED.search(quote)):
        yield "asks for no change, and has a rule"
    for rule in rules:
        if rule.part is Part.REBALANCE:
            yield from _period(quote, rule)
        if rule.part is Part.UNIVERSE:
            yield from _symbols(quote, rule)
        if rule.part in (Part.WHERE, Part.WHEN) and rule.comparison is not None:
            yield from _compared(quote, rule)


def _period(quote: str, rule: RotationRule) -> Iterator[str]:
    said = {name for name, words in _PERIODS.items() for match in words.finditer(quote) if not _OLD.search(quote[: match.start()])}  # fmt: skip
    if said and rule.word not in said and not rule.word.isdigit():
        yield f"says {' and '.join(sorted(said))}, and its rule is “{rule.text}”"
    match = _SEVERAL.search(quote)
    if match and not (match[0].lower().endswith(("3 months", "three months")) and rule.word == "quarterly"):
        yield f"says “{match[0]}”, and its rule is “{rule.text}”, which no several of them is"


def _symbols(quote: str, rule: RotationRule) -> Iterator[str]:
    for match in _WITHOUT.finditer(quote):
        if match["symbol"] in rule.symbols:
            yield f"leaves {match['symbol']} out, and its rule has it"
    for match in _ALONE.finditer(quote):
        name = match["one"] or match["two"]
        if name not in rule.symbols:
            yield f"names {name} alone, and its rule does not have it"


def _compared(quote: str, rule: RotationRule) -> Iterator[str]:
    atom = rule.comparison
    assert atom is not None
    sides = [match["side"].lower() for match in _SIDE.finditer(quote)]
    turns = len(_TURNED.findall(_CASH_UNLESS.sub("when", quote)))
    # Two negations, or two sides, may be anything; of two columns the price is the one that is above or below.
    if len(sides) == 1 and turns <= 1 and "close" in atom.left and not re.fullmatch(r"-?[\d.]+", atom.left):
        above = (sides[0] in ("above", "over")) != (turns == 1)
        if (atom.operator[0] == ">") != above:
            yield f"says “{sides[0]}”{', turned round by its negation,' if turns else ''} and its rule holds on the other side ({rule.text})"
    parts = "pct_change" in atom.left or "pct_change" in atom.right
    for match in _PERCENT.finditer(quote):
        if parts and float(match["amount"]) in atom.numbers and float(match["amount"]) / 100 not in atom.numbers:
            yield f"says {match[0]}, and its rule compares a part of one with {match['amount']} ({rule.text}): {float(match['amount']) / 100:g} is meant"
