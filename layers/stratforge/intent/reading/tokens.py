"""Divides a turn into words of the closed vocabulary, numbers, times and signs, and says where each of them stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from stratforge.intent.grammar.words_of_deeds import DEEDS
from stratforge.intent.grammar.words_of_measures import MEASURES
from stratforge.intent.lexicon import NO_SYMBOL
from stratforge.intent.reading.languages import language_of, phrases_of
from stratforge.intent.reading.words import COMPANIES, INDEXES, LABELS, PHRASES, TICKERS
from stratforge.strategy.indicators import REGISTRY


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or sign of a turn: what it is, what it stands for, and its place."""

    kind: str
    value: str | float
    start: int
    end: int


def _pattern(phrases: list[str]) -> re.Pattern[str]:
    # What begins with a letter and what does not never begin at the same place: looked back is once for all of the former.
    longest = sorted(phrases, key=len, reverse=True)
    words = [each for each in longest if each[0].isalpha() and each[0] < "\u3000"]
    others = [each for each in longest if not each[0].isalpha() or each[0] >= "\u3000"]
    kinds = [*([rf"(?<![A-Za-zÀ-ÿ])(?:{'|'.join(map(_spaced, words))})"] if words else []), *map(_spaced, others)]
    return re.compile("|".join(kinds), re.IGNORECASE)


def _spaced(phrase: str) -> str:
    """A phrase as a pattern: with any white space between its words, and ending where its last word does."""
    ends = r"(?![A-Za-zÀ-ÿ0-9_])" if phrase[-1].isalnum() and phrase[-1] < "\u3000" else ""
    return re.escape(phrase).replace(r"\ ", r"\s+") + ends


# Letters that a pattern which knows no capitals takes for i and s.
_ALIKE = str.maketrans("İıſ", "iis")


def _as_listed(words: str) -> str:
    """Words that a pattern of phrases found, as the vocabulary has them."""
    return " ".join(words.translate(_ALIKE).lower().split())


_PHRASE = _pattern(list(PHRASES))
_COMPANY = _pattern(list(COMPANIES))
_ET = r"(?:\s*(?:ET|EST|EDT|New York(?: time)?|exchange time|Eastern(?: time)?)\b)?"
_TIME, _TIME_OF_COINS = (
    re.compile(rf"(\d{{1,2}})(?:[:h](\d\d))?\s*(a\.m\.?|p\.m\.?|am\b|pm\b)?{of}(?![A-Za-zÀ-ÿ0-9_]|:\d)", re.IGNORECASE)
    # Coins are not traded by New York's clocks.
    for of in (_ET, r"(?:\s*(?:UTC|exchange time)\b)?")
)
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+"
_AMOUNTS = (
    ("signed", re.compile(rf"\+\s?({_NUMBER})\s*(?:%|percent\b|per cent\b)", re.IGNORECASE)),
    ("percent", re.compile(rf"([-−]?(?:{_NUMBER}))\s*(?:%|percent\b|per cent\b|pct\b)(?!\s?[kdrb]\b)", re.IGNORECASE)),
    ("dollars", re.compile(rf"\$\s?({_NUMBER})(k?)(?![\w%])|({_NUMBER})(k?)\s*(?:dollars?|usd|bucks)\b|({_NUMBER})(k?)\$(?!\w)", re.IGNORECASE)),
    ("shares", re.compile(rf"({_NUMBER})\s*(?:shares?|shs|coins?)\b(?:\s+of\b)?", re.IGNORECASE)),
    ("risks", re.compile(rf"({_NUMBER})\s?R\b(?!:)", re.IGNORECASE)),
    ("days", re.compile(rf"({_NUMBER}) (?:full )?(?:trading |business |market )?days?\b(?! (?:average|sma|ema|ma|high|low|moving|range|period))", re.IGNORECASE)),
    ("multiple", re.compile(rf"({_NUMBER})\s?(?:x|×)(?!\w)(?!\s+(?:\d|[es]ma\b|over\b|under\b|above\b|below\b|up\b|down\b|back\b))", re.IGNORECASE)),
    ("number", re.compile(rf"([-−]?(?:{_NUMBER}))(?=(?:mins?|m|h|hrs?|bars?|minutes?|hours?)\b)", re.IGNORECASE)),
    ("number", re.compile(rf"([-−]?(?:{_NUMBER}))(?![\d.]\d|,\d{3}|[A-Za-zÀ-ÿ_])")),
)  # fmt: skip
_ABBREVIATED = "|".join(sorted((phrase for phrase, (kind, _) in PHRASES.items() if kind == "indicator" and phrase.isalpha() and len(phrase) <= 6), key=len, reverse=True))  # fmt: skip
_GLUED = re.compile(rf"({_ABBREVIATED}|ma|mm)[-–]?(\d{{1,3}})(?![A-Za-z_])|(\d{{1,3}})(rsi|sma|ema|wma|hma|dema|tema|vwma|kama|ma)s?(?!\w)", re.IGNORECASE)  # fmt: skip
_FRACTION = re.compile(r"1/([234])(?![\d/.])(?:\s+(?:of|off)\b)?")
# “15h”, “15 Uhr”.
_HOUR = re.compile(r"(9|1\d|2[0-2])\s?(?:h|uhr)\b(?!\s?\d)", re.IGNORECASE)
_NAME = re.compile(r"\$?[A-Za-z]+(?:\.[A-Z]\b|/USD\b)?", re.IGNORECASE)
_POSSESSIVE = re.compile(r"'s?(?![A-Za-zÀ-ÿ0-9_])")
# What is written as a symbol: in capitals, or behind a dollar sign.
_TICKER = re.compile(r"(?:\$[A-Za-z]{1,5}|[A-Z]{2,5})(?:\.[A-Z])?(?![A-Za-zÀ-ÿ0-9_/$%&-])")
# Words of either grammar, which are no symbols in capitals: “HH(30)”, “LOD”.
_NO_NAMES = frozenset(word for each in (MEASURES | DEEDS).values() for phrases in ([each] if isinstance(each, str) else each.values()) for word in re.findall(r"[a-z]+", phrases.lower())) | {*PHRASES, *REGISTRY}  # fmt: skip
_OTHER = re.compile(r"[A-Za-zÀ-ÿ0-9_'%$]+|.", re.DOTALL)
_SIGNS = {",": "comma", ";": "stop_sign", "\n": "stop_sign", "!": "stop_sign", "¿": "stop_sign", "¡": "stop_sign", "(": "open", ")": "close", ":": "colon", "?": "question", "[": "open", "]": "close", "，": "comma", "、": "comma", "。": "stop_sign", "；": "stop_sign", "：": "colon", "？": "question", "（": "open", "）": "close"}  # fmt: skip
_STOP = re.compile(r"//+|\|+|/(?=\s)")
_ARROW = re.compile(r"->|=>|→|-->|={1}(?![=<>])")
_BULLET = re.compile(r"(?:[-*•–]|\(?(?P<n>\d|[a-e])[.)])\s+")


def tokens_of(turn: str, symbol: str = "") -> list[Token]:
    """The words of a turn; what is in no vocabulary is of the kind `unknown`.

    Args:
        turn: The person's words.
        symbol: What the answer trades: its name is of the kind `symbol`, those of all others are of the kind `other`.
    """
    found = list[Token]()
    language = language_of(turn)
    plain = turn.replace("’", "'")
    at, bullets = 0, 0
    while at < len(plain):
        if plain[at] in ' \t\r"“”':
            at += 1
            continue
        token = (
            _part(plain, at, found)
            or _bullet(plain, at, bullets, found)
            or _range(plain, at, found)
            or _possessive(plain, at, found)
            or _at(plain, at, symbol, language)
        )
        bullets += token.kind == "bullet"
        if token.kind:
            found.append(token)
        at = token.end
    return found


def without_remarks(tokens: Sequence[Token]) -> list[Token]:
    """Tokens without remarks in brackets that decide nothing: “(selling is always allowed)”."""
    found = list[Token]()
    for index, each in enumerate(tokens):
        kinds = [one.kind for one in tokens[max(0, index - 2) : index + 3]]
        middle = min(index, 2)
        if kinds[middle : middle + 3] == ["open", "no_more", "close"] or kinds[middle - 1 : middle + 2] == ["open", "no_more", "close"] or kinds[middle - 2 : middle + 1] == ["open", "no_more", "close"]:  # fmt: skip
            continue
        found.append(each)
    return found


def _bullet(text: str, at: int, before: int, found: list[Token]) -> Token | None:
    """The sign before an item of a list: at the beginning of a line, or counted on within it."""
    match = _BULLET.match(text, at)
    if match is None:
        return None
    alone = not text[:at].rpartition("\n")[2].strip() or (bool(found) and found[-1].kind in ("colon", "entry_label", "exit_label"))  # fmt: skip
    counted = match["n"] is not None and not (at and (text[at - 1].isalnum() or text[at - 1] == "(")) and match[0].strip().endswith(")") and match["n"] in (str(before + 1), "abcde"[before : before + 1])  # fmt: skip
    return Token("bullet", match[0], at, match.end()) if alone or counted else None


def _part(text: str, at: int, found: list[Token]) -> Token | None:
    """The “1/3” of “sell 1/3”."""
    if text[at] != "1" or not found or found[-1].kind not in ("sell", "take"):
        return None
    match = _FRACTION.match(text, at)
    return Token({"2": "half", "3": "third", "4": "quarter"}[match[1]], match[0], *match.span()) if match else None


def _range(text: str, at: int, found: list[Token]) -> Token | None:
    """The dash of “10:00-12:00”."""
    if text[at] in "-–—" and found and found[-1].kind == "time":
        rest = text[at + 1 :].lstrip()
        match = _TIME.match(rest)
        if match and (match[2] or match[3]):
            return Token("until", "-", at, at + 1)
    return None


def _possessive(text: str, at: int, found: list[Token]) -> Token | None:
    """The “'s” of “SPY's RSI”."""
    if not found or found[-1].kind not in ("symbol", "other") or found[-1].end != at:
        return None
    match = _POSSESSIVE.match(text, at)
    return Token("possessive", match[0], *match.span()) if match else None


def _at(text: str, at: int, symbol: str, language: str = "") -> Token:
    if language and text[at].isdigit() and (match := _phrases(language).match(text, at)):
        # “1日” is a day, and no number.
        return Token(*phrases_of(language)[_as_listed(match[0])], *match.span())
    if language in ("fr", "es", "de") and (match := _HOUR.match(text, at)) and not text[max(0, at - 1)].isdigit():
        return Token("time", 60 * float(match[1]), *match.span())
    if language and (token := _amount_of(text, at)):
        return token
    if match := _GLUED.match(text, at):
        name, length = (match[1], match[2]) if match[1] else (match[4], match[3])
        key = "sma" if name.lower() in ("ma", "mm") else PHRASES[_as_listed(name)][1]
        return Token("glued", f"{key} {length}", *match.span())
    if match := _STOP.match(text, at):
        return Token("stop_sign", match[0], *match.span())
    if text[at] == "+" and text[at + 1 : at + 2].isspace():
        return Token("and", "+", at, at + 1)
    if match := _ARROW.match(text, at):
        return Token("arrow", match[0], *match.span())
    for kind, label in LABELS:
        if (match := label.match(text, at)) and not (at and (text[at - 1].isalnum() or text[at - 1] in "-_")):
            return Token(kind, match[0], *match.span())
    if token := _amount(text, at, symbol):
        return token
    if symbol and (match := _symbol(text, at, symbol)):
        return Token("symbol", symbol, *match.span())
    if language and (match := _phrases(language).match(text, at)):
        kind, value = phrases_of(language)[_as_listed(match[0])]
        return Token(kind, value, *match.span())
    if match := _PHRASE.match(text, at):
        kind, value = PHRASES[_as_listed(match[0])]
        return Token(kind, value, *match.span())
    if text[at] == "." and (at + 1 == len(text) or text[at + 1].isspace()):
        return Token("stop_sign", ".", at, at + 1)
    if text[at] == "/" and text[at + 1 : at + 2].isalnum():
        return Token("slash", "/", at, at + 1)
    if text[at] in _SIGNS:
        return Token(_SIGNS[text[at]], text[at], at, at + 1)
    if symbol and (named := _named(text, at)):
        return named
    match = _OTHER.match(text, at)
    assert match is not None
    return Token("unknown", match[0], *match.span())


def _named(text: str, at: int) -> Token | None:
    """Another symbol than the one that is traded: in capitals, behind a dollar sign, or a name that is well known; no index, as nobody trades one."""
    if at and (text[at - 1].isalnum() or text[at - 1] in "_$%&-/"):
        return None
    if match := _COMPANY.match(text, at):
        return Token("other", COMPANIES[_as_listed(match[0])], *match.span())
    if (match := _TICKER.match(text, at)) or ((match := _NAME.match(text, at)) and match[0].lower() in TICKERS):
        name = match[0].removeprefix("$").upper()
        marked = match[0].startswith("$")
        shouted = text.upper() == text and name.lower() not in TICKERS
        word = shouted or name in INDEXES or name in NO_SYMBOL or name.lower() in _NO_NAMES
        if marked or not word:
            return Token("other", name, *match.span())
    return None


def _symbol(text: str, at: int, symbol: str) -> re.Match[str] | None:
    """What stands for the symbol that is traded: itself, in capitals or where it is no word, or the name of its company."""
    base = symbol.split("/", maxsplit=1)[0]
    if "/" in symbol and (match := re.compile(rf"{base}/USD\b", re.IGNORECASE).match(text, at)):
        return match
    if match := _COMPANY.match(text, at):
        known = COMPANIES[_as_listed(match[0])].split("/")[0]
        if known == base or {known, base} == {"GOOG", "GOOGL"}:
            return match
    match = _NAME.match(text, at)
    if match is None:
        return None
    word = match[0].removeprefix("$")
    if PHRASES.get(word.lower(), ("", ""))[0] == "indicator" and not match[0].startswith("$"):
        return None
    same = word.upper() in (symbol, base)
    named = same and (len(base) > 3 or "/" in symbol or word.lower() in TICKERS or match[0].startswith("$"))
    return match if named or word in (symbol, base) else None


@cache
def _phrases(language: str) -> re.Pattern[str]:
    return _pattern(list(phrases_of(language)))


# Numbers as they are written elsewhere: “1,5 %”, “1.000 Dollar”, “20er”, “10 acciones”.
_ELSEWHERE = (
    ("percent", re.compile(r"([-−]?\d+),(\d+)\s*(?:%|％|prozent\b)", re.IGNORECASE)),
    ("percent", re.compile(r"([-−]?\d+)()\s*(?:％|prozent\b)", re.IGNORECASE)),
    ("dollars", re.compile(r"(\d{1,3})\.(\d{3})\s*(?:dollar|dólares)\b", re.IGNORECASE)),
    ("dollars", re.compile(r"(\d+)()\s*(?:dollar\b|dólares\b|美元|ドル)", re.IGNORECASE)),
    ("shares", re.compile(r"(\d+)()\s*(?:acciones\b(?: de\b)?|aktien\b|actions\b(?: de\b)?|股|株)", re.IGNORECASE)),
    ("number", re.compile(r"(\d+)()er(?=[ -])")),
)


def _amount_of(text: str, at: int) -> Token | None:
    if at and text[at - 1].isdigit():
        return None
    for kind, pattern in _ELSEWHERE:
        if match := pattern.match(text, at):
            digits = f"{match[1]}{match[2]}" if kind == "dollars" else f"{match[1]}.{match[2] or 0}"
            return Token(kind, float(digits.replace("−", "-")), *match.span())
    return None


def _amount(text: str, at: int, symbol: str) -> Token | None:
    if text[at] in "-−–" and at and (text[at - 1].isalnum() or text[at - 1] in ")."):
        if re.match(r"[-−–](?:mon|tue|wed|thu|fri|sat|sun)", text[at : at + 4], re.IGNORECASE):
            return Token("until", "-", at, at + 1)
        # “20-bar”: it joins, and “10-15” is no sum.
        return Token("" if text[at + 1 : at + 2].isalpha() else "unknown", "-", at, at + 1)
    if not (text[at].isdigit() or text[at] in "-−+$."):
        return None
    match = (_TIME_OF_COINS if "/" in symbol else _TIME).match(text, at)
    if match and (match[2] or match[3]):
        return _time(match, around_the_clock="/" in symbol)
    for kind, pattern in _AMOUNTS:
        if match := pattern.match(text, at):
            number = next(each for each in match.groups() if each)
            value = float(number.replace(",", "").replace("−", "-"))
            thousands = kind == "dollars" and "k" in [str(each).lower() for each in match.groups()]
            return Token(kind, value * (1000 if thousands else 1), *match.span())
    return None


def _time(match: re.Match[str], *, around_the_clock: bool) -> Token:
    """A time of day; one that may be of the morning or of the afternoon is not known. Of a stock's session “3:45” is in the afternoon."""
    hour, minute = int(match[1]), int(match[2] or 0)
    half = (match[3] or "").replace(".", "").lower()
    if not half and 1 <= hour <= 4 and len(match[1]) == 1 and not around_the_clock:
        half = "pm"
    early = hour < 8 and not (around_the_clock and len(match[1]) == 2 and match[2])
    if (half and not 1 <= hour <= 12) or hour > 23 or minute > 59 or (not half and early):
        return Token("unknown", match[0], *match.span())
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return Token("time", float(60 * hour + minute), *match.span())
