"""A session that was stopped is final as soon as its last order has ended, whatever ended it: not only with a fill, and not only after the reconciler's next round."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from stratforge.application.sessions import stop_session
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import sessions
from stratforge.strategy.order_terms import Terms

from tests.support.ledger import add_signal_with_terms, add_trader, set_price
from tests.support.rotating import MONTHLY, SYMBOLS, Rotating, opening
from tests.support.world import World

MONDAY = date(2026, 2, 2)
# It wants all three symbols.
ALL = MONTHLY.replace("top(1)", "top(3)")


@pytest.mark.parametrize("flatten", [True, False])
def test_a_session_whose_last_order_ends_without_a_fill_is_final_then(world: World, flatten: bool) -> None:
    with world.database.transaction() as connection:
        trader, at = add_trader(connection, "ada"), set_price(connection, "100")
        add_signal_with_terms(connection, trader, "buy", at, "AAPL", Terms(limit=90.0), {"quantity": 10})
    world.execute("AAPL")
    with world.database.transaction() as connection:
        stopped = sessions.stop_session(connection, trader.session_id, flatten=flatten)
    assert stopped is not None
    assert (stopped.settling, stopped.open_orders) == (True, 1)
    world.execute("AAPL")
    with world.database.transaction() as connection:
        ended = sessions.get_session(connection, trader.session_id)
    assert ended is not None
    assert (ended.settling, ended.open_orders, ended.final_pnl) == (False, 0, Decimal(0))


@pytest.fixture
def rotating(database: Database, migrated: str, sandboxed: None) -> Iterator[Rotating]:
    """Somebody whose market has just opened, with the days that are decided on."""
    with opening(database, migrated, MONDAY) as found:
        found.days(MONDAY, {each: [100.0 + number for number in range(10)] for each in SYMBOLS})
        yield found


def traded(rotating: Rotating, symbol: str) -> None:
    """The executor looks at a symbol, and what it sends is filled at once."""
    world = rotating.world
    world.execute(symbol)
    for order in [each for each in world.exchange.orders.values() if each.open]:
        world.exchange.fill(order, order.quantity, world.broker.prices[symbol], world.broker.now_at)
    while world.updates:
        assert world.settle(0)


@pytest.mark.parametrize("bought", [True, False])
def test_a_portfolio_is_final_when_what_it_was_still_to_buy_ends_after_its_last_sale(
    rotating: Rotating, bought: bool
) -> None:
    """Each symbol is executed by itself: the sale's fill finds purchases of others that nobody has ended yet, or there is no sale."""
    session_id = rotating.start(ALL).session_id
    rotating.decide(session_id)
    if bought:
        traded(rotating, "AAPL")
    assert set(rotating.held(session_id)) == ({"AAPL"} if bought else set())
    stop_session(rotating.database, rotating.outbox, rotating.ada, session_id, flatten=True)
    for symbol in SYMBOLS:
        assert rotating.session(session_id).settling, "it is still to trade"
        traded(rotating, symbol)
    ended = rotating.session(session_id)
    assert (rotating.held(session_id), ended.open_orders, ended.settling) == ({}, 0, False)
    assert ended.final_pnl is not None
