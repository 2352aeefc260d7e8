"""Attempts to prove who somebody is: counted before they are made, with pauses that grow for the place that failures come from."""

from __future__ import annotations

import math

from stratforge.application.errors import LimitReached
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import logins

# Failures that cost no pause; then each doubles it, up to so many seconds.
FREE, _LONGEST = 5, 900.0


def too_many_attempts(seconds: float) -> LimitReached:
    """The refusal of one attempt too many, with the seconds until the next may be made."""
    whole = max(1, round(seconds + 0.5))
    wait = f"{whole} seconds" if whole < 120 else f"{math.ceil(whole / 60)} minutes"
    return LimitReached(f"Too many attempts. Try again in {wait}.", code="too-many-attempts", retry_after=whole)


def wait_for(connection: Connection, bucket: str, free: int = FREE) -> float:
    """Counts an attempt as failed before it is made; returns the seconds to wait, 0 if it may be made now."""
    return logins.begin_attempt(connection, bucket, free, _LONGEST)


def begin(database: Database, bucket: str) -> None:
    """Counts an attempt as failed before it is made, so that many at once do not slip through together.

    Raises:
        LimitReached: during the pause after failures.
    """
    with database.transaction() as connection:
        wait = wait_for(connection, bucket)
    if wait:
        raise too_many_attempts(wait)
