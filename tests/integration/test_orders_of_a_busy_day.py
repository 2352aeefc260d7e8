"""The reconciler on days with many orders: a pass asks for so many pages, whatever the day had, and misses nothing for long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.reconcile import Reconciliation
from stratforge.application.reconciliation_report import Report
from stratforge.broker import BrokerBusy
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.configuration import AlpacaSecret
from stratforge.storage.ledger import halts
from stratforge.storage.postgres.database import Database

from tests.support.ledger import add_signal, add_trader, set_price
from tests.support.world import World

CLOSE = datetime(2026, 1, 5, 21, tzinfo=UTC)


class Account:
    """Alpaca's REST answers for an account whose orders of the day were all sent by hand, spread over it, and canceled."""

    def __init__(self, orders: int) -> None:
        self.times = [CLOSE - timedelta(hours=20) + index * timedelta(hours=19) / orders for index in range(orders)]
        self.asked: Counter[str] = Counter()
        self.told: set[str] = set()

    def get(self, path: str, query: dict[str, str] | None = None) -> Any:
        """Answers as Alpaca does, pages of at most 500."""
        self.asked[path] += 1
        query = query or {}
        if path == "/orders":
            since = datetime.fromisoformat(query["after"])
            until = datetime.fromisoformat(query.get("until") or "9999-01-01T00:00:00+00:00")
            if query.get("symbols"):
                return []
            found = [index for index, time in enumerate(self.times) if since < time < until][: int(query["limit"])]
            self.told.update(str(index) for index in found)
            return [self._order(index) for index in found]
        if path == "/clock":
            return {"timestamp": CLOSE.isoformat(), "is_open": False, "next_open": "", "next_close": ""}
        if path == "/account":
            return {"buying_power": "100000", "equity": "100000"}
        if path == "/corporate-actions":
            return {"corporate_actions": {}}
        return []

    def _order(self, index: int) -> dict[str, str]:
        time = self.times[index].isoformat()
        return {
            "id": str(index),
            "client_order_id": f"of-{index}",
            "symbol": "AAPL",
            "side": "buy",
            "status": "canceled",
            "created_at": time,
            "submitted_at": time,
            "updated_at": time,
        }


def reconciliation(database: Database, account: Account) -> Reconciliation:
    """The reconciler, on that account."""
    broker = AlpacaBroker(AlpacaSecret(key_id="k", secret_key="s"))
    broker._client = broker._actions = account  # type: ignore[assignment]
    return Reconciliation(database, broker, lambda _: None, lambda *_: None)


@pytest.fixture
def ledger(migrated: str) -> Iterator[Database]:
    """A ledger in which nothing happened."""
    database = Database(lambda: migrated, application="test")
    yield database
    database.close()


def test_a_pass_asks_for_as_much_on_a_day_of_a_hundred_thousand_orders_as_on_one_of_ten_thousand(
    ledger: Database,
) -> None:
    asked = []
    for orders in (10_000, 100_000):
        account = Account(orders)
        reconciler = reconciliation(ledger, account)
        with ledger.transaction() as connection:
            connection.execute("UPDATE broker_orders_read SET new_since = NULL, again_since = NULL")
        assert reconciler.run().clean
        account.asked.clear()
        assert reconciler.run().postponed == []
        asked.append(account.asked)
    assert asked[0] == asked[1]
    # 206 pages of orders are the whole day.
    assert asked[1].total() < 25


def test_the_whole_day_is_read_in_time_and_then_again(ledger: Database) -> None:
    account = Account(20_000)
    reconciler = reconciliation(ledger, account)
    passes = 0
    while len(account.told) < 20_000:
        reconciler.run()
        passes += 1
    assert passes <= 7, "six pages of 500 in each"
    account.told.clear()
    account.asked.clear()
    passes = 0
    while len(account.told) < 20_000:
        reconciler.run()
        passes += 1
    # Forty pages, four in each; where it is in the day is not where it began.
    assert passes <= 21
    assert account.asked["/orders"] <= 6 * passes


@pytest.fixture
def busy(migrated: str) -> Iterator[World]:
    """A world where a page is one order, and twenty were bought, an hour apart; all of them were looked at."""
    world = World(migrated)
    world.broker.page = 1
    symbols = [f"S{number}" for number in range(20)]
    for number, symbol in enumerate(symbols):
        world.broker.prices[symbol] = Decimal(100)
        with world.database.transaction() as connection:
            trader = add_trader(connection, f"user{number}", symbol)
            add_signal(connection, trader, "buy", set_price(connection, "100", 0, symbol), symbol)
        world.work = [symbol]
        world.quiet()
        world.broker.now_at += timedelta(minutes=30)
    passes(world, 12)
    yield world
    world.close()


def passes(world: World, how_many: int) -> list[Report]:
    """So many passes."""
    return [world.reconciler.run() for _ in range(how_many)]


def average(world: World, number: int) -> tuple[Any, Decimal]:
    """An order of the world, and what a unit of it cost."""
    order = list(world.exchange.orders.values())[number]
    return order, order.filled_value / order.filled_quantity


@pytest.mark.parametrize("number", [0, 7, 19])
def test_a_quantity_that_was_corrected_hours_ago_is_found_by_the_next_pass(busy: World, number: int) -> None:
    order, price = average(busy, number)
    busy.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]) - 1, price, busy.broker.now_at)
    report = busy.reconciler.run()
    assert (report.corrected, report.drift, report.halted) == ([order.client_order_id], {}, [])
    assert busy.reconciler.run().clean


def test_a_price_that_was_corrected_hours_ago_is_found_when_its_part_of_the_day_is_read_again(busy: World) -> None:
    order, price = average(busy, 0)
    busy.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]), price - 1, busy.broker.now_at)
    found = [name for report in passes(busy, 8) for name in report.corrected]
    assert found == [order.client_order_id]


def test_what_many_corrections_leave_to_later_passes_is_no_drift(busy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratforge.application.compare_statement._EXAMINED", 2)
    names = []
    for number in range(5):
        order, price = average(busy, number)
        busy.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]) - 1, price, busy.broker.now_at)
        names.append(order.client_order_id)
    busy.broker.page = 500
    reports = passes(busy, 3)
    assert [len(report.corrected) for report in reports] == [2, 2, 1]
    assert {name for report in reports for name in report.corrected} == set(names)
    assert all(not report.drift and not report.halted for report in reports)


def test_an_order_that_ends_long_after_it_was_read_is_asked_for_by_its_id(busy: World) -> None:
    busy.broker.page = 500
    with busy.database.transaction() as connection:
        late = add_trader(connection, "late", "S0")
        add_signal(connection, late, "buy", set_price(connection, "100", 60, "S0"), "S0")
    assert busy.execute("S0")
    order = next(each for each in busy.exchange.orders.values() if each.open)
    busy.reconciler.run()
    # Hours later, where no page reaches: its price is another than the settler was told.
    busy.broker.now_at += timedelta(hours=25)
    busy.exchange.fill(order, order.quantity, Decimal(100), busy.broker.now_at)
    while busy.updates:
        assert busy.settle(0)
    busy.exchange.correct_last_fill(order, order.quantity, Decimal(99), busy.broker.now_at)
    assert busy.reconciler.run().corrected == [order.client_order_id]


def test_a_busy_broker_ends_the_step_and_not_the_pass(busy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order, price = average(busy, 3)
    busy.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]) - 1, price, busy.broker.now_at)

    def refuse(*_arguments: Any, **_named: Any) -> Any:
        raise BrokerBusy("the requests of this minute are used up")

    for name in ("first_orders", "corporate_actions"):
        monkeypatch.setattr(busy.broker, name, refuse)
    report = busy.reconciler.run()
    assert report.postponed == ["orders", "corporate actions"]
    # What nobody could look at is no drift, and the rest was done.
    assert (report.drift, report.halted, report.broken) == ({}, [], {})
    assert report.buying_power
    with busy.database.transaction() as connection:
        assert connection.execute("SELECT report->'postponed' FROM reconciliations ORDER BY id DESC LIMIT 1").fetchone() == (
            report.postponed,
        )  # fmt: skip
        connection.execute("UPDATE broker_orders_read SET compared_at = now() - interval '2 hours'")
    assert "not compared since" in busy.reconciler.run().unexplained["orders"]
    monkeypatch.undo()
    # Who did not run for hours, and has requests now, has nothing to say.
    report = busy.reconciler.run()
    assert (report.corrected, report.unexplained) == ([order.client_order_id], {})
    assert busy.reconciler.run().clean


def test_what_could_not_be_followed_stays_in_the_report_of_a_busy_pass(
    busy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, price = average(busy, 3)
    busy.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]), price * 1000, busy.broker.now_at)
    busy.broker.page = 500
    assert order.client_order_id in passes(busy, 2)[-1].unexplained
    with busy.database.transaction() as connection:
        connection.execute("UPDATE kept_corrections SET noted_at = now() - interval '1 hour'")

    def refuse(*_arguments: Any, **_named: Any) -> Any:
        raise BrokerBusy("the requests of this minute are used up")

    monkeypatch.setattr(busy.broker, "first_orders", refuse)
    report = busy.reconciler.run()
    assert (report.clean, list(report.unexplained)) == (False, [order.client_order_id])


def test_every_question_may_meet_a_busy_broker(busy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("check_account", "first_orders", "positions", "account", "corporate_actions", "now"):
        with monkeypatch.context() as patched:
            patched.setattr(busy.broker, name, lambda *_, **__: (_ for _ in ()).throw(BrokerBusy("busy")))
            report = busy.reconciler.run()
        assert report.postponed, name
        assert (report.drift, report.halted) == ({}, [])
    with busy.database.transaction() as connection:
        assert halts.halted_symbols(connection) == []
