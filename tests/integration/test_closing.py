"""Nothing is left behind: what is filled after a stop, a pause or the closing of an account is sold, or said."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, LiteralString

import pytest
from stratforge.application.access import Caller
from stratforge.application.errors import Conflict
from stratforge.application.strategies import delete_strategy
from stratforge.broker import Rejected
from stratforge.broker.refusals import Refusal
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, TimeInForce, TradingState
from stratforge.storage.ledger import halts, order_book, session_pnl
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import NewOrder
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies import sessions
from stratforge.storage.users import accounts

from tests.support.ledger import Trader, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(world: World) -> World:
    """A world in which a session's purchase of 100 shares is at work, and one by hand of 10."""
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"), quantity=100)
        by_hand = NewOrder("AAPL", OrderTerms(Side.BUY), TimeInForce.DAY, SizeKind.QUANTITY, Decimal(10))
        order_book.place_order(connection, trader.user_id, by_hand)
    world.execute("AAPL")
    world.trader = trader  # type: ignore[attr-defined]
    return world


def trader_of(world: World) -> Trader:
    """The user."""
    found: Trader = world.trader  # type: ignore[attr-defined]
    return found


def fill_what_works(world: World, part: int = 1) -> None:
    """The exchange fills a part of what is open, and the settler hears of it."""
    for order in [each for each in world.exchange.orders.values() if each.open]:
        world.exchange.fill(order, order.quantity / part, Decimal(100), world.broker.now_at)
    while world.updates and world.settle(0):
        pass


def session_of(world: World) -> Any:
    """The session as its owner sees it."""
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        return sessions.get_session(connection, trader_of(world).session_id)


def held(world: World) -> Decimal:
    """What the user holds in all."""
    with world.database.transaction() as connection:
        row = connection.execute("SELECT coalesce(sum(quantity), 0) FROM positions").fetchone()
    assert row is not None
    return Decimal(row[0])


def finish(world: World) -> None:
    """Prices come, and everything is delivered."""
    for minute in (1, 3):
        with world.database.transaction() as connection:
            set_price(connection, "100", minute)
        world.work.append("AAPL")
        world.quiet()


def test_a_session_that_holds_nothing_and_waits_for_nothing_is_final_as_soon_as_it_is_stopped(world: World) -> None:
    """No fill comes that would say so: its page would call it settling until the reconciler's next round."""
    with world.database.transaction() as connection:
        idle = add_trader(connection, "idle")
        stopped = sessions.stop_session(connection, idle.session_id, flatten=True)
    assert stopped is not None
    assert (stopped.status, stopped.settling, stopped.final_pnl) == ("STOPPED", False, Decimal(0))


def test_a_session_that_is_stopped_to_hold_nothing_sells_what_is_filled_afterwards(world: World) -> None:
    with world.database.transaction() as connection:
        stopped = sessions.stop_session(connection, trader_of(world).session_id, flatten=True)
    assert stopped is not None
    assert (stopped.settling, stopped.flattening, stopped.open_orders) == (True, True, 1)
    world.execute("AAPL")
    fill_what_works(world)
    assert "AAPL" in world.work, "the fill wakes the executor"
    bought = session_of(world)
    assert (bought.settling, bought.held_quantity, bought.final_pnl) == (True, Decimal(100), bought.final_pnl)
    finish(world)
    sold = session_of(world)
    assert (sold.settling, sold.held_quantity, sold.open_orders) == (False, Decimal(0), 0)
    assert held(world) == 10, "what was bought by hand is another matter"


def test_closing_ends_when_the_last_order_is_done_and_sold(world: World) -> None:
    with world.database.transaction(trader_of(world).user_id) as connection:
        assert accounts.close_account(connection)
    world.execute("AAPL")
    fill_what_works(world)
    assert held(world) == 110
    assert world.reconciler.run().closing == {"AAPL": 2}
    finish(world)
    assert (held(world), world.reconciler.run().closing) == (Decimal(0), {})
    assert not session_of(world).settling


def impose(connection: Connection, trader: Trader, state: str) -> None:
    """An operator imposes a trading state on a user."""
    connection.execute("UPDATE users SET imposed_state = %s::trading_state WHERE id = %s", (state, trader.user_id))


@pytest.mark.parametrize("halted", ["user", "symbol", "platform"])
def test_closing_goes_on_after_a_halt(world: World, halted: str) -> None:
    with world.database.transaction() as connection:
        sessions.stop_session(connection, trader_of(world).session_id, flatten=True)
        if halted == "user":
            impose(connection, trader_of(world), "HALTED")
        elif halted == "symbol":
            halts.halt_symbol(connection, "AAPL", "OPERATOR", "test")
        else:
            halts.set_platform_state(connection, TradingState.HALTED, "test")
    fill_what_works(world)
    finish(world)
    assert (session_of(world).settling, session_of(world).held_quantity) == (True, Decimal(100))
    with world.database.transaction() as connection:
        impose(connection, trader_of(world), "ACTIVE")
        halts.resume_symbol(connection, "AAPL")
        halts.set_platform_state(connection, TradingState.ACTIVE, "test")
    finish(world)
    assert (session_of(world).settling, session_of(world).held_quantity) == (False, Decimal(0))


def test_a_stop_calls_off_what_is_left_of_a_signal_and_keeps_what_it_holds(world: World) -> None:
    with world.database.transaction() as connection:
        sessions.stop_session(connection, trader_of(world).session_id)
    fill_what_works(world, 2)
    finish(world)
    left = session_of(world)
    assert (left.settling, left.flattening, left.held_quantity) == (False, False, Decimal(100))


def test_a_pause_calls_off_what_would_be_tried_again(world: World) -> None:
    with world.database.transaction() as connection:
        settings = sessions.SessionSettings()
        sessions.change_session(connection, trader_of(world).session_id, settings, paused=True)
    for order in [each for each in world.exchange.orders.values() if each.open]:
        world.exchange.cancel(order, world.broker.now_at)
    finish(world)
    assert (session_of(world).held_quantity, session_of(world).open_orders) == (Decimal(0), 0)


def test_a_strategy_is_deleted_when_nothing_of_it_is_held_or_at_work(world: World) -> None:
    trader = trader_of(world)
    with world.database.transaction() as connection:
        stopped = sessions.stop_session(connection, trader.session_id)
    assert stopped is not None
    caller = Caller(trader.user_id)
    with pytest.raises(Conflict, match="1 orders at work"):
        delete_strategy(world.database, caller, stopped.strategy_id)
    fill_what_works(world)
    with pytest.raises(Conflict, match="holds 100 AAPL"):
        delete_strategy(world.database, caller, stopped.strategy_id)
    with world.database.transaction() as connection:
        sessions.flatten_session(connection, trader.session_id)
    finish(world)
    delete_strategy(world.database, caller, stopped.strategy_id)


class Remainders:
    """A world in which sessions of one user each hold a little of a symbol."""

    def __init__(self, conninfo: str, quantities: list[str]) -> None:
        self.world, self.minute = World(conninfo), 0
        with self.world.database.transaction() as connection:
            first = add_trader(connection, "ada")
            strategy = connection.execute("SELECT strategy_id FROM sessions").fetchone()
            assert strategy is not None
            self.traders = [first]
            for _ in quantities[1:]:
                more = sessions.start_session(
                    connection, first.user_id, strategy[0], 1, "AAPL", sessions.SessionSettings()
                )
                self.traders.append(Trader(first.user_id, more.session_id))
        for side in ("buy", "sell"):
            with self.world.database.transaction() as connection:
                time = set_price(connection, "12", self.minute)
                for trader, quantity in zip(self.traders, quantities, strict=True):
                    add_signal(
                        connection, trader, side, time, quantity=100 - (float(quantity) if side == "sell" else 0)
                    )
            self.pass_time("12")
        # What is worth a dollar when the rest is sold is not any more when the price has fallen.
        for price in ("10", "8", "6.5", "5.2", "4.2", "3.4", "2.8", "2.3", "1.85"):
            self.pass_time(price)

    def pass_time(self, price: str = "1.85", times: int = 1) -> None:
        """Bars come, two minutes apart, and everything is delivered."""
        for _ in range(times):
            self.world.broker.prices["AAPL"] = Decimal(price)
            with self.world.database.transaction() as connection:
                set_price(connection, price, self.minute)
            self.minute += 2
            self.world.work.append("AAPL")
            self.world.quiet()

    def stop(self, which: int) -> None:
        """A session is stopped, to hold nothing."""
        with self.world.database.transaction() as connection:
            sessions.stop_session(connection, self.traders[which].session_id, flatten=True)

    def state(self) -> list[tuple[bool, str]]:
        """Of each session, whether it is settling, and what it holds."""
        with self.world.database.transaction() as connection:
            assert broken_invariants(connection) == {}
            found = [sessions.get_session(connection, each.session_id) for each in self.traders]
        return [(each.settling, f"{each.held_quantity.normalize():f}") for each in found if each is not None]

    def ask(self, query: LiteralString) -> Any:
        """A single value."""
        with self.world.database.transaction() as connection:
            return fetch_value(connection, query)


_TRIED = "SELECT count(*) FROM orders WHERE origin = 'FLATTEN'"


@pytest.mark.parametrize("one_after_the_other", [False, True])
def test_remainders_of_one_owner_are_sold_together(migrated: str, one_after_the_other: bool) -> None:
    left = Remainders(migrated, ["0.4", "0.4"])
    left.stop(0)
    if one_after_the_other:
        left.pass_time(times=3)
        assert left.state()[0] == (False, "0.4"), "alone it is too small"
    left.stop(1)
    left.pass_time(times=3)
    assert left.state() == [(False, "0"), (False, "0")]
    wrong = """
        SELECT count(*) FROM sessions s WHERE s.final_pnl IS DISTINCT FROM (SELECT sum(realized_pnl) FROM positions p WHERE p.session_id = s.id)
    """
    assert left.ask(wrong) == 0, "the profit is that of all that was sold"
    left.world.close()


def test_a_remainder_is_asked_about_once_a_minute_however_much_there_is_to_sell_with_it(migrated: str) -> None:
    left = Remainders(migrated, ["0.1", "0.1", "0.2", "60"])
    left.stop(0)
    for trader in left.traders:
        # A fill that comes after all leaves something to be sold that nobody asked for.
        with left.world.database.transaction() as connection:
            connection.execute(
                "UPDATE sessions SET status = 'STOPPED', ended_at = now(), settling = true, flatten_requested_at = now() WHERE id = %s",
                (trader.session_id,),
            )
        left.world.work.append("AAPL")
        left.world.quiet()
    asked = "SELECT max(n) FROM (SELECT count(*) AS n FROM orders WHERE origin = 'FLATTEN' GROUP BY session_id, decided_at) times"
    assert left.ask(asked) == 1
    left.pass_time(times=3)
    assert left.ask(asked) == 1
    assert {quantity for _, quantity in left.state()} == {"0"}
    left.world.close()


def test_a_remainder_goes_with_a_large_position(migrated: str) -> None:
    left = Remainders(migrated, ["0.4", "60"])
    left.stop(0)
    left.pass_time(times=2)
    left.stop(1)
    left.pass_time(times=2)
    assert left.state() == [(False, "0"), (False, "0")]
    left.world.close()


def test_remainders_that_are_too_small_together_are_not_tried_for_ever(migrated: str) -> None:
    left = Remainders(migrated, ["0.1", "0.2", "0.1"])
    for which in range(3):
        left.stop(which)
        left.pass_time(times=2)
    left.pass_time(times=2)
    tried = left.ask(_TRIED)
    left.pass_time(times=4)
    left.world.reconciler.run()
    left.pass_time()
    assert left.state() == [(False, "0.1"), (False, "0.2"), (False, "0.1")]
    assert left.ask(_TRIED) == tried <= 2 * (1 + 2 + 3)
    assert left.ask("SELECT count(*) FROM orders WHERE origin = 'FLATTEN' AND reason <> 'BELOW_MINIMUM'") == 0
    left.world.close()


def test_a_closed_account_sells_its_remainders_together(migrated: str) -> None:
    left = Remainders(migrated, ["0.3", "0.3"])
    left.stop(0)
    left.pass_time(times=2)
    with left.world.database.transaction(left.traders[0].user_id) as connection:
        assert accounts.close_account(connection)
    left.pass_time(times=3)
    assert left.ask("SELECT sum(quantity) FROM positions") == 0
    assert left.state() == [(False, "0"), (False, "0")]
    left.world.close()


def test_what_is_too_small_keeps_no_closed_account_from_being_erased(migrated: str) -> None:
    left = Remainders(migrated, ["0.2", "0.1"])
    with left.world.database.transaction(left.traders[0].user_id) as connection:
        assert accounts.close_account(connection)
    with left.world.database.transaction() as connection:
        assert accounts.erase_closed(connection, timedelta(seconds=-1), 10) == 0, "its orders are open"
    left.pass_time(times=3)
    assert left.state() == [(False, "0.2"), (False, "0.1")]
    assert left.world.reconciler.run().closing == {}, "nothing of it can be sold"
    with left.world.database.transaction() as connection:
        assert accounts.erase_closed(connection, timedelta(seconds=-1), 10) == 1
    left.world.close()


def test_what_is_too_small_to_be_sold_ends_the_closing(migrated: str) -> None:
    world = World(migrated)
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")

    def at(price: str, minute: int) -> None:
        world.broker.prices["AAPL"] = Decimal(price)
        with world.database.transaction() as connection:
            set_price(connection, price, minute)
        world.work.append("AAPL")
        world.quiet()

    for minute, (side, quantity) in enumerate([("buy", 100), ("sell", 99.47)]):
        with world.database.transaction() as connection:
            add_signal(connection, trader, side, set_price(connection, "1.90", minute), quantity=quantity)
        at("1.90", minute)
    at("1.85", 2)
    with world.database.transaction() as connection:
        sessions.stop_session(connection, trader.session_id, flatten=True)
    for minute in (3, 5, 7):
        at("1.85", minute)
    with world.database.transaction() as connection:
        left = sessions.get_session(connection, trader.session_id)
        tried = connection.execute(
            "SELECT count(*), min(reason), max(reason) FROM orders WHERE origin = 'FLATTEN'"
        ).fetchone()
    assert left is not None
    assert (left.settling, left.held_quantity) == (False, Decimal("0.53"))
    assert tried == (2, "BELOW_MINIMUM", "BELOW_MINIMUM"), "it is not tried for ever"
    world.close()


def test_a_remainder_finer_than_the_brokers_steps_is_asked_about_once_a_minute_at_most(migrated: str) -> None:
    world = World(migrated)
    world.broker.prices["AAPL"] = Decimal("1.85")
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "1.85"), quantity=100)
    world.work.append("AAPL")
    world.quiet()
    # What a split by a third leaves has more places than the broker's quantities: what is refused is less than what is free.
    fine = Decimal("0.530000000000333")
    with world.database.transaction() as connection:
        connection.execute("UPDATE positions SET quantity = %s, cost_basis = 1", (fine,))
        set_price(connection, "1.85", 3)
        sessions.stop_session(connection, trader.session_id, flatten=True)
    for _ in range(4):
        world.executor.execute("AAPL")
    with world.database.transaction() as connection:
        tried = connection.execute(
            "SELECT count(*) FROM orders WHERE origin = 'FLATTEN' AND status = 'REJECTED'"
        ).fetchone()
    assert tried == (1,)
    # Asked about as it is a minute later, it is known to be too small, and nothing more is waited for.
    with world.database.transaction() as connection:
        set_price(connection, "1.85", 5)
    world.executor.execute("AAPL")
    with world.database.transaction() as connection:
        session_pnl.fix_final_pnl(connection, "AAPL")
        left = sessions.get_session(connection, trader.session_id)
    assert left is not None
    assert (left.settling, left.held_quantity) == (False, fine)
    world.close()


def trade_a_minute(world: World, price: str, minute: int) -> None:
    """A price comes, and what it leads to is executed, filled and settled; nobody compares the ledger, which the test wrote itself."""
    with world.database.transaction() as connection:
        set_price(connection, price, minute)
    for _ in range(2):
        world.executor.execute("AAPL")
        for order in [each for each in world.exchange.orders.values() if each.open]:
            world.exchange.fill(order, order.quantity - order.filled_quantity, Decimal(price), world.broker.now_at)
        while world.updates:
            assert world.settle(0)


@pytest.mark.parametrize(
    ("price", "by_hand", "in_session", "left"),
    [
        # Whole units are taken whatever they are worth, also with a part beside them, in the same position or in another.
        ("0.40", "2", "0.3", {"0.3"}),
        ("0.40", "1.5", "0.2", {"0.5", "0.2"}),
        # Together they are a cent above the minimum only with what is finer than the broker's steps.
        ("100", "0.0050000000005", "0.0049999999995", {"0.0050000000005", "0.0049999999995"}),
    ],
)
def test_a_closed_account_sells_what_can_be_sold_and_is_done_waiting(
    migrated: str, price: str, by_hand: str, in_session: str, left: set[str]
) -> None:
    world = World(migrated)
    world.broker.prices["AAPL"] = Decimal(price)
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        new = NewOrder(
            "AAPL",
            OrderTerms(Side.BUY),
            TimeInForce.DAY,
            SizeKind.QUANTITY,
            Decimal(10),
        )
        set_price(connection, price)
        order_book.place_order(connection, trader.user_id, new)
    world.work.append("AAPL")
    world.quiet()
    parts = {None: Decimal(by_hand), trader.session_id: Decimal(in_session)}
    with world.database.transaction() as connection:
        connection.execute("DELETE FROM positions")
        for session_id, quantity in parts.items():
            connection.execute(
                "INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis) VALUES (%s, %s, 'AAPL', %s, 1)",
                (trader.user_id, session_id, quantity),
            )
    world.exchange.positions["AAPL"] = sum(parts.values(), Decimal(0))
    with world.database.transaction(trader.user_id) as connection:
        assert accounts.close_account(connection)
    for minute in range(1, 9):
        trade_a_minute(world, price, minute)
    with world.database.transaction() as connection:
        held = {row[0] for row in connection.execute("SELECT quantity FROM positions WHERE quantity > 0")}
        # As every pass of the reconciler does.
        session_pnl.fix_final_pnl(connection, "AAPL")
        waiting = connection.execute("SELECT count(*) FROM sessions WHERE settling").fetchone()
        connection.execute("UPDATE users SET closed_at = now() - interval '2 hours'")
        erased = connection.execute("SELECT erase_closed_accounts(interval '1 hour', 10)").fetchone()
    assert held == {Decimal(each) for each in left}
    assert (waiting, erased) == ((0,), (1,))
    world.close()


def test_a_part_that_was_too_small_says_nothing_of_a_whole_unit(migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(migrated)
    world.broker.prices["AAPL"] = Decimal(100)
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"), quantity=1)
    world.work.append("AAPL")
    world.quiet()
    with world.database.transaction() as connection:
        connection.execute("UPDATE positions SET quantity = 0.005")
        sessions.flatten_session(connection, trader.session_id)
    trade_a_minute(world, "100", 1)
    with world.database.transaction() as connection:
        refused = connection.execute("SELECT size_kind::text, size FROM orders WHERE status = 'REJECTED'").fetchall()
        connection.execute("UPDATE positions SET quantity = 1")
    assert ("fraction", Decimal(1)) in refused
    with world.database.transaction(trader.user_id) as connection:
        assert accounts.close_account(connection)
    # The order that closing places comes to nothing at the broker, and whoever looks for what is still to be sold sees the first refusal.
    with world.database.transaction() as connection:
        set_price(connection, "100", 2)
    with monkeypatch.context() as patched:
        patched.setattr(world.broker, "submit", lambda **_given: Rejected("unprocessable", Refusal.INVALID_ORDER))
        world.executor.execute("AAPL")
    for minute in range(3, 9):
        trade_a_minute(world, "100", minute)
    assert held(world) == 0
    world.close()
