"""What was understood of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Side = Literal["entry", "exit"]


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression of the strategy language, what it says in words, and the bound it puts on a column, if it is one."""

    code: str
    said: str
    bound: tuple[str, str, float] | None = None
    # What is true once it no longer holds; the rule to sell by where none was given.
    reverse: Condition | None = None


@dataclass(slots=True)
class Book:
    """Conditions and what they need."""

    constants: dict[str, float] = field(default_factory=dict)
    meanings: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    entry: list[Condition] = field(default_factory=list)
    exit: list[Condition] = field(default_factory=list)
    # How several conditions of a side go together.
    joined: dict[Side, str] = field(default_factory=lambda: {"entry": "and", "exit": "or"})
    # Statements at the beginning and the end of `on_bar`, and what is done at a purchase.
    before: list[str] = field(default_factory=list)
    on_buy: list[str] = field(default_factory=list)
    # What a purchase needs besides its rule: sessions of the day, days, pauses.
    filters: list[Condition] = field(default_factory=list)
    # Clauses about selling in which no condition was found.
    unread: list[str] = field(default_factory=list)
    # The oscillator that was named last.
    last: str = ""
    size: str = ""
    said: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)

    def constant(self, name: str, value: float, meaning: str) -> str:
        """A tunable number; a second one of the name gets a name of its own."""
        unique, count = name, 2
        while unique in self.constants and self.constants[unique] != value:
            unique, count = f"{name}_{count}", count + 1
        self.constants[unique] = value
        self.meanings[unique] = meaning
        return unique

    def column(self, name: str, call: str) -> str:
        """An indicator; a second one of the name gets a name of its own. What `on_bar` calls it."""
        unique, count = name, 2
        while unique in self.columns and self.columns[unique] != call:
            unique, count = f"{name}_{count}", count + 1
        self.columns[unique] = call
        return f"bar.{unique}"

    def add(self, side: Side, condition: Condition) -> None:
        """A condition for a side, once."""
        held = self.entry if side == "entry" else self.exit
        if condition not in held:
            held.append(condition)

    def contradiction(self) -> str | None:
        """Two bounds of the rule to buy by that nothing can meet."""
        if self.joined["entry"] == "or":
            return None
        bounds = [each.bound for each in self.entry if each.bound]
        for column, direction, value in bounds:
            for other, opposite, limit in bounds:
                if column == other and direction == ">" and opposite == "<" and value >= limit:
                    return f"{column.removeprefix('bar.')} above {value:g} and below {limit:g}"
        return None
