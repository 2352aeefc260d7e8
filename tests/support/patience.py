"""Asking a platform that may be busy: its 503 says when to ask again, and a test fails for what it answers, not for when."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
import stratforge.client

# A busy platform answers everybody within half a minute of pressing; this many times the client of the product asks, for more than a minute.
_ATTEMPTS = 8
_SECONDS = 240.0
_PAUSE = 2.0
_Answer = TypeVar("_Answer")


@contextmanager
def patient_clients() -> Iterator[None]:
    """Inside, clients of the product ask a busy platform more often before they give up; with the same key, so that nothing is done twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stratforge.client, "_ATTEMPTS", _ATTEMPTS)
        yield


def opened(request: str | urllib.request.Request) -> Any:
    """What an address answers when the platform is not busy; to be closed by who asked.

    Raises:
        HTTPError: for any other answer of 400 and up.
    """

    def ask() -> Any:
        try:
            return urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            return None

    return when_not_busy(ask)


def when_not_busy(ask: Callable[[], _Answer | None]) -> _Answer:
    """The first answer that is one; None says that the platform was busy."""
    deadline = time.monotonic() + _SECONDS
    while (answer := ask()) is None:
        assert time.monotonic() < deadline, f"the platform is busy for {_SECONDS:g} s"
        time.sleep(_PAUSE)
    return answer
