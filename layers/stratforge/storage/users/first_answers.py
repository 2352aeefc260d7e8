"""The first answer to each request that came with an Idempotency-Key, given again for a day."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one

_NAMESPACE = UUID("6e1e7a52-5d5a-4f0e-9a43-5d9b5d0d5f11")
# A request that has not been answered for so long died on the way, and may be made again.
_ABANDONED_SECONDS = 35


class KeyReused(ValueError):
    """An Idempotency-Key came with another request than before."""


class InProgress(RuntimeError):
    """The same request is being answered right now."""


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """An answer that was given before: an HTTP status, the headers that belong to the body, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    request_hash: bytes
    status: int | None
    headers: dict[str, str] | None
    body: bytes | None
    claimed: bool


def begin(connection: Connection, user_id: UUID, key: str, request_hash: bytes) -> FirstAnswer | None:
    """Claims a request for whoever answers it now; returns the answer when it was given before.

    Raises:
        KeyReused: if the key came with another request before.
        InProgress: if somebody else is answering it.
    """
    connection.execute(
        "DELETE FROM idempotency_keys WHERE user_id = %s AND created_at < now() - interval '1 day'", (user_id,)
    )
    row = fetch_one(
        connection,
        _Row,
        """
        WITH claimed AS (
            INSERT INTO idempotency_keys AS k (user_id, key, request_hash) VALUES (%(user)s, %(key)s, %(hash)s)
            ON CONFLICT (user_id, key) DO UPDATE SET claimed_at = now()
            WHERE k.status IS NULL AND k.claimed_at < now() - make_interval(secs => %(abandoned)s) AND k.request_hash = excluded.request_hash
            RETURNING request_hash, NULL::integer AS status, NULL::jsonb AS headers, NULL::bytea AS body, true AS claimed)
        SELECT * FROM claimed
        UNION ALL SELECT request_hash, status, headers, body, false FROM idempotency_keys
        WHERE user_id = %(user)s AND key = %(key)s AND NOT EXISTS (SELECT FROM claimed)
        """,
        {"user": user_id, "key": key, "hash": request_hash, "abandoned": _ABANDONED_SECONDS},
    )
    if row is None or row.claimed:
        if row is None:
            # Claimed by another transaction that this one cannot see yet.
            raise InProgress(key)
        return None
    if bytes(row.request_hash) != request_hash:
        raise KeyReused(key)
    if row.status is None:
        raise InProgress(key)
    return FirstAnswer(row.status, row.headers or {}, bytes(row.body or b""))


def keep(connection: Connection, user_id: UUID, key: str, answer: FirstAnswer) -> None:
    """Keeps the answer to a request that was begun."""
    connection.execute(
        "UPDATE idempotency_keys SET status = %s, headers = %s, body = %s WHERE user_id = %s AND key = %s",
        (answer.status, Jsonb(answer.headers), answer.body, user_id, key),
    )


def release(connection: Connection, user_id: UUID, key: str) -> None:
    """Lets a request be made again at once: it came to nothing, or repeating it is safe by itself."""
    connection.execute(
        "UPDATE idempotency_keys SET claimed_at = '-infinity' WHERE user_id = %s AND key = %s AND status IS NULL",
        (user_id, key),
    )


def claim_id(connection: Connection, user_id: UUID, key: str, request_hash: bytes) -> UUID:
    """The id of what a request with this key makes, in the transaction that makes it.

    The same key gives the same id for a day, so what was made before is found and not made again.

    Raises:
        KeyReused: if the key came with another request before.
    """
    connection.execute(
        "INSERT INTO idempotency_keys (user_id, key, request_hash) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (user_id, key, request_hash),
    )
    row = connection.execute(
        "SELECT request_hash, extract(epoch FROM created_at)::text FROM idempotency_keys WHERE user_id = %s AND key = %s",
        (user_id, key),
    ).fetchone()
    assert row is not None
    if bytes(row[0]) != request_hash:
        raise KeyReused(key)
    return uuid5(_NAMESPACE, f"{user_id}/{key}/{row[1]}")
