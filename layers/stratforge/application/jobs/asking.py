"""Asking a model that may be away, and showing what it says as it comes."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from stratforge.ai.deadline import Deadline
from stratforge.ai.failures import ModelRefused, ModelUnavailable
from stratforge.application.jobs.work import Failed, Work
from stratforge.application.quotas import TOKENS_A_DAY
from stratforge.storage.strategies.jobs import FailureCode

_ATTEMPTS = 4
# Tokens that models may take for one job, its repairs and the attempts that were interrupted included: some five times what an ordinary one with three repairs takes.
TOKENS_A_JOB = 300_000
# Seconds that nobody waits for a service who wants to be left alone for longer.
_LONGEST_PAUSE = 60.0
# Seconds between two looks at an answer that is still coming.
_SHOW_EVERY = 0.4
Answer = TypeVar("Answer")


def asked(work: Work, question: Callable[[], Answer], deadline: Deadline | None = None) -> Answer:
    """The answer; when the model's service is away it is asked again after a pause, a few times and before the deadline.

    Raises:
        Failed: if it stayed away.
        ModelRefused: if models have taken for the job, or for its user today, what they may.
        Canceled: if nobody wants the answer any more.
    """

    def bounded() -> Answer:
        if (taken := work.tokens()) >= TOKENS_A_JOB:
            raise ModelRefused(
                f"this request has taken {taken:,} tokens of language models, and {TOKENS_A_JOB:,} are allowed; say less at once"
            )
        if work.has_used_up_tokens():
            raise ModelRefused(f"{TOKENS_A_DAY:,} tokens a day are allowed, and they are used up; try again later")
        return question()

    try:
        return patiently(bounded, deadline, lambda error: work.tell(f"waiting for the model: {error}"))
    except ModelUnavailable as error:
        raise Failed(FailureCode.MODEL_UNAVAILABLE, f"{error}. Please try again later.") from error


def patiently(
    question: Callable[[], Answer],
    deadline: Deadline | None = None,
    waiting: Callable[[ModelUnavailable], None] = lambda _error: None,
) -> Answer:
    """The answer, asked for again after a pause a few times; `waiting` is told why there is a pause.

    Raises:
        ModelUnavailable: if it stayed away, or the pause would be longer than the deadline allows or anybody waits.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return question()
        except ModelUnavailable as error:
            jitter = random.uniform(0.5, 1.0) * 2**attempt  # noqa: S311 - jitter
            pause = max(jitter, error.after + jitter / 2 if error.after else 0.0)
            bound = _LONGEST_PAUSE if deadline is None else min(_LONGEST_PAUSE, deadline.left)
            if attempt == _ATTEMPTS or pause >= bound:
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
