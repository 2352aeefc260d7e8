"""Sentences that several parts of an answer are made of: said in one form, so that a person's language, and who reads them again, knows them."""

from __future__ import annotations

from collections.abc import Iterable

# How the questions about words begin that were not read: a part of them, and all.
PART_UNREAD = "This part was not understood, so nothing was written: "
ALL_UNREAD = "This was not understood: "
# What stands between words and how they were read, where nothing can come of that.
WAS_READ_AS = " was read as "


def part_unread(words: Iterable[str]) -> str:
    """Asks for other words in the place of these."""
    return f"{PART_UNREAD}{_quoted(words)}. Please say it in other words, or leave it out."


def all_unread(words: Iterable[str]) -> str:
    """Says that nothing was read of these words."""
    return f"{ALL_UNREAD}{_quoted(words)}."


def said_after(words: str) -> str:
    """Tells that words were passed over, as others came after them."""
    return f"“{words}” was not understood: what was said after that stands in its place."


def bought_until(time: str) -> str:
    """Tells that it does not buy what it would sell at once."""
    return f"It does not buy after {time}, the time at which it sells."


def never_opened(when: str) -> str:
    """Tells that no position is opened where it would be closed at once."""
    return f"No position is opened when {when}: it would be closed at once."


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"“{each}”" for each in words)
