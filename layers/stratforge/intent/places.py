"""Times of named places: words that say whose clocks a time is by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.follow_ups import ASK
from stratforge.intent.lexicon import ZONE
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import Rule

_OF_A_TIME = re.compile(r"(?:\d|[ap]\.?m\.?|uhr)\s*$", re.IGNORECASE)


def places_named(text: str, *, coins: bool) -> list[str]:
    """Lists the words that say of a time whose clocks it is by, where these are not the exchange's."""
    exchange = "utc" if coins else "new_york"
    return [
        match[0]
        for place, words in ZONE
        if place != exchange
        for match in words.finditer(text)
        if re.search(r"time|zeit|hora|heure|uhr", match[0], re.IGNORECASE) or _OF_A_TIME.search(text[: match.start()])
    ]


def names_exchange(text: str) -> bool:
    """Tells whether a text names a place where stocks or coins have their clocks."""
    return any(place in ("new_york", "utc") and words.search(text) for place, words in ZONE)


def whose_clocks(
    turns: Sequence[str], requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], *, coins: bool
) -> Iterator[str]:
    """Finds times without a place, read by the exchange's clocks, beside one that is by those of another place."""
    named = [words for turn in turns for words in places_named(turn, coins=coins)]
    if not named:
        return
    for each, of_it in zip(requirements, rules, strict=True):
        by_the_exchange = any(re.search(r"\bminute\b", rule.text) for rule in of_it if rule.dropped is None)
        alone = elements_of(each.quote, Kind.TIME) and not places_named(each.quote, coins=coins)
        if each.status is Status.COVERED and by_the_exchange and alone and not names_exchange(each.quote):
            yield f"“{each.quote[:80]}” has a time and no place, and another is of {named[0]}: whose clocks is it by? {ASK}"
