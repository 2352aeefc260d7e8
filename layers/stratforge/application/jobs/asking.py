"""Asking a model that may be away."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import sleep
from typing import TypeVar

from stratforge.ai.failures import ModelUnavailable
from stratforge.application.jobs.results import FailureCode
from stratforge.application.jobs.work import Failed, Work

_ATTEMPTS = 4
Answer = TypeVar("Answer")


def asked(work: Work, question: Callable[[], Answer]) -> Answer:
    """The answer; when the model's service is away it is asked again after a pause, a few times.

    Raises:
        Failed: if it stayed away.
        Canceled: if nobody wants the answer any more.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return question()
        except ModelUnavailable as error:
            if attempt == _ATTEMPTS:
                raise Failed(FailureCode.MODEL_UNAVAILABLE, f"{error}. Please try again later.") from error
            work.tell(f"waiting for the model: {error}")
            sleep(random.uniform(0.5, 1.0) * 2**attempt)  # noqa: S311 - jitter
    raise AssertionError("unreachable")
