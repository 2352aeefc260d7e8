"""Orders that once kept a whole symbol from trading: whatever one order is, the others' are handled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.application.audit_ledger import audit_ledger
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import NewOrder

from tests.support.ledger import Trader, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world with prices of a stock and a coin."""
    found = World(migrated)
    found.broker.prices.update({"AAPL": Decimal(50), "BTC/USD": Decimal(60_000)})
    with found.database.transaction() as connection:
        set_price(connection, "50")
        set_price(connection, "60000", symbol="BTC/USD")
    yield found
    with found.database.transaction() as connection:
        assert broken_invariants(connection) == {}
    assert audit_ledger(found.database, found.broker, quiet=-timedelta(days=7300)).differences == ()
    found.close()


def trader_with(world: World, name: str, cash: int) -> Trader:
    """Somebody with so many dollars."""
    with world.database.transaction() as connection:
        return add_trader(connection, name, cash=cash)


def buy(world: World, who: Trader, quantity: str, limit: str | None, symbol: str = "AAPL", replaces: UUID | None = None) -> UUID:  # fmt: skip
    """A purchase by hand."""
    terms = OrderTerms(
        Side.BUY, OrderType.LIMIT if limit else OrderType.MARKET, limit_price=Decimal(limit) if limit else None
    )
    with world.database.transaction() as connection:
        new = NewOrder(symbol, terms, TimeInForce.GTC, SizeKind.QUANTITY, Decimal(quantity), None, replaces)
        return order_book.place_order(connection, who.user_id, new).order_id


def status(world: World, order_id: UUID) -> tuple[str, str | None]:
    """An order's status and reason."""
    with world.database.transaction() as connection:
        row = connection.execute("SELECT status::text, reason FROM orders WHERE id = %s", (order_id,)).fetchone()
    assert row is not None
    return row[0], row[1]


def test_what_a_replacement_that_is_too_small_would_free_is_nobodys(world: World) -> None:
    ada, bob = trader_with(world, "ada", 1000), trader_with(world, "bob", 1000)
    rests = buy(world, ada, "24", "40")
    world.execute("AAPL")
    # Worth a dollar at its own price, and less at the market's.
    small = buy(world, ada, "0.0195", "52", replaces=rests)
    on_top, others = buy(world, ada, "24", "40"), buy(world, bob, "1", "30")
    world.execute("AAPL")
    assert status(world, rests) == ("RESTING", None)
    assert status(world, small) == ("REJECTED", "NET_BELOW_MINIMUM")
    assert status(world, on_top) == ("REJECTED", "INSUFFICIENT_CASH")
    assert status(world, others) == ("RESTING", None)


@pytest.mark.parametrize("dust", ["0.000000001", "0.00000001", "0.00000003"])
@pytest.mark.parametrize("people", [1, 5])
def test_a_last_fill_of_a_few_billionths_of_a_coin_ends_its_block(world: World, dust: str, people: int) -> None:
    orders = [buy(world, trader_with(world, f"u{each}", 10_000), "0.01", None, "BTC/USD") for each in range(people)]
    world.execute("BTC/USD")
    (order,) = [each for each in world.exchange.orders.values() if each.open]
    world.exchange.fill(order, order.quantity - Decimal(dust), Decimal(60_000), world.broker.now_at)
    world.exchange.fill(order, Decimal(dust), Decimal(60_000), world.broker.now_at)
    while world.updates:
        assert world.settle(0)
    assert {status(world, each)[0] for each in orders} == {"FILLED"}
    world.work = ["BTC/USD"]
    world.quiet()
