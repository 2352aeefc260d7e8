"""Webhooks: where users want to be told of events, and every attempt to do so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one

MAX_ATTEMPTS = 8
_DISABLE_AFTER = 40
_COLUMNS = "id AS webhook_id, url, kinds, failures, disabled_at, old_secret_ends, created_at"


class EventKind(StrEnum):
    """The kinds of events that a webhook can be told of."""

    ORDER = "order"
    TRADE = "trade"
    SIGNAL = "signal"
    SESSION = "session"
    JOB = "job"
    HALT = "halt"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class StoredWebhook:
    """A webhook without its secret.

    Attributes:
        failures: Failed attempts since the last that arrived; after 40 it is disabled.
    """

    webhook_id: UUID
    url: str
    kinds: list[str]
    failures: int
    disabled_at: datetime | None
    old_secret_ends: datetime | None
    created_at: datetime


def add_webhook(
    connection: Connection, webhook_id: UUID, user_id: UUID, url: str, kinds: Sequence[EventKind], secret: str
) -> StoredWebhook:
    """Keeps a webhook; it is told of what happens from now on."""
    query = f"INSERT INTO webhooks (id, user_id, url, kinds, secret) VALUES (%s, %s, %s, %s, %s) RETURNING {_COLUMNS}"  # noqa: S608 - column names
    wanted = [each.value for each in kinds]
    stored = fetch_one(connection, StoredWebhook, query, (webhook_id, user_id, url, wanted, secret))
    assert stored is not None
    return stored


def list_webhooks(connection: Connection, user_id: UUID) -> list[StoredWebhook]:
    """The webhooks of a user, the newest first."""
    query = f"SELECT {_COLUMNS} FROM webhooks WHERE user_id = %s ORDER BY created_at DESC, id"  # noqa: S608 - column names
    return fetch_all(connection, StoredWebhook, query, (user_id,))


def get_webhook(connection: Connection, webhook_id: UUID) -> StoredWebhook | None:
    """A webhook; None when there is none."""
    return fetch_one(connection, StoredWebhook, f"SELECT {_COLUMNS} FROM webhooks WHERE id = %s", (webhook_id,))  # noqa: S608 - column names


def rotate_secret(connection: Connection, webhook_id: UUID, secret: str, keep: timedelta) -> StoredWebhook | None:
    """Gives a webhook a new secret; the old one signs along for a while. A webhook that was disabled is tried again.

    Doing it again with the same secret changes nothing.
    """
    return fetch_one(
        connection,
        StoredWebhook,
        f"""
        UPDATE webhooks SET
            old_secret = CASE WHEN secret = %(secret)s THEN old_secret ELSE secret END,
            old_secret_ends = CASE WHEN secret = %(secret)s THEN old_secret_ends ELSE now() + %(keep)s END,
            secret = %(secret)s, failures = 0, disabled_at = NULL
        WHERE id = %(webhook)s RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        {"keep": keep, "secret": secret, "webhook": webhook_id},
    )


def delete_webhook(connection: Connection, webhook_id: UUID) -> bool:
    """Deletes a webhook with its deliveries; False when there is none."""
    return connection.execute("DELETE FROM webhooks WHERE id = %s", (webhook_id,)).rowcount == 1


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """An event on its way to a webhook."""

    delivery_id: int
    kind: str
    data: dict[str, Any]
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime


def list_deliveries(connection: Connection, webhook_id: UUID, limit: int) -> list[StoredDelivery]:
    """The latest deliveries of a webhook."""
    return fetch_all(
        connection,
        StoredDelivery,
        """
        SELECT id AS delivery_id, kind, data, attempts, next_attempt_at, delivered_at, last_status, last_error, created_at FROM webhook_deliveries
        WHERE webhook_id = %s ORDER BY id DESC LIMIT %s
        """,
        (webhook_id, limit),
    )


def queue_deliveries(connection: Connection, limit: int) -> int:
    """Turns new events into deliveries, for every webhook that wants them; returns how many."""
    row = connection.execute(
        """
        WITH wanted AS (
            SELECT w.id AS webhook_id, w.user_id, e.id, e.tx, e.kind, e.data FROM webhooks w
            CROSS JOIN LATERAL (
                SELECT e.id, e.tx, e.kind, e.data FROM events e
                WHERE (e.user_id = w.user_id OR e.user_id IS NULL) AND (e.tx, e.id) > (w.cursor_tx, w.cursor_id) AND e.tx < events_horizon()
                ORDER BY e.tx, e.id LIMIT %(limit)s) e
            WHERE w.disabled_at IS NULL),
        queued AS (
            INSERT INTO webhook_deliveries (webhook_id, user_id, event_id, kind, data)
            SELECT n.webhook_id, n.user_id, n.id, n.kind, n.data FROM wanted n JOIN webhooks w ON w.id = n.webhook_id
            WHERE n.kind = ANY(w.kinds) ORDER BY n.tx, n.id
            ON CONFLICT DO NOTHING RETURNING 1),
        advanced AS (
            UPDATE webhooks w SET cursor_tx = f.tx, cursor_id = f.id
            FROM (SELECT DISTINCT ON (webhook_id) webhook_id, tx, id FROM wanted ORDER BY webhook_id, tx DESC, id DESC) f WHERE w.id = f.webhook_id)
        SELECT count(*) FROM queued
        """,
        {"limit": limit},
    ).fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery to attempt now, with what signs it."""

    delivery_id: int
    webhook_id: UUID
    url: str
    secrets: list[str]
    kind: str
    data: dict[str, Any]
    attempts: int
    created_at: datetime


def take_due(connection: Connection, limit: int) -> list[DueDelivery]:
    """Deliveries whose time has come. Their next attempt is put off first, so that whoever dies with them loses none."""
    return fetch_all(
        connection,
        DueDelivery,
        """
        WITH due AS (
            SELECT d.id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
            WHERE d.next_attempt_at <= now() AND w.disabled_at IS NULL ORDER BY d.next_attempt_at, d.id LIMIT %s
            FOR UPDATE OF d SKIP LOCKED),
        taken AS (
            UPDATE webhook_deliveries d SET
                attempts = d.attempts + 1,
                -- 15 s, 30 s, 1 min … 16 min, each up to half as long again.
                next_attempt_at = CASE WHEN d.attempts + 1 < %s
                    THEN now() + make_interval(secs => 15 * (2 ^ d.attempts) * (1 + random() / 2)) END
            FROM due WHERE d.id = due.id RETURNING d.*)
        SELECT t.id AS delivery_id, t.webhook_id, w.url,
               array_remove(ARRAY[w.secret, CASE WHEN w.old_secret_ends > now() THEN w.old_secret END], NULL) AS secrets,
               t.kind, t.data, t.attempts, t.created_at
        FROM taken t JOIN webhooks w ON w.id = t.webhook_id ORDER BY t.id
        """,
        (limit, MAX_ATTEMPTS),
    )


def note_outcome(connection: Connection, delivery: DueDelivery, status: int | None, error: str | None) -> None:
    """Notes what an attempt came to. A webhook that fails again and again is disabled, and its owner sees why."""
    delivered = error is None
    connection.execute(
        """
        WITH noted AS (
            UPDATE webhook_deliveries SET delivered_at = CASE WHEN %(delivered)s THEN now() END, last_status = %(status)s, last_error = %(error)s,
                                          next_attempt_at = CASE WHEN %(delivered)s THEN NULL ELSE next_attempt_at END
            WHERE id = %(delivery)s)
        UPDATE webhooks SET failures = CASE WHEN %(delivered)s THEN 0 ELSE failures + 1 END,
                            disabled_at = CASE WHEN NOT %(delivered)s AND failures + 1 >= %(limit)s THEN now() ELSE disabled_at END
        WHERE id = %(webhook)s
        """,
        {
            "delivered": delivered,
            "status": status,
            "error": error,
            "delivery": delivery.delivery_id,
            "webhook": delivery.webhook_id,
            "limit": _DISABLE_AFTER,
        },
    )
