"""An Analyst of whom a test says what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from stratforge.ai.research import Research


class StandInAnalyst:
    """An Analyst that keeps what it was told, and answers as a test says.

    Attributes:
        answer: Answers a question; it is given the function that hears the answer as it comes.
        portfolios: What it was told of positions, question by question.
        before: Which questions and answers it was told with each question.
    """

    def __init__(self, answer: Callable[[str, Callable[[str], None]], Research]) -> None:
        self.answer = answer
        self.portfolios: list[str | None] = []
        self.before: list[Sequence[tuple[str, str]]] = []

    def research(
        self,
        question: str,
        portfolio: str | None,
        heard: Callable[[str], None],
        now: datetime | None,
        before: Sequence[tuple[str, str]],
    ) -> Research:
        """What the test says; see `answer`."""
        self.portfolios.append(portfolio)
        self.before.append(before)
        return self.answer(question, heard)
