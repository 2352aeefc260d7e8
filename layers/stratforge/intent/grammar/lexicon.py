"""The words of the grammar by their types. A word may have several; the composition decides which of them fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from stratforge.intent.grammar.tokens import Token, tokens_of
from stratforge.intent.grammar.words_of_deeds import DEEDS
from stratforge.intent.grammar.words_of_measures import MEASURES

_WORDS = MEASURES | DEEDS
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MORE = {"fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "forty": 40.0, "forty-five": 45.0, "fifty": 50.0, "sixty": 60.0, "hundred": 100.0, "ninety": 90.0}  # fmt: skip


@cache
def _phrases() -> dict[tuple[str, ...], list[tuple[str, Any]]]:
    found: dict[tuple[str, ...], list[tuple[str, Any]]] = {}
    for kind, entry in _WORDS.items():
        for value, phrases in entry.items() if isinstance(entry, Mapping) else [(None, entry)]:
            for phrase in _split(phrases):
                words = (phrase,) if phrase == "'s" else tuple(each.text for each in tokens_of(phrase) or ())
                found.setdefault(words, []).append((kind, phrase if value is None else value))
    for index, word in enumerate(_NUMBERS, 1):
        found.setdefault((word,), []).append(("number", float(index)))
    for word, number in _MORE.items():
        found.setdefault(tuple(each.text for each in tokens_of(word) or ()), []).append(("number", number))
    return found


def _split(phrases: str) -> list[str]:
    """The phrases of an entry; two strokes after one another are the sign of an “or”."""
    return [
        each.replace("\x00", "||").replace("¦", "|") for each in phrases.replace("|||", "|\x00|").split("|") if each
    ]


@cache
def _longest() -> int:
    return max(map(len, _phrases()))


def lexemes_of(
    tokens: Sequence[Token], symbol: str, called: frozenset[str] = frozenset()
) -> list[list[tuple[int, str, Any]]]:
    """At each place the words and phrases that begin there: where they end, their kind, their value.

    Args:
        symbol: What the answer trades.
        called: Names of the company by which it is called.
    """
    names = _names(symbol, called)
    found: list[list[tuple[int, str, Any]]] = []
    for at, token in enumerate(tokens):
        here = list[tuple[int, str, Any]]()
        if token.kind in ("number", "money", "clock", "bullet", "unknown"):
            here.append((at + 1, token.kind, token.value))
        words = list[str]()
        for end in range(at, min(at + _longest(), len(tokens))):
            words.append(tokens[end].text)
            here += [(end + 1, kind, value) for kind, value in _phrases().get(tuple(words), ())]
            if tuple(words) in names:
                here.append((end + 1, "symbol", symbol))
        found.append(here)
    return found


def _names(symbol: str, by_name: frozenset[str]) -> set[tuple[str, ...]]:
    """The words by which the answer's symbol is called."""
    called = {symbol, f"${symbol}", symbol.replace("/", ""), symbol.replace("/", "-"), *(symbol.split("/")[:1] if "/" in symbol else ())}  # fmt: skip
    called |= by_name
    called |= {f"{each}'s" for each in called}
    return {tuple(one.text for one in tokens_of(each.lower()) or ()) for each in called if each}
