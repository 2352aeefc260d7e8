"""Events of users' objects in commit order, and the WebSocket connections that receive them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from stratforge.storage.delivery.tickets import Ticket
from stratforge.storage.delivery.webhooks import HAS_NEWS, IS_DUE
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_exactly, fetch_value

# Shards of users that realtime updates are told by; `realtime_shard` of the database says which is a user's.
SHARDS = 8


def utc_text(moment: datetime) -> str:
    """A moment as all our messages have it: RFC 3339 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


@dataclass(frozen=True, slots=True, order=True)
class EventCursor:
    """A position in the event stream: the transaction of the last delivered event, and its number."""

    tx: int
    event_id: int

    def __str__(self) -> str:
        return f"{self.tx}-{self.event_id}"

    @classmethod
    def parse(cls, text: str) -> EventCursor | None:
        """The cursor that a client kept; None for any other text."""
        tx, dash, event_id = text.partition("-")
        if dash and tx.isdecimal() and event_id.isdecimal() and len(text) <= 40:
            return cls(min(int(tx), (1 << 63) - 1), min(int(event_id), (1 << 63) - 1))
        return None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: an order, trade, signal, session, job, halt or platform event with its data as JSON."""

    tx: int
    event_id: int
    kind: str
    data: dict[str, Any]
    created_at: datetime

    @property
    def cursor(self) -> EventCursor:
        """The cursor just after this event."""
        return EventCursor(self.tx, self.event_id)


def present(connection: Connection) -> EventCursor:
    """The cursor of whoever wants to be told from now on."""
    return EventCursor(fetch_value(connection, "SELECT events_horizon()") - 1, (1 << 63) - 1)


def latest_events(connection: Connection, user_id: UUID, limit: int) -> list[Event]:
    """A user's latest events and everybody's, the newest first, at the market's time: of jobs their ends; signals have a page of their own."""
    return fetch_all(
        connection,
        Event,
        """
        SELECT tx, id AS event_id, kind, data, market_at(created_at) AS created_at FROM (
            (SELECT * FROM events WHERE user_id = %(user)s AND kind <> 'signal'
                AND (kind <> 'job' OR data ->> 'status' IN ('SUCCEEDED', 'FAILED')) ORDER BY tx DESC, id DESC LIMIT %(limit)s)
            UNION ALL (SELECT * FROM events WHERE user_id IS NULL ORDER BY tx DESC, id DESC LIMIT %(limit)s)) e
        ORDER BY tx DESC, id DESC LIMIT %(limit)s
        """,
        {"user": user_id, "limit": limit},
    )


def events_after(connection: Connection, user_id: UUID, after: EventCursor, limit: int) -> list[Event]:
    """A user's events and everybody's, in the order of their transactions, as far as all before them have ended."""
    return fetch_all(
        connection,
        Event,
        """
        SELECT tx, id AS event_id, kind, data, created_at FROM events
        WHERE (user_id = %(user)s OR user_id IS NULL) AND (tx, id) > (%(tx)s, %(id)s) AND tx < events_horizon()
        ORDER BY tx, id LIMIT %(limit)s
        """,
        {"user": user_id, "tx": after.tx, "id": after.event_id, "limit": limit},
    )


@dataclass(frozen=True, slots=True)
class ConnectionEvent(Event):
    """An event that a connection has not been told."""

    connection_id: str


def events_of_connections(connection: Connection, connection_ids: Sequence[str], limit: int) -> list[ConnectionEvent]:
    """Returns what connections have not been told, for each in the order of `events_after` and at most `limit` events."""
    return fetch_all(
        connection,
        ConnectionEvent,
        """
        SELECT c.connection_id, e.tx, e.id AS event_id, e.kind, e.data, e.created_at FROM live_connections c
        CROSS JOIN LATERAL (
            (SELECT * FROM events WHERE user_id = c.user_id AND (tx, id) > (c.cursor_tx, c.cursor_id) AND tx < events_horizon()
             ORDER BY tx, id LIMIT %(limit)s)
            UNION ALL
            (SELECT * FROM events WHERE user_id IS NULL AND (tx, id) > (c.cursor_tx, c.cursor_id) AND tx < events_horizon()
             ORDER BY tx, id LIMIT %(limit)s)
            ORDER BY tx, id LIMIT %(limit)s) e
        WHERE c.connection_id = ANY(%(ids)s) ORDER BY c.connection_id, e.tx, e.id
        """,
        {"ids": list(connection_ids), "limit": limit},
    )


# Realtime connections --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RealtimeConnection:
    """An open connection: whose, what it watches, how far it has been told, and whether what opened it has ended.

    Attributes:
        slow: Messages in a row that it did not take in time.
    """

    connection_id: str
    user_id: UUID
    symbols: list[str]
    cursor_tx: int
    cursor_id: int
    prices_at: datetime
    slow: int
    ended: bool

    @property
    def cursor(self) -> EventCursor:
        """The cursor after the last event that was sent to the connection."""
        return EventCursor(self.cursor_tx, self.cursor_id)


def add_connection(
    connection: Connection, connection_id: str, ticket: Ticket, cursor: EventCursor, at_most: int
) -> bool:
    """Notes an open connection; False when the user has `at_most` already."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('connections'), hashtext(%s))", (str(ticket.user_id),))
    added = connection.execute(
        """
        INSERT INTO live_connections (connection_id, user_id, login_id, key_id, cursor_tx, cursor_id)
        SELECT %(id)s, %(user)s, %(login)s, %(key)s, %(tx)s, %(event)s
        WHERE (SELECT count(*) FROM live_connections WHERE user_id = %(user)s) < %(at_most)s
        """,
        {
            "id": connection_id,
            "user": ticket.user_id,
            "login": ticket.login_id,
            "key": ticket.key_id,
            "tx": cursor.tx,
            "event": cursor.event_id,
            "at_most": at_most,
        },
    )
    return added.rowcount == 1


def remove_connection(connection: Connection, connection_id: str) -> None:
    """Deletes a WebSocket connection from the list of those that are served."""
    connection.execute("DELETE FROM live_connections WHERE connection_id = %s", (connection_id,))


def watch_symbols(connection: Connection, connection_id: str, symbols: Sequence[str]) -> bool:
    """Replaces the symbols that a connection watches; returns False if the connection is not known."""
    return (
        connection.execute(
            "UPDATE live_connections SET symbols = %s, prices_at = 'epoch' WHERE connection_id = %s",
            (list(symbols), connection_id),
        ).rowcount
        == 1
    )


def open_connections(connection: Connection, shard: int) -> list[RealtimeConnection]:
    """The open connections of a shard of users that may be told something now; those of more than two hours ended long ago."""
    connection.execute("DELETE FROM live_connections WHERE connected_at < now() - interval '125 minutes'")
    return fetch_all(
        connection,
        RealtimeConnection,
        """
        SELECT c.connection_id, c.user_id, c.symbols, c.cursor_tx, c.cursor_id, c.prices_at, c.slow,
               u.closed_at IS NOT NULL OR l.ended_at IS NOT NULL OR k.revoked_at IS NOT NULL OR coalesce(k.expires_at < now(), false) AS ended
        FROM live_connections c JOIN users u ON u.id = c.user_id
        LEFT JOIN logins l ON l.id = c.login_id LEFT JOIN api_keys k ON k.id = c.key_id
        WHERE realtime_shard(c.user_id) = %s AND c.told_after <= now()
        """,
        (shard,),
    )


@dataclass(frozen=True, slots=True)
class Listeners:
    """Those who wait to be told of events.

    Attributes:
        shards: Shards of users with an open connection.
        webhooks: Whether a webhook may have something new to be told, or has a delivery whose time has come.
        horizon: The events of all transactions before it have been looked at.
        hidden: Whether there are events that an older transaction hides as yet; its end announces nothing.
    """

    shards: list[int]
    webhooks: bool
    horizon: int
    hidden: bool


def listeners(connection: Connection, since: int = 0) -> Listeners:
    """Finds those who wait to be told of events. An event that an older transaction still hides when it is announced is found by a later look.

    Args:
        since: The horizon of the last look.
    """
    return fetch_exactly(
        connection,
        Listeners,
        f"""
        SELECT ARRAY(SELECT DISTINCT realtime_shard(user_id) FROM live_connections ORDER BY 1) AS shards,
               {HAS_NEWS} OR EXISTS (SELECT FROM webhooks w WHERE {IS_DUE}) AS webhooks, events_horizon() AS horizon,
               coalesce((SELECT max(tx) FROM events) >= events_horizon(), false) AS hidden
        """,  # noqa: S608 - conditions of our own
        {"since": since},
    )


def put_off_connections(connection: Connection, slow: Sequence[str], others: Sequence[str]) -> None:
    """Leaves connections that did not take a message alone for a while, longer each time, and for the shortest while others of their users."""
    connection.execute(
        """
        UPDATE live_connections SET slow = slow + (connection_id = ANY(%(slow)s))::int,
            told_after = now() + make_interval(secs => 5 * 2 ^ (slow * (connection_id = ANY(%(slow)s))::int))
        WHERE connection_id = ANY(%(slow)s) OR connection_id = ANY(%(others)s)
        """,
        {"slow": list(slow), "others": list(others)},
    )


@dataclass(frozen=True, slots=True)
class Told:
    """The place up to which a connection has been told: events to a cursor, prices to a moment of our clock, None where it was told none."""

    connection_id: str
    cursor: EventCursor
    prices_at: datetime | None


def advance_connections(connection: Connection, told: Sequence[Told]) -> None:
    """Notes how far connections have been told."""
    connection.execute(
        """
        UPDATE live_connections c SET cursor_tx = t.tx, cursor_id = t.event, prices_at = coalesce(t.prices, c.prices_at), slow = 0
        FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[]) t(id, tx, event, prices) WHERE c.connection_id = t.id
        """,
        (
            [each.connection_id for each in told],
            [each.cursor.tx for each in told],
            [each.cursor.event_id for each in told],
            [each.prices_at for each in told],
        ),
    )


@dataclass(frozen=True, slots=True)
class PriceTick:
    """A price, with the last finished bar where it is the bar's close."""

    symbol: str
    price: Decimal
    time: datetime
    received_at: datetime
    bar: dict[str, Any] | None


def prices_after(connection: Connection, symbols: Sequence[str], after: datetime) -> list[PriceTick]:
    """Prices of symbols that came after a moment of our clock, with their last finished bars."""
    return fetch_all(
        connection,
        PriceTick,
        """
        SELECT l.symbol, l.price, l.time, l.received_at, CASE WHEN m.time IS NOT NULL THEN jsonb_build_object(
            'time', utc_text(m.time), 'open', trim_scale(m.open)::text, 'high', trim_scale(m.high)::text, 'low', trim_scale(m.low)::text,
            'close', trim_scale(m.close)::text, 'volume', trim_scale(m.volume)::text) END AS bar
        FROM latest_prices l LEFT JOIN market_data m ON m.symbol = l.symbol AND m.timeframe = '1Min' AND m.time = l.bar_time
        WHERE l.symbol = ANY(%s) AND l.received_at > %s ORDER BY l.symbol
        """,
        (list(symbols), after),
    )
