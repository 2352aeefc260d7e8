"""Orders of portfolio sessions that wait for one another, so that what many decide about one period is one order at the broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all

# How long the orders of a decision wait for those of others who are about to decide about the same period.
GATHERING = timedelta(seconds=5)
# Nor longer than until an order has so long left by the market's clock, which on a replay runs faster than ours.
LEFT = timedelta(seconds=90)
_LONG = "(o.created_at <= now() - %(gathering)s::interval OR o.expires_at <= market_now() + %(left)s::interval)"


def gathered_sessions(connection: Connection, away: timedelta = timedelta(0)) -> list[tuple[UUID, str]]:
    """Sessions whose orders waited for those of others for long enough, and a symbol of theirs; what waits longer waits for something else.

    Args:
        away: How long nobody asked.
    """
    query = f"""
        SELECT DISTINCT o.session_id, s.symbols[1] FROM orders o JOIN sessions s ON s.id = o.session_id
        WHERE o.status = 'PENDING' AND o.rebalance_id IS NOT NULL
          AND o.created_at >= now() - 4 * %(gathering)s::interval - %(away)s::interval AND {_LONG}
    """  # noqa: S608 - a condition of this module
    return connection.execute(query, {"gathering": GATHERING, "left": LEFT, "away": away}).fetchall()


@dataclass(frozen=True, slots=True)
class Work:
    """Orders of decisions of a symbol for which the executor has something to do.

    Attributes:
        long: Whether that has waited for long enough.
        cause: Tells these orders from any others: whoever wakes the executor for them twice wakes it once.
    """

    symbol: str
    long: bool
    cause: str


def symbols_with_work(connection: Connection, session_ids: Sequence[UUID]) -> list[Work]:
    """The symbols of these sessions for which the executor has orders of decisions to decide on, whoever's, or to end."""
    return fetch_all(
        connection,
        Work,
        f"""
        SELECT o.symbol, bool_or(o.status = 'RESTING' OR {_LONG}) AS long, md5(string_agg(o.id::text || o.status, ',' ORDER BY o.id)) AS cause
        FROM orders o WHERE o.symbol IN (SELECT unnest(s.symbols) FROM sessions s WHERE s.id = ANY(%(ids)s)) AND o.rebalance_id IS NOT NULL
          AND (o.status = 'PENDING' OR (o.status = 'RESTING' AND o.cancel_requested_at IS NOT NULL)) GROUP BY o.symbol ORDER BY o.symbol
        """,  # noqa: S608 - a condition of this module
        {"ids": list(session_ids), "gathering": GATHERING, "left": LEFT},
    )


def universes_of(connection: Connection, session_ids: Sequence[UUID]) -> set[str]:
    """The symbols that sessions may order."""
    rows = connection.execute("SELECT DISTINCT unnest(universe) FROM sessions WHERE id = ANY(%s)", (list(session_ids),))
    return {row[0] for row in rows}
