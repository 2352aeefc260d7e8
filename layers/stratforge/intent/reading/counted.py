"""Counts the numbers of a turn against those of its statements, knowing nothing of how they were read: none may be lost, and none may come from nowhere."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from stratforge.intent.reading.doubts import WEEKDAY
from stratforge.intent.reading.settings import Statement

_TIME = re.compile(r"(?<![\d.$])(\d{1,2})(?::(\d\d))?\s?([ap])\.?m\b|(?<![\d.$])(\d{1,2}):(\d\d)(?!\d)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\d.])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+")
# Signs of list items, and parts of a whole written as fractions.
_SIGNS = re.compile(
    r"(?:^|(?<=\n))[ \t]*\(?\d{1,2}[.)](?=\s)|(?<![\w(,] )(?<![\w(,])\b\d{1,2}\)(?=\s)|\b(?:1-|1 |one[- ])(?:min(?:ute)?s?|m)\b|\b1/[234]\b",
    re.IGNORECASE,
)
_MORNING, _OPEN, _CLOSE = 480.0, 570.0, 960.0
# Numbers that words such as “the usual RSI”, “twice”, “a third” or “overnight” stand for.
_USUAL = frozenset((0.0, 1.0, 2.0, 3.0, 9.0, 10.0, 12.0, 14.0, 20.0, 26.0, 50.0, 100.0, 25.0, 33.3333, 0.5, 570.0, 571.0, 720.0, 721.0, 955.0, 959.0, 960.0))  # fmt: skip
_ONE_TO_TWELVE = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NAMES = {name: float(number) for number, name in enumerate(_ONE_TO_TWELVE, 1)} | {
    "fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "forty": 40.0, "forty-five": 45.0, "fifty": 50.0, "sixty": 60.0, "ninety": 90.0, "hundred": 100.0,
    "half": 0.5, "quarter": 0.25, "third": 3.0, "fourth": 4.0, "fifth": 5.0, "sixth": 6.0, "second": 2.0, "tenth": 10.0, "hour": 60.0,
}  # fmt: skip
_NAMED = re.compile(rf"\b(?:{'|'.join(_NAMES)}|oversold|overbought|midnight|thousand|grand|yesterday|weekdays?|{WEEKDAY})\b", re.IGNORECASE)  # fmt: skip
# Numbers of indicators that nobody speaks of.
_UNSPOKEN = re.compile(r"\b(?:lensig|c|scalar|drift|offset|ddof)=(?:14\b|0\.015|100\b|[01]\b)")
_LEVELS = (30.0, 70.0, 20.0, 80.0, 100.0)


def accounted(turn: str, statements: Sequence[Statement]) -> bool:
    """Says whether each number of the words stands in the statements, as it is or as its unit makes it, and each of theirs comes from the words."""
    said = list(_said(turn))
    held = set(_held(statements))
    # “The high of the morning (9:30 to 12:00)” is said by how long it is.
    spans = {number for one, other in itertools.pairwise(said) if other - one in held for number in (one, other)}
    if any(number not in spans and not (_ways(number) & held) for number in said):
        return False
    known = {other - one for one, other in itertools.pairwise(said)}
    known |= set(_USUAL).union(*map(_ways, said)) if said else set(_USUAL)
    for match in _NAMED.finditer(turn):
        name = match[0].lower()
        known |= (
            _ways(_NAMES[name])
            if name in _NAMES
            else set(_LEVELS)
            if name.startswith("over")
            else set(map(float, range(7)))
        )
    return held <= _moments(known)


def _said(turn: str) -> Iterator[float]:
    """The numbers of the words; times as minutes of the day."""
    plain = _SIGNS.sub(" ", turn)
    for match in _TIME.finditer(plain):
        hour, minute, half = int(match[1] or match[4]), int(match[2] or match[5] or 0), (match[3] or "").lower()
        hour = hour % 12 + (12 if half == "p" else 0) if half else hour + 12 if 1 <= hour <= 4 else hour
        yield 60.0 * hour + minute
    for match in _NUMBER.finditer(_TIME.sub(" ", plain)):
        thousands = re.match(r"\s?(?:k\b|grand\b|thousand\b)", plain[match.end() :], re.IGNORECASE) is not None
        yield float(match[0].replace(",", "")) * (1000 if thousands else 1)


def _ways(number: float) -> set[float]:
    """What a number may be in a rule, by its unit: itself, a part of a price, an hour, a time of the day, a stretch from the open or to the close."""
    found = {number, 1 + number / 100, 1 - number / 100, number / 100, number * 60, number * 1000, 60 * (number + 12)}
    found |= {_OPEN + number, _CLOSE - number, number - _OPEN}
    return {round(each, 8) for each in found}


def _moments(numbers: set[float]) -> set[float]:
    """Numbers, and of times of the day the minute after each."""
    return numbers | {each + 1 for each in numbers if each >= _MORNING}


def _held(statements: Sequence[Statement]) -> Iterator[float]:
    """The numbers of the statements, without their signs."""
    for each in statements:
        texts = [_UNSPOKEN.sub("", str(each.readings[:1])), *(text for text in each.orders[:1])]
        texts += [f"{value:g}" for _, value, _ in each.settings]
        texts += [f"{each.value:g}"] if each.kind == "part" else []
        for match in itertools.chain.from_iterable(map(_NUMBER.finditer, texts)):
            yield round(float(match[0].replace(",", "")), 8)
