"""Faults of the simulated Gemini: how the next answers go wrong."""

from __future__ import annotations

from dataclasses import dataclass

NAMES = ("429", "500", "503", "slow", "blocked", "safety", "truncated", "not json", "outside", "cut", "hostile")


@dataclass(slots=True)
class Faults:
    """One kind of fault for the next `left` answers.

    429, 500 and 503 are answered; "slow" takes `seconds` longer; "blocked" refuses the prompt and "safety" the answer; "truncated" ends in the
    middle, "not json" is none, "outside" is code outside the strategy language, "cut" drops the connection of a stream in the middle, and
    "hostile" is an answer that somebody planted in what was found: markup, scripts, addresses of other kinds, and instructions.
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
