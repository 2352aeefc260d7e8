"""Sales said as a move (“falls below VWAP”) and written as a state: where it may be so already at the purchase, the person is told what comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.bounds import excluded_where_bought
from stratforge.intent.levels import VERBS_DOWN, VERBS_UP
from stratforge.intent.lexicon import BUYS, SELLS
from stratforge.intent.reading.meaning import Fact, TooMany, Ways, both, meaning_of, ways_of
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import RESULTS, Rule, RuleKind, is_number

_GOES = r"(?:go(?:es|ing)?|gets?|getting|com(?:es?|ing)|mov(?:es?|ing)|push(?:es)?|break(?:s|ing)?)"
_BEYOND = r"(?:below|under|above|over|unter|über|por debajo|por encima|sous|au[- ]dess)"
_MOVE = re.compile(
    rf"\b(?:{VERBS_UP}|{VERBS_DOWN}|{_GOES})\b[^,;.]{{0,16}}?\b{_BEYOND}|\b{_BEYOND}\b[^,;.]{{0,40}}?\b(?:{VERBS_UP}|{VERBS_DOWN})\b",
    re.IGNORECASE,
)
_CLOCK = ("days", "minute", "minutes_to_close", "for", "within", "crosses", "not", "bars_held", "days_held", *RESULTS)
_CLAUSE = re.compile(r"[,;.]|\b(?:and|or|und|oder|y|o|et|ou)\b", re.IGNORECASE)


def moves_told(
    requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], *, around_the_clock: bool
) -> Iterator[str]:
    """The sentences about sales that words of a move ask for, and that may hold at the bar of their purchase: what was bought there is sold on the next bar.

    Args:
        requirements: What an answer says is asked for.
        rules: The rules of each requirement.
        around_the_clock: Whether every day is one of trading.
    """
    week = frozenset(range(7 if around_the_clock else 5))
    standing = [rule for each, of_it in zip(requirements, rules, strict=True) if each.status is not Status.SUPERSEDED for rule in of_it if rule.kind is not RuleKind.DROP]  # fmt: skip
    try:
        meaning = meaning_of(standing, around_the_clock=around_the_clock)
        bought = both(meaning.entry, meaning.only, week)
        for each, of_it in zip(requirements, rules, strict=True):
            if each.status not in (Status.COVERED, Status.ASSUMED) or not each.quote.strip():
                continue
            sales = [rule for rule in of_it if rule.kind is RuleKind.SELL and rule.value == 100 and rule.condition is not None]  # fmt: skip
            found = [fact for rule in sales if rule.condition is not None for fact in _alone(ways_of(rule.condition, week)) if _may_hold(fact, bought)]  # fmt: skip
            words = _said(each.quote) if found else ""
            if words:
                yield f"“{words}” is read of every bar: where it is so already when it buys, it sells on the next one. For the moment alone, say “crosses”."
    except TooMany:
        return


def _alone(ways: Ways) -> Iterator[Fact]:
    """The comparisons of which each is enough to sell."""
    yield from (fact for way in ways if len(way) == 1 for fact in way if len(fact) == 3 and fact[0] not in _CLOCK)


def _may_hold(fact: Fact, bought: Ways) -> bool:
    left, _, right = map(str, fact)
    # An oscillator beyond a level is rare at the purchase, and that the price falls is no place where it is.
    lines = (not is_number(right) and "previous(" not in f"{left}{right}") or (is_number(right) and float(right) == 0 and left.startswith("ta."))  # fmt: skip
    return lines and any(not excluded_where_bought(fact, way) for way in bought)


def _said(quote: str) -> str:
    """The clause of a sale that speaks of a move; empty where none does."""
    begin = next((each.start() for each in SELLS.finditer(quote)), None)
    if begin is None and BUYS.search(quote):
        return ""
    match = _MOVE.search(quote, begin or 0)
    if match is None:
        return ""
    start = max((each.end() for each in _CLAUSE.finditer(quote, begin or 0, match.start())), default=begin or 0)
    stop = _CLAUSE.search(quote, match.end())
    return quote[start : stop.start() if stop else len(quote)].strip()
