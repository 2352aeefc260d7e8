"""Webhooks: where users want to be told of events, and every attempt to do so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_exactly, fetch_one, fetch_value

MAX_ATTEMPTS = 8
# The circuit breaker of a webhook: after so many failures in a row it rests, after so many in all of them it is disabled.
OPENS_AFTER = 5
_DISABLE_AFTER = 40
# At so many webhooks of one user at a time something is delivered, however many of his hang.
IN_WORK_OF_A_USER = 3
_WOKEN_AT_ONCE = 100
# What has not arrived within a day is given up.
_GIVEN_UP_AFTER = timedelta(days=1)
_COLUMNS = f"""id AS webhook_id, url, format, kinds, failures, disabled_at, retry_at, last_error, old_secret_ends, created_at,
    CASE WHEN disabled_at IS NOT NULL THEN 'DISABLED' WHEN failures < {OPENS_AFTER} THEN 'ACTIVE'
         WHEN retry_at > now() THEN 'RESTING' ELSE 'PROBING' END AS state"""
# Whether webhook `w` is to be woken.
IS_DUE: LiteralString = """w.disabled_at IS NULL AND (w.retry_at IS NULL OR w.retry_at <= now()) AND (w.leased_until IS NULL OR w.leased_until <= now())
    AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.next_attempt_at <= now())"""

# Whether an event is told of now that was not before transaction `since`, and that a webhook may want. By the events, which are few between two looks,
# in their order, so that their index is read and not the table.
HAS_NEWS: LiteralString = """EXISTS (SELECT FROM webhooks WHERE disabled_at IS NULL)
    AND EXISTS (SELECT FROM (SELECT user_id FROM events WHERE tx >= %(since)s AND tx < events_horizon() ORDER BY tx, id OFFSET 0) e
                WHERE EXISTS (SELECT FROM webhooks w WHERE w.disabled_at IS NULL AND (w.user_id = e.user_id OR e.user_id IS NULL)))"""


class EventKind(StrEnum):
    """The kinds of events that a webhook can be told of."""

    ORDER = "order"
    TRADE = "trade"
    SIGNAL = "signal"
    SESSION = "session"
    JOB = "job"
    HALT = "halt"
    PLATFORM = "platform"
    ALERT = "alert"


class WebhookFormat(StrEnum):
    """The forms in which a webhook is told: ours, signed, or a sentence as a chat takes it."""

    JSON = "json"
    DISCORD = "discord"
    SLACK = "slack"
    TELEGRAM = "telegram"


class WebhookState(StrEnum):
    """The states of a webhook's circuit breaker."""

    ACTIVE = "ACTIVE"
    RESTING = "RESTING"  # It failed five times in a row; deliveries wait.
    PROBING = "PROBING"  # It rested; the next delivery goes out by itself, and decides.
    DISABLED = "DISABLED"  # It failed forty times in a row, and is told nothing more.


@dataclass(frozen=True, slots=True)
class StoredWebhook:
    """A webhook without its secret.

    Attributes:
        state: Whether deliveries go out, wait, or are tried one at a time.
        failures: Failed attempts since the last that arrived; after 5 it rests between attempts, after 40 it is disabled.
        retry_at: While it rests: when the next delivery is tried, after a minute at first and an hour at last.
        last_error: What the last failed attempt came to; null after one that arrived.
    """

    webhook_id: UUID
    url: str
    format: WebhookFormat
    kinds: list[str]
    state: WebhookState
    failures: int
    disabled_at: datetime | None
    retry_at: datetime | None
    last_error: str | None
    old_secret_ends: datetime | None
    created_at: datetime


def add_webhook(
    connection: Connection,
    webhook_id: UUID,
    user_id: UUID,
    url: str,
    kinds: Sequence[EventKind],
    secret: str,
    form: WebhookFormat,
) -> StoredWebhook:
    """Keeps a webhook; it is told of what happens from now on."""
    query = f"INSERT INTO webhooks (id, user_id, url, kinds, secret, format) VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}"  # noqa: S608 - column names
    wanted = [each.value for each in kinds]
    return fetch_exactly(connection, StoredWebhook, query, (webhook_id, user_id, url, wanted, secret, form))


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
            secret = %(secret)s, failures = 0, disabled_at = NULL, retry_at = NULL, last_error = NULL
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
    kind: EventKind
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
    queued: int = fetch_value(
        connection,
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
    )
    return queued


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery to attempt now, with what signs it."""

    delivery_id: int
    webhook_id: UUID
    url: str
    format: WebhookFormat
    secrets: list[str]
    kind: str
    data: dict[str, Any]
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookLease:
    """A webhook that somebody is to deliver for, until its lease ends."""

    webhook_id: UUID
    leased_until: datetime


def lease_due(connection: Connection) -> list[WebhookLease]:
    """Leases webhooks with something due for two minutes, for each user the ones that waited longest and never more than `IN_WORK_OF_A_USER`."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('webhooks due'))")
    return fetch_all(
        connection,
        WebhookLease,
        f"""
        WITH due AS (
            SELECT w.id, w.user_id, row_number() OVER (PARTITION BY w.user_id ORDER BY w.leased_until NULLS FIRST, w.id) AS place
            FROM webhooks w WHERE {IS_DUE}),
        busy AS (SELECT user_id, count(*) AS leases FROM webhooks WHERE leased_until > now() GROUP BY user_id),
        next AS (
            SELECT d.id FROM due d LEFT JOIN busy b USING (user_id)
            WHERE d.place + coalesce(b.leases, 0) <= %(of_a_user)s ORDER BY d.place, d.id LIMIT %(limit)s)
        UPDATE webhooks w SET leased_until = now() + interval '2 minutes' FROM next n WHERE w.id = n.id
        RETURNING w.id AS webhook_id, w.leased_until
        """,  # noqa: S608 - a condition of this module
        {"of_a_user": IN_WORK_OF_A_USER, "limit": _WOKEN_AT_ONCE},
    )


def end_lease(connection: Connection, webhook_id: UUID) -> None:
    """Nobody delivers for a webhook any more; what is still due has it woken again."""
    connection.execute("UPDATE webhooks SET leased_until = now() WHERE id = %s", (webhook_id,))


def give_up_old(connection: Connection, webhook_id: UUID) -> int:
    """Gives up what a webhook has not taken for a day; returns how many."""
    return connection.execute(
        """
        UPDATE webhook_deliveries SET next_attempt_at = NULL, last_error = 'given up after a day: ' || coalesce(last_error, 'the webhook was resting')
        WHERE webhook_id = %s AND next_attempt_at IS NOT NULL AND created_at < now() - %s
        """,
        (webhook_id, _GIVEN_UP_AFTER),
    ).rowcount


def take_due(connection: Connection, webhook_id: UUID) -> DueDelivery | None:
    """The next delivery of a webhook that is let through; None when there is none.

    Its next attempt is put off first, so that whoever dies with it does not lose it; while the webhook is being probed, so is every other delivery.
    """
    return fetch_one(
        connection,
        DueDelivery,
        """
        WITH hook AS (
            SELECT * FROM webhooks WHERE id = %(webhook)s AND disabled_at IS NULL AND (retry_at IS NULL OR retry_at <= now()) FOR UPDATE),
        due AS (
            SELECT d.id FROM webhook_deliveries d JOIN hook h ON h.id = d.webhook_id
            WHERE d.next_attempt_at <= now() ORDER BY d.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED),
        taken AS (
            UPDATE webhook_deliveries d SET
                attempts = d.attempts + 1,
                -- 15 s, 30 s, 1 min … 16 min, each up to half as long again.
                next_attempt_at = CASE WHEN d.attempts + 1 < %(attempts)s
                    THEN now() + make_interval(secs => 15 * (2 ^ d.attempts) * (1 + random() / 2)) END
            FROM due WHERE d.id = due.id RETURNING d.*),
        probing AS (
            UPDATE webhooks w SET retry_at = now() + interval '1 minute' FROM taken t WHERE w.id = t.webhook_id AND w.failures >= %(opens)s)
        SELECT t.id AS delivery_id, t.webhook_id, h.url, h.format,
               array_remove(ARRAY[h.secret, CASE WHEN h.old_secret_ends > now() THEN h.old_secret END], NULL) AS secrets,
               t.kind, t.data, t.attempts, t.created_at
        FROM taken t JOIN hook h ON h.id = t.webhook_id
        """,
        {"webhook": webhook_id, "attempts": MAX_ATTEMPTS, "opens": OPENS_AFTER},
    )


def note_outcome(connection: Connection, delivery: DueDelivery, status: int | None, error: str | None) -> None:
    """Notes what an attempt came to, and turns the circuit breaker: it closes with what arrives, opens with the fifth failure in a row for a
    minute, twice as long with each further one and an hour at most, and disables the webhook with the fortieth. Its owner sees why.
    """
    delivered = error is None
    connection.execute(
        """
        WITH noted AS (
            UPDATE webhook_deliveries SET delivered_at = CASE WHEN %(delivered)s THEN now() END, last_status = %(status)s, last_error = %(error)s,
                                          next_attempt_at = CASE WHEN %(delivered)s THEN NULL ELSE next_attempt_at END
            WHERE id = %(delivery)s)
        UPDATE webhooks SET
            failures = CASE WHEN %(delivered)s THEN 0 ELSE failures + 1 END,
            last_error = %(error)s,
            retry_at = CASE WHEN NOT %(delivered)s AND failures + 1 >= %(opens)s
                THEN now() + make_interval(secs => least(3600, 60 * 2 ^ least(failures + 1 - %(opens)s, 10)) * (1 + random() / 2)) END,
            disabled_at = CASE WHEN NOT %(delivered)s AND failures + 1 >= %(limit)s THEN now() ELSE disabled_at END
        WHERE id = %(webhook)s
        """,
        {
            "delivered": delivered,
            "status": status,
            "error": error,
            "delivery": delivery.delivery_id,
            "webhook": delivery.webhook_id,
            "opens": OPENS_AFTER,
            "limit": _DISABLE_AFTER,
        },
    )
