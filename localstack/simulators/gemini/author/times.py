"""Phrases for times of the day, parts of the session, and weekdays."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stratforge.market.clocks import TO_NEW_YORK, place_in_words

from simulators.gemini.author.phrases import Memory
from simulators.gemini.author.rules import AHEAD, Both, Condition, Either, TimeOfDay, Weekdays
from simulators.gemini.author.scanner import N, Scanner, Unexpressible

_CLOCK = r"(\d{1,2})(?: : (\d\d))? ?(am|pm|o'clock)?(?: (?:market time|exchange time))?"
_PLACES = {
    "new_york": r"new york|eastern|et|est|edt|ny",
    "berlin": r"berlin|german|paris|madrid|cet|cest|mez|mesz",
    "london": r"london|uk|bst",
    "chicago": r"central|ct|cst|cdt",
    "los_angeles": r"pacific|pst|pdt|pt",
    "tokyo": r"tokyo|jst",
    "utc": r"utc|gmt",
}
_ELSEWHERE = r"(?:local|my time|ist|hong kong)(?: time)?"


@dataclass(frozen=True, slots=True)
class Minute:
    """A time of the day.

    Attributes:
        at: Minutes after midnight in New York; of another place about that.
        place: The place whose clocks are meant; empty for the exchange's.
    """

    at: int
    place: str = ""

    @property
    def on(self) -> TimeOfDay:
        """The condition that it is then or later."""
        return TimeOfDay(self.at, until=False, place=self.place)

    @property
    def before(self) -> TimeOfDay:
        """The condition that it is not then yet."""
        return TimeOfDay(self.at, until=True, place=self.place)

    @property
    def at_once(self) -> Both:
        """The condition that it is just then."""
        return Both((self.on, TimeOfDay(self.at + 1, until=True, place=self.place)))

    def of(self, place: str) -> Minute:
        """The same time on the clocks of another place."""
        return self if self.place else Minute((self.at - AHEAD.get(place, 0)) % 1440, place)


def _place(scan: Scanner) -> str | None:
    """The place whose clocks are named next; None where none is."""
    for place, words in _PLACES.items():
        if scan.take(rf"(?:{words})(?: time)?(?![\w/])"):
            return place
    return None


def minute_of_day(scan: Scanner) -> Minute | None:
    """A time of the day.

    Raises:
        Unexpressible: for times of a zone that is not known.
    """
    at = scan.at
    if scan.take(r"(?:the |the market |market )(?:open|opening)(?: bell)?"):
        return Minute(570)
    if scan.take(r"(?:the |the market |market )(?:close|closing bell)|the end of the (?:trading )?day"):
        return Minute(960)
    match = scan.take(_CLOCK)
    if match is None or (match[2] is None and match[3] is None):
        scan.at = at
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    place = _place(scan)
    if place is None and (zone := scan.take(_ELSEWHERE)):
        raise Unexpressible(
            f"Times of a strategy are New York times, and “{match[0].strip()} {zone[0].strip()}” is another zone's. What is it in New York time?"
        )
    if match[3] in ("am", "pm"):
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    elif place in (None, "new_york") and hour < 8 and match[2] is not None:
        # Half past three is in the afternoon: the market is closed at night.
        hour += 12
    if hour > 23 or minute > 59:
        scan.at = at
        return None
    found = Minute(hour * 60 + minute)
    coins = re.search(r"@[\w.]+/", scan.text) is not None
    scan.times[at] = ("" if place == ("utc" if coins else "new_york") else place, match[0].strip().replace(" : ", ":"))
    if place is None:
        return found
    # Stocks are traded by New York's clocks, and some are changed in the same night.
    return found.of(place) if coins or place not in TO_NEW_YORK else Minute(found.of(place).at)


def unplaced(scan: Scanner) -> list[str]:
    """Questions about times that name no place, where others name one."""
    places = [place for place, _ in scan.times.values() if place]
    if not places:
        return []
    return [
        f"“{words}” names no place, and another time is of {place_in_words(places[0])}: whose clocks is it by? Please say it with its place."
        for place, words in scan.times.values()
        if place is None
    ]


def _span(match: re.Match[str], first: int) -> float:
    if match[first]:
        return float(match[first]) * (60 if (match[first + 1] or "").startswith("h") else 1)
    return 30 if "half" in match[0] else 60


_EDGE = rf"(first|opening|last|final|closing) (?:{N} ?(minutes?|mins?|hours?|bars?)|(half hour|half an hour|hour))(?: of (?:the )?(?:trading )?(?:day|session|trading|market)| of trading| after the open| before the close)?"


def time_condition(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads a condition on the time of day or the weekday; None where there is none."""
    at = scan.at
    scan.take(r"(?:it is|it 's|the time is|time is)")
    if scan.take(r"between|from"):
        first = scan.at
        start = _bare_minute(scan)
        if start is not None and scan.take(r"and|to|until|till|-"):
            end = minute_of_day(scan) or _bare_minute(scan)
            if end is not None:
                if end.place:
                    # Both are of that place.
                    scan.times.pop(first, None)
                return _between(start, end)
        scan.at = at
        scan.take(r"(?:it is|it 's|the time is|time is)")
    lunch = scan.take(r"(?:during|over|in|at|outside(?: of)?) (?:the )?lunch(?: ?time| hours?| break)?")
    outside = "outside" in lunch[0] if lunch else scan.take(r"outside(?: of)?(?: the hours(?: of| from)?)?") is not None
    if lunch or outside:
        bracket = scan.take(r"\(")
        scan.take(r"between|from")
        start = _bare_minute(scan)
        end = _bare_minute(scan) if start is not None and scan.take(r"and|to|until|till|-") else None
        if end is not None and (not bracket or scan.take(r"\)")):
            assert start is not None
            start, end = _of_one_place(start, end)
            return Either((start.before, end.on)) if outside else Both((start.on, end.before))
        scan.at = at
        return None
    match = scan.take(rf"(?:in|during|within) (?:the )?{_EDGE}")
    if match:
        span = _span(match, 2)
        return (
            TimeOfDay(round(570 + span), until=True)
            if match[1] in ("first", "opening")
            else TimeOfDay(round(960 - span), until=False, to_close=True)
        )
    match = scan.take(rf"after (?:the )?{_EDGE}")
    if match and match[1] in ("first", "opening"):
        return TimeOfDay(round(570 + _span(match, 2)), until=False)
    match = scan.take(rf"before (?:the )?{_EDGE}")
    if match and match[1] in ("last", "final", "closing"):
        return TimeOfDay(round(960 - _span(match, 2)), until=True, to_close=True)
    match = scan.take(
        rf"{N} (minutes?|mins?|hours?) (after the open|after (?:the )?market open\w*|before the close|before (?:the )?market close\w*|before the end of the day)"
    )
    if match:
        span = float(match[1]) * (60 if match[2].startswith("h") else 1)
        if "after" in match[3]:
            return TimeOfDay(round(570 + span), until=False)
        return TimeOfDay(round(960 - span), until=False, to_close=True)
    if scan.take(r"(?:in|during) the morning"):
        return TimeOfDay(720, until=True)
    if scan.take(r"(?:in|during) the afternoon"):
        return TimeOfDay(720, until=False)
    for words, until in (
        (r"no earlier than|not (?:before|earlier than|until)", False),
        (r"before|until|till|no later than|earlier than|prior to", True),
        (r"(?:at or )?after|past|from|since|later than|starting (?:at|from)|beginning at", False),
    ):
        if scan.take(words):
            minute = minute_of_day(scan)
            if minute is not None and 0 < minute.at < 1440:
                scan.take("on|onwards?")
                return minute.before if until and not memory.position else minute.on
            days = weekdays(scan) if minute is None else ()
            if len(days) == 1:
                raise Unexpressible(f"“{scan.text[at : scan.at].strip()}”: on which days of the week, by their names?")
            scan.at = at
            scan.take(r"(?:it is|it 's|the time is|time is)")
    if scan.take(r"(?:exactly )?at(?: exactly)?"):
        minute = minute_of_day(scan)
        if minute is not None and memory.position:
            return minute.on
        if minute is not None and 570 < minute.at < 960:
            return minute.at_once
        scan.at = at
    days = weekdays(scan)
    if days:
        here = scan.at
        if scan.take("at|around"):
            minute = minute_of_day(scan)
            if minute is not None and 0 < minute.at < 1440:
                return Both((Weekdays(days), *minute.at_once.parts))
        scan.at = here
        return Weekdays(days)
    scan.at = at
    return None


def _of_one_place(one: Minute, other: Minute) -> tuple[Minute, Minute]:
    """“Between 15:30 and 17:00 Berlin time”: both are of Berlin."""
    place = one.place or other.place
    return (one.of(place), other.of(place)) if place else (one, other)


def _between(start: Minute, end: Minute) -> Both:
    start, end = _of_one_place(start, end)
    if start.at > end.at and start.at >= 720 and not start.place:
        start = Minute(start.at - 720)
    return Both((start.on, end.before))


def _bare_minute(scan: Scanner) -> Minute | None:
    """A time that may be a bare hour, where “between” or “from” says that it is one."""
    found = minute_of_day(scan)
    if found is not None:
        return found
    at = scan.at
    match = scan.take(r"(\d{1,2})(?= (?:and|to|until|till|-|$))")
    if match and 1 <= int(match[1]) <= 23:
        hour = int(match[1])
        return Minute((hour + 12 if hour < 8 else hour) * 60)
    scan.at = at
    return None


_DAY_WORDS = r"(mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|mon|tues?|wed|thurs?|thu|fri)"
_DAY_NUMBER = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}


def weekdays(scan: Scanner) -> tuple[int, ...]:
    """Days of the week; nothing when none comes next."""
    at = scan.at
    scan.take(r"(?:on |every |any |each )+")
    if scan.take(r"weekdays|working days"):
        return (0, 1, 2, 3, 4)
    if scan.take(r"weekends?"):
        return (5, 6)
    found: list[int] = []
    while match := scan.take(rf"(?:,? ?(?:and|or|,) )?(?:on )?{_DAY_WORDS}" if found else _DAY_WORDS):
        found.append(_DAY_NUMBER[match[1][:3]])
        through = scan.take(rf"(?:to|through|thru|until|-) {_DAY_WORDS}")
        if through:
            found += range(found[-1] + 1, _DAY_NUMBER[through[1][:3]] + 1)
    if not found:
        scan.at = at
    return tuple(sorted(set(found)))
