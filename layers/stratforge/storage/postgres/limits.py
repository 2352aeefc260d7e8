"""Limits that hold across all environments of a function, and what may be asked for once only."""

from __future__ import annotations

import hashlib
from uuid import UUID, uuid5

from stratforge.storage.postgres.database import Connection

_NAMESPACE = UUID("6e1e7a52-5d5a-4f0e-9a43-5d9b5d0d5f11")


def take(connection: Connection, bucket: str, capacity: float, per_second: float) -> bool:
    """Takes a token from a bucket that refills; False when it is empty. The bucket's name is kept as a hash."""
    row = connection.execute("SELECT take_token(%s, %s, %s)", (_hidden(bucket), capacity, per_second)).fetchone()
    return bool(row and row[0])


def has(connection: Connection, bucket: str, capacity: float, per_second: float) -> bool:
    """Returns whether the bucket holds a token, without taking it."""
    row = connection.execute("SELECT has_token(%s, %s, %s)", (_hidden(bucket), capacity, per_second)).fetchone()
    return bool(row and row[0])


def _hidden(bucket: str) -> str:
    kind, _, name = bucket.partition(":")
    return f"{kind}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


class KeyReused(ValueError):
    """An idempotency key came with another request than before."""


def claim_key(connection: Connection, user_id: UUID, key: str, request_hash: bytes) -> UUID:
    """The id of what a request with this key makes, in the transaction that makes it.

    The same key gives the same id, so what was made before is found and not made again.

    Raises:
        KeyReused: if the key came with another request before.
    """
    connection.execute(
        "INSERT INTO idempotency_keys (user_id, key, request_hash) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (user_id, key, request_hash),
    )
    row = connection.execute(
        "SELECT request_hash FROM idempotency_keys WHERE user_id = %s AND key = %s", (user_id, key)
    ).fetchone()
    assert row is not None
    if bytes(row[0]) != request_hash:
        raise KeyReused(key)
    return uuid5(_NAMESPACE, f"{user_id}/{key}")


def accept_nonce(connection: Connection, nonce: str) -> bool:
    """Accepts a signed request's nonce; False when it was accepted before."""
    row = connection.execute("SELECT accept_internal_request(%s)", (nonce,)).fetchone()
    return bool(row and row[0])
