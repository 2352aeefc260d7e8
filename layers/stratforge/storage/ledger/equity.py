"""Every user's equity, noted once a minute; after two days the last note of each quarter of an hour stays, after 93 the last before each market day's close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_exactly


@dataclass(frozen=True, slots=True)
class Noted:
    """The number of users whose equity was noted together, and the last of them; None when there was nobody."""

    users: int
    last: UUID | None


def snapshot_equity(connection: Connection, users: int, after: UUID | None = None) -> Noted:
    """Notes the equity of so many users who are not erased now, in the order of their ids, and brings the marks up to date that daily loss and drawdown
    are measured from.

    Args:
        connection: In whose transaction.
        users: How many.
        after: The user after whom to go on; None to begin.
    """
    return fetch_exactly(
        connection,
        Noted,
        """
        WITH valued AS (
            SELECT u.id, u.virtual_balance + u.reserved_cash AS cash, u.virtual_balance + u.reserved_cash + coalesce((
                       SELECT sum(p.quantity * coalesce(l.price, p.avg_entry_price)) FROM positions p
                       LEFT JOIN latest_prices l ON l.symbol = p.symbol WHERE p.user_id = u.id AND p.quantity <> 0), 0) AS equity
            FROM users u WHERE u.erased_at IS NULL AND (%(after)s::uuid IS NULL OR u.id > %(after)s) ORDER BY u.id LIMIT %(users)s),
        market AS (SELECT (coalesce(max(time), now()) AT TIME ZONE 'America/New_York')::date AS day FROM latest_prices),
        kept AS (
            INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, date_trunc('second', now()), cash, equity FROM valued
            ON CONFLICT DO NOTHING),
        marked AS (
            INSERT INTO equity_marks AS m (user_id, day, day_equity, peak_equity)
            SELECT v.id, k.day, v.equity, v.equity FROM valued v, market k ORDER BY v.id
            ON CONFLICT (user_id) DO UPDATE SET
                day = excluded.day,
                day_equity = CASE WHEN m.day = excluded.day THEN m.day_equity ELSE excluded.day_equity END,
                peak_equity = greatest(m.peak_equity, excluded.peak_equity))
        SELECT count(*) AS users, (SELECT id FROM valued ORDER BY id DESC LIMIT 1) AS last FROM valued
        """,
        {"users": users, "after": after},
    )


@dataclass(frozen=True, slots=True)
class RolledUp:
    """The number of notes that went, and whether there is more to roll up already."""

    gone: int
    behind: bool


def roll_up_equity(
    connection: Connection, of_minutes: timedelta = timedelta(minutes=5), of_quarters: timedelta = timedelta(hours=1)
) -> RolledUp:
    """Rolls up notes that have become old, from where that ended last.

    Args:
        connection: In whose transaction.
        of_minutes: Of what was noted every minute so much at most.
        of_quarters: Of what stayed of every quarter of an hour.
    """
    return fetch_exactly(
        connection, RolledUp, "SELECT gone, behind FROM roll_up_equity(%s, %s)", (of_minutes, of_quarters)
    )
