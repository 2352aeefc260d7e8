"""Limits that hold across all environments of a function, and what is accepted once only."""

from __future__ import annotations

import hashlib

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value


def take(connection: Connection, bucket: str, capacity: float, per_second: float) -> bool:
    """Takes a token from a bucket that refills; False when it is empty."""
    return spend(connection, bucket, capacity, per_second) >= 0


def spend(connection: Connection, bucket: str, capacity: float, per_second: float) -> float:
    """Takes a token from a bucket that refills; returns how many are left, or minus the seconds until there is one again. The bucket's
    name is kept as a hash.
    """
    return float(fetch_value(connection, "SELECT spend_token(%s, %s, %s)", (_hidden(bucket), capacity, per_second)))


def _hidden(bucket: str) -> str:
    kind, _, name = bucket.partition(":")
    return f"{kind}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def accept_nonce(connection: Connection, nonce: str) -> bool:
    """Accepts a signed request's nonce; False when it was accepted before."""
    return bool(fetch_value(connection, "SELECT accept_internal_request(%s)", (nonce,)))
