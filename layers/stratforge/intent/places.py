"""Times of named places: words that say whose clocks a time is by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.follow_ups import ASK
from stratforge.intent.lexicon import CLOSE, NYSE, ZONE
from stratforge.intent.reading.meaning import Fact, TooMany, both, meaning_of
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import HOLDS_BY_SIGN, Rule, is_number
from stratforge.market.clocks import CLOCKS, clock_field, minutes_ahead, place_in_words
from stratforge.strategy.vocabulary import DAYS

_DAY = 1_440
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
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    before: Sequence[str] = (),
    *,
    coins: bool,
) -> Iterator[str]:
    """Finds times without a place, read by the exchange's clocks, beside one that is by those of another place, in these turns or in the rules that stood before."""
    named = [words for turn in turns for words in places_named(turn, coins=coins)]
    exchange = "utc" if coins else "new_york"
    named += [f"{place_in_words(place)} time" for place in CLOCKS if place != exchange and any(clock_field(place) in rule for rule in before)]  # fmt: skip
    if not named:
        return
    for each, of_it in zip(requirements, rules, strict=True):
        by_the_exchange = any(re.search(r"\bminute\b", rule.text) for rule in of_it if rule.dropped is None)
        alone = elements_of(each.quote, Kind.TIME) and not places_named(each.quote, coins=coins)
        if each.status is Status.COVERED and by_the_exchange and alone and not names_exchange(each.quote):
            yield f"“{each.quote[:80]}” has a time and no place, and another is of {named[0]}: whose clocks is it by? {ASK}"


def whose_days(rules: Iterable[Rule], *, coins: bool) -> Iterator[str]:
    """Finds what is meant by the days of another place than the exchange, and rules cannot say: days of the week at times at which it is another day
    there, and what is before or after a time where midnight is in the middle of trading.
    """
    exchange = "utc" if coins else "new_york"
    try:
        meaning = meaning_of(rules, around_the_clock=coins)
        bought = both(meaning.entry, meaning.only, frozenset(range(7 if coins else 5)))
    except TooMany:
        return
    found = dict[str, None]()
    for way in (each for ways in (bought, meaning.exit, *meaning.parts.values()) for each in ways):
        for place in CLOCKS:
            bounds = [fact for fact in way if fact[0] == clock_field(place) and is_number(str(fact[-1]))]
            if not bounds:
                continue
            there, here = place_in_words(place), place_in_words(exchange)
            days = next((fact[1:] for fact in way if fact[0] == "days"), ())
            if days and _on_another_day(bounds, place, exchange, coins=coins):
                named = " or ".join(DAYS[int(str(each))] for each in days)
                found[
                    f"“{named}” at that time in {there}: it may be another day at the exchange, whose days are those of {here}. On which days of {here}, and when by {here} time?"
                ] = None
            elif not coins and _over_midnight(place) and len({str(fact[1])[0] for fact in bounds} - {"="}) == 1:
                found[
                    f"“Before” and “after” a time in {there} do not say of which day, for it is midnight there while stocks are traded. From when to when is meant?"
                ] = None
    yield from (f"{each} {ASK}" for each in found)


def _on_another_day(bounds: Sequence[Fact], place: str, exchange: str, *, coins: bool) -> bool:
    """Whether it is another day at the exchange at some minute of a place's day within bounds at which there is trading."""
    minutes = [each for each in range(_DAY) if all(HOLDS_BY_SIGN[str(sign)](each, float(str(level))) for _, sign, level in bounds)]  # fmt: skip
    return any(
        not 0 <= each - ahead < _DAY and (coins or NYSE <= (each - ahead) % _DAY < CLOSE)
        for ahead in minutes_ahead(place, exchange)
        for each in minutes
    )


def _over_midnight(place: str) -> bool:
    return any(NYSE + ahead < _DAY < CLOSE + ahead for ahead in minutes_ahead(place, "new_york"))
