"""The words that a request is read with: names, capitals that are no symbols, typing errors, numbers. They are listed in `words.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from stratforge.intent.unsure import INDICATOR_NAMES

_WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def _meanings(listed: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {word: meaning for meaning, words in listed.items() for word in words}


COMPANIES = _meanings(_WORDS["companies"]) | {each: each.upper() for each in _WORDS["tickers"]}
NOT_SYMBOLS = frozenset(_WORDS["not_symbols"]) | INDICATOR_NAMES
SHORT_TERMS = tuple(_WORDS["short_terms"])
SHORT_WORDS = frozenset(_WORDS["short_words"])
TYPOS = _meanings(_WORDS["typos"])
# Short names are too near to ordinary words ("being", "there", "apply").
NAMES_AND_TERMS = (*_WORDS["terms"], *(each for each in COMPANIES if len(each) > 5 and each != "boeing"))
TERMS = frozenset(NAMES_AND_TERMS)
COMMON = frozenset(_WORDS["common"])
# Numbers, signs and words of chats.
SAID = _meanings(_WORDS["said"])
