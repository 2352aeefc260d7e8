"""Reads a conversation for an author that follows rules: the user's words, and the symbols that were refused."""

from __future__ import annotations

import json
import re
from typing import Any

from simulators.gemini.author import traded_on, write_answer

# How the product begins when it sends findings back; that is no word of the user's.
_REPAIR = "The answer did not pass."
# And when it brings what the model wanted to look up.
_LOOKED_UP = "This was looked up"
# And what it says behind the words, where a symbol is given beside them.
_SYMBOL = "\nIts symbol: "


def answer_to(contents: list[dict[str, Any]]) -> dict[str, Any]:
    """The offline author's answer to a conversation, as the response schema wants it."""
    found = write_answer(requests_in(contents), untradable_symbols(contents), looked_up(contents))
    return traded_on(found, symbol_beside(contents))


def requests_in(contents: list[dict[str, Any]]) -> list[str]:
    """The person's requests, turn by turn. The product sends each as one JSON string, after a line of its own."""
    said = []
    for content in contents:
        text = _text(content)
        if content.get("role", "user") != "user" or text.startswith((_REPAIR, _LOOKED_UP)):
            continue
        quoted = text[text.find('"') :].partition(_SYMBOL)[0]
        try:
            said.append(str(json.loads(quoted)))
        except ValueError:
            said.append(text)
    return said


def symbol_beside(contents: list[dict[str, Any]]) -> str | None:
    """The symbol that is given beside the person's last words; None where none is."""
    said = [_text(each) for each in contents if each.get("role", "user") == "user"]
    given = [each.partition(_SYMBOL)[2] for each in said if not each.startswith((_REPAIR, _LOOKED_UP))][-1:]
    return str(json.loads(given[0])) if given and given[0] else None


def looked_up(contents: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Reads what was looked up to answer the last turn; None when nothing was."""
    text = _text(contents[-1]) if contents else ""
    if not text.startswith(_LOOKED_UP):
        return None
    found: list[dict[str, Any]] = json.loads(text.partition("\n")[2])
    return found


def untradable_symbols(contents: list[dict[str, Any]]) -> frozenset[str]:
    """Symbols that the product said cannot be traded."""
    return frozenset(
        symbol for content in contents for symbol in re.findall(r"([\w./]+) cannot be traded here", _text(content))
    )


def _text(content: dict[str, Any]) -> str:
    return " ".join(str(part.get("text", "")) for part in content.get("parts", []))
