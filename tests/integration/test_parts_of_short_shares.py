"""Sold short are whole shares, and the broker may fill some of them only: the part of a share that falls to each is owed like any other, and everything that buys back buys it back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.audit_ledger import audit_ledger
from stratforge.portfolio import margin
from stratforge.portfolio.orders import OrderStatus
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import portfolio
from stratforge.storage.strategies import sessions

from tests.integration.test_short_positions_in_the_ledger import (
    at_broker,
    at_price,
    bear,
    cash,
    house,
    last_order,
    position,
    rows,
    says,
    settled,
)
from tests.integration.test_short_positions_in_the_ledger import world as _world
from tests.support.ledger import Trader, set_price
from tests.support.world import World

world = _world
# Of ten and thirty ten are filled, pro rata.
ADAS, BOBS = Decimal("2.5"), Decimal("7.5")


@pytest.fixture
def parts(world: World) -> Iterator[tuple[World, Trader, Trader]]:
    """Two who wanted to sell ten and thirty short in one block, of which the broker filled ten; the rest was called off."""
    ada, bob = bear(world, "ada"), bear(world, "bob")
    with world.database.transaction() as connection:
        time = set_price(connection, "100", 1)
        world.broker.now_at = time + timedelta(minutes=1)
        for who, size in ((ada, 10), (bob, 30)):
            connection.execute(
                """
                INSERT INTO signals (session_id, user_id, symbol, bar_time, side, short, confidence, size_kind, size, bar_number)
                VALUES (%s, %s, 'AAPL', %s, 'sell', true, 1, 'quantity', %s, 0)
                """,
                (who.session_id, who.user_id, time, size),
            )
    assert world.execute("AAPL")
    (order,) = world.exchange.orders.values()
    assert order.side == "sell"
    assert order.quantity == 40
    world.exchange.fill(order, Decimal(10), Decimal(100), world.broker.now_at)
    world.exchange.cancel(order, world.broker.now_at)
    while world.updates:
        assert world.settle(0)
    rows(world, "UPDATE orders SET cancel_requested_at = now() WHERE status = 'RESTING' RETURNING id")
    settled(world)
    yield world, ada, bob
    assert at_broker(world) >= 0 or at_broker(world) % 1 == 0, "the broker lends whole shares only"
    assert world.exchange.refusals == {}
    assert audit_ledger(world.database, world.broker, quiet=-timedelta(days=1)).differences == ()


def test_each_owes_his_part_of_what_was_filled_and_the_broker_is_owed_whole_shares(
    parts: tuple[World, Trader, Trader],
) -> None:
    world, ada, bob = parts
    assert (position(world, ada)[0], position(world, bob)[0]) == (-ADAS, -BOBS)
    assert at_broker(world) == -10
    assert house(world) == 0
    assert cash(world, ada) == 10_000 + ADAS * 100
    statuses = rows(world, "SELECT status::text, filled_quantity, reserved_cash FROM orders ORDER BY filled_quantity")
    assert statuses == [("PARTIALLY_FILLED", ADAS, 0), ("PARTIALLY_FILLED", BOBS, 0)]


def test_a_part_needs_its_part_of_the_margin_and_the_fee_of_a_round_lot(parts: tuple[World, Trader, Trader]) -> None:
    world, ada, _ = parts
    with world.database.transaction() as connection:
        held = portfolio.read_portfolio(connection, ada.user_id)
    assert held is not None
    (owed,) = held.positions
    assert owed.margin_needed == ADAS * 30
    assert held.cash - held.buying_power == ADAS * 150
    assert owed.borrow_fee == margin.night_fee(Decimal(100), Decimal(100))


def test_covering_all_buys_the_part_back_and_nothing_is_left(parts: tuple[World, Trader, Trader]) -> None:
    world, ada, bob = parts
    says(world, ada, "buy", 3, price="90")
    assert position(world, ada)[:2] == (0, 0)
    assert position(world, ada)[3] == ADAS * 10
    assert position(world, bob)[0] == -BOBS
    # The account buys whole shares, and the house has what is left of one.
    assert at_broker(world) == -BOBS + house(world)
    says(world, bob, "buy", 4, price="90")
    assert position(world, bob)[:2] == (0, 0)
    assert at_broker(world) == house(world)


@pytest.mark.parametrize(
    ("size", "covered"),
    [
        ({"fraction": 0.5}, 3),
        ({"quantity": 3.9}, 3),
        ({"quantity": 1}, 1),
        ({"quantity": 7.6}, BOBS),
        ({"quantity": 9}, BOBS),
    ],
)
def test_covering_some_buys_whole_shares_and_covering_as_much_as_there_is_all(
    parts: tuple[World, Trader, Trader], size: dict[str, Any], covered: Decimal
) -> None:
    world, _, bob = parts
    says(world, bob, "buy", 3, **size)
    assert position(world, bob)[0] == covered - BOBS


def test_less_than_a_share_of_it_is_not_bought_back_by_itself(parts: tuple[World, Trader, Trader]) -> None:
    world, ada, _ = parts
    says(world, ada, "buy", 3, fraction=0.3)
    assert position(world, ada)[0] == -ADAS
    assert last_order(world)[4:] == (OrderStatus.REJECTED, Reason.WHOLE_UNITS_ONLY)


def test_what_is_left_of_a_share_is_bought_back_when_all_is(parts: tuple[World, Trader, Trader]) -> None:
    world, ada, _ = parts
    says(world, ada, "buy", 3, quantity=2)
    assert position(world, ada)[0] == 2 - ADAS
    says(world, ada, "buy", 4)
    assert position(world, ada)[:2] == (0, 0)


def test_more_is_sold_short_on_top_of_a_part_in_whole_shares(parts: tuple[World, Trader, Trader]) -> None:
    world, ada, _ = parts
    says(world, ada, "sell", 3, quantity=5.8)
    assert position(world, ada)[0] == -ADAS - 5


@pytest.mark.parametrize("how", ["stop", "margin call", "buy-in", "flattened", "closed"])
def test_whatever_closes_a_position_closes_its_part(parts: tuple[World, Trader, Trader], how: str) -> None:
    world, ada, _ = parts
    price = "100"
    with world.database.transaction() as connection:
        if how == "stop":
            connection.execute("UPDATE sessions SET stop_loss = 0.05 WHERE id = %s", (ada.session_id,))
            price = "106"
        elif how == "margin call":
            price = "5000"
        elif how == "buy-in":
            connection.execute("UPDATE assets SET easy_to_borrow = false WHERE symbol = 'AAPL'")
        elif how == "flattened":
            sessions.stop_session(connection, ada.session_id, flatten=True)
        else:
            connection.execute("SELECT set_config('app.user_id', %s, true)", (str(ada.user_id),))
            connection.execute("SELECT close_account()")
    at_price(world, price, 3)
    assert position(world, ada)[:2] == (0, 0)


@pytest.mark.parametrize("how", ["together", "one by one", "all but one"])
def test_a_part_of_a_share_that_is_worth_less_than_an_order_can_be_bought_back(world: World, how: str) -> None:
    """The broker filled one of three that were sold short in a block at two dollars: each owes a third, which is no order of its own."""
    traders = [bear(world, f"bear{number}") for number in range(3)]
    with world.database.transaction() as connection:
        time = set_price(connection, "2", 1)
        world.broker.prices["AAPL"] = Decimal(2)
        world.broker.now_at = time + timedelta(minutes=1)
        for trader in traders:
            connection.execute(
                """
                INSERT INTO signals (session_id, user_id, symbol, bar_time, side, short, confidence, size_kind, size, bar_number)
                VALUES (%s, %s, 'AAPL', %s, 'sell', true, 1, 'quantity', 1, 0)
                """,
                (trader.session_id, trader.user_id, time),
            )
    assert world.execute("AAPL")
    (order,) = world.exchange.orders.values()
    world.exchange.fill(order, Decimal(1), Decimal(2), world.broker.now_at)
    world.exchange.cancel(order, world.broker.now_at)
    while world.updates:
        assert world.settle(0)
    rows(world, "UPDATE orders SET cancel_requested_at = now() WHERE status = 'RESTING' RETURNING id")
    settled(world)
    assert all(-1 < position(world, trader)[0] < 0 for trader in traders)
    covering = traders[1:] if how == "all but one" else traders
    if how == "one by one":
        for number, trader in enumerate(covering):
            says(world, trader, "buy", 5 + number, price="2")
            assert position(world, trader)[0] == 0
    else:
        with world.database.transaction() as connection:
            for trader in covering:
                sessions.stop_session(connection, trader.session_id, flatten=True)
        for minute in range(5, 9):
            at_price(world, "2", minute)
    assert [position(world, trader)[0] for trader in covering] == [0] * len(covering)
    assert rows(world, "SELECT count(*) FROM sessions WHERE settling AND status = 'STOPPED'") == [(0,)]
    assert at_broker(world) >= 0 or at_broker(world) % 1 == 0
    assert world.exchange.refusals == {}
    assert audit_ledger(world.database, world.broker, quiet=-timedelta(days=1)).differences == ()
