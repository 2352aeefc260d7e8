"""Errors that stop the platform from coming up, and how a person is told of any."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from pathlib import Path

from stratforge.client import ApiError


class StartError(RuntimeError):
    """The platform cannot come up; the message is one line for a person."""


def words_of(error: BaseException) -> str:
    """An error as a person is told of it, on one line."""
    said = str(error).splitlines()
    if isinstance(error, StartError | ApiError) and said:
        return " ".join(said)
    return f"{type(error).__name__}: {said[0] if said else 'no message'}"


def told_if_possible(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Tells a person; where that fails (a terminal that is gone, a file on a full disk) whoever tells goes on with what he does."""

    def told(text: str) -> None:
        with contextlib.suppress(Exception):
            tell(text)

    return told


def note_failure(log: Path) -> None:
    """Writes the error that is being handled to a log, if anything can be written there."""
    with contextlib.suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(traceback.format_exc())
