"""Asking a model that may be away, and showing what it says as it comes."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from stratforge.ai.deadline import Deadline
from stratforge.ai.failures import ModelUnavailable
from stratforge.application.jobs.work import Failed, Work
from stratforge.storage.strategies.jobs import FailureCode

_ATTEMPTS = 4
# Seconds between two looks at an answer that is still coming.
_SHOW_EVERY = 0.4
Answer = TypeVar("Answer")


def asked(work: Work, question: Callable[[], Answer], deadline: Deadline | None = None) -> Answer:
    """The answer; when the model's service is away it is asked again after a pause, a few times and before the deadline.

    Raises:
        Failed: if it stayed away.
        Canceled: if nobody wants the answer any more.
    """
    try:
        return patiently(question, deadline, lambda error: work.tell(f"waiting for the model: {error}"))
    except ModelUnavailable as error:
        raise Failed(FailureCode.MODEL_UNAVAILABLE, f"{error}. Please try again later.") from error


def patiently(
    question: Callable[[], Answer],
    deadline: Deadline | None = None,
    waiting: Callable[[ModelUnavailable], None] = lambda _error: None,
) -> Answer:
    """The answer, asked for again after a pause a few times; `waiting` is told why there is a pause.

    Raises:
        ModelUnavailable: if it stayed away, or the pause would be longer than the deadline allows.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return question()
        except ModelUnavailable as error:
            pause = random.uniform(0.5, 1.0) * 2**attempt  # noqa: S311 - jitter
            if attempt == _ATTEMPTS or (deadline is not None and deadline.left <= pause):
                raise
            waiting(error)
            sleep(pause)
    raise AssertionError("unreachable")


def showing(work: Work, progress: str) -> Callable[[str], None]:
    """Shows an answer as it comes, a few times a second; the same text is shown once."""
    shown, last = 0.0, ""

    def heard(text: str) -> None:
        nonlocal shown, last
        if text and text != last and monotonic() - shown >= _SHOW_EVERY:
            shown, last = monotonic(), text
            work.show(progress, text)

    return heard
