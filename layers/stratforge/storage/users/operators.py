"""Appoints and lists operators. Only the owner of the database may appoint them."""

from __future__ import annotations

from decimal import Decimal

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value


def set_operator(connection: Connection, email: str, wanted: bool, by: str) -> bool:
    """Makes an account an operator, or takes it from it, and notes who did; False when no open account has the address, or nobody has confirmed it."""
    return bool(fetch_value(connection, "SELECT set_operator(%s, %s, %s)", (email, wanted, by)))


def confirm_address(connection: Connection, email: str, by: str) -> bool:
    """Confirms an account's address by the word of whoever operates the platform; False when no open account has it."""
    return bool(fetch_value(connection, "SELECT confirm_by_hand(%s, %s)", (email, by)))


def add_first(connection: Connection, email: str, password_hash: str, balance: Decimal) -> bool:
    """Makes an account that is an operator.

    False when the address has an account: whose it is nobody knows here, so that is left to a person and `set_operator`.
    """
    row = connection.execute("SELECT register_user(%s, %s, %s)", (email, password_hash, balance)).fetchone()
    if row is None or row[0] is None:
        return False
    confirm_address(connection, email, "deployment")
    return set_operator(connection, email, True, "deployment")


def all_operators(connection: Connection) -> list[str]:
    """The e-mail addresses of all operators, in order."""
    rows = connection.execute("SELECT email FROM users WHERE is_operator AND closed_at IS NULL ORDER BY email")
    return [str(row[0]) for row in rows]
