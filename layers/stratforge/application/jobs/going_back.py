"""Going back in a conversation: the words that ask for a version before, and those by which a version that was brought back is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stratforge.storage.strategies.strategies import StoredVersion

# What the restored version is asked for by; of the versions in between, the conversation is not told any more.
RESTORED = re.compile(r"Back to version (\d+)")
_UNDO = re.compile(
    r"(?:please |can you |now )*(?:undo|revert|go back|put it back|restore(?= (?:it|that|the last|the previous|the former))|cancel(?= (?:that|it|the last|my last))|take (?:that|it) back|rückgängig(?: machen)?|mach(?:e)? (?:das|es) rückgängig|deshacer|deshazlo|annuler?|annule ça|撤销|元に戻して)"
    r"(?: (?:that|it|this|please|the last (?:change|one|step)|last change|my last change|my last one|the (?:last|previous|former) (?:version|state)|to the (?:last|previous|former) (?:version|state|one)|to the (?:version|state) before(?: that)?|to (?:how|what|as) it was(?: before)?|as it was(?: before)?|again|one step))*",
    re.IGNORECASE,
)
_BACK_TO = re.compile(r"(?:please |can you |now )*(?:restore|(?:go )?back to|revert to|return to|undo to|zurück zu|volver a|revenir à) (?:the )?version (\d{1,6})(?: please)?", re.IGNORECASE)  # fmt: skip


def version_wanted(prompt: str, versions: Sequence[StoredVersion]) -> int | None:
    """The version that “undo” or “back to version 2” asks for; None when a request asks for something else.

    Args:
        versions: The strategy's, the newest first.
    """
    said = " ".join(prompt.replace(",", " ").strip(" .!?\n\t").split())
    if match := _BACK_TO.fullmatch(said):
        return int(match[1])
    if not _UNDO.fullmatch(said):
        return None
    current = versions[0]
    restored = RESTORED.fullmatch(current.prompt or "")
    return (int(restored[1]) if restored else current.version) - 1
