"""Orders of signals rest in our book: until their price, for their bars, and beside the exits of their position."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.settle_fill import settle_fill
from stratforge.bus.messages import MarketUpdate
from stratforge.storage.ledger.symbols import has_work
from stratforge.storage.strategies import evaluations, replays, sessions
from stratforge.storage.strategies.evaluations import Outcome
from stratforge.strategy import SignalValue
from stratforge.strategy.order_terms import TERM_KEYS, Terms

from tests.support.ledger import OPEN, Trader, add_signal_with_terms, add_trader, broken, set_price
from tests.support.world import World

ORDERS = """
    SELECT side::text, type::text, status::text, reason, quantity, limit_price, stop_price, reserved_cash, reserved_quantity FROM orders ORDER BY created_at
"""


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world in which one company trades at 100."""
    found = World(migrated)
    found.broker.prices["AAPL"] = Decimal(100)
    yield found
    found.close()


def rows(world: World, query: str = ORDERS) -> list[Any]:
    """Rows of a query."""
    with world.database.transaction() as connection:
        return connection.execute(query).fetchall()


def statuses(world: World) -> list[tuple[str, str, str | None]]:
    """Side, status and reason of each order."""
    return [(side, status, reason) for side, _, status, reason, *_ in rows(world)]


def bar(world: World, minute: int, price: str, low: str = "", high: str = "") -> None:
    """A bar ends, and every session has seen it."""
    with world.database.transaction() as connection:
        time = set_price(connection, price, minute, low=low, high=high)
        connection.execute("UPDATE sessions SET bars_evaluated = bars_evaluated + 1, last_bar_time = %s", (time,))
    world.broker.now_at = OPEN + timedelta(minutes=minute + 1, seconds=2)


def decide(world: World, trader: Trader, minute: int, side: str, terms: Terms, **size: float) -> None:
    """A strategy decides on a bar, and the executor hears of it."""
    with world.database.transaction() as connection:
        add_signal_with_terms(connection, trader, side, OPEN + timedelta(minutes=minute), "AAPL", terms, size)
    world.executor.execute("AAPL")


def tick(world: World, minute: int, price: str) -> None:
    """A trade within a bar."""
    news = MarketUpdate(symbol="AAPL", price=Decimal(price), time=OPEN + timedelta(minutes=minute, seconds=20))
    world.broker.prices["AAPL"] = Decimal(price)
    world.executor.note_update(news)
    world.executor.execute("AAPL")


def fill(world: World, price: str) -> None:
    """The exchange fills all that is open."""
    for order in [each for each in world.exchange.orders.values() if each.open]:
        world.exchange.fill(order, order.quantity, Decimal(price), world.broker.now_at)
        settle_fill(world.database, world.wake, world.updates[-1])


@pytest.fixture
def trader(world: World) -> Trader:
    """Somebody whose session has seen a bar."""
    with world.database.transaction() as connection:
        found = add_trader(connection, "ada")
    bar(world, 0, "100")
    return found


@pytest.fixture
def holder(world: World, trader: Trader) -> Trader:
    """Somebody whose session has bought 10 at 100."""
    decide(world, trader, 0, "buy", Terms(), quantity=10.0)
    fill(world, "100")
    bar(world, 1, "100")
    return trader


def test_a_limit_rests_until_its_price_comes(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(limit=99.0), quantity=10.0)
    assert rows(world) == [("buy", "limit", "RESTING", None, 10, 99, None, 990, 0)]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(99_010, 990)]
    for minute in range(1, 30):
        bar(world, minute, "100", low="99.01")
    tick(world, 30, "98.9")
    (order,) = world.exchange.orders.values()
    assert (order.limit_price, order.quantity) == (Decimal(99), Decimal(10))
    fill(world, "98.95")
    assert statuses(world) == [("buy", "FILLED", None)]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(Decimal("99010.5"), 0)]
    assert broken(world.database) == {}


@pytest.mark.parametrize(
    ("side", "terms", "prices"),
    [
        ("buy", Terms(limit=98.996), (Decimal("98.99"), None)),
        ("sell", Terms(limit=101.001), (Decimal("101.01"), None)),
        ("buy", Terms(stop=101.001), (None, Decimal("101.01"))),
        ("sell", Terms(stop=98.999), (None, Decimal("98.99"))),
        ("buy", Terms(limit=0.99 * 100, stop=101.0), (Decimal(99), Decimal(101))),
    ],
)
def test_a_price_off_the_tick_is_never_made_worse(
    world: World, holder: Trader, side: str, terms: Terms, prices: tuple[Decimal | None, Decimal | None]
) -> None:
    decide(world, holder, 1, side, terms, quantity=5.0)
    assert rows(world)[-1][5:7] == prices
    assert statuses(world)[-1] == (side, "RESTING", None)


def test_a_stop_buys_when_a_bar_since_the_decision_has_reached_it(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(stop=101.0), quantity=10.0)
    bar(world, 1, "100", high="101")
    world.executor.execute("AAPL")
    fill(world, "100.2")
    assert statuses(world) == [("buy", "FILLED", None)]


def test_what_expires_ends_with_the_last_of_its_bars(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(limit=99.0, expire_bars=2), quantity=10.0)
    bar(world, 1, "100")
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "RESTING", None)]
    bar(world, 2, "100")
    with world.database.transaction() as connection:
        assert has_work(connection, "AAPL")
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "EXPIRED", "EXPIRED")]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(100_000, 0)]


def test_a_stop_that_its_last_bar_has_reached_has_not_expired(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(stop=101.0, expire_bars=1), quantity=10.0)
    bar(world, 1, "100", high="101")
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "WORKING", None)]


def test_a_later_decision_takes_the_place_and_the_money_of_what_rests(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(limit=99.0), fraction=1.0)
    bar(world, 1, "100")
    decide(world, trader, 1, "buy", Terms(limit=99.5), fraction=1.0)
    assert statuses(world) == [("buy", "CANCELED", "REPLACED"), ("buy", "RESTING", None)]
    assert rows(world, "SELECT round(reserved_cash) FROM users") == [(100_000,)]
    bar(world, 2, "100")
    decide(world, trader, 2, "sell", Terms())
    assert statuses(world)[:2] == [("buy", "CANCELED", "REPLACED"), ("buy", "CANCELED", "POSITION_SOLD")]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(100_000, 0)]
    assert broken(world.database) == {}


def test_a_sale_that_rests_makes_way_for_a_sale_at_the_market(world: World, holder: Trader) -> None:
    decide(world, holder, 1, "sell", Terms(limit=105.0))
    assert rows(world)[-1][-1] == 10
    bar(world, 2, "100")
    decide(world, holder, 2, "sell", Terms())
    fill(world, "100")
    assert statuses(world)[1:] == [("sell", "CANCELED", "REPLACED"), ("sell", "FILLED", None)]
    assert rows(world, "SELECT quantity, reserved_quantity FROM positions") == [(0, 0)]


def test_the_stop_of_a_position_sells_what_a_resting_sale_holds_back(world: World, holder: Trader) -> None:
    rows(world, "UPDATE sessions SET stop_loss = 0.05 RETURNING 1")
    decide(world, holder, 1, "sell", Terms(limit=105.0), fraction=0.5)
    tick(world, 2, "94.9")
    assert [(each.side, each.quantity) for each in world.exchange.orders.values() if each.open] == [
        ("sell", Decimal(10))
    ]
    fill(world, "94.9")
    assert statuses(world)[1:] == [("sell", "CANCELED", "POSITION_SOLD"), ("sell", "FILLED", None)]
    assert broken(world.database) == {}


@pytest.mark.parametrize("offered", [1.0, 0.5])
def test_the_stop_fires_when_all_or_a_part_is_offered(world: World, holder: Trader, offered: float) -> None:
    rows(world, "UPDATE sessions SET stop_loss = 0.05 RETURNING 1")
    decide(world, holder, 1, "sell", Terms(limit=105.0), fraction=offered)
    with world.database.transaction() as connection:
        set_price(connection, "94", 2, low="94", high="100")
        assert has_work(connection, "AAPL")
    world.executor.execute("AAPL")
    fill(world, "94")
    assert rows(world, "SELECT quantity, reserved_quantity FROM positions") == [(0, 0)]


@pytest.mark.parametrize("how", ["paused", "stopped", "failed"])
def test_what_rests_ends_with_its_session(world: World, trader: Trader, how: str) -> None:
    decide(world, trader, 0, "buy", Terms(limit=99.0), quantity=10.0)
    with world.database.transaction() as connection:
        if how == "failed":
            connection.execute("UPDATE sessions SET status = 'FAILED', ended_at = now()")
        elif how == "stopped":
            sessions.stop_session(connection, trader.session_id, flatten=False)
        else:
            found = sessions.get_session(connection, trader.session_id)
            assert found is not None
            sessions.change_session(connection, trader.session_id, found.settings, paused=True)
    tick(world, 1, "98")
    assert world.exchange.orders == {}
    assert [status for _, status, _ in statuses(world)] == ["CANCELED"]


def test_a_limit_given_on_the_last_bar_of_the_day_rests_over_night(world: World, trader: Trader) -> None:
    bar(world, 389, "100")
    world.broker.now_at = OPEN + timedelta(minutes=390, seconds=2)
    decide(world, trader, 389, "buy", Terms(limit=99.0), quantity=10.0)
    assert [(status, reason) for _, status, reason in statuses(world)] == [("RESTING", None)]


def test_what_a_strategy_said_is_recorded_as_it_was_said(world: World, trader: Trader) -> None:
    with world.database.transaction() as connection:
        session = evaluations.session_as_evaluated(connection, trader.session_id)
        assert session is not None
        state = {TERM_KEYS["limit"]: 0.1 + 0.2, TERM_KEYS["expire_bars"]: 7.0}
        outcome = Outcome(session, state, "buy", 1.0, "quantity", 2.0)  # type: ignore[arg-type]
        evaluations.record_outcomes(connection, "AAPL", OPEN + timedelta(minutes=1), [outcome])
        said = replays.recorded_signals(connection, trader.session_id)
    assert list(said.values()) == [SignalValue("buy", 1.0, "quantity", 2.0, Terms(0.1 + 0.2, None, 7))]  # type: ignore[arg-type]
    assert rows(world, "SELECT bar_number FROM signals") == rows(world, "SELECT bars_evaluated FROM sessions")


@pytest.mark.parametrize(
    ("terms", "low", "high"), [(Terms(limit=99.0), "98.9", "100"), (Terms(stop=101.0), "99", "101.2")]
)
def test_what_a_bar_did_before_the_purchase_sells_nothing(
    world: World, trader: Trader, terms: Terms, low: str, high: str
) -> None:
    rows(world, "UPDATE sessions SET stop_loss = 0.01, take_profit = 0.01 RETURNING 1")
    decide(world, trader, 0, "buy", terms, quantity=10.0)
    price = str(terms.limit or terms.stop)
    world.broker.now_at = OPEN + timedelta(minutes=1, seconds=20)
    tick(world, 1, price)
    fill(world, price)
    bar(world, 1, price, low=low, high=high)
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "FILLED", None)]
    # A price since then does, and so does a later bar.
    bar(world, 2, price, low="90", high=price)
    world.executor.execute("AAPL")
    assert statuses(world)[1:] == [("sell", "WORKING", None)]
