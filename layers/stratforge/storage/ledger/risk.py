"""The limits that users set for themselves."""

from __future__ import annotations

from dataclasses import asdict, fields
from uuid import UUID

from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one

# A limit is called the same in the code and in the table.
_NAMES = [field.name for field in fields(RiskLimits)]
_COLUMNS = ", ".join(_NAMES)


def read_limits(connection: Connection, user_id: UUID) -> RiskLimits:
    """The limits; all off when none were ever set."""
    query = f"SELECT {_COLUMNS} FROM risk_limits WHERE user_id = %s"  # noqa: S608 - column names of this module
    return fetch_one(connection, RiskLimits, query, (user_id,)) or RiskLimits()


def set_limits(connection: Connection, user_id: UUID, limits: RiskLimits) -> None:
    """Replaces all risk limits of a user."""
    connection.execute(
        f"""
        INSERT INTO risk_limits (user_id, {_COLUMNS}) VALUES (%(user)s, {", ".join(f"%({name})s" for name in _NAMES)})
        ON CONFLICT (user_id) DO UPDATE SET
            {", ".join(f"{name} = excluded.{name}" for name in _NAMES)}, updated_at = now()
        """,  # noqa: S608 - column names of this module
        {"user": user_id, **asdict(limits)},
    )
