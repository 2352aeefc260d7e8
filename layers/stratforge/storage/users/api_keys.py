"""Personal keys for scripts: kept by their hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_exactly, fetch_one

_COLUMNS = "id AS key_id, name, hint, scopes, created_at, expires_at, last_used_on, revoked_at"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key without the key; `hint` is how it begins."""

    key_id: UUID
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_on: date | None
    revoked_at: datetime | None


def add_key(
    connection: Connection,
    key_id: UUID,
    user_id: UUID,
    name: str,
    key_hash: bytes,
    hint: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> StoredKey:
    """Stores a new key by its hash; the key itself is not kept."""
    return fetch_exactly(
        connection,
        StoredKey,
        f"""
        INSERT INTO api_keys (id, user_id, name, key_hash, hint, scopes, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (key_id, user_id, name, key_hash, hint, list(scopes), expires_at),
    )


def list_keys(connection: Connection, user_id: UUID) -> list[StoredKey]:
    """The keys of a user, revoked and expired ones too, the newest first."""
    query = f"SELECT {_COLUMNS} FROM api_keys WHERE user_id = %s ORDER BY created_at DESC, id"  # noqa: S608 - column names
    return fetch_all(connection, StoredKey, query, (user_id,))


def revoke_key(connection: Connection, user_id: UUID, key_id: UUID) -> bool:
    """Revokes a key; False when there is none. Revoking again changes nothing."""
    changed = connection.execute(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s AND user_id = %s", (key_id, user_id)
    )
    return changed.rowcount == 1


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A valid key: which it is, whose, and the scopes it was given."""

    key_id: UUID
    user_id: UUID
    scopes: list[str]


def find_key(connection: Connection, key_hash: bytes) -> KeyOwner | None:
    """The owner of a valid key; None for one that is unknown, revoked or expired."""
    return fetch_one(connection, KeyOwner, "SELECT key_id, user_id, scopes FROM find_api_key(%s)", (key_hash,))
