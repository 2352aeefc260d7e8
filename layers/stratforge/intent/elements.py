"""Extracts the elements of a request that must not be lost: numbers with their units, times, days, bounds, negations
and connectives, in any language the platform is used in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Kind(StrEnum):
    """The kinds of element in a request."""

    NUMBER = "number"
    TIME = "time"
    DAY = "day"
    WORD = "word"


class Unit(StrEnum):
    """The units a number can have."""

    NONE = ""
    PERCENT = "%"
    MONEY = "$"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Element:
    """A part of the request that decides something.

    Attributes:
        start: Where it begins in the request, in characters.
        end: Where it ends.
        value: A number's value; a time's minute of the day; a weekday, Monday is 0.
    """

    kind: Kind
    text: str
    start: int
    end: int
    value: float = 0.0
    unit: Unit = Unit.NONE

    @property
    def is_level(self) -> bool:
        """True for a number that a price or an indicator can be compared with."""
        return self.kind is Kind.NUMBER and self.unit in (Unit.NONE, Unit.MONEY, Unit.PERCENT)


_WORDS = (
    r"not|n['’]t|never|no|only|unless|except|without|avoid|skip|either|or|until|max(?:imum)?|min(?:imum)?|at most|at least|no more than|per day|a day|each day|once|twice|half|"
    r"rest|in a row|consecutive|crosses|cross|trailing|"
    r"nicht|nie|niemals|kein\w*|nur|außer|oder|entweder|bis|höchstens|mindestens|pro tag|hälfte|"
    r"nunca|jamás|solo|sólo|excepto|salvo|hasta|como máximo|al menos|por día|mitad|"
    r"ne|pas|jamais|seulement|uniquement|sauf|ou|jusqu\w*|au plus|au moins|par jour|moitié|o"
)
_SIGNS = r"不要|不|只|最多|ない|または|或者|或|最大|以外"
_WORD = re.compile(rf"(?<![\w-])(?:{_WORDS})(?![\w-])|\w+n['’]t\b|{_SIGNS}", re.IGNORECASE)
# Words that are something else in another language than the request's.
_ENGLISH_ONLY = frozenset({"no", "or", "not", "once", "max", "min", "rest"})
_FOREIGN_ONLY = frozenset({"ne", "ou", "pas", "solo", "bis", "salvo", "o"})
_TIME = re.compile(
    r"(?<![\d.])(\d{1,2})[:.h](\d{2})\s*(am|pm|a\.m\.|p\.m\.)?(?![\d%])|(?<![\d.:])(\d{1,2})\s*(am|pm|a\.m\.|p\.m\.|uhr|o['’]clock)(?!\w)",
    re.IGNORECASE,
)
_SPOKEN_TIME = re.compile(r"\bhalf past (\w+)\b|\b(\w+) o['’]clock\b|(?<=\bat )(\w+) in the (morning|afternoon|evening)\b", re.IGNORECASE)  # fmt: skip
_NOON = re.compile(r"\b(?:noon|midday|mittags?|mediodía|midi)\b|正午|中午", re.IGNORECASE)
_CLOCK = re.compile(r"(?<!\d)([01]?\d|2[0-3])[点點時时](半|([0-5]?\d)分)?(?!間|间)")
_DAYS = (
    ("monday|montag|lunes|lundi", 0),
    ("tuesday|dienstag|martes|mardi", 1),
    ("wednesday|mittwoch|miércoles|mercredi", 2),
    ("thursday|donnerstag|jueves|jeudi", 3),
    ("friday|freitag|viernes|vendredi", 4),
    ("saturday|samstag|sonnabend|sábado|samedi", 5),
    ("sunday|sonntag|domingo|dimanche", 6),
)
# Short names, and signs; the French word for “my” is no day.
_SHORT_DAYS = (
    (r"mon(?!\s+\w+\s+(?:est|de|du))|周一|星期一|月曜", 0),
    (r"tues?|周二|星期二|火曜", 1),
    (r"wed|周三|星期三|水曜", 2),
    (r"thu|thurs?|周四|星期四|木曜", 3),
    (r"fri|周五|星期五|金曜", 4),
)
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])(\$|€|-|\$ )?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)\s*(k\b|thousand\b|million\b)?"
)
# In English a comma is no decimal point: "(20,2)" are two numbers.
# But before a percent sign it is one: no list of numbers is written so.
_ENGLISH_NUMBER = re.compile(
    _NUMBER.pattern.replace(r"(?:[.,]\d+)?", r"(?:\.\d+|,\d{1,2}(?=\s*[%％€]))?").replace(
        r"\d{1,3}(?:,\d{3})+", r"\d{1,3}(?:,\d{3})+(?!\d)"
    )
)
_NUMBER_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100,
    "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "zehn": 10, "zwanzig": 20, "dreißig": 30, "dos": 2, "tres": 3, "cinco": 5, "diez": 10, "deux": 2, "trois": 3, "cinq": 5, "dix": 10,
}  # fmt: skip
# "SMA20", "sl2%".
_GLUED = re.compile(
    r"(?<![A-Za-z])(?:[sewh]?ma|rsi|atr|adx|cci|mfi|roc|mom|bb|sl|tp|stop|target)(\d+(?:\.\d+)?)(?![A-Za-z\d])",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    rf"(?<!\w)(?:{'|'.join(_NUMBER_WORDS)})(?:[\s-]+(?:{'|'.join(_NUMBER_WORDS)})(?!\w))*(?!\w)", re.IGNORECASE
)
_UNITS = (
    (Unit.PERCENT, r"\s*(?:%|％|percent\b|per cent\b|prozent\b|por ciento\b|pour ?cent\b)"),
    (Unit.MONEY, r"\s*-?(?:dollars?\b|dólares?\b|usd\b|bucks\b|euros?\b|cents?\b)"),
    (Unit.HOURS, r"[\s-]*(?:hours?\b|hrs?\b|stunden?\b|horas?\b|heures?\b)"),
    (Unit.MINUTES, r"[\s-]*(?:minutes?\b|mins?\b|minuten?\b|minutos?\b)"),
    (Unit.DAYS, r"[\s-]*(?:days?\b|tage?s?n?\b|días?\b|jours?\b|日|天|weeks?\b|wochen?\b|months?\b|years?\b)"),
)


# Wide digits and signs, each as long as its narrow form.
_WIDE = str.maketrans("０１２３４５６７８９．，％：", "0123456789.,%:")


def elements_of(request: str, *kinds: Kind) -> list[Element]:
    """The request's elements in their order: all, or those of these kinds."""
    return [each for each in _elements(request) if not kinds or each.kind in kinds]


@lru_cache(1024)
def _elements(request: str) -> tuple[Element, ...]:
    request = request.translate(_WIDE)
    found: list[Element] = []
    taken: list[tuple[int, int]] = []

    def add(element: Element) -> None:
        if not any(element.start < end and start < element.end for start, end in taken):
            found.append(element)
            taken.append((element.start, element.end))

    for match in _TIME.finditer(request):
        if match[2] is not None and match[0][len(match[1])] == "." and match[3] is None:
            # 1.50 is a number.
            continue
        hour, minute, half = (
            int(match[1] or match[4]),
            int(match[2] or 0),
            (match[3] or match[5] or "").lower().replace(".", ""),
        )
        if hour > 23 or minute > 59:
            continue
        if half in ("am", "pm"):
            hour = hour % 12 + (12 if half == "pm" else 0)
        add(
            Element(
                Kind.TIME,
                match[0].strip(),
                match.start(),
                match.start() + len(match[0].rstrip()),
                value=hour * 60 + minute,
            )
        )
    for match in _SPOKEN_TIME.finditer(request):
        said = match[1] or match[2] or match[3]
        hour = _NUMBER_WORDS.get(said.lower(), int(said) if said.isdigit() else 24)
        if hour < 24:
            late = 12 if match[4] and match[4].lower() != "morning" and hour < 12 else 0
            add(Element(Kind.TIME, match[0], *match.span(), value=60 * (hour + late) + (30 if match[1] else 0)))
    for match in _NOON.finditer(request):
        add(Element(Kind.TIME, match[0], *match.span(), value=720))
    for match in _CLOCK.finditer(request):
        minute = int(match[1]) * 60 + (30 if match[2] == "半" else int(match[3] or 0))
        add(Element(Kind.TIME, match[0], *match.span(), value=minute))
    for names, number in _DAYS:
        for match in re.finditer(rf"(?<!\w)(?:{names})s?(?!\w)", request, re.IGNORECASE):
            add(Element(Kind.DAY, match[0], *match.span(), value=number))
    foreign = _foreign(request)
    for names, number in _SHORT_DAYS:
        for match in re.finditer(rf"(?<![A-Za-z])(?:{names})s?(?![A-Za-z])", request, re.IGNORECASE):
            if not (foreign and match[0].isascii()):
                add(Element(Kind.DAY, match[0], *match.span(), value=number))
    for match in (_NUMBER if foreign else _ENGLISH_NUMBER).finditer(request):
        if re.search(r"(?:^|\n)\s*$", request[: match.start()]) and re.match(r"[.)]\s+\w", request[match.end(2) :]):
            # It counts the lines of a list.
            continue
        bracketed = request.count("(", 0, match.start()) > request.count(")", 0, match.start())
        counts = re.search(r"(?:^|[\s:;,.])$", request[: match.start()]) and re.match(
            r"\)\s+\w", request[match.end(2) :]
        )
        if counts and not bracketed:
            continue
        text = match[2]
        value = float(
            text.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text) else text.replace(",", ".")
        )
        value *= {"k": 1e3, "thousand": 1e3, "million": 1e6}.get((match[3] or "").lower(), 1.0)
        unit = Unit.MONEY if match[1] and match[1].strip() in ("$", "€") else _unit_after(request, match.end())
        end = match.end(3) if match[3] else match.end(2)
        add(Element(Kind.NUMBER, request[match.start() : end], match.start(), end, value, unit))
    for match in _GLUED.finditer(request):
        unit = _unit_after(request, match.end())
        add(Element(Kind.NUMBER, match[1], match.start(1), match.end(1), value=float(match[1]), unit=unit))
    for match in _SPELLED.finditer(request):
        value = 0.0
        for word in re.split(r"[\s-]+", match[0].lower()):
            # "Two hundred fifty": what stands before a hundred counts hundreds.
            value = value * 100 if word == "hundred" and value else value + _NUMBER_WORDS[word]
        add(Element(Kind.NUMBER, match[0], *match.span(), value=value, unit=_unit_after(request, match.end())))
    for match in _WORD.finditer(request):
        if match[0].lower() not in (_ENGLISH_ONLY if foreign else _FOREIGN_ONLY):
            add(Element(Kind.WORD, match[0], *match.span()))
    return tuple(sorted(found, key=lambda each: each.start))


def _unit_after(request: str, end: int) -> Unit:
    for unit, pattern in _UNITS:
        if re.compile(pattern, re.IGNORECASE).match(request, end):
            return unit
    return Unit.NONE


def _foreign(request: str) -> bool:
    signs = r"\b(?:wenn|und|kaufe?n?|der|die|cuando|el|la|quand|lorsque|le|achète|compra\w*)\b"
    return len(re.findall(signs, request, re.IGNORECASE)) >= 2
