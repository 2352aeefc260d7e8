"""Calls that must succeed: repeated until the other side answers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.broker.history import HistoryUnavailable
from stratforge.observability import logger

log = logger("ingestor")
Result = TypeVar("Result")


def persist(call: Callable[[], Result]) -> Result:
    """Repeats a call that is safe to repeat until the other side answers; the symbol waits meanwhile, nothing is skipped."""
    delay = 0.2
    while True:
        try:
            return call()
        except (BotoCoreError, ClientError, HistoryUnavailable) as error:
            log.warning("trying again", error=str(error)[:300], seconds=round(delay, 1))
            time.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            delay = min(delay * 2, 30.0)
