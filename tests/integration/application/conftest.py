"""Somebody who asks for something."""

from __future__ import annotations

from decimal import Decimal

import pytest
from stratforge.application.access import Caller
from stratforge.application.strategies import NewStrategy, store_strategy
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.strategies import StoredStrategy
from stratforge.storage.users.accounts import register_user

from tests.support.asking import CODE, NEW, Told


@pytest.fixture
def outbox() -> Told:
    """What was told."""
    return Told()


@pytest.fixture
def ada(database: Database) -> Caller:
    """Somebody who logged in."""
    with database.transaction() as connection:
        user_id = register_user(connection, "ada@example.com", "hash", Decimal(100_000))
    assert user_id is not None
    return Caller(user_id)


@pytest.fixture
def strategy(database: Database, ada: Caller) -> StoredStrategy:
    """A strategy of hers."""
    return store_strategy(database, ada, NewStrategy(name="Cross", symbol="AAPL", python_code=CODE), NEW)
