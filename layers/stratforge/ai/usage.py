"""Tokens of a model's reply, as they are paid for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply.

    Attributes:
        prompt: Those of the question and of what the service's own tools found for it, `cached` among them.
        cached: Those that the service knew from before: a question that begins as another did costs less.
        answer: Those of the answer, thinking included.
    """

    prompt: int = 0
    cached: int = 0
    answer: int = 0

    @property
    def total(self) -> int:
        """All tokens of the question and of the answer."""
        return self.prompt + self.answer

    def or_more(self, other: Usage) -> Usage:
        """The greater of both, count by count: parts of a reply count from its beginning, and not each part counts everything."""
        return Usage(max(self.prompt, other.prompt), max(self.cached, other.cached), max(self.answer, other.answer))
