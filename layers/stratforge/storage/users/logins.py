"""Logins: where each began, whether it is still open, and the attempts that were made to begin one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """A login that is open.

    Attributes:
        address: The network address that it began at.
        client: The browser or program, as it names itself.
        authenticated_at: When the password was last given.
        scopes: What a program may do that was allowed to act for the user; None for a person.
    """

    login_id: UUID
    address: str
    client: str
    created_at: datetime
    last_seen_at: datetime
    authenticated_at: datetime
    scopes: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class GoingOn:
    """A login that goes on, with what a program may do in it; None for a person."""

    scopes: Sequence[str] | None


def add_login(
    connection: Connection,
    login_id: UUID,
    user_id: UUID,
    address: str,
    client: str,
    scopes: Sequence[str] | None = None,
    grantee: bytes | None = None,
) -> None:
    """Notes a login that begins now: a person's, who was just shown to be it, or a program's with its scopes and the hash of its client id."""
    connection.execute(
        "INSERT INTO logins (id, user_id, address, client, scopes, grantee) VALUES (%s, %s, %s, %s, %s, %s)",
        (login_id, user_id, address[:64], client[:200], None if scopes is None else list(scopes), grantee),
    )


def open_logins(connection: Connection, user_id: UUID) -> list[StoredLogin]:
    """A user's open logins, the one that was used last first."""
    return fetch_all(
        connection,
        StoredLogin,
        """
        SELECT id AS login_id, address, client, created_at, last_seen_at, authenticated_at, scopes FROM logins
        WHERE user_id = %s AND ended_at IS NULL ORDER BY last_seen_at DESC, id LIMIT 100
        """,
        (user_id,),
    )


def continue_login(connection: Connection, login_id: UUID, grantee: bytes | None) -> GoingOn | None:
    """Notes that an open login of a person, or of the program with this client id's hash, is in use; None when it has ended, or is another's."""
    return fetch_one(
        connection,
        GoingOn,
        "UPDATE logins SET last_seen_at = now() WHERE id = %s AND ended_at IS NULL AND grantee IS NOT DISTINCT FROM %s RETURNING scopes",
        (login_id, grantee),
    )


def end_login(connection: Connection, login_id: UUID) -> bool:
    """Ends a login with its tokens and sockets; False when there is none that is open."""
    changed = connection.execute("UPDATE logins SET ended_at = now() WHERE id = %s AND ended_at IS NULL", (login_id,))
    return changed.rowcount == 1


def end_logins(connection: Connection, user_id: UUID, *, but: UUID | None = None) -> int:
    """Ends all logins of a user, `but` for one; returns how many."""
    return connection.execute(
        "UPDATE logins SET ended_at = now() WHERE user_id = %s AND ended_at IS NULL AND id IS DISTINCT FROM %s",
        (user_id, but),
    ).rowcount


def require_open(connection: Connection, user_id: UUID, login_id: UUID) -> None:
    """Raises what a transaction of the login would if it has ended by now."""
    connection.execute("SELECT require_login(%s, %s)", (user_id, login_id))


def gave_password(connection: Connection, login_id: UUID) -> None:
    """Notes that the password was given once more."""
    connection.execute("UPDATE logins SET authenticated_at = now() WHERE id = %s", (login_id,))


def spend_challenge(connection: Connection, login_id: UUID, made_at: int) -> bool:
    """Takes the challenge at which a login adds a passkey, once; False when it or a later one was taken before.

    Args:
        made_at: When the challenge was made, in microseconds.
    """
    spent = connection.execute(
        "UPDATE logins SET last_challenge = %(at)s WHERE id = %(login)s AND last_challenge < %(at)s",
        {"at": made_at, "login": login_id},
    )
    return spent.rowcount == 1


def gave_password_lately(connection: Connection, login_id: UUID, minutes: int) -> bool:
    """Returns whether the password was given in the last so many minutes of an open login."""
    return bool(
        fetch_value(
            connection,
            "SELECT EXISTS (SELECT FROM logins WHERE id = %s AND ended_at IS NULL "
            "AND authenticated_at > now() - make_interval(mins => %s))",
            (login_id, minutes),
        )
    )


# Attempts ---------------------------------------------------------------------------------------------------------


def begin_attempt(connection: Connection, bucket: str, free: int, longest: float) -> float:
    """Counts an attempt to log in as failed before it is made; returns the seconds to wait, 0 if it may be made now.

    Args:
        bucket: Who is tried, and from where; kept as a hash.
        free: Attempts that cost no pause; from then on each failure doubles it.
        longest: The longest pause in seconds.
    """
    return float(
        fetch_value(connection, "SELECT begin_login_attempt(%s, %s, %s)", (_hidden(bucket), free, longest)) or 0.0
    )


def forget_attempts(connection: Connection, bucket: str) -> None:
    """Forgets the failures of a bucket: the last attempt succeeded."""
    connection.execute("SELECT forget_login_attempts(%s)", (_hidden(bucket),))


def _hidden(bucket: str) -> str:
    return hashlib.sha256(bucket.encode()).hexdigest()


# Devices ----------------------------------------------------------------------------------------------------------


def knows_device(connection: Connection, email: str, token_hash: bytes) -> bool:
    """Returns whether a device logged in to the account with this address before."""
    return bool(fetch_value(connection, "SELECT knows_device(%s, %s)", (email, token_hash)))


def saw_device(connection: Connection, user_id: UUID, token_hash: bytes) -> bool:
    """Notes that a device which the user has logged in with before did so again; False when it is not known to be his."""
    query = "UPDATE known_devices SET last_seen_at = now() WHERE token_hash = %s AND user_id = %s"
    return connection.execute(query, (token_hash, user_id)).rowcount == 1


def add_device(connection: Connection, user_id: UUID, token_hash: bytes) -> None:
    """Notes a device that has logged in, by the name that it was just given."""
    connection.execute("INSERT INTO known_devices (token_hash, user_id) VALUES (%s, %s)", (token_hash, user_id))


def forget_devices(connection: Connection, user_id: UUID, *, but: bytes) -> None:
    """Forgets the devices of a user, `but` for one."""
    connection.execute("DELETE FROM known_devices WHERE user_id = %s AND token_hash <> %s", (user_id, but))
