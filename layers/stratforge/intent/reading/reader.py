"""Steps through the tokens of a turn, and remembers what was spoken of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stratforge.intent.reading.lines import Family
from stratforge.intent.reading.meaning import TooMany
from stratforge.intent.reading.tokens import Token

T = TypeVar("T")


class Unread(Exception):
    """Words that the strict grammar does not read, from this token on."""


@dataclass(frozen=True, slots=True)
class Operand:
    """Something that is compared, in the forms that a rule may have it in, and whether it is a plain number or a price.

    Attributes:
        column: Of what measure it is: a price's name, `price`, `volume`, or empty for an indicator with a scale of its own.
        edge: Whether it is by nature what is broken upwards (`above`) or downwards (`below`), such as the highest high of 20 bars.
    """

    sides: tuple[str, ...]
    number: float | None = None
    column: str = ""
    money: bool = False
    edge: str = ""


def made(sides: tuple[str, ...], *, column: str, edge: str = "") -> Operand:
    """Returns what is compared, in the forms that were found for it; unread where there are none."""
    if not sides:
        raise Unread
    return Operand(sides, column=column, edge=edge)


class Reader:
    """Steps through the tokens of a turn, from where it stands."""

    def __init__(self, tokens: Sequence[Token], week: frozenset[int]) -> None:
        self.tokens = tokens
        self.week = week
        self.at = 0
        # What was compared last, for “it” and for crossings that name nothing.
        self.left: Operand | None = None
        self.right: Operand | None = None
        # All that was compared, each with what it was compared with.
        self.compared: tuple[tuple[Operand, Operand], ...] = ()
        self.selling = False
        # What the statement before, and this one, compare: “it” is plain only where that is one thing.
        self.before: set[str] = set()
        self.now: set[str] = set()
        self.spoken: list[Operand] = []
        # The bands that were spoken of last, for “the middle band”; two averages, for “the 12 crosses back”.
        self.family: Family | None = None
        self.known: dict[float, Operand] = {}
        self.trend: list[float] = []
        # How many minutes the opening range has that was spoken of.
        self.opening = 0.0
        # A level that was named for what follows: “take the high of the first 30 minutes”.
        self.named: Operand | None = None
        # Whether something before was not read, which “it” may stand for.
        self.lost = False
        # The lengths with which indicators were named.
        self.lengths: dict[str, set[float]] = {}
        # Indicators that were named of a longer timeframe.
        self.framed: set[str] = set()
        self.numbers: dict[str, set[tuple[float, ...]]] = {}

    def peek(self, ahead: int = 0) -> str:
        """The kind of the token that comes; empty at the end."""
        return self.tokens[self.at + ahead].kind if self.at + ahead < len(self.tokens) else ""

    def take(self, *kinds: str) -> Token | None:
        """Takes the next token, if it is of one of these kinds."""
        if self.peek() in kinds:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def need(self, *kinds: str) -> Token:
        """The next token, which has to be of one of these kinds."""
        token = self.take(*kinds)
        if token is None:
            raise Unread
        return token

    def number(self, *kinds: str) -> float:
        """The number of the next token, which has to be of one of these kinds."""
        return float(self.need(*(kinds or ("number",))).value)

    def bars(self) -> float:
        """The number of bars, of one minute each, that the next tokens count: “10 bars”, “2 hours”, “an hour”."""
        if self.take("half_hour"):
            return 30
        if self.take("quarter_hour"):
            return 15
        count = self.number() if self.peek() == "number" else 1.0 if self.peek() == "hours" else self.number()
        return count * (60 if self.need("unit", "hours").kind == "hours" else 1)

    def spoke_of(self, left: Operand, right: Operand | None) -> None:
        """Remembers what was compared, and with what, for what leaves one of them unsaid."""
        self.left = left
        if right is not None:
            self.right, self.compared = right, (*self.compared, (left, right))

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Reads something, or stays where it was."""
        before = self.at, self.left, self.right, self.compared, set(self.now), self.family, dict(self.known)
        lengths = {name: set(each) for name, each in self.lengths.items()}
        numbers = {name: set(each) for name, each in self.numbers.items()}
        try:
            return read()
        except (Unread, TooMany):
            self.at, self.left, self.right, self.compared, self.now, self.family, self.known = before
            self.lengths, self.numbers = lengths, numbers
            return None
