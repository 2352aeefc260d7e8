"""Shares below a dollar: what is left between two sides may be more than a share and still too little for the broker."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratforge.market.sizes import Side
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.netting import ExecutableOrder, net_orders

from tests.support.ledger import add_signal, add_trader, broken, set_price
from tests.support.world import World


@pytest.fixture
def world(world: World) -> World:
    """A world of one share of ninety cents."""
    world.broker.prices["AAPL"] = Decimal("0.90")
    return world


def positions(world: World) -> dict[UUID, Decimal]:
    """What everybody holds."""
    with world.database.transaction() as connection:
        return dict(connection.execute("SELECT user_id, quantity FROM positions").fetchall())


def test_what_is_left_of_two_sides_of_pennies_is_settled(world: World) -> None:
    with world.database.transaction() as connection:
        ada, bob = add_trader(connection, "ada"), add_trader(connection, "bob")
        add_signal(connection, ada, "buy", set_price(connection, "0.90", 0), quantity=5.1)
    world.work = ["AAPL"]
    world.quiet()
    with world.database.transaction() as connection:
        time = set_price(connection, "0.90", 1)
        add_signal(connection, ada, "sell", time, quantity=5.1)
        add_signal(connection, bob, "buy", time, quantity=4)
    world.work = ["AAPL"]
    world.quiet()
    held = positions(world)
    assert sum(held.values()) == world.exchange.positions["AAPL"]
    assert held[ada.user_id] < 1
    assert held[bob.user_id] > 3
    assert broken(world.database) == {}
    assert world.reconciler.run().clean


@given(
    bought=st.lists(st.decimals("0.1", "20", places=1), max_size=3),
    sold=st.lists(st.decimals("0.1", "20", places=1), max_size=3),
    price=st.sampled_from(["0.05", "0.90", "0.99", "3", "100"]),
)
def test_no_side_crosses_more_than_it_has(bought: list[Decimal], sold: list[Decimal], price: str) -> None:
    orders = [ExecutableOrder(side, each) for side, all_ in ((Side.BUY, bought), (Side.SELL, sold)) for each in all_]
    block = net_orders(
        orders, Decimal(price), Decimal("0.02"), AssetRules("AAPL"), balanced=Side.BUY, limits_first=False
    )
    if block is None or block.side is None:
        return
    both = {Side.BUY: sum(bought, Decimal(0)), Side.SELL: sum(sold, Decimal(0))}
    assert block.cross_quantity <= min(both.values())
    assert block.quantity + block.cross_quantity <= max(both.values())
    # Nobody's whole share is left behind.
    assert max(both.values()) - block.quantity - block.cross_quantity < 1
