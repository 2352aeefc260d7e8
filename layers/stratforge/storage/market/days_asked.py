"""Days that somebody wants to see and no session needs: the ingestor reads them too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from stratforge.storage.postgres.database import Connection

# A wish is good for so long; by then it was read many times over, or it cannot be.
ASKED_FOR = timedelta(minutes=10)
# Of so many users the last wishes are read at a time: of fifty symbols each that is one question to the vendor.
USERS_AT_A_TIME = 8


def ask_for_days(connection: Connection, user_id: UUID, symbols: Sequence[str], days: int) -> None:
    """Notes the last wish of a user: so many days of these symbols."""
    connection.execute(
        """
        INSERT INTO days_asked (user_id, symbols, days) VALUES (%s, %s, %s)
        ON CONFLICT (user_id) DO UPDATE SET symbols = excluded.symbols, days = excluded.days, asked_at = now()
        """,
        (user_id, list(symbols), days),
    )


def days_asked(connection: Connection) -> dict[str, int]:
    """The days back that were asked for of each symbol lately."""
    rows = connection.execute(
        """
        SELECT symbol, max(days) FROM (
            SELECT symbols, days FROM days_asked WHERE asked_at > now() - %s ORDER BY asked_at DESC, user_id LIMIT %s) latest
        CROSS JOIN LATERAL unnest(latest.symbols) wanted (symbol) GROUP BY symbol
        """,
        (ASKED_FOR, USERS_AT_A_TIME),
    )
    return dict(rows.fetchall())
