"""Corrections of orders that no page of a pass reaches, and of more orders than the minute's requests are enough for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from stratforge.application.reconciliation_report import Report
from stratforge.broker import BrokerBusy, FillActivity
from stratforge.market.sizes import Side

from tests.support.ledger import add_signal, add_trader, set_price
from tests.support.world import World


def passes(world: World, how_many: int) -> list[Report]:
    """So many passes."""
    return [world.reconciler.run() for _ in range(how_many)]


def bought(world: World, symbols: list[str]) -> None:
    """Somebody buys each of the symbols, a quarter of an hour apart."""
    for number, symbol in enumerate(symbols):
        world.broker.prices[symbol] = Decimal(100)
        with world.database.transaction() as connection:
            trader = add_trader(connection, f"user{number}", symbol)
            add_signal(connection, trader, "buy", set_price(connection, "100", 15 * number, symbol), symbol)
        world.work = [symbol]
        world.quiet()
        world.broker.now_at += timedelta(minutes=15)


@pytest.fixture
def one_symbol(migrated: str) -> Iterator[World]:
    """A world where a page is one order, and the day had twenty in one symbol; all of them were looked at."""
    world = World(migrated)
    world.broker.page = 1
    bought(world, ["AAPL"] * 20)
    passes(world, 12)
    yield world
    world.close()


@pytest.mark.parametrize("number", [1, 9, 13, 19])
def test_a_quantity_of_a_symbol_with_many_orders_is_found_before_its_symbol_is_halted(
    one_symbol: World, number: int
) -> None:
    world = one_symbol
    order = list(world.exchange.orders.values())[number]
    price = order.filled_value / order.filled_quantity
    world.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]) - 1, price, world.broker.now_at)
    reports = passes(world, 8)
    assert [name for report in reports for name in report.corrected] == [order.client_order_id]
    assert [report.halted for report in reports] == [[]] * 8
    assert reports[-1].clean


@pytest.fixture
def many_symbols(migrated: str) -> Iterator[World]:
    """A world with an order in each of ten symbols; all of them were looked at."""
    world = World(migrated)
    bought(world, [f"S{number}" for number in range(10)])
    passes(world, 2)
    yield world
    world.close()


def test_what_cannot_be_followed_does_not_use_up_the_requests_of_every_pass(
    many_symbols: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, statement = many_symbols, many_symbols.broker.fills_since
    *beyond_means, other = world.exchange.orders.values()
    for order in beyond_means[:6]:
        price = order.filled_value / order.filled_quantity
        world.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]), price * 1000, world.broker.now_at)
    passes(world, 1)
    left = [0]

    def budgeted(since: datetime, until: datetime | None = None) -> list[FillActivity]:
        """Each question takes so many pages that a pass has requests for four."""
        left[0] -= 1
        if left[0] < 0:
            raise BrokerBusy("the requests of this minute are used up")
        return statement(since, until)

    monkeypatch.setattr(world.broker, "fills_since", budgeted)
    price = other.filled_value / other.filled_quantity
    world.exchange.correct_last_fill(other, Decimal(other.fills[-1]["qty"]) - 1, price, world.broker.now_at)
    reports = []
    for _ in range(6):
        left[0] = 4
        reports += passes(world, 1)
    assert [name for report in reports for name in report.corrected] == [other.client_order_id]
    assert [report.postponed for report in reports] == [[]] * 6


def test_an_order_that_is_corrected_twice_hours_apart_is_followed_twice(
    many_symbols: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = many_symbols
    order = next(iter(world.exchange.orders.values()))
    price = order.filled_value / order.filled_quantity
    # The statement tells of executions that were taken back as of their own times.
    statement = world.broker.fills_since(world.broker.now_at - timedelta(days=1))

    def stated(since: datetime, until: datetime | None = None) -> list[FillActivity]:
        return [each for each in statement if since < each.at and (until is None or each.at < until)]

    monkeypatch.setattr(world.broker, "fills_since", stated)
    for number in range(2):
        world.broker.now_at += timedelta(hours=2)
        world.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]) - 1, price, world.broker.now_at)
        taken_back = FillActivity(f"bust {number}", order.id, order.symbol, Side(order.side), Decimal(-1), price, world.broker.now_at)  # fmt: skip
        statement.append(taken_back)
        report = world.reconciler.run()
        assert (report.corrected, report.unconfirmed, report.halted) == ([order.client_order_id], {}, [])
    assert world.reconciler.run().clean
