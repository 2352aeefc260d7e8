"""Orders that once kept a whole symbol from trading: whatever one order is, the others' are handled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from simulators.alpaca.exchange import SimulatedOrder
from stratforge.application.audit_ledger import audit_ledger
from stratforge.application.execute_symbol import SymbolExecutor
from stratforge.bus.messages import MarketUpdate
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.execution import due_orders, lock_accounts
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import NewOrder

from tests.support.ledger import OPEN, Trader, add_trader, set_price
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


def sent_at(world: World, second: int) -> list[SimulatedOrder]:
    """The orders that are at work so many seconds after the first minute, when the last price is 50 dollars."""
    world.broker.now_at = OPEN + timedelta(seconds=60 + second)
    update = MarketUpdate(symbol="AAPL", price=Decimal(50), size=Decimal(1), time=world.broker.now_at)
    world.executor.note_update(update)
    world.execute("AAPL")
    return [each for each in world.exchange.orders.values() if each.open]


def test_a_worse_limit_beside_a_better_one_binds_it_for_one_block_at_most(world: World) -> None:
    """The offer is half a percent above the last price: one of two limits that seem as good as at the market reaches it."""
    victim, other = trader_with(world, "victim", 10_000), trader_with(world, "other", 10_000)
    better = buy(world, victim, "10", "50.75")
    buy(world, other, "1", "50.10")
    offer, limits = Decimal("50.25"), []
    for second in range(1, 40, 11):
        for order in sent_at(world, second):
            assert order.limit_price is not None
            limits.append(order.limit_price)
            if order.limit_price >= offer:
                world.exchange.fill(order, order.quantity, offer, world.broker.now_at)
            else:
                world.exchange.cancel(order, world.broker.now_at)
        while world.updates:
            assert world.settle(0)
    assert limits[:2] == [Decimal("50.10"), Decimal("50.75")]
    assert status(world, better) == ("FILLED", None)


def test_a_limit_that_waits_keeps_the_other_side_from_the_market_for_one_block_at_most(world: World) -> None:
    """A purchase inside the spread is never filled; a sale that the bid would take stood in its block and crossed with nothing."""
    seller, buyer = trader_with(world, "seller", 10_000), trader_with(world, "buyer", 100_000)
    buy(world, seller, "10", None)
    world.execute("AAPL")
    world.exchange.fill(next(iter(world.exchange.orders.values())), Decimal(10), Decimal(50), world.broker.now_at)
    while world.updates:
        assert world.settle(0)
    buy(world, buyer, "1000", "50.00")
    terms = OrderTerms(Side.SELL, OrderType.LIMIT, limit_price=Decimal("49.60"))
    with world.database.transaction() as connection:
        new = NewOrder("AAPL", terms, TimeInForce.GTC, SizeKind.QUANTITY, Decimal(10))
        sale = order_book.place_order(connection, seller.user_id, new).order_id
    bid, sides = Decimal("49.98"), []
    for second in range(1, 40, 11):
        for order in sent_at(world, second):
            sides.append(order.side)
            if order.side == "sell":
                world.exchange.fill(order, order.quantity, bid, world.broker.now_at)
            else:
                world.exchange.cancel(order, world.broker.now_at)
        while world.updates:
            assert world.settle(0)
    assert sides[:2] == ["buy", "sell"]
    assert status(world, sale) == ("FILLED", None)


def test_an_order_is_replaced_while_its_symbol_is_executed(world: World) -> None:
    ada = trader_with(world, "ada", 1000)
    rests = buy(world, ada, "10", "40")
    world.execute("AAPL")
    with world.database.transaction() as executing:
        lock_accounts(executing, {ada.user_id}, "AAPL", OPEN)
        due_orders(executing, "AAPL")
        with world.fragile.transaction() as connection:
            connection.execute("SET LOCAL lock_timeout = '5s'")
            terms = OrderTerms(Side.BUY, OrderType.LIMIT, limit_price=Decimal(41))
            new = NewOrder("AAPL", terms, TimeInForce.GTC, SizeKind.QUANTITY, Decimal(10), None, rests)
            order_book.place_order(connection, ada.user_id, new)


@pytest.mark.parametrize("limit", [55, 60])
def test_what_rests_of_an_asset_that_stops_trading_in_fractions_harms_nobody(world: World, limit: int) -> None:
    ada, bob = trader_with(world, "ada", 1000), trader_with(world, "bob", 1000)
    for who, quantity in ((ada, "2.5"), (bob, "3.5")):
        buy(world, who, quantity, None)
    world.work = ["AAPL"]
    world.quiet()
    terms = OrderTerms(Side.SELL, OrderType.LIMIT, limit_price=Decimal(limit))
    with world.database.transaction() as connection:
        new = NewOrder("AAPL", terms, TimeInForce.GTC, SizeKind.QUANTITY, Decimal("2.5"), None)
        resting = order_book.place_order(connection, ada.user_id, new).order_id
    world.execute("AAPL")
    fractional = world.broker.asset

    def whole(symbol: str) -> tuple[AssetRules, str] | None:
        found = fractional(symbol)
        return found and (replace(found[0], fractionable=False), symbol)

    world.broker.asset = whole  # type: ignore[method-assign]
    with world.database.transaction() as connection:
        connection.execute("UPDATE assets SET fractionable = false WHERE symbol = 'AAPL'")
    for _ in range(4):
        # Whichever way the draw falls, nobody gives away what his order sells.
        assert world.reconciler.run().clean
    world.broker.prices["AAPL"] = Decimal(56)
    world.executor = SymbolExecutor(world.fragile, world.broker, claim=timedelta(0))
    for minute in (5, 7):
        world.broker.now_at = OPEN + timedelta(minutes=minute + 1)
        with world.database.transaction() as connection:
            set_price(connection, "56", minute)
        world.work = ["AAPL"]
        world.quiet()
    sold = [each.quantity for each in world.exchange.orders.values() if each.side == "sell"]
    assert all(each % 1 == 0 for each in sold)
    assert bool(sold) == (limit == 55)
    assert (status(world, resting)[0] == "RESTING") == (limit == 60)
