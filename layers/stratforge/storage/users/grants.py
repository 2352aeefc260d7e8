"""Codes that programs exchange for tokens after somebody allowed them to act for him."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one, fetch_value


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A code with what was allowed, and to whom.

    Attributes:
        login_id: The login that begins with the code.
        grantee: The hash of the program's client id.
        client: The program, as it names itself.
        address: The network address at which it was allowed.
        challenge: The SHA-256 hash of the program's secret, in base64 (PKCE).
    """

    user_id: UUID
    login_id: UUID
    grantee: bytes
    client: str
    address: str
    redirect_uri: str
    challenge: str
    scopes: Sequence[str]


def add_code(connection: Connection, code_hash: bytes, code: AuthorizationCode) -> None:
    """Stores a code by its hash; it is good once, for a minute. Earlier ones of the user that are long over go."""
    connection.execute(
        "DELETE FROM authorization_codes WHERE user_id = %s AND expires_at < now() - interval '1 hour'", (code.user_id,)
    )
    connection.execute(
        """
        INSERT INTO authorization_codes (code_hash, user_id, login_id, grantee, client, address, redirect_uri, challenge, scopes)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            code_hash,
            code.user_id,
            code.login_id,
            code.grantee,
            code.client,
            code.address,
            code.redirect_uri,
            code.challenge,
            list(code.scopes),
        ),
    )


def owner_of(connection: Connection, code_hash: bytes) -> UUID | None:
    """The user whose code it is, spent or not; None for one that is unknown."""
    found: UUID | None = fetch_value(connection, "SELECT owner_of_authorization_code(%s)", (code_hash,))
    return found


def spend_code(connection: Connection, code_hash: bytes) -> AuthorizationCode | None:
    """Takes a code, once; None for one that is unknown or over. One that comes twice ends the login that began with it."""
    return fetch_one(
        connection,
        AuthorizationCode,
        "SELECT user_id, login_id, grantee, client, address, redirect_uri, challenge, scopes FROM spend_authorization_code(%s)",
        (code_hash,),
    )


def open_grants(connection: Connection, user_id: UUID) -> int:
    """Counts the programs that act for a user now."""
    query = "SELECT count(*) FROM logins WHERE user_id = %s AND ended_at IS NULL AND scopes IS NOT NULL"
    return int(fetch_value(connection, query, (user_id,)) or 0)
