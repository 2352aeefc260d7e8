"""Numbers in words, without loss: two that differ are written differently. What is said is counted, so that no explanation grows without bound."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

# Of all that is said on the way to an explanation, also in parts that are said more than once.
MAX_CHARACTERS = 400_000


class TooLong(Exception):
    """The explanation would be longer than anybody reads: the code is shown instead."""


@dataclass(slots=True)
class Budget:
    """The number of characters that may still be said."""

    left: int = MAX_CHARACTERS

    def spend(self, text: str) -> str:
        """Counts a text, and gives it.

        Raises:
            TooLong: if it is too much.
        """
        self.count(len(text))
        return text

    def count(self, characters: int) -> None:
        """Counts what is said otherwise.

        Raises:
            TooLong: if it is too much.
        """
        self.left -= characters
        if self.left < 0:
            raise TooLong


# How loosely the words of an expression hang together: something with brackets of its own, or a name; a phrase or a sum; a comparison; conditions joined by
# “and”; by “or”; a choice between two values.
NAME, PHRASE, COMPARISON, BOTH, EITHER, CHOICE = range(6)


@dataclass(frozen=True, slots=True)
class Said:
    """An expression in words, and how loosely they hang together."""

    text: str
    loose: int = NAME

    @property
    def tight(self) -> str:
        """The text as a part of a phrase or a sum."""
        return self._within(NAME)

    @property
    def side(self) -> str:
        """The text as a side of a comparison."""
        return self._within(PHRASE)

    def joined(self, word: str) -> str:
        """The text as one of several conditions that “and” or “or” joins."""
        return self._within(BOTH if word == "and" else COMPARISON)

    def _within(self, most: int) -> str:
        return f"({self.text})" if self.loose > most else self.text


def number(value: float) -> str:
    """A number in the fewest digits that give it back, without an exponent where it is of a usual size."""
    if value != value:
        return "unknown"
    if value in (float("inf"), float("-inf")):
        return "infinity" if value > 0 else "minus infinity"
    return f"{int(value)}" if value.is_integer() and abs(value) < 1e16 else repr(value)


def percent(value: float) -> str:
    """A fraction in percent, without what multiplying floats would add."""
    if not -1e12 < value < 1e12:
        return f"{number(value)} × 100 %"
    return f"{(Decimal(repr(float(value))) * 100).normalize():f} %"


def clock(minute: float) -> str:
    """A minute of the day as a time; empty where it is none."""
    if not minute.is_integer() or not 0 <= minute < 24 * 60:
        return ""
    return f"{int(minute) // 60:02}:{int(minute) % 60:02}"


def counted(value: float, unit: str) -> str:
    """So many of something: “1 bar”, “5 bars”."""
    return f"{number(value)} {unit}{'' if value == 1 else 's'}"
