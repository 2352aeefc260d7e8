"""Requests by two people who had not seen the grammar, each with the rules that say what it asks for, read by eye against what they said they meant; and those that have to be asked about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_DATA: dict[str, Any] = json.loads(Path(__file__).with_name("corpus_cases.json").read_text(encoding="utf-8"))


def _cases(name: str) -> tuple[tuple[str, str, frozenset[str]], ...]:
    return tuple((each["request"], each["symbol"], frozenset(each["rules"])) for each in _DATA[name])


# A request, the symbol and the rules of its strategy: those that are written, and those that are asked about as yet.
WRITTEN = _cases("written")
OPEN = _cases("open")
# What the language of rules cannot say, or says only after a question.
ASKED: tuple[str, ...] = tuple(_DATA["asked"])
