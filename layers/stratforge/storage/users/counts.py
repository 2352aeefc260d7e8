"""Counts of everything that a user may have a bounded number of."""

from __future__ import annotations

from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value

_QUERIES = {
    "strategies": "SELECT count(*) FROM strategies WHERE user_id = %(user)s AND deleted_at IS NULL",
    "live_sessions": "SELECT count(*) FROM sessions WHERE user_id = %(user)s AND status IN ('PENDING', 'RUNNING', 'PAUSED')",
    "alerts": "SELECT count(*) FROM price_alerts WHERE user_id = %(user)s AND (armed OR repeats)",
    "watched_symbols": "SELECT count(*) FROM watched_symbols WHERE user_id = %(user)s",
    "webhooks": "SELECT count(*) FROM webhooks WHERE user_id = %(user)s",
}


def held(connection: Connection, user_id: UUID, kind: str) -> int:
    """Counts what a user has of a kind. Whoever adds one of it at the same moment waits until this transaction ends, so two do not both find the last place."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", (kind, str(user_id)))
    return int(fetch_value(connection, _QUERIES[kind], {"user": user_id}))


def symbol_is_full(connection: Connection, symbol: str) -> int | None:
    """The number of sessions that a symbol takes, if it has as many, whoever's; None where there is room for one more until this transaction ends."""
    found: int | None = fetch_value(connection, "SELECT symbol_is_full(%s)", (symbol,))
    return found


def counts(connection: Connection, user_id: UUID) -> dict[str, int]:
    """Counts what a user has of every kind."""
    query = "SELECT " + ", ".join(f"({each}) AS {kind}" for kind, each in _QUERIES.items())
    row = connection.execute(query, {"user": user_id}).fetchone()
    assert row is not None
    return dict(zip(_QUERIES, row, strict=True))
