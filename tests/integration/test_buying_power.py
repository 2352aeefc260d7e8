"""The platform's account carries less than all users' money: what fits is filled fairly, and the rest is told whose fault it is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.broker import AccountState, BrokerUnavailable
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import NewOrder

from tests.support.ledger import Trader, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world whose account has a usual paper account's money, as has every user."""
    found = World(migrated)
    found.exchange.cash = Decimal(100_000)
    found.broker.prices = {"AAPL": Decimal(100), "WHOLE": Decimal(40)}
    yield found
    found.close()


def orders(world: World) -> list[tuple[Any, ...]]:
    """Users, statuses, what is filled and why, by user."""
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        return connection.execute(
            "SELECT split_part(u.email, '@', 1), o.side::text, o.status::text, o.filled_quantity, o.reason FROM orders o "
            "JOIN users u ON u.id = o.user_id ORDER BY 1, o.created_at"
        ).fetchall()


def everybody_buys(
    world: World, symbol: str = "AAPL", price: str = "100", minute: int = 0, **quantities: int
) -> dict[str, Trader]:
    """Users whose sessions want so many shares."""
    traders = {}
    with world.database.transaction() as connection:
        time = set_price(connection, price, minute, symbol)
        for name, quantity in quantities.items():
            traders[name] = add_trader(connection, name, symbol)
            add_signal(connection, traders[name], "buy", time, symbol, quantity=quantity)
    return traders


def fill(world: World) -> None:
    """The exchange fills what is open at its limit or better, and the settler hears of it."""
    for order in [each for each in world.exchange.orders.values() if each.open]:
        world.exchange.fill(order, order.quantity, world.broker.prices[order.symbol], world.broker.now_at)
    while world.updates and world.settle(0):
        pass


def until_nothing_fits(world: World) -> None:
    """Blocks go out and are filled until the account can carry no more: each fill below its limit leaves a little for another."""
    for _ in range(12):
        world.execute("AAPL")
        fill(world)


def test_what_fits_is_filled_fairly_and_the_rest_waits_for_the_platform(world: World) -> None:
    everybody_buys(world, ada=800, bob=400)
    world.execute("AAPL")
    assert not world.exchange.refusals
    fill(world)
    until_nothing_fits(world)
    found = orders(world)
    assert [(each[0], each[2], each[4]) for each in found] == [
        ("ada", "RESTING", "PLATFORM_BUYING_POWER"),
        ("bob", "RESTING", "PLATFORM_BUYING_POWER"),
    ]
    got = {each[0]: each[3] for each in found}
    # 100,000 dollars pay for 980.39 shares at the limit of 102; what the fills at 100 leave pays for a few more.
    assert 980 < got["ada"] + got["bob"] <= 1000
    assert abs(got["ada"] - 2 * got["bob"]) < Decimal("0.001")
    assert world.reconciler.run().short


def test_who_waits_is_filled_when_somebody_sells(world: World) -> None:
    traders = everybody_buys(world, ada=900)
    world.execute("AAPL")
    fill(world)
    everybody_buys(world, minute=1, bob=900)
    until_nothing_fits(world)
    assert orders(world)[1][4] == "PLATFORM_BUYING_POWER"
    with world.database.transaction() as connection:
        add_signal(connection, traders["ada"], "sell", set_price(connection, "100", 2))
    world.execute("AAPL")
    fill(world)
    world.work.append("AAPL")
    world.quiet()
    assert [each[2:4] for each in orders(world) if each[0] == "bob"] == [("FILLED", Decimal(900))]
    assert not world.exchange.refusals


@pytest.mark.parametrize(("kind", "limit"), [(OrderType.MARKET, None), (OrderType.LIMIT, Decimal(101))])
@pytest.mark.parametrize("part", [0, 300])
def test_a_day_order_that_waits_for_the_platform_ends_with_its_day(
    world: World, kind: OrderType, limit: Decimal | None, part: int
) -> None:
    with world.database.transaction() as connection:
        user_id = add_trader(connection, "ada").user_id
        set_price(connection, "100")
        terms = OrderTerms(Side.BUY, kind, limit_price=limit)
        order_book.place_order(
            connection, user_id, NewOrder("AAPL", terms, TimeInForce.DAY, SizeKind.QUANTITY, Decimal(400))
        )
    world.exchange.cash = Decimal(part * 110)
    until_nothing_fits(world)
    assert orders(world)[0][2] == "RESTING"
    world.broker.now_at += timedelta(days=1)
    with world.database.transaction() as connection:
        set_price(connection, "100", 24 * 60)
    world.execute("AAPL")
    status, filled = orders(world)[0][2:4]
    assert (status, filled > 0) == (("PARTIALLY_FILLED", True) if part else ("EXPIRED", False))


def test_a_purchase_for_which_nothing_is_left_does_not_hold_up_sales(world: World) -> None:
    traders = everybody_buys(world, ada=10)
    world.execute("AAPL")
    fill(world)
    world.exchange.cash = Decimal(0)
    with world.database.transaction() as connection:
        connection.execute("UPDATE broker_account SET read_at = to_timestamp(0)")
        add_signal(connection, traders["ada"], "sell", set_price(connection, "100", 1))
    everybody_buys(world, minute=1, bob=500)
    world.execute("AAPL")
    (order,) = [each for each in world.exchange.orders.values() if each.open]
    assert (order.side, order.quantity) == ("sell", Decimal(10))
    assert orders(world)[-1][2:] == ("RESTING", 0, "PLATFORM_BUYING_POWER")


def test_two_symbols_do_not_spend_the_same_dollars(world: World) -> None:
    everybody_buys(world, ada=700)
    everybody_buys(world, "WHOLE", "40", bob=1700)
    world.execute("AAPL")
    # The broker has not been asked since, and does not have to be: what was sent counts.
    world.execute("WHOLE")
    ordered = {each.symbol: each.quantity for each in world.exchange.orders.values()}
    assert ordered["AAPL"] == 700
    assert ordered["WHOLE"] == (Decimal(100_000) - 700 * 102) // Decimal("40.8")
    assert not world.exchange.refusals


def test_what_was_refused_for_want_of_buying_power_is_not_sent_again_blindly(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_buys(world, ada=500)
    account, asked = world.broker.account, []

    def ask() -> AccountState:
        asked.append(1)
        return account()

    monkeypatch.setattr(world.broker, "account", ask)
    world.execute("AAPL")
    fill(world)
    everybody_buys(world, minute=1, bob=400)
    # Somebody else spends the account's money between the question and the order.
    world.exchange.cash = Decimal(10)
    world.execute("AAPL")
    assert orders(world)[-1][2:] == ("RESTING", 0, "PLATFORM_BUYING_POWER")
    with world.database.transaction() as connection:
        set_price(connection, "100", 2)
    world.execute("AAPL")
    assert len(asked) == 2, "the account is asked before the next block"
    assert world.exchange.refusals == {"insufficient buying power": 1}


@pytest.mark.parametrize("scale", [10, 250])
def test_one_share_at_the_broker_stands_for_many_and_the_ledger_is_exact(migrated: str, scale: int) -> None:
    world = World(migrated, scale=Decimal(scale))
    world.exchange.cash = Decimal(100_000)
    world.broker.prices = {"AAPL": Decimal(100), "WHOLE": Decimal(40)}
    traders = everybody_buys(world, ada=900, bob=501)
    whole = everybody_buys(world, "WHOLE", "40", cyd=1003)
    world.execute("AAPL")
    world.execute("WHOLE")
    sent = {each.symbol: each.quantity for each in world.exchange.orders.values()}
    assert sent["AAPL"] == Decimal(1401) / scale
    assert sent["WHOLE"] == 1003 // scale, "whole shares at the broker"
    for order in list(world.exchange.orders.values()):
        step = Decimal(1) if order.symbol == "WHOLE" else Decimal("0.000000001")
        part = (order.quantity / 3 // step) * step
        world.exchange.fill(
            order, part, Decimal("40.1") if order.symbol == "WHOLE" else Decimal("100.1"), world.broker.now_at
        )
    world.work = ["AAPL", "WHOLE"]
    world.quiet()
    with world.database.transaction() as connection:
        held = dict(connection.execute("SELECT symbol, sum(quantity) FROM positions GROUP BY 1").fetchall())
    assert held == {"AAPL": 1401, "WHOLE": 1003 // scale * scale}
    assert {symbol: quantity * scale for symbol, quantity in world.exchange.positions.items()} == held
    report = world.reconciler.run()
    assert (report.clean, report.drift) == (True, {})
    with world.database.transaction() as connection:
        for trader in traders.values():
            add_signal(connection, trader, "sell", set_price(connection, "100", 2))
        add_signal(connection, whole["cyd"], "sell", set_price(connection, "40", 2, "WHOLE"), "WHOLE")
    world.work = ["AAPL", "WHOLE"]
    world.quiet()
    assert set(world.exchange.positions.values()) == {Decimal(0)}
    orders(world)
    world.close()


def test_the_scale_cannot_change_while_something_is_held(world: World) -> None:
    everybody_buys(world, ada=10)
    world.execute("AAPL")
    fill(world)
    world.broker.scale = Decimal(10)
    assert "scale" in world.reconciler.run().unexplained
    everybody_buys(world, minute=1, bob=10)
    world.executor._reference.forget("AAPL")
    with pytest.raises(BrokerUnavailable, match="scale"):
        world.executor.execute("AAPL")
