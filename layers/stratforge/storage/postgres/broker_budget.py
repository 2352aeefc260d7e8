"""The broker's requests a minute, shared by all functions: a token bucket in one row."""

from __future__ import annotations

from typing import Literal

from stratforge.storage.postgres.database import Database

# The part of the minute's requests that only submissions may use.
_KEPT_FOR_SUBMISSIONS = 0.25


class SharedBudget:
    """A token bucket that refills evenly and holds one minute's requests."""

    def __init__(self, database: Database, requests_per_minute: int) -> None:
        self._database = database
        self._capacity = float(requests_per_minute)
        # The part of a minute's requests that was used up when one was taken last.
        self.used = 0.0

    def take(self, purpose: Literal["submit", "read"]) -> bool:
        """Takes one request; False when there is none for this purpose."""
        floor = 1.0 if purpose == "submit" else 1.0 + self._capacity * _KEPT_FOR_SUBMISSIONS
        with self._database.transaction() as connection:
            taken = connection.execute(
                """
                WITH refilled AS (
                    SELECT least(%(capacity)s, tokens + extract(epoch FROM clock_timestamp() - updated_at) * %(capacity)s / 60) AS tokens
                    FROM broker_budget FOR UPDATE)
                UPDATE broker_budget b SET tokens = r.tokens - 1, updated_at = clock_timestamp() FROM refilled r WHERE r.tokens >= %(floor)s
                RETURNING b.tokens
                """,
                {"capacity": self._capacity, "floor": floor},
            ).fetchone()
        self.used = 1.0 if taken is None else 1.0 - max(0.0, float(taken[0])) / self._capacity
        return taken is not None
