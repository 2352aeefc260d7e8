"""The database's roles: their passwords, and whose rights somebody has."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from stratforge.configuration import DatabaseSecret
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value


def set_role_passwords(conninfo: str, secrets: Sequence[DatabaseSecret]) -> None:
    """Gives each role the password of its secret; the roles exist since the first migration."""
    with psycopg.connect(conninfo, autocommit=True, connect_timeout=10) as connection:
        for secret in secrets:
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(secret.username), sql.Literal(secret.password.get_secret_value())
                )
            )


def has_rights_of(connection: Connection, role: str) -> bool:
    """Tells whether the user of this connection may do what a role may: as its member, or as the role itself."""
    return bool(fetch_value(connection, "SELECT pg_has_role(current_user, %s, 'USAGE')", (role,)))


def only_read(connection: Connection) -> None:
    """Makes the transaction that has just begun one that cannot write."""
    connection.execute("SET TRANSACTION READ ONLY")
