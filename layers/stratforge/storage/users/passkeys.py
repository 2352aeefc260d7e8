"""Passkeys: keys of devices that open an account. Only the public halves are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner knows it.

    Attributes:
        last_used_at: When it opened the account last; null until it did.
    """

    passkey_id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class PublicHalf:
    """The half of a passkey that its signatures are checked against."""

    passkey_id: UUID
    user_id: UUID
    public_key: bytes
    sign_count: int


_SHOWN = "id AS passkey_id, name, created_at, last_used_at"


def list_passkeys(connection: Connection, user_id: UUID) -> list[Passkey]:
    """A user's passkeys, the oldest first."""
    query = f"SELECT {_SHOWN} FROM passkeys WHERE user_id = %s ORDER BY created_at, id"  # noqa: S608 - a constant
    return fetch_all(connection, Passkey, query, (user_id,))


def credential_ids(connection: Connection, user_id: UUID) -> list[bytes]:
    """The devices' own names of a user's passkeys, so that none is added twice."""
    return [row[0] for row in connection.execute("SELECT credential_id FROM passkeys WHERE user_id = %s", (user_id,))]


def add_passkey(
    connection: Connection, user_id: UUID, name: str, credential_id: bytes, public_key: bytes, sign_count: int
) -> Passkey | None:
    """Stores a passkey; None when it is somebody's already."""
    return fetch_one(
        connection,
        Passkey,
        f"""
        INSERT INTO passkeys (user_id, name, credential_id, public_key, sign_count) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (credential_id) DO NOTHING RETURNING {_SHOWN}
        """,  # noqa: S608 - a constant
        (user_id, name, credential_id, public_key, sign_count),
    )


def find_passkey(connection: Connection, credential_id: bytes) -> PublicHalf | None:
    """The passkey that a device names so; None when nobody's is."""
    return fetch_one(connection, PublicHalf, "SELECT * FROM find_passkey(%s)", (credential_id,))


def use_passkey(connection: Connection, passkey_id: UUID, challenge: int, sign_count: int) -> bool:
    """Takes the answer to a challenge, once; False when that one or a later one was answered before, a copy of the device counted as far, or the passkey was removed.

    Args:
        challenge: When the challenge was made, in microseconds.
    """
    used = connection.execute(
        """
        UPDATE passkeys SET last_challenge = %(challenge)s, sign_count = %(count)s, last_used_at = now()
        WHERE id = %(id)s AND last_challenge < %(challenge)s AND (sign_count < %(count)s OR sign_count = 0 AND %(count)s = 0)
        """,
        {"challenge": challenge, "count": sign_count, "id": passkey_id},
    )
    return used.rowcount == 1


def rename_passkey(connection: Connection, passkey_id: UUID, name: str) -> Passkey | None:
    """Gives a passkey another name; None when the user has no such passkey."""
    query = f"UPDATE passkeys SET name = %s WHERE id = %s RETURNING {_SHOWN}"  # noqa: S608 - a constant
    return fetch_one(connection, Passkey, query, (name, passkey_id))


def remove_passkey(connection: Connection, passkey_id: UUID) -> bool:
    """Removes a passkey; False when the user has no such passkey."""
    return connection.execute("DELETE FROM passkeys WHERE id = %s", (passkey_id,)).rowcount == 1
