"""Tickets that open a WebSocket connection: each once, within a minute, and kept as a hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one
from stratforge.storage.users.tokens import hash_token

LIFETIME_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whom a ticket lets in: a user with a login or an API key, from pages of the site that asked for it.

    Attributes:
        origin: Scheme, host and port of that site; None when a program asked.
    """

    user_id: UUID
    login_id: UUID | None
    key_id: UUID | None
    origin: str | None


def add_ticket(connection: Connection, ticket: Ticket) -> str:
    """Keeps a new ticket; returns its text."""
    text = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO realtime_tickets (ticket_hash, user_id, login_id, key_id, origin, expires_at) "
        "VALUES (%s, %s, %s, %s, %s, now() + make_interval(secs => %s))",
        (hash_token(text), ticket.user_id, ticket.login_id, ticket.key_id, ticket.origin, LIFETIME_SECONDS),
    )
    return text


def take_ticket(connection: Connection, text: str) -> Ticket | None:
    """Takes a ticket, which is then gone; None for any text that is not one that is good now. Old ones are forgotten along with it."""
    return fetch_one(
        connection,
        Ticket,
        """
        WITH old AS (DELETE FROM realtime_tickets WHERE expires_at < now() - interval '1 hour'),
        taken AS (DELETE FROM realtime_tickets WHERE ticket_hash = %s RETURNING user_id, login_id, key_id, origin, expires_at)
        SELECT t.user_id, t.login_id, t.key_id, t.origin FROM taken t JOIN users u ON u.id = t.user_id
        LEFT JOIN logins l ON l.id = t.login_id LEFT JOIN api_keys k ON k.id = t.key_id
        WHERE t.expires_at > now() AND u.closed_at IS NULL AND l.ended_at IS NULL AND k.revoked_at IS NULL
        """,
        (hash_token(text),),
    )
