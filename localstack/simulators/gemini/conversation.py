"""Reads a conversation for an author that follows rules: the user's words, and the symbols that were refused."""

from __future__ import annotations

import json
import re
from typing import Any

# How the product begins when it sends findings back; that is no word of the user's.
_REPAIR = "The answer did not pass."


def requests_in(contents: list[dict[str, Any]]) -> list[str]:
    """The person's requests, turn by turn. The product sends each as one JSON string, after a line of its own."""
    said = []
    for content in contents:
        text = _text(content)
        if content.get("role", "user") != "user" or text.startswith(_REPAIR):
            continue
        quoted = text[text.find('"') :]
        try:
            said.append(str(json.loads(quoted)))
        except ValueError:
            said.append(text)
    return said


def untradable_symbols(contents: list[dict[str, Any]]) -> frozenset[str]:
    """Symbols that the product said cannot be traded."""
    return frozenset(
        symbol for content in contents for symbol in re.findall(r"symbol: (\S+) cannot be traded here", _text(content))
    )


def _text(content: dict[str, Any]) -> str:
    return " ".join(str(part.get("text", "")) for part in content.get("parts", []))
