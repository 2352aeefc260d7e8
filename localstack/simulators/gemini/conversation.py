"""Reads a conversation for an author that follows rules: the user's words, and the symbols that were refused."""

from __future__ import annotations

import json
import re
from typing import Any

from stratforge.ai.drafting import CANNOT_BE_LOOKED_AT, CANNOT_BE_TRADED

from simulators.gemini.author import described, on_what_stands, subject_of, traded_on, write_answer

# How the product begins when it sends findings back; that is no word of the user's.
_REPAIR = "The answer did not pass."
# Where nobody asked for what follows.
_BY_HAND = "No request led to what follows"
# And when it brings what the model wanted to look up.
_LOOKED_UP = "This was looked up"
# And what it says behind the words, where a symbol is given beside them.
_SYMBOL = "\nIts symbol: "


def answer_to(contents: list[dict[str, Any]]) -> dict[str, Any]:
    """The offline author's answer to a conversation, as the response schema wants it."""
    said, untradable = requests_in(contents), untradable_symbols(contents)
    at, standing = _standing(contents)
    if standing is not None and said:
        before = requests_in(contents[:at])
        replayed = write_answer(before, untradable) if before else {"python_code": ""}
        if replayed["python_code"] != standing["python_code"]:
            # It was changed by other means than words: what stands counts, and not how it came about.
            asked = [each for each in said[len(before) : -1] if subject_of(each) is None]
            subject = subject_of(said[-1])
            if subject is None:
                return on_what_stands(standing, [*asked, said[-1]])
            if subject == "strategy":
                return described(standing)
    return traded_on(write_answer(said, untradable, looked_up(contents)), symbol_beside(contents))


def _standing(contents: list[dict[str, Any]]) -> tuple[int, dict[str, Any] | None]:
    """The last strategy that stands, and where: what did not pass is answered by findings."""
    for at in range(len(contents) - 2, -1, -1):
        if contents[at].get("role") != "model" or _text(contents[at + 1]).startswith((_REPAIR, _LOOKED_UP)):
            continue
        try:
            found = json.loads(_text(contents[at]))
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("kind") == "strategy" and found.get("python_code", "").strip():
            return at, found
    return 0, None


def requests_in(contents: list[dict[str, Any]]) -> list[str]:
    """The person's requests, turn by turn. The product sends each as one JSON string, after a line of its own."""
    said = []
    for content in contents:
        text = _text(content)
        if content.get("role", "user") != "user" or text.startswith((_REPAIR, _LOOKED_UP, _BY_HAND)):
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
    given = [each.partition(_SYMBOL)[2] for each in said if not each.startswith((_REPAIR, _LOOKED_UP, _BY_HAND))][-1:]
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
        symbol
        for content in contents
        for symbol in re.findall(rf"([\w./]+) (?:{CANNOT_BE_TRADED}|{CANNOT_BE_LOOKED_AT})", _text(content))
    )


def _text(content: dict[str, Any]) -> str:
    return " ".join(str(part.get("text", "")) for part in content.get("parts", []))
