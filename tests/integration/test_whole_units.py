"""An asset that trades in whole units only leaves nobody with a part of one."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import NewOrder

from tests.support.ledger import OPEN, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(world: World) -> World:
    """A world in which an asset trades in whole units at 40."""
    world.broker.prices["WHOLE"] = Decimal(40)
    return world


def holdings(world: World) -> list[Any]:
    """Everybody's shares, the fewest first."""
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        return [
            row[0] for row in connection.execute("SELECT quantity FROM positions WHERE symbol = 'WHOLE' ORDER BY 1")
        ]


@pytest.mark.parametrize("filled", [1, 3, 5, 7])
def test_a_partial_fill_is_divided_in_whole_units_and_all_of_it_can_be_sold(world: World, filled: int) -> None:
    with world.database.transaction() as connection:
        traders = [add_trader(connection, name, "WHOLE") for name in ("ada", "bob", "cyd")]
        for trader, quantity in zip(traders, (3, 3, 2), strict=True):
            add_signal(connection, trader, "buy", set_price(connection, "40", 0, "WHOLE"), "WHOLE", quantity=quantity)
    world.execute("WHOLE")
    (order,) = world.exchange.orders.values()
    # Cut in pieces, as a market does.
    for _ in range(filled):
        world.exchange.fill(order, Decimal(1), Decimal(40), world.broker.now_at)
    world.exchange.cancel(order, world.broker.now_at)
    while world.updates and world.settle(0):
        pass
    assert sum(holdings(world)) == filled
    assert all(each == each.to_integral_value() for each in holdings(world))
    with world.database.transaction() as connection:
        for trader in traders:
            add_signal(connection, trader, "sell", set_price(connection, "40", 2, "WHOLE"), "WHOLE")
    world.work.append("WHOLE")
    world.quiet()
    assert sum(holdings(world)) == 0


def test_parts_that_a_split_leaves_are_settled_among_their_holders_and_all_can_be_sold(world: World) -> None:
    with world.database.transaction() as connection:
        traders = [add_trader(connection, name, "WHOLE") for name in ("ada", "bob", "cyd", "dan")]
        time = set_price(connection, "40", 0, "WHOLE")
        for trader, quantity in zip(traders, (1, 3, 5, 4), strict=True):
            add_signal(connection, trader, "buy", time, "WHOLE", quantity=quantity)
    world.work.append("WHOLE")
    world.quiet()
    ratio = Decimal("0.5")
    world.broker.actions.append(CorporateAction("reverse", "WHOLE", ActionKind.SPLIT, date(2026, 1, 6), ratio))
    world.broker.now_at = OPEN + timedelta(hours=15)
    # 13 shares are 6 and a half: the broker keeps whole ones and pays for the half.
    world.exchange.positions["WHOLE"] = Decimal(6)
    world.broker.prices["WHOLE"] = Decimal(80)
    cash = "SELECT sum(virtual_balance) FROM users"
    with world.database.transaction() as connection:
        before = connection.execute(cash).fetchone()
    report = world.reconciler.run()
    assert (report.splits, report.odd_lots, report.clean) == (["WHOLE 0.5:1"], ["WHOLE"], True)
    assert sum(holdings(world)) == 6
    assert all(each == each.to_integral_value() for each in holdings(world))
    with world.database.transaction() as connection:
        after = connection.execute(cash).fetchone()
    assert before is not None
    assert after is not None
    assert abs(after[0] - before[0] - Decimal("0.5") * 80) < Decimal("0.1"), "the half that the broker pays for"
    with world.database.transaction() as connection:
        time = set_price(connection, "80", 24 * 60, "WHOLE")
        for trader in traders:
            add_signal(connection, trader, "sell", time, "WHOLE")
    world.work.append("WHOLE")
    world.quiet()
    assert world.exchange.positions["WHOLE"] == 0


def test_what_rests_in_parts_of_a_unit_is_cut_when_the_asset_stops_trading_in_fractions(world: World) -> None:
    world.broker.prices["AAPL"] = Decimal(40)
    with world.database.transaction() as connection:
        ada, bob = (add_trader(connection, name) for name in ("ada", "bob"))
        for trader, quantity in ((ada, 2.5), (bob, 3.5)):
            add_signal(connection, trader, "buy", set_price(connection, "40"), quantity=quantity)
    world.work.append("AAPL")
    world.quiet()
    with world.database.transaction() as connection:
        for trader, size in ((ada, "2.5"), (bob, "0.5")):
            terms = OrderTerms(Side.SELL, OrderType.LIMIT, Decimal(50))
            new = NewOrder("AAPL", terms, TimeInForce.GTC, SizeKind.QUANTITY, Decimal(size), trader.session_id)
            order_book.place_order(connection, trader.user_id, new)
    world.execute("AAPL")
    # The broker's list says from now on that it trades in whole units only.
    world.broker.whole.add("AAPL")
    with world.database.transaction() as connection:
        connection.execute("UPDATE assets SET fractionable = false WHERE symbol = 'AAPL'")
    world.reconciler.run()
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        held = [row[0] for row in connection.execute("SELECT quantity FROM positions WHERE symbol = 'AAPL'")]
        left = connection.execute(
            "SELECT status::text, quantity, reserved_quantity, reason FROM orders WHERE type = 'limit' ORDER BY quantity"
        ).fetchall()
    assert (sum(held), {each % 1 for each in held}) == (6, {0})
    assert left == [("CANCELED", Decimal("0.5"), 0, "WHOLE_UNITS_ONLY"), ("RESTING", 2, 2, None)]
