"""Fixed sentences of answers in the person's language: what is assumed, asked and refused is said as it was asked for.

The sentences are made in English, judged in English, and said in the language of the request in the end, from one table (`spoken.toml`). What stands in a sentence at a
place of its own (the person's words, a rule, numbers) is put there as it is, or by the table's terms; a sentence that the table does not have stays as it was made.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stratforge.intent.reading.languages import language_of

_ENGLISH = re.compile(
    r"\b(?:the|when|buy|sell|use|only|add|make|and|with|without|remove|instead|change|it|please|not|at|above|below)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\{\d\}")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of the table: how it is recognized, and how it is said in each language."""

    english: re.Pattern[str]
    said: dict[str, str]


def spoken_in(turns: Sequence[str]) -> str:
    """The language in which a person spoke last, empty for English; a turn that is in none for certain is in that of those before it."""
    for turn in reversed(turns):
        if (language := language_of(turn)) or _ENGLISH.search(turn):
            return language
    return ""


def said_in(language: str, sentences: Sequence[str]) -> list[str]:
    """Sentences in a language, as far as the table has them."""
    return [_said(language, each, "sentences") for each in sentences] if language else list(sentences)


def _said(language: str, text: str, table: str) -> str:
    for each in _table()[table]:
        if language in each.said and (match := each.english.fullmatch(text)):
            return each.said[language].format(*(_parts(language, part) for part in match.groups()))
    return text


def _parts(language: str, text: str) -> str:
    """What stands at a place of a sentence: terms by the table, several of them one by one; everything else as it is."""
    said = _said(language, text, "terms")
    if said != text or ", " not in text:
        return said
    return ", ".join(_said(language, each, "terms") for each in text.split(", "))


@lru_cache(1)
def _table() -> dict[str, list[_Sentence]]:
    read = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: [_sentence(each) for each in read[name]] for name in ("sentences", "terms")}


def _sentence(forms: dict[str, str]) -> _Sentence:
    literal = _PLACE.split(forms["en"])
    pattern = "(.+?)".join(re.escape(each) for each in literal)
    return _Sentence(re.compile(pattern, re.DOTALL), {name: said for name, said in forms.items() if name != "en"})
