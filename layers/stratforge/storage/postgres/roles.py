"""Passwords of the database's roles."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from stratforge.configuration import DatabaseSecret


def set_role_passwords(conninfo: str, secrets: Sequence[DatabaseSecret]) -> None:
    """Gives each role the password of its secret; the roles exist since the first migration."""
    with psycopg.connect(conninfo, autocommit=True, connect_timeout=10) as connection:
        for secret in secrets:
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(secret.username), sql.Literal(secret.password.get_secret_value())
                )
            )
