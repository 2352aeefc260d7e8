"""Suspension: while the broker refuses the platform itself (wrong keys, a blocked account) nothing is sent and orders wait. It ends by itself."""

from __future__ import annotations

from stratforge.broker import BrokerRefusesPlatform
from stratforge.storage.ledger import halts
from stratforge.storage.postgres.database import Database


def suspend(database: Database, refusal: BrokerRefusesPlatform) -> bool:
    """Has all orders wait from now on; False when they wait already."""
    with database.transaction() as connection:
        return halts.suspend(connection, str(refusal))


def is_suspended(database: Database) -> bool:
    """Returns whether all orders wait because the broker refuses the platform."""
    with database.transaction() as connection:
        return halts.platform_state(connection).suspended_at is not None


def end_suspension(database: Database) -> bool:
    """Lets orders go to the broker again, after it was seen to answer; False when they did already."""
    with database.transaction() as connection:
        return halts.end_suspension(connection)
