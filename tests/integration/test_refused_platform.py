"""While the broker refuses the platform (wrong keys, a blocked account) users' orders wait; when it takes them again they are filled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.suspension import is_suspended, suspend
from stratforge.broker import BrokerRefusesPlatform
from stratforge.bus.messages import MarketUpdate
from stratforge.portfolio.orders import TradingState
from stratforge.storage.ledger import halts
from stratforge.storage.ledger.invariants import broken_invariants

from tests.support.ledger import OPEN, add_signal, add_trader, set_price
from tests.support.world import World

REFUSAL = BrokerRefusesPlatform("the broker refuses the platform: HTTP 401")


@pytest.fixture
def world(world: World) -> World:
    """A world with a user who buys."""
    with world.database.transaction() as connection:
        ada = add_trader(connection, "ada", sizing="0.2")
        add_signal(connection, ada, "buy", set_price(connection, "100"))
    world.work.append("AAPL")
    return world


def price_at(seconds: int) -> MarketUpdate:
    """A trade that long after the bar."""
    at = OPEN + timedelta(seconds=61 + seconds)
    return MarketUpdate(symbol="AAPL", price=Decimal(100), size=Decimal(1), time=at)


def orders(world: World) -> list[Any]:
    """Statuses and reasons of all orders."""
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        return connection.execute("SELECT status::text, reason FROM orders").fetchall()


def signals(world: World) -> list[str]:
    """Statuses of all signals."""
    with world.database.transaction() as connection:
        return [status for (status,) in connection.execute("SELECT status::text FROM signals").fetchall()]


def test_an_order_outlives_rejected_keys(world: World) -> None:
    world.broker.refusal = str(REFUSAL)
    for attempt in range(8):
        with pytest.raises(BrokerRefusesPlatform):
            world.executor.execute("AAPL")
        world.executor.note_update(price_at(11 * (attempt + 1)))
    assert orders(world) == [("RESTING", "BROKER_UNAVAILABLE")]
    assert world.exchange.orders == {}
    world.broker.refusal = ""
    world.executor.note_update(price_at(110))
    world.quiet()
    assert orders(world) == [("FILLED", None)]
    assert len(world.exchange.orders) == 1


def test_nothing_is_decided_while_the_platform_is_suspended_and_everything_after(world: World) -> None:
    assert suspend(world.database, REFUSAL)
    assert not suspend(world.database, REFUSAL), "it is told once"
    for _ in range(3):
        world.executor.execute("AAPL")
    assert (signals(world), orders(world)) == (["PENDING"], [])
    report = world.reconciler.run()
    assert report.trading_again
    assert not is_suspended(world.database)
    with world.database.transaction() as connection:
        # A price that came after the broker answered again.
        connection.execute("UPDATE latest_prices SET received_at = clock_timestamp()")
    world.quiet()
    assert (signals(world), orders(world)) == (["EXECUTED"], [("FILLED", None)])


def test_a_pass_that_is_refused_suspends_the_platform(world: World) -> None:
    world.broker.refusal = "its account is trading_blocked"
    with pytest.raises(BrokerRefusesPlatform):
        world.reconciler.run()
    with world.database.transaction() as connection:
        found = halts.platform_state(connection)
    assert (found.trading_state, found.suspension) == ("ACTIVE", "its account is trading_blocked")
    assert found.suspended_at is not None
    with pytest.raises(BrokerRefusesPlatform):
        world.reconciler.run()
    with world.database.transaction() as connection:
        assert halts.platform_state(connection) == found, "since when, not how often"


def test_an_operators_own_halt_outlives_a_suspension(world: World) -> None:
    with world.database.transaction() as connection:
        halts.set_platform_state(connection, TradingState.HALTED, "a drill")
    suspend(world.database, REFUSAL)
    assert world.reconciler.run().trading_again
    with world.database.transaction() as connection:
        assert halts.platform_state(connection).trading_state == "HALTED"


def test_a_signal_that_waited_too_long_ends_by_its_own_rule(world: World) -> None:
    suspend(world.database, REFUSAL)
    world.executor.execute("AAPL")
    with world.database.transaction() as connection:
        set_price(connection, "100", minute=5)
    world.executor.execute("AAPL")
    assert signals(world) == ["EXPIRED"]


def test_an_order_by_hand_waits_though_prices_are_old(world: World) -> None:
    """Without keys there are no prices either; that they are old is no reason to refuse anybody's order."""
    with world.database.transaction() as connection:
        bo = add_trader(connection, "bo")
        connection.execute("DELETE FROM signals")
        connection.execute(
            "INSERT INTO orders (user_id, symbol, side, type, origin, size_kind, size, status) "
            "VALUES (%s, 'AAPL', 'buy', 'market', 'MANUAL', 'quantity', 1, 'PENDING')",
            (bo.user_id,),
        )
        connection.execute("UPDATE latest_prices SET received_at = now() - %s::interval", (timedelta(hours=1),))
    suspend(world.database, REFUSAL)
    world.executor.execute("AAPL")
    world.reconciler.run()
    world.executor.execute("AAPL")
    assert orders(world) == [("PENDING", None)], "until a price comes"
    with world.database.transaction() as connection:
        connection.execute("UPDATE latest_prices SET received_at = clock_timestamp()")
    world.work.append("AAPL")
    world.quiet()
    assert orders(world) == [("FILLED", None)]
