"""Faults of the simulated Gemini: how the next answers go wrong."""

from __future__ import annotations

from dataclasses import dataclass

NAMES = (
    "429", "429 today", "500", "503", "404", "slow", "blocked", "safety", "recitation", "truncated", "thought out", "empty", "not json", "outside", "cut", "unfinished",
    "error inside", "hostile",
)  # fmt: skip


@dataclass(slots=True)
class Faults:
    """One kind of fault for the next `left` answers.

    429 (which asks for a pause of `seconds`, or "429 today" for good), 500, 503 and 404 (no such model) are answered; "slow" takes `seconds` longer;
    "blocked" refuses the prompt, "safety" and "recitation" the answer; "truncated" ends in the middle and "thought out" before it begins, both for
    want of tokens; "empty" has no text, "not json" is none, "outside" is code outside the strategy language; "cut" drops the connection of a stream in the
    middle, "unfinished" ends it there as if it were whole, "error inside" ends it with an error; and "hostile" is an answer that somebody planted in what was found: markup, scripts, addresses of other kinds, and instructions.
    """

    fault: str = ""
    left: int = 0
    seconds: float = 1.0

    def set(self, fault: str, count: int, seconds: float) -> None:
        """Sets the fault for the next `count` requests; `seconds` is for faults that delay.

        Raises:
            ValueError: naming the faults there are.
        """
        if fault not in NAMES:
            raise ValueError(f"there is no fault {fault!r}; there are {', '.join(NAMES)}")
        self.fault, self.left, self.seconds = fault, count, seconds

    def next(self) -> str | None:
        """Takes the fault that the next answer has; None when it has none."""
        if self.left <= 0:
            return None
        self.left -= 1
        return self.fault
