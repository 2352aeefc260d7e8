"""What the last bar of a day reached is not executed: nothing trades any more, and the next day begins with its own prices (backtest/MATCHING.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from stratforge.application.reference_data import keep_calendar
from stratforge.market import Trade
from stratforge.storage.market import clock, market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.strategy.order_terms import Terms

from tests.support.ledger import OPEN, Trader, add_signal, add_signal_with_terms, add_trader, broken, set_price
from tests.support.world import World

LAST, NEXT_DAY = 389, 24 * 60


@pytest.fixture
def world(world: World) -> Iterator[World]:
    """A market on which everything trades at 100, and whose hours are known."""
    keep_calendar(world.database, world.broker)
    yield world
    assert broken(world.database) == {}


def held(database: Database) -> Decimal:
    with database.transaction() as connection:
        return Decimal(fetch_value(connection, "SELECT coalesce(sum(quantity), 0) FROM positions"))


def bar(world: World, price: str, minute: int, low: str = "", high: str = "") -> None:
    """A bar comes, and the executor is woken."""
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, OPEN + timedelta(minutes=minute + 1), 0)
        set_price(connection, price, minute, low=low, high=high)
    step(world, price)


def print_of(world: World, price: str, minute: float) -> None:
    """A trade is heard, and the executor is woken."""
    at = OPEN + timedelta(minutes=minute)
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, at, 0)
        market_data.set_trade_price(connection, Trade("AAPL", Decimal(price), Decimal(1), at))
    step(world, price)


def step(world: World, price: str) -> None:
    world.broker.prices["AAPL"] = Decimal(price)
    with world.database.transaction() as connection:
        world.broker.now_at = clock.market_clock(connection).now
    world.work.append("AAPL")
    world.quiet()


@pytest.fixture
def holder(world: World) -> Trader:
    """Somebody whose strategy bought ten in the morning."""
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, OPEN + timedelta(minutes=2), 0)
        ada = add_trader(connection, "ada")
        add_signal(connection, ada, "buy", set_price(connection, "100", 1), quantity=10)
    step(world, "100")
    assert held(world.database) == 10
    return ada


def rest(world: World, ada: Trader, terms: Terms) -> None:
    """A sale of all rests from minute 10 on."""
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, OPEN + timedelta(minutes=11), 0)
        time = set_price(connection, "100", 10)
        add_signal_with_terms(connection, ada, "sell", time, "AAPL", terms, {"fraction": 1.0})
    step(world, "100")
    assert held(world.database) == 10


@pytest.mark.parametrize(
    "terms", [Terms(stop=95.0), Terms(limit=110.0, stop=95.0, oco=True)], ids=["a stop", "a limit or a stop"]
)
def test_a_resting_sale_that_the_last_bar_reached_is_not_executed_the_next_day(
    world: World, holder: Trader, terms: Terms
) -> None:
    rest(world, holder, terms)
    bar(world, "100", LAST, low="94")
    assert held(world.database) == 10, "nothing trades any more"
    print_of(world, "101", NEXT_DAY + 0.1)
    assert held(world.database) == 10, "the next day begins with its own prices"
    bar(world, "101", NEXT_DAY, low="100")
    assert held(world.database) == 10
    # It rests on, and what comes to it on that day sells.
    bar(world, "97", NEXT_DAY + 1, low="94")
    assert held(world.database) == 0


@pytest.mark.parametrize("setting", ["stop_loss", "take_profit", "trailing_stop"])
def test_an_exit_of_a_session_that_the_last_bar_reached_is_not_executed_the_next_day(
    world: World, holder: Trader, setting: str
) -> None:
    with world.database.transaction() as connection:
        connection.execute(f"UPDATE sessions SET {setting} = 0.05")
    bar(world, "100", LAST, low="94", high="106")
    assert held(world.database) == 10
    print_of(world, "100", NEXT_DAY + 0.1)
    held_then = held(world.database)
    assert held_then == (0 if setting == "trailing_stop" else 10), "what trails has followed the high of the day before"


def test_within_a_day_a_stop_that_a_bar_reached_during_a_halt_is_executed_after_it(
    world: World, holder: Trader
) -> None:
    rest(world, holder, Terms(stop=95.0))
    with world.database.transaction() as connection:
        connection.execute("UPDATE latest_prices SET exchange_state = 'HALTED'")
    bar(world, "100", 20, low="94")
    assert held(world.database) == 10
    with world.database.transaction() as connection:
        connection.execute("UPDATE latest_prices SET exchange_state = 'TRADING'")
    print_of(world, "101", 45)
    assert held(world.database) == 0
