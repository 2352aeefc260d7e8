"""The reconciler's place in the broker's orders: where a pass goes on that reads a part of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all


@dataclass(frozen=True, slots=True)
class Place:
    """The place at which the next pass reads on.

    Attributes:
        new_since: All orders that were sent until then were looked at; None before any was.
        again_since: Where the day is being looked through once more; None at its beginning.
        differing_since: Where the day's orders of symbols that differ are read on; None at its beginning.
        waiting: Our ids of orders that had not ended when they were looked at.
        compared_at: When a comparison came to its end last, by our clock.
    """

    new_since: datetime | None
    again_since: datetime | None
    differing_since: datetime | None
    waiting: list[str]
    compared_at: datetime


def place(connection: Connection) -> Place:
    """The place at which the last comparison ended."""
    (found,) = fetch_all(
        connection,
        Place,
        "SELECT new_since, again_since, differing_since, waiting, compared_at FROM broker_orders_read",
    )
    return found


def go_on(connection: Connection, was: Place, now: Place) -> None:
    """Notes where the next comparison goes on, unless another one has come to its end meanwhile."""
    connection.execute(
        """
        UPDATE broker_orders_read SET new_since = %s, again_since = %s, differing_since = %s, waiting = %s, compared_at = now() WHERE compared_at = %s
        """,
        (now.new_since, now.again_since, now.differing_since, now.waiting, was.compared_at),
    )
