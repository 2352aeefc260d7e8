"""Cuts a turn into words, numbers, times and signs, in lower case, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_AM = r"(?:\s?(?P<{0}>am|pm|a\.m\.?|p\.m\.?)(?![a-z]))"
_TOKEN = re.compile(
    r"(?P<bullet>(?:(?<=\n)|^)[ \t]*(?:\(?\d{1,2}[.)](?=\s)|[-*•–](?=\s)))"
    rf"|(?P<clock>(?<![\d.$])\d{{1,2}}:\d\d(?!\d){_AM.format('half')}?|(?<![\d.$:])\d{{1,2}}{_AM.format('short')})"
    r"|(?P<number>(?<![\w.])\$\s?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:k\b)?(?<=[\dk])"
    r"|(?<![\d.])(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:k\b(?!\s?(?:%|\())|(?=[a-z%$\s)(,;:.!?/*<>=≥≤+|&→'–—-]|$)))"
    r"|(?P<word>[%][kdbrj]\b|[+\-−](?=di\b)|[^\W\d_]+(?:['][^\W\d_]+)*(?:\.[a-z](?=\s|$))?)"
    r"|(?P<sign><=|>=|=>|=<|->|→|&&|\|\||≥|≤|[-–—−+*/×%()<>=:;,.!?|@&~#'\n\"“”…])",
)
_SIGNS = {"≥": ">=", "≤": "<=", "=<": "<=", "→": "->", "=>": "->", "−": "-", "–": "—", "×": "*", "“": '"', "”": '"'}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number, a time of the day or a sign.

    Attributes:
        kind: `word`, `number`, `money`, `clock`, `bullet` or `sign`.
        value: A number's value; a time's minute of the day.
    """

    text: str
    kind: str
    start: int
    end: int
    value: float = 0.0


def tokens_of(turn: str) -> list[Token] | None:
    """The tokens of a turn; None where it holds a sign that is none of them."""
    return list(_numbered(list(_tokens(turn)))) if _known(turn) else None


def _numbered(tokens: list[Token]) -> Iterator[Token]:
    """Tokens in which “2)” outside of brackets is the sign of an item of a list."""
    depth, skip = 0, False
    for index, each in enumerate(tokens):
        if skip:
            skip = False
            continue
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        depth += (each.text == "(") - (each.text == ")" and depth > 0)
        if each.kind == "number" and depth == 0 and after is not None and after.text == ")" and after.start == each.end:
            yield Token(f"{each.text})", "bullet", each.start, after.end)
            skip = True
        else:
            yield each


def _known(turn: str) -> bool:
    at = 0
    plain = turn.lower()
    for match in _TOKEN.finditer(plain):
        if plain[at : match.start()].strip():
            return False
        at = match.end()
    return not plain[at:].strip()


def _tokens(turn: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(turn.lower().replace("’", "'")):
        text, (start, end) = match[0], match.span()
        if match["bullet"]:
            yield Token(text.strip(), "bullet", start, end)
        elif match["clock"]:
            yield from _time(text, start, end)
        elif match["number"]:
            plain = text.replace(",", "").replace("$", "").replace(" ", "")
            many = plain.endswith("k")
            kind = "money" if text[0] == "$" or many else "number"
            yield Token(text, kind, start, end, float(plain.rstrip("k")) * (1000 if many else 1))
        elif match["word"] and text in ("it's", "that's", "price's", "there's"):
            yield Token(text[:-2], "word", start, end - 2)
            yield Token("'s", "word", end - 2, end)
        elif match["word"]:
            yield Token(text, "word", start, end)
        else:
            yield Token(_SIGNS.get(text, text), "sign", start, end)


def _time(text: str, start: int, end: int) -> Iterator[Token]:
    found = re.fullmatch(r"(\d{1,2})(?::(\d\d))?\s?([ap])?.*", text)
    assert found is not None
    hour, minute = int(found[1]), int(found[2] or 0)
    known = minute < 60 and (1 <= hour <= 12 if found[3] else hour < 24)
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "p" else 0)
    elif 1 <= hour <= 4:
        # In New York stocks are traded from 9:30 to 16:00.
        hour += 12
    if known:
        yield Token(text, "clock", start, end, 60.0 * hour + minute)
    else:
        yield Token(text, "unknown", start, end)
