"""Calls that must succeed: repeated while that may help."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from stratforge.broker.history import HistoryUnavailable
from stratforge.observability import logger

log = logger("ingestor")
Result = TypeVar("Result")
# Refusals of AWS that pass by themselves, although their status is that of a wrong request.
_PASSING = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestExpired"})


def is_permanent(error: Exception) -> bool:
    """Returns whether the same call would be refused again, however often it is repeated."""
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    code = error.response.get("Error", {}).get("Code", "")
    return 400 <= status < 500 and status not in (408, 429) and code not in _PASSING


def persist(call: Callable[[], Result], attempts: int | None = None) -> Result:
    """Repeats a call that is safe to repeat until the other side answers.

    Args:
        call: What is called.
        attempts: How often at most; None for as often as it takes.

    Raises:
        ClientError: if AWS refuses the call for good.
        Exception: what the last attempt raised, if their number is limited.
    """
    delay, left = 0.2, attempts
    while True:
        try:
            return call()
        except (BotoCoreError, ClientError, HistoryUnavailable, psycopg.OperationalError) as error:
            left = None if left is None else left - 1
            if is_permanent(error) or left == 0:
                raise
            log.warning("trying again", error=str(error)[:300], seconds=round(delay, 1))
            time.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            delay = min(delay * 2, 30.0)
