"""Fixed sentences of answers in the person's language: what is assumed, asked and refused is said as it was asked for.

The sentences are made in English, judged in English, and said in the language of the request in the end, from one table (`spoken.toml`). What stands in a sentence at a
place of its own is put there as it is (the person's words, numbers) or by the table too (rules, terms, comparisons); a sentence that the table does not have stays as it was made.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stratforge.intent.follow_ups import ASK
from stratforge.intent.reading.languages import language_of

_ENGLISH = re.compile(
    r"\b(?:the|when|buy|sell|use|only|add|make|and|with|without|remove|instead|change|it|please|not|at|above|below)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\{\d\}")
_QUOTED = re.compile(r"“[^“”{]*\{(\d)\}[^“”{]*”")
# Words of English that no other language of the table has: where one of them is left, what stands at a place stays in English as a whole.
_LEFT = re.compile(r"\b(?:the|is|it|not|which|when|with|of|everything|before)\b")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of the table: how it is made, how it is recognized, how it is said in each language, which of its places are the person's own words, and whether
    brackets hold the first one together."""

    plain: str
    english: re.Pattern[str]
    said: dict[str, str]
    own: frozenset[int]
    bracketed: bool


def spoken_in(turns: Sequence[str]) -> str:
    """The language in which a person spoke last, empty for English; a turn that is in none for certain is in that of those before it."""
    for turn in reversed(turns):
        if (language := language_of(turn)) or _ENGLISH.search(turn):
            return language
    return ""


def said_in(language: str, sentences: Sequence[str]) -> list[str]:
    """Sentences in a language, as far as the table has them."""
    return [_said(language, each, "sentences") or each for each in sentences] if language else list(sentences)


def findings_in(language: str, findings: Sequence[str]) -> list[str]:
    """Findings about what did not pass as the person reads them; in English as they were made.

    Of one that the table does not have, it is said what it is about, and the rest stays as it was made.
    """
    if not language:
        return list(findings)
    plain = [each.removesuffix(ASK).strip() for each in findings]
    return [_said(language, each, "sentences") or _said(language, each, "findings") for each in plain]


def in_english(sentence: str) -> str:
    """A sentence as it was made, where it is one of the table without places in any of its languages; itself otherwise."""
    return next((each.plain for each in _table()["sentences"] if sentence in each.said.values()), sentence)


def _said(language: str, text: str, part: str) -> str:
    """A text by a part of the table; empty where that does not have it."""
    for each in _table()[part]:
        if language not in each.said or not (match := each.english.fullmatch(text)):
            continue
        words = match.groups()
        if part not in ("sentences", "findings") and not all(map(_whole, words)):
            continue
        places = [one if at in each.own else _place(language, one) for at, one in enumerate(words)]
        if each.bracketed and not re.search(r"[(（]\{0\}", each.said[language]) and _is_joined(words[0]):
            places[0] = f"({places[0]})"
        return each.said[language].format(*places)
    return ""


def _whole(text: str) -> bool:
    """Whether no bracket or quotation is cut through."""
    depth = 0
    for sign in text:
        depth += (sign in "(“") - (sign in ")”")
        if depth < 0:
            return False
    return not depth


def _is_joined(text: str) -> bool:
    return any(len(_parted(text, f" {joint} ")) > 1 for joint in ("or", "and"))


def _place(language: str, text: str) -> str:
    """What stands at a place of a sentence by the table, or as it is where that does not have all of it."""
    said = _placed(language, text)
    return text if _LEFT.search(re.sub(r"“[^”]*”", "", said)) else said


def _placed(language: str, text: str) -> str:
    """What stands at a place of a sentence: rules and terms by the table, one by one where several are joined; everything else as it is."""
    if re.search(r"[.?]", text) and (found := _said(language, text, "sentences")):
        return found
    if len(rules := _parted(text, "; ")) > 1:
        return "; ".join(_placed(language, each) for each in rules)
    if len(terms := _parted(text, ", ")) > 1 and all(said := [_said(language, each, "terms") for each in terms]):
        return ", ".join(said)
    # What begins with an article is a column or what it is compared with; everything else is a rule first.
    if not text.startswith("the ") and (found := _said(language, text, "terms")):
        return found
    for joint in ("or", "and"):
        if len(parts := _parted(text, f" {joint} ")) > 1:
            return _said(language, joint, "joints").join(_placed(language, each) for each in parts)
    return _said(language, text, "comparisons") or _said(language, text, "terms") or text


def _parted(text: str, joint: str) -> list[str]:
    """The parts of a text that a word joins; what is in brackets or quoted stays together."""
    found, depth, begin = list[str](), 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "(“") - (sign in ")”")
        # “At or below” is one word.
        if depth == 0 and text.startswith(joint, at) and not text.endswith(" at", begin, at):
            found.append(text[begin:at])
            begin = at + len(joint)
    return [*found, text[begin:]]


@lru_cache(1)
def _table() -> dict[str, list[_Sentence]]:
    read = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: [_sentence(each) for each in forms] for name, forms in read.items()}


def _sentence(forms: dict[str, str]) -> _Sentence:
    literal = _PLACE.split(forms["en"])
    pattern = "(.+?)".join(re.escape(each) for each in literal)
    own = frozenset(int(each) for each in _QUOTED.findall(forms["en"]))
    said = {name: text for name, text in forms.items() if name != "en"}
    return _Sentence(forms["en"], re.compile(pattern, re.DOTALL), said, own, "({0})" in forms["en"])
