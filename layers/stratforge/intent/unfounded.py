"""Holds an explanation, in whichever language, against the rules that the code alone says: what it says and the code does not have is found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from stratforge.intent.elements import Element, Kind, Unit, elements_of
from stratforge.intent.lexicon import BUYS, CLOSE, NO_SYMBOL, NYSE, SELLS
from stratforge.intent.reading.languages import language_of
from stratforge.strategy.explanation import ExplainedRule
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.vocabulary import DAYS

# Numbers up to this count things that a sentence names.
_COUNTED = 3.0
_WRITTEN = re.compile(r"\d")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_CLOCK = re.compile(r"\b(\d\d):(\d\d)\b")
_SIGNS = r" is (?:at or )?(?:above|below|equal to|other than) "
_HOUR = re.compile(rf"the hour{_SIGNS}(\d+)")
_OF_HOUR = re.compile(rf"the minute of the hour{_SIGNS}(\d+)")
_TO_CLOSE = re.compile(rf"the minutes left until the close{_SIGNS}(\d+)")
# Chinese and Japanese are written without spaces: their signs are no part of a symbol.
_SIGN = re.compile(r"[\u3005-\u30ff\u3400-\u9fff]")
_LETTER = r"[^\W\u3005-\u30ff\u3400-\u9fff]"
_SYMBOL = re.compile(rf"(?<![/.])(?<!{_LETTER})\$?([A-Z]{{1,5}}(?:\.[A-Z])?)(?!(?:{_LETTER}|\.)*{_LETTER})")
# So far before a symbol, and after it, a word of buying or selling speaks of it.
_BEFORE, _AFTER = 14, 8
# Ways of trading and prices that are written in capitals.
_TERMS = frozenset({"OPEN", "HIGH", "LOW", "CLOSE", "MOO", "MOC", "LOO", "LOC", "OCO", "GTC", "IOC"})
# The lines of code that rules name.
_LINE = re.compile(r"\bas line \d+ (?:asks|finds it)")
# Numbers that count nothing of a strategy: those of names, “24/7”, and the scale of an oscillator.
_NAMES = re.compile(
    r"\b(?:S&P|Nasdaq|Russell|Dow(?: Jones)?|FTSE|CAC|DAX|Nikkei)[ -]?\d+\b|(?<![\d/])24/7(?![\d/])|(?<![\d.,])0 ?(?:-|–|〜|~|to|bis|a|à|至|到|から) ?100(?!\d|[.,]\d|\s*[%％])",
    re.IGNORECASE,
)
# “25 000”, “25’000” and “1.250.000”; “15 h 45”; “125万”, ten thousands.
_THOUSANDS = re.compile(
    r"(?<![\w.,])\d{1,3}(?:[ \u00a0\u202f’']\d{3})+(?!\w)|(?<![\w.,])\d{1,3}(?:\.\d{3}){2,}(?![\w.])"
)
_HOURS = re.compile(r"\b(\d{1,2})[ \u00a0]h[ \u00a0](\d{2})\b")
_TEN_THOUSANDS = re.compile(r"(\d+(?:\.\d+)?)[万萬](?:(\d)千)?")
# A comma is a decimal point in German, Spanish and French, but not in “BBANDS(20,2)”.
_COMMA = re.compile(r"(?<![\d.,(])(\d+),(\d+)(?![\d,])")
_POINTED = re.compile(r"\d{1,3}\.\d{3}")
# Units of numbers in words, and of those in Chinese and Japanese.
_BARS = re.compile(r"[\s-]*(?:bars?|candles?|periods?|barras?|barres?|kerzen?)\b", re.IGNORECASE)
_UNITS = ((Unit.HOURS, re.compile(r"个?小时|個?小時|時間")), (Unit.MINUTES, re.compile(r"分")))
# Minutes of an hour and of a trading day; trading days of a week, a month, a quarter and a year.
_SPANS = (60.0, 390.0, 5.0, 21.0, 63.0, 252.0)


def unfounded(
    explanation: str, rules: Sequence[ExplainedRule], known: Iterable[str], symbols: Iterable[str] = ()
) -> Iterator[str]:
    """Finds numbers, times, days and symbols of an explanation that stand neither in the code's rules nor in what is known.

    Args:
        explanation: What a person reads of the strategy, in any language.
        rules: The rules of the code.
        known: What else may be spoken of: the person's words, and the formal rules of requirements.
        symbols: What the strategy trades.
    """
    known, written = list(known), _LINE.sub("", "\n".join(each.text for each in rules))
    explanation = _plain(explanation)
    elements = [each for text in known for each in elements_of(text)]
    days = {each.value for each in elements if each.kind is Kind.DAY} | _days(written)
    days |= {float(day) for text in known for day in re.findall(r"\bweekday [<>=!]+ (\d)", text)}
    said = {abs(each.value) for each in elements if each.kind is not Kind.DAY}
    said |= {float(each) for text in (written, *known) for each in _NUMBER.findall(text)}
    clock = _clock(written, said) | {minute for text in known for minute in _spoken(text)} | {float(NYSE), float(CLOSE)}
    said |= clock
    minutes = {minute + off for minute in clock for off in (-1, 0, 1)}
    spoken = [each.value for each in elements_of(explanation, Kind.DAY)]
    if len(set(spoken)) > 1 and days:
        # “Monday to Thursday” are the days but Friday.
        days |= {0.0, 4.0} | {day + off for day in days for off in (-1, 1)}
    for each in elements_of(explanation, Kind.NUMBER, Kind.TIME, Kind.DAY):
        if not _founded(_with_unit(each, explanation), said, minutes, days):
            what = f"{each.text} %" if each.unit is Unit.PERCENT else each.text
            yield f"The explanation says {what}, and neither the code nor the request does: leave it out, or say what the code does."
    yield from _foreign_symbols(explanation, {*symbols}, " ".join([written, *known]))


def _plain(explanation: str) -> str:
    """An explanation with its numbers as they are read: in one piece, and without those that count nothing of a strategy."""
    plain = _THOUSANDS.sub(lambda match: re.sub(r"\D", "", match[0]), _NAMES.sub("", explanation))
    if language_of(plain) in ("de", "es", "fr"):
        plain = _COMMA.sub(r"\1.\2", plain)
    plain = _TEN_THOUSANDS.sub(lambda match: f"{float(match[1]) * 10_000 + float(match[2] or 0) * 1_000:.10g}", plain)
    return _HOURS.sub(r"\1h\2", plain)


def _with_unit(element: Element, explanation: str) -> Element:
    """An element with the unit that Chinese and Japanese write behind it; the number of bars in words counts as one in digits."""
    for unit, written in _UNITS:
        if element.unit is Unit.NONE and written.match(explanation, element.end):
            return replace(element, unit=unit)
    if not _WRITTEN.search(element.text) and (element.unit is not Unit.NONE or _BARS.match(explanation, element.end)):
        return replace(element, text=f"{element.text} ({element.value:g})")
    return element


def _founded(element: Element, numbers: set[float], minutes: set[float], days: set[float]) -> bool:
    if element.kind is Kind.DAY:
        return element.value in days
    if element.kind is Kind.TIME:
        return element.value in minutes
    value = abs(element.value)
    if not _WRITTEN.search(element.text) or (value <= _COUNTED and element.unit is not Unit.PERCENT):
        return True
    near = 1e-6 * max(value, 1.0)
    # “25.000” is a number of thousands in German and Spanish.
    if _POINTED.fullmatch(element.text) and 1000 * value in numbers:
        return True
    return any(abs(value - form) <= near for number in numbers for form in _forms(number, element.unit))


def _days(written: str) -> set[float]:
    """The days of the week that rules name; all where they compare with one."""
    if "the weekday is " in written:
        return {float(day) for day in range(7)}
    return {float(day) for day, name in enumerate(DAYS) if name in written}


def _forms(number: float, unit: Unit) -> Iterator[float]:
    """How a number of the code may be said: as it is, and by its unit in percent, as what it leaves or adds, in hours or days."""
    yield from (number, 100 * number)
    if unit is Unit.PERCENT:
        yield from (abs(1 - number) * 100, (1 + number) * 100, abs(100 - number), 100 + number)
    elif unit is Unit.MONEY:
        yield number / 100
    elif unit in (Unit.MINUTES, Unit.HOURS, Unit.DAYS):
        yield from (CLOSE - number, number - NYSE)
        for span in _SPANS:
            yield from (number / span, number * span)


def _clock(written: str, numbers: set[float]) -> set[float]:
    """The minutes of the day that rules of the code speak of; any of their numbers where they calculate with the hour."""
    if "the hour ×" in written or "× the hour" in written:
        return numbers
    found = {60.0 * int(hour) + int(minute) for hour, minute in _CLOCK.findall(written)}
    found |= {CLOSE - float(each) for each in _TO_CLOSE.findall(written)}
    minutes = {0.0, *map(float, _OF_HOUR.findall(written))}
    return found | {60 * float(hour) + minute for hour in _HOUR.findall(written) for minute in minutes}


def _spoken(known: str) -> Iterator[float]:
    """The minutes of the day that a person's words, or a formal rule, speak of."""
    yield from map(float, re.findall(r"\bminute [<>=!]+ (\d+)", known))
    yield from (NYSE + float(each) for each in re.findall(r"\bopening_(?:high|low)\((\d+)\)", known))
    for each in elements_of(known):
        if each.kind is Kind.TIME:
            yield each.value
        elif each.unit in (Unit.MINUTES, Unit.HOURS):
            span = each.value * (60 if each.unit is Unit.HOURS else 1)
            yield from (NYSE + span, CLOSE - span)


def _foreign_symbols(explanation: str, symbols: set[str], known: str) -> Iterator[str]:
    if not symbols or (explanation.upper() == explanation and not _SIGN.search(explanation)):
        # In capitals alone no word looks like a symbol.
        return
    own = {part for each in symbols for part in re.split(r"[/.]", each.upper())} | {each.upper() for each in symbols}
    allowed = own | NO_SYMBOL | {name.upper() for name in REGISTRY} | _TERMS | {*re.findall(r"[A-Z]+", known.upper())}
    for match in _SYMBOL.finditer(explanation):
        around = (
            explanation[max(0, match.start() - _BEFORE) : match.start()],
            explanation[match.end() : match.end() + _AFTER],
        )
        traded = match[0].startswith("$") or any(BUYS.search(each) or SELLS.search(each) for each in around)
        if traded and len(match[1]) > 1 and match[1] not in allowed:
            yield f"The explanation speaks of {match[1]}, and the strategy trades {', '.join(sorted(symbols))}."
