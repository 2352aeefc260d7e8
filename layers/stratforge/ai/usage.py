"""Tokens of a model's reply, as they are paid for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply.

    Attributes:
        prompt: Those of the question, `cached` among them.
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
