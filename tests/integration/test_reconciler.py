"""What the reconciler does about what the others could not know."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from simulators.alpaca.exchange import SimulatedOrder
from stratforge.application.audit_ledger import audit_ledger
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.ledger import halts, invariants, operations
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.operations import OpenCorrection
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database

from tests.support.ledger import Trader, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(world: World) -> World:
    """A world with one user, an operator, who holds a position."""
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute("UPDATE users SET is_operator = true")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    world.work = ["AAPL"]
    world.quiet()
    world.trader = trader  # type: ignore[attr-defined]
    return world


def trader_of(world: World) -> Trader:
    """The user."""
    found: Trader = world.trader  # type: ignore[attr-defined]
    return found


def halted(world: World) -> dict[str, str]:
    """Halted symbols and why."""
    with world.database.transaction() as connection:
        return {halt.symbol: halt.reason for halt in halts.halted_symbols(connection)}


def test_an_order_at_the_broker_that_nobody_knows_halts_the_symbol(world: World) -> None:
    request = {"client_order_id": "by-hand", "symbol": "AAPL", "side": "buy", "qty": "3", "type": "market"}
    order = world.exchange.submit(request, world.broker.now_at, Decimal(100))
    world.exchange.fill(order, Decimal(3), Decimal(100), world.broker.now_at)
    report = world.reconciler.run()
    assert not report.clean
    assert halted(world) == {"AAPL": "UNKNOWN_ORDER"}
    assert "by-hand" in report.unexplained["AAPL"]


def by_hand(world: World, symbol: str, side: str, quantity: str) -> SimulatedOrder:
    """Somebody trades on the account, not by the platform."""
    request = {
        "client_order_id": f"by-hand-{len(world.exchange.orders)}",
        "symbol": symbol,
        "side": side,
        "qty": quantity,
        "type": "market",
    }
    order = world.exchange.submit(request, world.broker.now_at, Decimal(100))
    world.exchange.fill(order, Decimal(quantity), Decimal(100), world.broker.now_at)
    world.updates.clear()
    return order


@pytest.mark.parametrize("symbol", ["MSFT", "BTC/USD"])
def test_an_order_of_nobody_that_an_operator_accepts_is_the_accounts_own(world: World, symbol: str) -> None:
    by_hand(world, symbol, "buy", "3")
    world.broker.now_at += timedelta(days=2)
    sold = by_hand(world, symbol, "sell", "1")
    assert symbol in world.reconciler.run().unexplained
    accept(world)
    # The other one is too old for the reconciler; what it left is a difference still.
    assert world.reconciler.run().drift.keys() == {symbol}
    world.broker.now_at -= timedelta(days=2)
    assert symbol in world.reconciler.run().unexplained
    accept(world)
    assert (world.reconciler.run().drift, halted(world)) == ({}, {})
    world.broker.now_at += timedelta(days=2)
    assert world.reconciler.run().clean
    assert audited(world) == set()
    change(world, sold, price_of(sold) + 5)
    assert symbol in world.reconciler.run().unexplained


def test_what_the_account_lacks_is_bought_by_hand_before_its_last_holders_can_sell(world: World) -> None:
    lacking(world)
    for _ in range(2):
        assert "lacks 5" in world.reconciler.run().unexplained["AAPL"]
    by_hand(world, "AAPL", "buy", "5")
    assert "not in the ledger" in world.reconciler.run().unexplained["AAPL"]
    accept(world)
    report = world.reconciler.run()
    assert (report.clean, report.resumed) == (True, ["AAPL"])
    sells_all_that_is_held(world)


def sells_all_that_is_held(world: World) -> None:
    """What is held is sold as ever, and leaves nothing behind."""
    with world.database.transaction() as connection:
        add_signal(connection, trader_of(world), "sell", set_price(connection, "100", 5))
    world.work = ["AAPL"]
    world.quiet()
    assert (halted(world), audited(world)) == ({}, set())
    assert world.exchange.positions["AAPL"] == 0


def lacking(world: World) -> None:
    """The account lacks five shares of what is held, by an operator's word, and the broker has refused to sell them."""
    busted(world)
    with world.database.transaction() as connection:
        add_signal(connection, trader_of(world), "buy", set_price(connection, "100", 2), quantity=7)
    world.work = ["AAPL"]
    world.quiet()
    with world.database.transaction() as connection:
        add_signal(connection, trader_of(world), "sell", set_price(connection, "100", 3))
    world.execute("AAPL")
    assert halted(world) == {"AAPL": "MISSING_UNITS"}


def have_bought(world: World) -> bool:
    """An operator has the account buy what it lacks."""
    with world.database.transaction(trader_of(world).user_id) as connection:
        return operations.buy_missing(connection, "AAPL", "the broker took a fill back")


def house_order(world: World) -> SimulatedOrder:
    """The account's own order at the exchange."""
    (order,) = [each for name, each in world.exchange.by_client_id.items() if name.startswith("house-") and each.open]
    return order


@pytest.mark.parametrize("reply", ["", "before", "after"])
def test_what_the_account_lacks_is_bought_for_it_once_when_an_operator_asks(world: World, reply: str) -> None:
    lacking(world)
    assert have_bought(world)
    assert not have_bought(world)
    world.broker.submit_fault = reply
    for _ in range(2 if reply == "before" else 1):
        assert world.reconciler.run().buying.keys() == {"AAPL"}
    order = house_order(world)
    assert (order.side, order.quantity, order.limit_price) == ("buy", Decimal(5), Decimal(102))
    world.exchange.fill(order, Decimal(5), Decimal(101), world.broker.now_at)
    world.updates.clear()
    report = world.reconciler.run()
    assert (report.clean, report.buying, report.resumed, halted(world)) == (True, {}, ["AAPL"], {})
    assert kept(world) == []
    sells_all_that_is_held(world)


def test_what_is_bought_of_it_in_part_counts_and_the_rest_is_asked_for_again(world: World) -> None:
    lacking(world)
    assert have_bought(world)
    world.reconciler.run()
    world.exchange.fill(house_order(world), Decimal(2), Decimal(100), world.broker.now_at)
    assert "called off" in world.reconciler.run().buying["AAPL"]
    world.updates.clear()
    report = world.reconciler.run()
    assert "lacks 3" in report.unexplained["AAPL"]
    assert halted(world) == {"AAPL": "MISSING_UNITS"}
    assert have_bought(world)
    world.reconciler.run()
    assert house_order(world).quantity == 3
    assert audited(world) <= {"position at the broker"}


def test_nothing_is_bought_for_the_account_where_nothing_is_missing_or_the_market_is_closed(world: World) -> None:
    assert not have_bought(world)
    lacking(world)
    assert have_bought(world)
    with world.database.transaction() as connection:
        set_price(connection, "100", 600)
    assert "open" in world.reconciler.run().buying["AAPL"]
    by_hand(world, "AAPL", "buy", "5")
    sent = len(world.exchange.orders)
    with world.database.transaction() as connection:
        connection.execute("DELETE FROM house_orders")
    assert "not in the ledger" in world.reconciler.run().unexplained["AAPL"]
    accept(world)
    with world.database.transaction() as connection:
        connection.execute("INSERT INTO house_orders (client_order_id, symbol) VALUES ('house-1', 'AAPL')")
    assert world.reconciler.run().buying == {}
    assert len(world.exchange.orders) == sent


@pytest.mark.parametrize("symbol", ["BRK.B", "BTC/USD"])
def test_a_correction_that_the_statement_does_not_show_yet_is_no_drift_whatever_the_symbol(
    world: World, monkeypatch: pytest.MonkeyPatch, symbol: str
) -> None:
    world.broker.prices[symbol] = Decimal(100)
    with world.database.transaction() as connection:
        bob = add_trader(connection, "bob", symbol)
        add_signal(connection, bob, "buy", set_price(connection, "100", 0, symbol), symbol)
    world.work = [symbol]
    world.quiet()
    order = next(each for each in world.exchange.orders.values() if each.symbol == symbol)
    world.exchange.correct_last_fill(order, Decimal(90), Decimal(100), world.broker.now_at)
    monkeypatch.setattr(world.broker, "fills_since", lambda *_between: [])
    report = world.reconciler.run()
    assert report.unconfirmed == {order.client_order_id: symbol}
    assert (report.drift, halted(world)) == ({}, {})


def test_a_correction_is_borne_by_whoever_bought_at_the_price_from_the_broker_or_inside(world: World) -> None:
    with world.database.transaction() as connection:
        bar_time = set_price(connection, "100", 1)
        buyers = [add_trader(connection, name) for name in ("bob", "cat")]
        for buyer in buyers:
            add_signal(connection, buyer, "buy", bar_time)
        add_signal(connection, trader_of(world), "sell", bar_time)
    world.quiet()

    def cash_of_buyers() -> list[Decimal]:
        with world.database.transaction() as connection:
            rows = connection.execute(
                "SELECT virtual_balance FROM users WHERE id = ANY(%s)", ([each.user_id for each in buyers],)
            )
            return [row[0] for row in rows]

    with world.database.transaction() as connection:
        assert connection.execute(
            "SELECT count(DISTINCT user_id) FROM trades WHERE inside AND side = 'buy'"
        ).fetchone() != (0,)
    before = cash_of_buyers()
    order = list(world.exchange.orders.values())[-1]
    world.exchange.correct_last_fill(order, order.filled_quantity, Decimal(98), world.broker.now_at)
    world.reconciler.run()
    gained = [after - then for after, then in zip(cash_of_buyers(), before, strict=True)]
    assert gained[0] > 0
    assert abs(gained[0] - gained[1]) < Decimal("0.000001")


def test_units_that_the_broker_took_back_are_taken_once(world: World) -> None:
    (order,) = world.exchange.orders.values()
    world.exchange.correct_last_fill(order, order.filled_quantity - 5, price_of(order), world.broker.now_at)
    assert world.reconciler.run().corrected == [order.client_order_id]
    for _ in range(2):
        report = world.reconciler.run()
        assert (report.clean, report.corrected) == (True, [])
    with world.database.transaction() as connection:
        assert connection.execute("SELECT quantity FROM positions").fetchall() == [(order.filled_quantity,)]


def test_money_that_a_holder_does_not_have_halts_nobody_and_is_taken_when_he_has_it(world: World) -> None:
    def add_cash(change: str) -> Decimal:
        with world.database.transaction() as connection:
            query = f"UPDATE users SET virtual_balance = {change} WHERE id = %s RETURNING virtual_balance"
            row = connection.execute(query, (trader_of(world).user_id,)).fetchone()
        assert row is not None
        return Decimal(row[0])

    add_cash("0.0000007")
    order = list(world.exchange.orders.values())[-1]
    world.exchange.correct_last_fill(order, order.filled_quantity, Decimal("100.02"), world.broker.now_at)
    for _ in range(2):
        report = world.reconciler.run()
        assert (report.clean, halted(world), report.corrected) == (False, {}, [])
        assert order.client_order_id in report.unexplained
    # Days later too, when the statement of a day does not reach back to it.
    world.broker.now_at += timedelta(days=3)
    assert order.client_order_id in world.reconciler.run().unexplained
    add_cash("50")
    report = world.reconciler.run()
    assert (report.corrected, report.unexplained) == ([order.client_order_id], {})
    assert kept(world) == [], "nobody is asked about what was followed"
    world.broker.now_at -= timedelta(days=3)
    assert add_cash("virtual_balance") == 50 - order.filled_quantity * Decimal("0.01")
    order = list(world.exchange.orders.values())[-1]
    world.exchange.correct_last_fill(order, order.filled_quantity - 1, Decimal("200"), world.broker.now_at)
    world.reconciler.run()
    assert halted(world) == {"AAPL": "UNEXPLAINED_FILL"}, "whose units are in doubt trades no more"


def unpaid(world: World) -> SimulatedOrder:
    """An order that the broker made dearer by more than its holder has."""
    order = list(world.exchange.orders.values())[-1]
    change(world, order, price_of(order) + 1000)
    assert order.client_order_id in world.reconciler.run().unexplained
    return order


def price_of(order: SimulatedOrder) -> Decimal:
    """What a unit came to."""
    return order.filled_value / order.filled_quantity


def change(world: World, order: SimulatedOrder, price: Decimal) -> None:
    """The broker changes an order's price."""
    world.exchange.correct_last_fill(order, order.filled_quantity, price, world.broker.now_at)


def kept(world: World) -> list[OpenCorrection]:
    """What operators are asked to accept."""
    with world.database.transaction(trader_of(world).user_id) as connection:
        return operations.corrections(connection)


def accept(world: World) -> None:
    """An operator accepts what is shown to him."""
    (correction,) = kept(world)
    with world.database.transaction(trader_of(world).user_id) as connection:
        named = (correction.order_id, correction.quantity, correction.value)
        assert not operations.accept_correction(connection, *named[:2], correction.value + 1, "another amount")
        assert operations.accept_correction(connection, *named, "a test")
        assert not operations.accept_correction(connection, *named, "again")


def audited(world: World, *, anew: bool = False) -> set[str]:
    """What an audit finds."""
    statement = audit_ledger(world.database, world.broker, quiet=-timedelta(days=7300), anew=anew)
    return {each.what for each in statement.differences}


@pytest.mark.parametrize("halt", [None, "UNEXPLAINED_FILL", "PRICE_JUMP"])
def test_a_correction_that_cannot_be_followed_is_kept_until_an_operator_accepts_it(
    world: World, halt: str | None
) -> None:
    order = unpaid(world)
    if halt:
        with world.database.transaction() as connection:
            halts.halt_symbol(connection, "AAPL", halt, "")
    # Whoever resumes the symbol, once or twice, has not said that he accepts anything.
    with world.database.transaction(trader_of(world).user_id) as connection:
        assert [operations.resume(connection, "AAPL") for _ in range(2)] == [halt is not None, False]
    world.broker.now_at += timedelta(days=3)
    assert world.reconciler.run().unexplained.keys() == {order.client_order_id}
    if halt:
        with world.database.transaction() as connection:
            halts.halt_symbol(connection, "AAPL", halt, "")
    accept(world)
    assert (world.reconciler.run().unexplained, kept(world)) == ({}, [])
    assert halted(world) == ({"AAPL": halt} if halt == "PRICE_JUMP" else {})
    assert audited(world) == set()


def test_an_audit_changes_nothing_of_what_an_operator_accepted_or_is_about_to(world: World) -> None:
    order = unpaid(world)
    assert audited(world) == {"value of an order"}
    assert [each.value for each in kept(world)] == [order.filled_quantity * 1000]
    accept(world)
    price = price_of(order)
    world.broker.now_at += timedelta(days=4)
    change(world, order, price + 1)
    assert audited(world, anew=True) == audited(world) == {"value of an order"}
    change(world, order, price)
    assert audited(world) == set()
    assert world.reconciler.run().clean
    assert kept(world) == []


@pytest.mark.parametrize("days", [0, 4])
@pytest.mark.parametrize("more", ["-1000.01", "1001"])
def test_what_differs_otherwise_than_was_accepted_is_followed_or_said(world: World, days: int, more: str) -> None:
    order = unpaid(world)
    accept(world)
    assert world.reconciler.run().clean
    world.broker.now_at += timedelta(days=days)
    change(world, order, price_of(order) + Decimal(more))
    if days:
        assert world.reconciler.run().clean, "nobody looks so far back by himself"
        assert audited(world, anew=True) == {"value of an order"}
    # What is less than the ledger has is given back; more than its holder has is kept again, with the whole amount.
    followed, report = more.startswith("-"), world.reconciler.run()
    assert (bool(report.corrected), bool(report.unexplained)) == (followed, not followed)
    assert [each.value for each in kept(world)] == ([] if followed else [order.filled_quantity * 2001])
    assert audited(world) == (set() if followed else {"value of an order"})


def busted(world: World) -> SimulatedOrder:
    """A purchase of which the broker took five shares back after they were sold on, which an operator has accepted."""
    bought = list(world.exchange.orders.values())[-1]
    with world.database.transaction() as connection:
        add_signal(connection, trader_of(world), "sell", set_price(connection, "100", 1))
    world.work = ["AAPL"]
    world.quiet()
    world.exchange.correct_last_fill(bought, bought.filled_quantity - 5, price_of(bought), world.broker.now_at)
    assert world.reconciler.run().drift.keys() == {"AAPL"}
    accept(world)
    return bought


@pytest.mark.parametrize("days", [0, 4])
def test_units_that_an_operator_accepted_are_the_accounts_own(world: World, days: int) -> None:
    bought = busted(world)
    for _ in range(2):
        report = world.reconciler.run()
        assert (report.clean, report.drift, halted(world)) == (True, {}, {})
    assert audited(world) == set()
    # Anything else is a difference as before.
    world.exchange.positions["AAPL"] += 1
    assert world.reconciler.run().drift == {"AAPL": (Decimal(0), Decimal(1))}
    assert audited(world) == {"position at the broker"}
    world.exchange.positions["AAPL"] -= 1
    assert world.reconciler.run().resumed == ["AAPL"]
    # The broker gives them back; after days an audit sees it.
    world.broker.now_at += timedelta(days=days)
    world.exchange.correct_last_fill(bought, bought.filled_quantity + 5, price_of(bought), world.broker.now_at)
    if days:
        assert audited(world) == {"position at the broker"}
    assert world.reconciler.run().clean
    assert (audited(world), kept(world)) == (set(), [])


def test_the_accounts_own_units_are_split_and_renamed_with_all_others(world: World) -> None:
    busted(world)
    world.broker.now_at += timedelta(hours=15)
    today = world.broker.now_at.date()
    world.broker.actions += [
        CorporateAction("split", "AAPL", ActionKind.SPLIT, today, Decimal(1) / 3),
        CorporateAction("name", "AAPL", ActionKind.SYMBOL_CHANGE, today + timedelta(days=1), new_symbol="PEAR"),
    ]
    # The ledger follows before the broker, or after it.
    assert world.reconciler.run().behind.keys() == {"AAPL"}
    world.exchange.split("AAPL", Decimal(1) / 3, world.broker.now_at)
    report = world.reconciler.run()
    assert (report.drift, report.behind, report.resumed) == ({}, {}, ["AAPL"])
    assert audited(world) == set()
    world.broker.now_at += timedelta(days=1)
    world.exchange.positions["PEAR"] = world.exchange.positions.pop("AAPL")
    assert world.reconciler.run().drift == {}
    assert (halted(world), audited(world)) == ({}, set())
    world.exchange.positions["PEAR"] += Decimal("0.01")
    assert world.reconciler.run().drift.keys() == {"PEAR"}
    assert audited(world) == {"position at the broker"}


@pytest.mark.parametrize(("more", "taken"), [("1", "1"), ("-400", "0"), ("-1000", "0"), ("-1001", "-1")])
def test_what_was_accepted_stays_the_accounts_when_the_broker_corrects_further(
    world: World, more: str, taken: str
) -> None:
    order = unpaid(world)
    accept(world)

    def cash() -> Decimal:
        query = "UPDATE users SET {0} = {0} + 5000 WHERE id = %s RETURNING virtual_balance"
        with world.database.transaction() as connection:
            connection.execute(query.format("initial_balance"), (trader_of(world).user_id,))
            row = connection.execute(query.format("virtual_balance"), (trader_of(world).user_id,)).fetchone()
            assert row is not None
            return Decimal(row[0])

    before = cash()
    change(world, order, price_of(order) + Decimal(more))
    for _ in range(2):
        assert world.reconciler.run().unexplained == {}
    assert before - (cash() - 5000) == order.filled_quantity * Decimal(taken)
    assert (kept(world), audited(world)) == ([], set())


@pytest.mark.parametrize("days", [2, 20])
@pytest.mark.parametrize("anew", [True, False])
def test_an_execution_that_is_booked_anew_under_another_id_and_day_is_followed(
    world: World, days: int, *, anew: bool
) -> None:
    assert audited(world) == set()
    order = list(world.exchange.orders.values())[-1]
    world.broker.now_at += timedelta(days=days)
    change(world, order, price_of(order) - 2)
    order.fills[-1].update(execution_id="anew", time=world.broker.now_at.isoformat())
    assert audited(world, anew=anew) == {"value of an order"}
    assert world.reconciler.run().corrected == [order.client_order_id]
    assert audited(world) == set()


def test_a_part_that_is_broken_hides_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invariants, "_TRADES_OF_PART", 1)
    with world.database.transaction() as connection:
        users = [trader_of(world), *(add_trader(connection, f"user{number}") for number in range(20))]
        connection.execute("UPDATE block_orders SET created_at = created_at - interval '1 hour'")
        connection.execute("UPDATE pg_class SET reltuples = 3 WHERE oid = 'trades'::regclass")
        first, last = (next(each for each in users if (each.user_id.int >> 126 == 3) is end) for end in (False, True))
        connection.execute(
            "UPDATE users SET virtual_balance = virtual_balance + 1 WHERE id = ANY(%s)",
            ([first.user_id, last.user_id],),
        )
    looked = [world.reconciler.run() for _ in range(8)]
    assert {each.part for each in looked} == {0, 1, 2, 3}
    assert list(looked[-1].broken.values()) == [2]
    assert set(looked[-1].broken_parts) == {first.user_id.int >> 126, 3}


@pytest.mark.parametrize("audit", [True, False])
def test_a_fill_of_an_order_that_ended_with_none_is_said_in_every_report(world: World, audit: bool) -> None:
    order = waiting_order(world)
    world.broker.cancel(order.id)
    world.quiet()
    world.work = []
    fill = {"execution_id": "late", "qty": "5", "price": "100", "time": world.broker.now_at.isoformat()}
    if audit:
        world.broker.now_at += timedelta(days=4)
    order.fills.append(fill)
    order.filled_quantity, order.filled_value = Decimal(5), Decimal(500)
    world.exchange.positions["AAPL"] -= 5
    if audit:
        assert audited(world, anew=True) == {"quantity of an order", "position at the broker"}
    for _ in range(3):
        report = world.reconciler.run()
        assert (report.clean, report.unconfirmed) == (False, {})
        assert "AAPL" in report.unexplained
        world.broker.now_at += timedelta(days=1)
    accept(world)
    # The account lacks them.
    report = world.reconciler.run()
    assert (report.drift, halted(world), report.resumed) == ({}, {}, [])
    assert audited(world) == set()


def test_a_correction_that_is_dated_days_after_its_order_is_followed_when_an_audit_has_seen_it(world: World) -> None:
    order = list(world.exchange.orders.values())[-1]
    world.broker.now_at += timedelta(days=3)
    world.exchange.correct_last_fill(order, order.filled_quantity - 1, Decimal("99.99"), world.broker.now_at)
    order.fills[-1]["time"] = world.broker.now_at.isoformat()
    assert world.reconciler.run().drift.keys() == {"AAPL"}
    assert "quantity of an order" in audited(world)
    report = world.reconciler.run()
    assert (report.corrected, report.clean) == ([order.client_order_id], True)


def test_what_order_and_statement_say_differently_for_long_is_drift_and_said(world: World) -> None:
    order = list(world.exchange.orders.values())[-1]
    world.exchange.correct_last_fill(order, order.filled_quantity - 1, Decimal(100), world.broker.now_at)
    order.fills[-1]["qty"] = str(order.filled_quantity + 1)
    assert world.reconciler.run().unconfirmed == {order.client_order_id: "AAPL"}
    with world.database.transaction() as connection:
        connection.execute("UPDATE kept_corrections SET noted_at = noted_at - interval '1 hour'")
    report = world.reconciler.run()
    assert (report.unconfirmed, list(report.drift)) == ({}, ["AAPL"])
    assert "statement" in report.unexplained["AAPL"]
    order.fills[-1]["qty"] = str(order.filled_quantity)
    assert world.reconciler.run().corrected == [order.client_order_id]


def test_that_no_audit_comes_to_its_end_is_said_until_one_does(world: World) -> None:
    with world.database.transaction() as connection:
        connection.execute("UPDATE last_audit SET began_at = began_at - interval '37 hours'")
    report = world.reconciler.run()
    assert (list(report.unexplained), report.clean) == (["audit"], False)
    audit_ledger(world.database, world.broker, enough=lambda: True)
    assert not world.reconciler.run().clean
    assert audited(world) == set()
    assert world.reconciler.run().clean


def test_an_order_that_the_broker_has_no_more_is_said_while_its_correction_is_kept(world: World) -> None:
    order = unpaid(world)
    world.broker.now_at += timedelta(days=2)
    del world.exchange.by_client_id[order.client_order_id]
    assert "no more" in world.reconciler.run().unexplained[order.client_order_id]


def test_what_the_broker_changes_after_days_is_followed_when_an_audit_has_seen_it(world: World) -> None:
    order = list(world.exchange.orders.values())[-1]
    world.broker.now_at += timedelta(days=3)
    world.exchange.correct_last_fill(order, order.filled_quantity, Decimal("100.02"), world.broker.now_at)
    assert world.reconciler.run().corrected == []
    late = -timedelta(days=7300)
    assert {each.what for each in audit_ledger(world.database, world.broker, quiet=late).differences} == {
        "value of an order"
    }
    assert world.reconciler.run().corrected == [order.client_order_id]
    assert audit_ledger(world.database, world.broker, quiet=late).differences == ()


def test_two_passes_at_once_do_what_one_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has read what the other is about to change: a correction and a split are followed once, and nothing is taken for drift."""
    order = list(world.exchange.orders.values())[-1]
    world.exchange.correct_last_fill(order, order.filled_quantity, Decimal("100.02"), world.broker.now_at)
    world.broker.now_at += timedelta(hours=15)
    split = CorporateAction("split", "AAPL", ActionKind.SPLIT, world.broker.now_at.date(), Decimal(2))
    world.broker.actions.append(split)
    world.exchange.split("AAPL", Decimal(2), world.broker.now_at)
    meeting = Barrier(2)

    def together(ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*arguments: Any, **named: Any) -> Any:
            answer = ask(*arguments, **named)
            # Who found nothing more to ask has gone on alone.
            with suppress(BrokenBarrierError):
                meeting.wait(1)
            return answer

        return asked

    for name in ("first_orders", "fills_since", "corporate_actions", "positions", "account"):
        monkeypatch.setattr(world.broker, name, together(getattr(world.broker, name)))
    with ThreadPoolExecutor(2) as passes:
        reports = [each.result() for each in [passes.submit(world.reconciler.run) for _ in range(2)]]
    assert [report.broken or report.drift or report.unexplained for report in reports] == [{}, {}]
    assert sorted(len(report.corrected) for report in reports) == [0, 1]
    assert sorted(len(report.splits) for report in reports) == [0, 1]
    monkeypatch.undo()
    with world.database.transaction() as connection:
        kinds = connection.execute("SELECT kind::text, count(*) FROM adjustments GROUP BY 1 ORDER BY 1").fetchall()
        assert broken_invariants(connection) == {}
    assert kinds == [("FILL_CORRECTION", 1), ("SPLIT", 1)]
    assert halted(world) == {}
    assert audit_ledger(world.database, world.broker, quiet=-timedelta(days=7300)).differences == ()


def waiting_order(world: World) -> Any:
    """A block order of somebody who sells, and what the exchange has of it."""
    with world.database.transaction() as connection:
        add_signal(connection, trader_of(world), "sell", set_price(connection, "100", 1))
    world.execute("AAPL")
    world.updates.clear()
    return next(each for each in world.exchange.orders.values() if each.open)


@pytest.mark.parametrize("status", ["held", "stopped", "suspended", "pending_replace"])
def test_an_order_that_may_still_fill_is_left_open_and_filled_later(world: World, status: str) -> None:
    order = waiting_order(world)
    order.status = status
    report = world.reconciler.run()
    assert (world.updates[-1].event, report.unclear) == (status, {})
    assert world.settle(-1)
    with world.database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM orders WHERE status = 'WORKING'").fetchone() == (1,)
    order.status = "new"
    world.quiet()
    with world.database.transaction() as connection:
        assert connection.execute("SELECT DISTINCT status::text FROM orders").fetchall() == [("FILLED",)]


@pytest.mark.parametrize(("status", "becomes"), [("calculated", "FILLED"), ("done_for_day", "FILLED")])
def test_a_late_status_of_an_order_that_was_filled_whole_fills_it(world: World, status: str, becomes: str) -> None:
    order = waiting_order(world)
    world.exchange.fill(order, order.quantity, Decimal(100), world.broker.now_at)
    world.updates.clear()
    order.status = status
    world.reconciler.run()
    assert world.settle(-1)
    with world.database.transaction() as connection:
        last = connection.execute("SELECT status::text FROM block_orders ORDER BY created_at DESC LIMIT 1").fetchone()
    assert last == (becomes,)


def test_a_status_that_nobody_knows_is_told_and_looked_at_again(world: World) -> None:
    order = waiting_order(world)
    order.status = "meditating"
    for _ in range(2):
        report = world.reconciler.run()
        assert report.unclear == {order.client_order_id: "meditating"}
        assert not report.clean
    order.status = "new"
    world.quiet()
    assert world.reconciler.run().clean


def test_what_the_fees_of_coins_were_rounded_by_is_no_drift_and_more_is(world: World) -> None:
    with world.database.transaction() as connection:
        bob = add_trader(connection, "bob", symbol="BTC/USD")
        add_signal(connection, bob, "buy", set_price(connection, "60000", symbol="BTC/USD"), "BTC/USD", quantity=0.1)
    world.broker.prices["BTC/USD"] = Decimal(60_000)
    world.work = ["BTC/USD"]
    world.quiet()
    world.exchange.positions["BTC/USD"] += Decimal("0.00000001")
    report = world.reconciler.run()
    assert (report.drift, list(report.rounding)) == ({}, ["BTC/USD"])
    world.exchange.positions["BTC/USD"] += Decimal("0.0000001")
    assert world.reconciler.run().drift.keys() == {"BTC/USD"}


@pytest.mark.parametrize("settled", [True, False])
def test_what_is_filled_while_the_broker_answers_is_no_drift(
    world: World, monkeypatch: pytest.MonkeyPatch, settled: bool
) -> None:
    """His answer is from before, or the ledger has not heard of it yet."""
    answer = world.broker.positions

    def meanwhile() -> dict[str, Decimal]:
        before = answer()
        with world.database.transaction() as connection:
            add_signal(connection, trader_of(world), "sell", set_price(connection, "100", 1))
        world.execute("AAPL")
        order = list(world.exchange.orders.values())[-1]
        world.exchange.fill(order, order.quantity, Decimal(100), world.broker.now_at)
        while settled and world.updates:
            assert world.settle(0)
        return before if settled else answer()

    monkeypatch.setattr(world.broker, "positions", meanwhile)
    report = world.reconciler.run()
    assert (report.drift, halted(world)) == ({}, {})
    assert len(world.exchange.orders) == 2


def test_drift_that_goes_away_lifts_its_own_halt(world: World) -> None:
    world.exchange.positions["AAPL"] += 1
    assert world.reconciler.run().drift["AAPL"][1] - world.reconciler.run().drift["AAPL"][0] == 1
    assert halted(world) == {"AAPL": "DRIFT"}
    world.exchange.positions["AAPL"] -= 1
    assert world.reconciler.run().resumed == ["AAPL"]
    assert halted(world) == {}


def test_a_ledger_that_does_not_add_up_halts_the_platform(world: World) -> None:
    with world.database.transaction() as connection:
        connection.execute("UPDATE users SET virtual_balance = virtual_balance + 1")
    report = world.reconciler.run()
    assert "cash, reservations and trades add up to the initial balance" in report.broken
    with world.database.transaction() as connection:
        state = halts.platform_state(connection)
        assert (state.trading_state, str(state.reason)[:13]) == ("HALTED", "BROKEN_LEDGER")
        stored = connection.execute(
            "SELECT clean, report->'broken' FROM reconciliations ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert stored is not None
    assert stored[0] is False


def test_the_last_quarter_of_a_minutes_requests_is_for_submissions(database: Database) -> None:
    budget = SharedBudget(database, 40)
    with database.transaction() as connection:
        connection.execute("UPDATE broker_budget SET tokens = 40, updated_at = clock_timestamp()")
    reads = sum(budget.take("read") for _ in range(60))
    with database.transaction() as connection:
        connection.execute("UPDATE broker_budget SET updated_at = clock_timestamp()")
    submissions = sum(budget.take("submit") for _ in range(60))
    assert 25 <= reads <= 33
    assert 8 <= submissions <= 15


def test_the_fee_of_a_coins_sale_is_in_what_it_realized(world: World) -> None:
    with world.database.transaction() as connection:
        bob = add_trader(connection, "bob", "BTC/USD")
    for minute, side in enumerate(("buy", "sell")):
        world.broker.prices["BTC/USD"] = Decimal(100)
        with world.database.transaction() as connection:
            add_signal(connection, bob, side, set_price(connection, "100", minute, "BTC/USD"), "BTC/USD")
        world.work = ["BTC/USD"]
        world.quiet()
    with world.database.transaction() as connection:
        sold = connection.execute(
            """
            SELECT t.realized_pnl, p.realized_pnl, u.virtual_balance - u.initial_balance, t.fee_cash > 0 FROM trades t
            JOIN users u ON u.id = t.user_id JOIN positions p ON p.user_id = u.id AND p.symbol = t.symbol
            WHERE t.symbol = 'BTC/USD' AND t.side = 'sell'
            """
        ).fetchall()
    ((of_the_trade, of_the_position, of_the_account, with_a_fee),) = sold
    assert with_a_fee
    # A little of the purchase, its fee in coins, was never there to be sold.
    assert abs(of_the_trade - of_the_account) < Decimal("0.000001")
    assert abs(of_the_position - of_the_account) < Decimal("0.000001")
    assert audited(world) == set()
