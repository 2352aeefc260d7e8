"""The words that a request is read with: names, capitals that are no symbols, typing errors, numbers. They are listed in `words.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from stratforge.intent.reading import words
from stratforge.intent.reading.words import PHRASES
from stratforge.strategy.indicators import REGISTRY

_WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def _meanings(listed: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {word: meaning for meaning, words in listed.items() for word in words}


# Of one word, as they are looked for among the words of a request.
COMPANIES = {name: symbol for name, symbol in words.COMPANIES.items() if name.isalpha()} | {
    each: each.upper() for each in words.TICKERS
}
# Names of indicators are no symbols, unless with a dollar sign: “$AO”.
NOT_SYMBOLS = frozenset(_WORDS["not_symbols"]) | {each.upper() for each, (kind, _) in PHRASES.items() if kind == "indicator"} | {each.upper() for each in REGISTRY} | frozenset(["QQE", "STC", "RMI", "DMI", "TDI", "VIDYA", "FRAMA", "JMA", "LSMA", "EPMA", "MAMA", "FAMA", "CRSI", "RSX", "PVI", "NVI", "VPT", "WVAD", "DMA", "GMMA", "CDV", "CVD", "VPVR"])  # fmt: skip
SHORT_TERMS = tuple(_WORDS["short_terms"])
SHORT_WORDS = frozenset(_WORDS["short_words"])
TYPOS = _meanings(_WORDS["typos"])
# Short names are too near to ordinary words ("being", "there", "apply").
NAMES_AND_TERMS = (*_WORDS["terms"], *(each for each in COMPANIES if len(each) > 5 and each != "boeing"))
TERMS = frozenset(NAMES_AND_TERMS)
COMMON = frozenset(_WORDS["common"])
# Numbers, signs and words of chats.
SAID = _meanings(_WORDS["said"])
