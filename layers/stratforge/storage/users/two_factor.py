"""The second factor of a login: the secret of an authenticator app, and codes for the day it is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A user's second factor; it is asked for once it is confirmed with a first code."""

    secret: str
    confirmed: bool
    recovery_codes_left: int


def read(connection: Connection, user_id: UUID) -> Enrolment | None:
    """The second factor of the transaction's user; None where there is none."""
    return fetch_one(
        connection,
        Enrolment,
        "SELECT secret, confirmed_at IS NOT NULL AS confirmed, cardinality(recovery_hashes) AS recovery_codes_left FROM two_factor WHERE user_id = %s",
        (user_id,),
    )


def propose(connection: Connection, user_id: UUID, secret: str) -> bool:
    """Stores a secret that is to be confirmed, in the place of an earlier proposal; False if one is in force."""
    stored = connection.execute(
        """
        INSERT INTO two_factor AS t (user_id, secret) VALUES (%s, %s)
        ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = now(), last_step = 0 WHERE t.confirmed_at IS NULL
        """,
        (user_id, secret),
    )
    return stored.rowcount == 1


def confirm(connection: Connection, user_id: UUID, secret: str, recovery_hashes: Sequence[bytes]) -> bool:
    """Puts a proposed secret in force, with its recovery codes; False if another is proposed by now, or one is in force."""
    confirmed = connection.execute(
        "UPDATE two_factor SET confirmed_at = now(), recovery_hashes = %s WHERE user_id = %s AND secret = %s AND confirmed_at IS NULL",
        (list(recovery_hashes), user_id, secret),
    )
    return confirmed.rowcount == 1


def replace_recovery_codes(connection: Connection, user_id: UUID, recovery_hashes: Sequence[bytes]) -> bool:
    """Replaces all recovery codes; False where no second factor is in force."""
    replaced = connection.execute(
        "UPDATE two_factor SET recovery_hashes = %s WHERE user_id = %s AND confirmed_at IS NOT NULL",
        (list(recovery_hashes), user_id),
    )
    return replaced.rowcount == 1


def spend_step(connection: Connection, user_id: UUID, step: int) -> bool:
    """Takes the code of a half minute, once; False when it or a later one was taken before."""
    spent = connection.execute(
        "UPDATE two_factor SET last_step = %(step)s WHERE user_id = %(user)s AND last_step < %(step)s",
        {"user": user_id, "step": step},
    )
    return spent.rowcount == 1


def spend_recovery_code(connection: Connection, user_id: UUID, code_hash: bytes) -> bool:
    """Takes a recovery code, once; False when there is no such code."""
    spent = connection.execute(
        "UPDATE two_factor SET recovery_hashes = array_remove(recovery_hashes, %(hash)s) WHERE user_id = %(user)s AND %(hash)s = ANY(recovery_hashes)",
        {"user": user_id, "hash": code_hash},
    )
    return spent.rowcount == 1


def remove(connection: Connection, user_id: UUID) -> bool:
    """Removes the second factor with its secret; False where there is none."""
    return connection.execute("DELETE FROM two_factor WHERE user_id = %s", (user_id,)).rowcount == 1


def note_failure(connection: Connection, address: str, client: str) -> None:
    """Notes in the log of the transaction's user that somebody knew the password and not the second factor."""
    connection.execute("SELECT note_wrong_code(%s, %s)", (address[:64], client[:200]))
