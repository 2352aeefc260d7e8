"""What the executor plans on a real PostgreSQL: who goes to the broker, what makes way, what is too small, what is there already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.settle_fill import settle_fill
from stratforge.bus.messages import MarketUpdate
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.order_book import NewOrder

from tests.support.ledger import OPEN, add_signal, add_trader, broken, set_price
from tests.support.world import World


def rows(world: World, query: str) -> list[Any]:
    """Rows of a query."""
    with world.database.transaction() as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("side", list(Side))
def test_the_side_that_goes_to_the_broker_when_both_are_equal_is_drawn(
    world: World, monkeypatch: pytest.MonkeyPatch, side: Side
) -> None:
    with world.database.transaction() as connection:
        seller, buyer = add_trader(connection, "seller"), add_trader(connection, "buyer")
        add_signal(connection, seller, "buy", set_price(connection, "100"), quantity=10)
    world.work = ["AAPL"]
    world.quiet()
    with world.database.transaction() as connection:
        time = set_price(connection, "100", 1)
        add_signal(connection, seller, "sell", time)
        add_signal(connection, buyer, "buy", time, quantity=10)

    def drawn(sides: Sequence[Side]) -> Side:
        assert set(sides) == set(Side)
        return side

    monkeypatch.setattr("stratforge.application.execution_plan.secrets.choice", drawn)
    found = world.executor.execute("AAPL").client_order_id
    assert world.exchange.by_client_id[found or ""].side == side


def test_an_order_that_the_broker_has_already_is_looked_up_and_not_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not find it at first; then it says that there is one of this id."""
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    world.broker.submit_fault = "after"
    assert not world.execute("AAPL")
    find, lost = world.broker.find_order, iter([None])
    monkeypatch.setattr(world.broker, "find_order", lambda name: next(lost, find(name)))
    assert world.executor.execute("AAPL").outcome == "submitted"
    assert len(world.exchange.orders) == 1
    assert rows(world, "SELECT status::text FROM orders") == [("WORKING",)]


def test_what_is_left_of_an_order_and_too_small_for_the_broker_ends_and_gives_back_what_it_held(world: World) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"), quantity=10)
    world.execute("AAPL")
    (order,) = world.exchange.orders.values()
    world.exchange.fill(order, Decimal("9.995"), Decimal(100), world.broker.now_at)
    world.exchange.cancel(order, world.broker.now_at)
    for update in world.updates:
        settle_fill(world.database, world.wake, update)
    assert rows(world, "SELECT status::text FROM orders") == [("RESTING",)]
    world.executor.note_update(MarketUpdate(symbol="AAPL", price=Decimal(100), time=OPEN + timedelta(seconds=75)))
    world.execute("AAPL")
    assert rows(world, "SELECT status::text, reason, reserved_cash FROM orders") == [
        ("PARTIALLY_FILLED", "NET_BELOW_MINIMUM", 0)
    ]
    assert len(world.exchange.orders) == 1
    assert broken(world.database) == {}


def test_an_order_ends_when_another_has_taken_its_place(world: World) -> None:
    with world.database.transaction() as connection:
        ada = add_trader(connection, "ada")
        set_price(connection, "100")

    def limit(price: int, replaces: Any = None) -> Any:
        terms = OrderTerms(Side.BUY, OrderType.LIMIT, limit_price=Decimal(price))
        new = NewOrder("AAPL", terms, TimeInForce.GTC, SizeKind.QUANTITY, Decimal(900), None, replaces)
        with world.database.transaction() as connection:
            placed = order_book.place_order(connection, ada.user_id, new)
        world.execute("AAPL")
        return placed.order_id

    limit(99, limit(98))
    assert rows(world, "SELECT limit_price, status::text, reason, reserved_cash FROM orders ORDER BY limit_price") == [
        (98, "CANCELED", "REPLACED", 0),
        (99, "RESTING", None, 900 * 99),
    ]
    assert broken(world.database) == {}
