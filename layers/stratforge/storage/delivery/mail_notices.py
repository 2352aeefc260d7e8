"""The wishes for mails of what happened to sessions, orders and trades: whose they are, how far each was told, and what ends them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from stratforge.storage.delivery.events import Event, EventCursor
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value

# Mails that one user gets in a day, and the minutes between two.
MOST_A_DAY, MINUTES_APART = 20, 20


class MailedKind(StrEnum):
    """The kinds of events that mails tell of: trades, orders that end otherwise than they were meant to, and sessions that end or miss bars."""

    TRADE = "trade"
    ORDER = "order"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody whose next mail may be sent, and to whom something happened.

    Attributes:
        address: The confirmed address; None where it is not confirmed any more.
        site: Where the links of the mail lead.
    """

    user_id: UUID
    address: str | None
    site: str


def kinds_of(connection: Connection, user_id: UUID) -> list[MailedKind]:
    """The kinds of events that a user gets mails of; none where he wants none."""
    found = fetch_value(connection, "SELECT kinds FROM mail_notices WHERE user_id = %s", (user_id,))
    return [MailedKind(each) for each in found or ()]


def set_kinds(
    connection: Connection, user_id: UUID, kinds: Sequence[MailedKind], site: str, present: EventCursor
) -> None:
    """Has a user told by mail of what happens from now on; of what he is told already nothing is left out."""
    connection.execute(
        """
        INSERT INTO mail_notices AS n (user_id, kinds, site, cursor_tx, cursor_id) VALUES (%(user)s, %(kinds)s, %(site)s, %(tx)s, %(id)s)
        ON CONFLICT (user_id) DO UPDATE SET kinds = excluded.kinds, site = excluded.site, changed_at = now(),
            begun = (SELECT coalesce(jsonb_object_agg(kind, CASE WHEN kind = ANY(n.kinds) THEN n.begun->kind
                ELSE jsonb_build_array(%(tx)s::bigint, %(id)s::bigint) END), '{}') FROM unnest(excluded.kinds) AS kind),
            cursor_tx = CASE WHEN n.kinds = '{}' THEN excluded.cursor_tx ELSE n.cursor_tx END,
            cursor_id = CASE WHEN n.kinds = '{}' THEN excluded.cursor_id ELSE n.cursor_id END
        """,
        {
            "user": user_id,
            "kinds": [each.value for each in kinds],
            "site": site,
            "tx": present.tx,
            "id": present.event_id,
        },
    )


# An event of a kind that was chosen, since it was: `e` of the wishes `n`.
_ASKED = """e.user_id = n.user_id AND e.kind = ANY(n.kinds) AND (e.tx, e.id) > (n.cursor_tx, n.cursor_id)
    AND (e.tx, e.id) > (coalesce((n.begun->e.kind->>0)::bigint, 0), coalesce((n.begun->e.kind->>1)::bigint, 0))"""
_NEWS = f"EXISTS (SELECT FROM events e WHERE {_ASKED} AND e.tx < events_horizon())"


def pass_over(connection: Connection) -> None:
    """Moves everybody on to whom nothing happened for ten minutes that he is to be told, so that nobody looks through it again."""
    connection.execute(
        f"""
        UPDATE mail_notices SET cursor_tx = events_horizon() - 1, cursor_id = 9223372036854775807, looked_at = now()
        WHERE user_id IN (
            SELECT n.user_id FROM mail_notices n
            WHERE n.kinds <> '{{}}' AND n.next_mail <= now() AND n.looked_at < now() - interval '10 minutes' AND NOT {_NEWS}
            LIMIT 5000 FOR UPDATE SKIP LOCKED)
        """  # noqa: S608 - a condition of this module
    )


def due(database: Database, limit: int) -> Iterator[tuple[Connection, Subscriber]]:
    """Those who are to be told of something and whose next mail may be sent, each held in a transaction of its own while the mail is written.

    The account is held with it: whoever closes it waits for the mail, and not the mail for him.
    """
    for _ in range(limit):
        with database.transaction() as connection:
            found = fetch_one(
                connection,
                Subscriber,
                f"""
                SELECT n.user_id, confirmed_address(n.user_id) AS address, n.site
                FROM mail_notices n JOIN users u ON u.id = n.user_id
                WHERE n.kinds <> '{{}}' AND n.next_mail <= now() AND {_NEWS} ORDER BY n.next_mail LIMIT 1
                FOR UPDATE OF n SKIP LOCKED FOR KEY SHARE OF u SKIP LOCKED
                """,  # noqa: S608 - a condition of this module
            )
            if found is None:
                return
            yield connection, found


def news_of(connection: Connection, reader: Subscriber, until: EventCursor, limit: int) -> list[Event]:
    """The events that somebody is to be told of, up to a cursor, the latest of them, the oldest first."""
    found = fetch_all(
        connection,
        Event,
        f"""
        SELECT e.tx, e.id AS event_id, e.kind, e.data, e.created_at FROM events e, mail_notices n
        WHERE n.user_id = %(user)s AND {_ASKED} AND e.tx <= %(until)s ORDER BY e.tx DESC, e.id DESC LIMIT %(limit)s
        """,  # noqa: S608 - a condition of this module
        {"user": reader.user_id, "until": until.tx, "limit": limit},
    )
    return found[::-1]


def note_told(connection: Connection, user_id: UUID, until: EventCursor) -> None:
    """Notes how far a user was told."""
    query = "UPDATE mail_notices SET cursor_tx = %s, cursor_id = %s, looked_at = now() WHERE user_id = %s"
    connection.execute(query, (until.tx, until.event_id, user_id))


def add_mail(connection: Connection, reader: Subscriber, about: str) -> None:
    """Adds a mail to those that wait, and notes when the next may follow: after a while, and a day after the one that is so many before it."""
    connection.execute(
        "INSERT INTO mails (kind, address, user_id, site, about) VALUES ('ACTIVITY', %s, %s, %s, %s)",
        (reader.address, reader.user_id, reader.site, about),
    )
    connection.execute(
        f"""
        UPDATE mail_notices SET next_mail = greatest(now() + interval '{MINUTES_APART} minutes', (
            SELECT created_at + interval '1 day' FROM mails WHERE user_id = %(user)s AND kind = 'ACTIVITY'
            ORDER BY created_at DESC OFFSET {MOST_A_DAY - 1} LIMIT 1))
        WHERE user_id = %(user)s
        """,  # noqa: S608 - numbers of this module
        {"user": reader.user_id},
    )


def add_stop(connection: Connection, token_hash: bytes, user_id: UUID) -> None:
    """Keeps the hash of a token that ends a user's mails."""
    connection.execute("INSERT INTO mail_stops (token_hash, user_id) VALUES (%s, %s)", (token_hash, user_id))


def stop(connection: Connection, token_hash: bytes) -> bool:
    """Ends the mails of whoever a token was sent to; False for one that is unknown."""
    return bool(fetch_value(connection, "SELECT stop_mail_notices(%s)", (token_hash,)))
