"""What the reconciler does about what the others could not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from stratforge.application.audit_ledger import audit_ledger
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.ledger import halts, operations
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database

from tests.support.ledger import Trader, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world with one user who holds a position."""
    found = World(migrated)
    found.broker.prices["AAPL"] = Decimal(100)
    with found.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    found.work = ["AAPL"]
    found.quiet()
    found.trader = trader  # type: ignore[attr-defined]
    yield found
    found.close()


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
    monkeypatch.setattr(world.broker, "fills_since", lambda _since: [])
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
    world.broker.now_at -= timedelta(days=3)
    assert add_cash("virtual_balance") == 50 - order.filled_quantity * Decimal("0.01")
    order = list(world.exchange.orders.values())[-1]
    world.exchange.correct_last_fill(order, order.filled_quantity - 1, Decimal("200"), world.broker.now_at)
    world.reconciler.run()
    assert halted(world) == {"AAPL": "UNEXPLAINED_FILL"}, "whose units are in doubt trades no more"


@pytest.mark.parametrize("halt", [None, "UNEXPLAINED_FILL", "PRICE_JUMP"])
def test_a_correction_that_cannot_be_followed_is_kept_until_an_operator_ends_it(world: World, halt: str | None) -> None:
    with world.database.transaction() as connection:
        connection.execute("UPDATE users SET virtual_balance = 0")
        connection.execute("UPDATE users SET is_operator = true WHERE id = %s", (trader_of(world).user_id,))
    order = list(world.exchange.orders.values())[-1]
    world.exchange.correct_last_fill(order, order.filled_quantity, Decimal("100.02"), world.broker.now_at)
    assert order.client_order_id in world.reconciler.run().unexplained
    with world.database.transaction() as connection:
        if halt:
            halts.halt_symbol(connection, "AAPL", halt, "")
    with world.database.transaction(trader_of(world).user_id) as connection:
        assert operations.resume(connection, "AAPL")
    world.broker.now_at += timedelta(days=3)
    kept = world.reconciler.run().unexplained
    assert kept.keys() == ({order.client_order_id} if halt == "PRICE_JUMP" else set())


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
        def asked(*arguments: Any) -> Any:
            answer = ask(*arguments)
            # Who found nothing more to ask has gone on alone.
            with suppress(BrokenBarrierError):
                meeting.wait(1)
            return answer

        return asked

    for name in ("orders_since", "fills_since", "corporate_actions", "positions", "account"):
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
