"""While the broker refuses the platform (wrong keys, a blocked account) users' orders wait; when it takes them again they are filled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.broker import BrokerRefusesPlatform
from stratforge.market import Trade
from stratforge.storage.ledger.invariants import broken_invariants

from tests.support.ledger import OPEN, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world with a user who buys."""
    found = World(migrated)
    found.broker.prices["AAPL"] = Decimal(100)
    with found.database.transaction() as connection:
        ada = add_trader(connection, "ada", sizing="0.2")
        add_signal(connection, ada, "buy", set_price(connection, "100"))
    found.work.append("AAPL")
    yield found
    found.close()


def price_at(seconds: int) -> Trade:
    """A trade that long after the bar."""
    return Trade("AAPL", Decimal(100), Decimal(1), OPEN + timedelta(seconds=61 + seconds))


def orders(world: World) -> list[Any]:
    """Statuses and reasons of all orders."""
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        return connection.execute("SELECT status::text, reason FROM orders").fetchall()


def test_an_order_outlives_rejected_keys(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any, **_named: Any) -> Any:
        raise BrokerRefusesPlatform("the broker refuses the platform: HTTP 401")

    with monkeypatch.context() as refusing:
        for question in ("submit", "find_order", "cancel"):
            refusing.setattr(world.broker, question, refuse)
        for attempt in range(8):
            with pytest.raises(BrokerRefusesPlatform):
                world.executor.execute("AAPL")
            world.executor.note_price(price_at(11 * (attempt + 1)))
    assert orders(world) == [("RESTING", "BROKER_UNAVAILABLE")]
    assert world.exchange.orders == {}
    world.executor.note_price(price_at(110))
    world.quiet()
    assert orders(world) == [("FILLED", None)]
    assert len(world.exchange.orders) == 1
