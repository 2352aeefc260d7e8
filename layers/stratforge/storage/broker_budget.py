"""The broker's requests a minute, shared by all functions: a token bucket in one row."""

from __future__ import annotations

from typing import Literal

from stratforge.storage.database import Database

# The part of the minute's requests that only submissions may use.
_KEPT_FOR_SUBMISSIONS = 0.25


class SharedBudget:
    """A token bucket that refills evenly and holds one minute's requests."""

    def __init__(self, database: Database, requests_per_minute: int) -> None:
        self._database = database
        self._capacity = float(requests_per_minute)

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
                """,
                {"capacity": self._capacity, "floor": floor},
            )
            return taken.rowcount == 1
