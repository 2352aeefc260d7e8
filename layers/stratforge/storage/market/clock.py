"""The exchange's clock: read by the ingestor, asked by whoever must know how late something is."""

from __future__ import annotations

from datetime import datetime

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value


def set_market_clock(connection: Connection, at: datetime) -> None:
    """Notes a reading of the exchange's clock."""
    connection.execute(
        """
        INSERT INTO market_clock (market_time) VALUES (%s)
        ON CONFLICT (only_one) DO UPDATE SET market_time = excluded.market_time, noted_at = clock_timestamp()
        """,
        (at,),
    )


def market_now(connection: Connection) -> datetime | None:
    """The exchange's present time: the last reading, and what has passed since; None while it was never read."""
    now: datetime | None = fetch_value(connection, "SELECT market_now()")
    return now
