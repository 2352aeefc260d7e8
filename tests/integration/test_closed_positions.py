"""What is called off and closed is gone when the executor and the settler have run, whatever waited for it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any

import pytest
from stratforge.application import orders
from stratforge.application import sessions as running
from stratforge.application.access import Caller
from stratforge.application.errors import NotFound
from stratforge.storage.ledger import execution, symbols
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import sessions

from tests.support.ledger import OPEN, add_signal
from tests.support.order_management import NO_KEY, PRICES, Ground, api, ground, meanwhile, owner

_FIXTURES = (
    api,
    ground,
    owner,
)


def test_a_name_stays_taken_when_its_order_has_ended_and_is_erased_with_its_owner(ground: Ground) -> None:
    ground.add("ada")
    ground.place("ada", client_order_id="mine")
    ground.run()
    ground.place("ada", side="sell", client_order_id="my-sale")
    ground.finish()
    assert {each.status for each in ground.orders("ada")} == {"FILLED"}
    with pytest.raises(Exception, match="mine"):
        ground.place("ada", client_order_id="mine")
    with ground.world.database.transaction() as connection:
        sessions.stop_session(connection, ground.traders["ada"].session_id)
        connection.execute("UPDATE users SET closed_at = now() - interval '1 day'")
        erased = connection.execute("SELECT erase_closed_accounts(interval '1 hour', 10)").fetchone()
        left = connection.execute("SELECT count(*), count(client_order_id) FROM orders").fetchone()
    assert (erased, left) == ((1,), (2, 0))


def test_orders_of_sessions_are_called_off_too_and_what_is_filled_stays(ground: Ground) -> None:
    for name in ("ada", "bob"):
        ground.add(name)
        ground.buy(name, "in a session")
        ground.place(name, type="limit", limit_price="50")
    ground.execute()
    assert sorted(each.origin for each in ground.call_off("ada")) == ["MANUAL", "SIGNAL"]
    # Both sessions' orders are one at the exchange, half of which is filled.
    (working,) = ground.at_work()
    ground.world.exchange.fill(working, working.quantity / 2, Decimal(100), ground.world.broker.now_at)
    ground.unfilled()
    ground.finish()
    assert [each.status.value for each in ground.orders("ada", open=True)] == []
    assert [each.status.value for each in ground.orders("bob", open=True)] == ["RESTING"]
    assert (ground.held("ada"), ground.held("bob")) == ({"AAPL": Decimal(5)}, {"AAPL": Decimal(10)})


def test_sales_that_close_a_position_go_on_when_all_orders_are_called_off(ground: Ground) -> None:
    for where in ("by hand", "in a session"):
        ground.add(where)
        ground.buy(where, where)
    ground.run()
    for where in ground.traders:
        ground.close(where)
    assert {where: [each.origin for each in ground.call_off(where)] for where in ground.traders} == {
        "by hand": [],
        "in a session": [],
    }
    ground.finish()
    assert ground.left() == {}


WAITING: dict[str, dict[str, Any] | None] = {
    "nothing": None,
    "a limit for all": {"type": "limit", "limit_price": "60000", "fraction": "1"},
    "a limit for a part": {"type": "limit", "limit_price": "60000", "fraction": "0.4"},
    "a stop for all": {"type": "stop", "stop_price": "10", "fraction": "1"},
    "a stop limit for all": {"type": "stop_limit", "stop_price": "10", "limit_price": "9", "fraction": "1"},
    "a trailing stop for a part": {"type": "trailing_stop", "trail_percent": "5", "fraction": "0.6"},
    "a sale of a part at the market": {"type": "market", "fraction": "0.4"},
}


@pytest.mark.parametrize("where", ["by hand", "in a session"])
@pytest.mark.parametrize("looked_at", [True, False], ids=["accepted", "new"])
def test_nothing_is_held_after_a_close_whatever_waited_to_sell_it(ground: Ground, where: str, looked_at: bool) -> None:
    for symbol, waiting in product(PRICES, WAITING):
        ground.add((symbol, waiting), symbol)
        ground.buy((symbol, waiting), where, symbol, 1 if symbol == "BTC/USD" else 10)
    ground.run()
    for (symbol, waiting), trader in ground.traders.items():
        terms = WAITING[waiting]
        if terms is not None:
            session_id = trader.session_id if where == "in a session" else None
            sale = {"symbol": symbol, "side": "sell", "quantity": None, "time_in_force": "gtc", **terms}
            ground.place((symbol, waiting), **sale, session_id=session_id)
    if looked_at:
        ground.execute()
    for symbol, waiting in ground.traders:
        ground.close((symbol, waiting), symbol)
    ground.finish()
    assert ground.left() == {}


@pytest.mark.parametrize("at_work", [True, False], ids=["at work", "resting again"])
def test_nothing_is_held_after_a_close_while_a_limit_is_partly_filled(ground: Ground, at_work: bool) -> None:
    cases = list(product(("AAPL", "WHOLE"), ("by hand", "in a session")))
    for symbol, where in cases:
        ground.add((symbol, where), symbol)
        ground.buy((symbol, where), where, symbol)
    ground.run()
    for symbol, where in cases:
        session_id = ground.traders[symbol, where].session_id if where == "in a session" else None
        terms = {"type": "limit", "limit_price": PRICES[symbol], "time_in_force": "gtc", "quantity": "10"}
        ground.place((symbol, where), symbol=symbol, side="sell", session_id=session_id, **terms)
    ground.execute()
    for each in ground.at_work():
        ground.world.exchange.fill(each, Decimal(6), Decimal(PRICES[each.symbol]), ground.world.broker.now_at)
    ground.settle()
    # The market falls below the limit, so that what is left of it would wait for ever.
    below = {"AAPL": "95", "WHOLE": "38"}
    if not at_work:
        ground.at(1, **below)
        ground.unfilled()
    partly = {each.status for case in cases for each in ground.orders(case, side="sell") if each.filled_quantity}
    assert partly == {"WORKING" if at_work else "RESTING"}
    for symbol, where in cases:
        ground.close((symbol, where), symbol)
    if at_work:
        ground.at(1, **below)
        ground.unfilled()
    ground.finish(2, **below)
    assert ground.left() == {}


def test_running_sessions_go_on_when_their_positions_are_closed(ground: Ground) -> None:
    trader = ground.add("ada")
    ground.buy("ada", "in a session")
    ground.buy("ada", "by hand")
    ground.run()
    assert {each.session_id for each in ground.close("ada")} == {None, trader.session_id}
    ground.finish()
    with ground.world.database.transaction() as connection:
        session = sessions.get_session(connection, trader.session_id)
    assert session is not None
    assert (ground.held("ada"), session.status, session.open_orders) == ({}, "RUNNING", 0)


def test_only_what_is_held_by_hand_is_closed_when_that_is_asked_for(ground: Ground) -> None:
    trader = ground.add("ada")
    ground.buy("ada", "in a session")
    ground.run()
    by_hand = partial(orders.close_positions, ground.database, ground.outbox, Caller(trader.user_id), "AAPL")
    with pytest.raises(NotFound):
        by_hand(sessions_too=False)
    ground.buy("ada", "by hand", quantity=5)
    ground.run()
    by_hand(sessions_too=False)
    ground.finish()
    assert ground.held("ada") == {"AAPL": 10}


def test_all_positions_are_closed_at_once_and_of_nobody_else(ground: Ground) -> None:
    for name in ("ada", "bob"):
        ground.add(name)
        for symbol in PRICES:
            ground.buy(name, "by hand", symbol, 1)
        ground.buy(name, "in a session")
    ground.run()
    before = ground.held("bob")
    assert len(ground.close("ada", None)) == 4
    ground.finish()
    assert (ground.held("ada"), ground.held("bob")) == ({}, before)
    assert ground.close("ada", None) == []


@pytest.mark.parametrize("where", ["by hand", "in a session"])
def test_asking_again_places_nothing_twice(ground: Ground, where: str) -> None:
    ground.add("ada")
    ground.buy("ada", where)
    ground.run()
    said = {"first": ground.close("ada"), "at once": ground.close("ada")}
    ground.execute()
    said["at work"] = ground.close("ada")
    # The market has nothing for it.
    ground.unfilled()
    said["resting again"] = ground.close("ada")
    (placed,) = said["first"]
    assert {when for when, those in said.items() if [each.order_id for each in those] != [placed.order_id]} == set()
    ground.finish()
    assert (ground.held("ada"), len(ground.orders("ada", side="sell"))) == ({}, 1)


@pytest.mark.parametrize("first", ["closes", "flattens the session"])
def test_two_clients_that_close_at_the_same_moment_place_nothing_twice(
    migrated: str, ground: Ground, first: str
) -> None:
    trader = ground.add("ada")
    for where in ("by hand", "in a session"):
        ground.buy("ada", where)
    ground.run()

    def flatten(database: Database) -> Sequence[Any]:
        return [running.flatten_session(database, ground.outbox, Caller(trader.user_id), trader.session_id)]

    ahead = flatten if first != "closes" else partial(ground.close, "ada", "AAPL")
    meanwhile(migrated, ground.database, lambda database: ahead(database), partial(ground.close, "ada", None))
    placed = [each.session_id for each in ground.orders("ada", side="sell")]
    assert (len(placed), set(placed)) == (2, {None, trader.session_id})
    ground.finish()
    assert ground.held("ada") == {}


def test_a_close_and_the_executor_never_wait_for_each_other_in_a_circle(ground: Ground) -> None:
    """The executor locks the orders of a symbol and then its users; a close of several positions must not do it the other way round."""
    trader = ground.add("ada")
    for symbol in ("AAPL", "WHOLE"):
        ground.buy("ada", "by hand", symbol)
    ground.run()
    ground.place("ada", symbol="WHOLE", side="sell", fraction="1", quantity=None)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        with ground.world.database.transaction() as connection:
            symbols.lock_symbol(connection, "WHOLE")
            assert len(execution.due_orders(connection, "WHOLE")) == 1
            closing = pool.submit(ground.close, "ada", None)
            while not closing.done():
                with ground.world.database.transaction() as watching:
                    if watching.execute(waiting).fetchone() != (0,):
                        break
            execution.lock_accounts(connection, [trader.user_id], "WHOLE", OPEN)
        assert len(closing.result()) == 2
    ground.finish()
    assert ground.left() == {}


def test_nothing_is_held_after_a_close_when_a_sale_of_the_strategy_grows_old(ground: Ground) -> None:
    """The strategy sold a part, which came back from the market; it pauses while the rest is closed, and then it is too old to go on."""
    trader = ground.add("ada")
    ground.buy("ada", "in a session")
    ground.run()
    with ground.world.database.transaction() as connection:
        add_signal(connection, trader, "sell", OPEN + timedelta(minutes=1), quantity=4)
    ground.execute()
    ground.unfilled()
    ground.close("ada")
    ground.run()
    ground.finish(5)
    assert ground.left() == {}


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_an_order_that_expires_when_it_is_replaced_gives_back_what_it_held_once(ground: Ground, side: str) -> None:
    ground.add("ada")
    ground.buy("ada", "by hand")
    ground.run()
    terms = {"side": side, "type": "limit", "limit_price": "150" if side == "sell" else "50"}
    replaced = ground.place("ada", **terms)
    ground.place("ada", **terms, quantity="9")
    ground.execute()
    change = orders.OrderChange(time_in_force="gtc")
    caller = Caller(ground.traders["ada"].user_id)
    orders.replace_order(ground.database, ground.outbox, caller, replaced.order_id, change, NO_KEY)
    # The market closes before the executor looks.
    ground.at(7 * 60)
    ground.run()
    with ground.world.database.transaction() as connection:
        assert broken_invariants(connection) == {}


@pytest.mark.parametrize("part", [0, 2])
def test_a_sale_that_closes_waits_for_a_purchase_at_work_and_sells_what_it_filled(ground: Ground, part: int) -> None:
    ground.add("ada")
    ground.buy("ada", "by hand")
    ground.run()
    purchase = ground.place("ada", quantity="5")
    ground.execute()
    if part:
        (working,) = ground.at_work()
        ground.world.exchange.fill(working, Decimal(part), Decimal(100), ground.world.broker.now_at)
        ground.settle()
    ground.close("ada")
    assert not ground.one(purchase.order_id).cancel_requested
    ground.finish()
    assert (ground.one(purchase.order_id).status, ground.left()) == ("FILLED", {})


def test_what_a_waiting_purchase_fills_after_a_close_stays(ground: Ground) -> None:
    ground.add("ada")
    ground.buy("ada", "by hand")
    ground.run()
    ground.place("ada", type="limit", limit_price="90", quantity="5", time_in_force="gtc")
    ground.execute()
    ground.close("ada")
    ground.finish()
    assert ground.held("ada") == {}
    ground.finish(6, AAPL="89")
    assert ground.held("ada") == {"AAPL": 5}


@pytest.mark.parametrize("where", ["by hand", "in a session"])
def test_a_close_after_more_was_bought_sells_that_too(ground: Ground, where: str) -> None:
    """The first sale came back from the market with its old size; more is bought while it pauses; then all is closed again."""
    trader = ground.add("ada")
    ground.buy("ada", where)
    ground.run()
    ground.close("ada")
    ground.execute()
    ground.unfilled()
    if where == "by hand":
        ground.place("ada", quantity="5")
    else:
        with ground.world.database.transaction() as connection:
            add_signal(connection, trader, "buy", OPEN + timedelta(minutes=1), quantity=5)
    ground.execute()
    (working,) = ground.at_work()
    ground.world.exchange.fill(working, working.quantity, Decimal(100), ground.world.broker.now_at)
    ground.settle()
    assert ground.held("ada") == {"AAPL": 15}
    ground.close("ada")
    ground.finish()
    assert ground.held("ada") == {}
