"""Executor and settler on a real PostgreSQL: from signals to trades, exactly once."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.execute_symbol import OutcomeUnknown, SymbolExecutor
from stratforge.application.settle_fill import Settled, settle_fill
from stratforge.broker import Rejected
from stratforge.bus.messages import OrderUpdate
from stratforge.storage.postgres.database import Database

from tests.integration.ledger import OPEN, FakeBroker, add_signal, add_trader, broken, set_price


@pytest.fixture
def woken() -> list[str]:
    """Symbols the settler woke the executor for."""
    return []


def settle(database: Database, woken: list[str], update: OrderUpdate) -> Settled:
    """Settles an update."""
    return settle_fill(database, lambda symbol, _cause: woken.append(symbol), update)


def rows(database: Database, query: str) -> list[Any]:
    """Rows of a query."""
    with database.transaction() as connection:
        return connection.execute(query).fetchall()


def test_a_signal_becomes_a_position(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    with database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    executed = SymbolExecutor(database, broker).execute("AAPL")
    assert executed.outcome == "submitted"
    assert executed.client_order_id is not None
    settled = settle(database, woken, broker.complete(executed.client_order_id, "100.5"))
    assert (settled.trades, settled.completed) == (1, "FILLED")
    assert rows(database, "SELECT quantity, cost_basis FROM positions") == [(Decimal(100), Decimal(10050))]
    assert rows(database, "SELECT virtual_balance, reserved_cash FROM users") == [(Decimal(89950), Decimal(0))]
    assert broken(database) == {}


def test_the_same_message_again_changes_nothing(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    with database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    executor = SymbolExecutor(database, broker)
    first = executor.execute("AAPL")
    assert executor.execute("AAPL").outcome == "waiting"
    assert first.client_order_id is not None
    update = broker.complete(first.client_order_id, "100")
    assert settle(database, woken, update).trades == 1
    assert settle(database, woken, update).trades == 0
    assert executor.execute("AAPL").outcome == "nothing to do"
    assert len(broker.submissions) == 1
    assert rows(database, "SELECT count(*) FROM trades") == [(1,)]


def test_a_lost_reply_is_looked_up_and_never_sent_again(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    broker.answer = broker.lose
    with database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    executor = SymbolExecutor(database, broker)
    with pytest.raises(OutcomeUnknown):
        executor.execute("AAPL")
    assert executor.execute("AAPL").outcome == "found at the broker"
    assert len(broker.submissions) == 1
    assert rows(database, "SELECT status::text FROM block_orders") == [("SUBMITTED",)]


def test_a_crash_between_storing_and_sending_sends_once(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    with database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))

    class Killed(BaseException):
        pass

    def die(_id: str) -> Any:
        raise Killed

    broker.answer = die
    with pytest.raises(Killed):
        SymbolExecutor(database, broker).execute("AAPL")
    broker.answer, broker.orders = None, {}
    assert SymbolExecutor(database, broker).execute("AAPL").outcome == "waiting"
    rows(database, "UPDATE block_orders SET claimed_until = now() RETURNING 1")
    assert SymbolExecutor(database, broker).execute("AAPL").outcome == "submitted"
    assert len(broker.orders) == 1


def test_a_rejected_block_releases_everything(database: Database, woken: list[str]) -> None:
    broker = FakeBroker(answer=lambda _id: Rejected("HTTP 403 40310000: insufficient buying power"))
    with database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    assert SymbolExecutor(database, broker).execute("AAPL").outcome == "rejected by the broker"
    assert rows(database, "SELECT virtual_balance, reserved_cash FROM users") == [(Decimal(100000), Decimal(0))]
    assert rows(database, "SELECT status::text, reason FROM orders") == [("REJECTED", "BROKER_REJECTED")]
    assert broken(database) == {}


def test_opposite_orders_cross_inside_and_only_the_net_goes_out(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    executor = SymbolExecutor(database, broker)
    with database.transaction() as connection:
        seller, buyer = add_trader(connection, "seller"), add_trader(connection, "buyer", sizing="0.04")
        add_signal(connection, seller, "buy", set_price(connection, "100"))
    first = executor.execute("AAPL").client_order_id
    assert first is not None
    settle(database, woken, broker.complete(first, "100"))
    with database.transaction() as connection:
        time = set_price(connection, "110", 1)
        add_signal(connection, seller, "sell", time)
        add_signal(connection, buyer, "buy", time)
    second = executor.execute("AAPL").client_order_id
    assert second is not None
    bought = Decimal("36.363636363")
    assert broker.orders[second]["side"] == "sell"
    assert broker.orders[second]["quantity"] == 100 - bought
    settle(database, woken, broker.complete(second, "110"))
    held = dict(rows(database, "SELECT u.email, p.quantity FROM positions p JOIN users u ON u.id = p.user_id"))
    assert held == {"seller@example.com": 0, "buyer@example.com": bought}
    assert broken(database) == {}


def test_orders_that_cross_completely_never_reach_the_broker(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    executor = SymbolExecutor(database, broker)
    with database.transaction() as connection:
        seller, buyer = add_trader(connection, "seller"), add_trader(connection, "buyer")
        add_signal(connection, seller, "buy", set_price(connection, "100"), quantity=10)
    first = executor.execute("AAPL").client_order_id
    assert first is not None
    settle(database, woken, broker.complete(first, "100"))
    with database.transaction() as connection:
        time = set_price(connection, "105", 1)
        add_signal(connection, seller, "sell", time)
        add_signal(connection, buyer, "buy", time, quantity=10)
    assert executor.execute("AAPL").outcome == "crossed inside"
    assert len(broker.orders) == 1
    assert rows(database, "SELECT DISTINCT price FROM trades WHERE inside") == [(Decimal(105),)]
    assert broken(database) == {}


def test_signals_that_come_while_a_block_works_wait_and_are_woken(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    executor = SymbolExecutor(database, broker)
    with database.transaction() as connection:
        ada, bob = add_trader(connection, "ada"), add_trader(connection, "bob")
        add_signal(connection, ada, "buy", set_price(connection, "100"))
    first = executor.execute("AAPL").client_order_id
    with database.transaction() as connection:
        add_signal(connection, bob, "buy", set_price(connection, "101", 1))
    assert executor.execute("AAPL").outcome == "waiting"
    assert first is not None
    settle(database, woken, broker.complete(first, "100"))
    assert woken == ["AAPL"]
    assert executor.execute("AAPL").outcome == "submitted"


def test_old_signals_expire(database: Database, woken: list[str]) -> None:
    with database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
        set_price(connection, "100", 3)
    assert SymbolExecutor(database, FakeBroker()).execute("AAPL").outcome == "nothing to do"
    assert rows(database, "SELECT status::text, reason FROM signals") == [("EXPIRED", "EXPIRED")]


def test_two_signals_of_one_session_on_one_bar_cannot_exist(database: Database) -> None:
    with database.transaction() as connection:
        trader = add_trader(connection, "ada")
        time = set_price(connection, "100")
        add_signal(connection, trader, "buy", time)
    with pytest.raises(Exception, match="unique"), database.transaction() as connection:
        add_signal(connection, trader, "sell", time)


def test_random_trading_keeps_every_invariant(database: Database, woken: list[str]) -> None:
    """Many users, partial fills, doubled and missing events, cancellations; every invariant after every minute."""
    chance = random.Random(11)
    broker = FakeBroker()
    executor = SymbolExecutor(database, broker)
    with database.transaction() as connection:
        traders = [add_trader(connection, f"user{index}", sizing="0.3") for index in range(8)]
    price = Decimal(50)
    for minute in range(25):
        price = max(Decimal(5), price + Decimal(chance.randint(-150, 150)) / 100)
        with database.transaction() as connection:
            time = set_price(connection, str(price), minute)
            for trader in traders:
                if chance.random() < 0.6:
                    kinds = [{}, {"fraction": chance.random()}, {"quantity": chance.randint(1, 50)}]
                    add_signal(connection, trader, chance.choice(["buy", "sell"]), time, **chance.choice(kinds))
        client_order_id = executor.execute("AAPL").client_order_id
        if client_order_id in broker.orders:
            for update in _random_fills(chance, broker, client_order_id, price):
                settle(database, woken, update)
                if chance.random() < 0.3:
                    settle(database, woken, update)
        assert broken(database) == {}, minute
    assert rows(database, "SELECT count(*) > 60 FROM trades") == [(True,)]


def _random_fills(chance: random.Random, broker: FakeBroker, client_order_id: str, price: Decimal) -> list[OrderUpdate]:
    quantity = Decimal(str(broker.orders[client_order_id]["quantity"]))
    cuts = sorted(
        {(quantity * Decimal(chance.randint(1, 99)) / 100).quantize(Decimal("0.000000001")) for _ in range(3)}
    )
    totals = [*[cut for cut in cuts if 0 < cut < quantity], quantity]
    updates, value, before = [], Decimal(0), Decimal(0)
    for total in totals:
        paid = price + Decimal(chance.randint(-50, 50)) / 1000
        value += (total - before) * paid
        average = value / total
        event = "fill" if total == quantity else "partial_fill"
        updates.append(broker.fill(client_order_id, total - before, paid, event, total, average))
        before = total
    if chance.random() < 0.3:
        # Canceled before the end: the last fill never happened.
        last = updates[-2] if len(updates) > 1 else None
        updates = updates[:-1]
        updates.append(
            OrderUpdate(
                client_order_id=client_order_id,
                symbol="AAPL",
                event="canceled",
                filled_quantity=last.filled_quantity if last else Decimal(0),
                filled_average_price=last.filled_average_price if last else None,
                occurred_at=OPEN,
            )
        )
    return [update for update in updates if update is updates[-1] or chance.random() > 0.2]


def test_a_manual_session_only_says_what_it_would_do(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    with database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute("UPDATE sessions SET mode = 'MANUAL'")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    SymbolExecutor(database, broker).execute("AAPL")
    assert rows(database, "SELECT status::text, reason FROM signals") == [("REJECTED", "SIGNALS_ONLY")]
    assert broker.submissions == []


def test_a_paused_session_watches_and_does_not_trade(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    with database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute("UPDATE sessions SET status = 'PAUSED'")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    SymbolExecutor(database, broker).execute("AAPL")
    assert rows(database, "SELECT status::text, reason FROM signals") == [("REJECTED", "SESSION_PAUSED")]


@pytest.mark.parametrize(
    ("exits", "low", "high", "origin"),
    [
        ("stop_loss = 0.05", "94.9", "100", "STOP_LOSS"),
        ("take_profit = 0.05", "100", "105.1", "TAKE_PROFIT"),
        ("trailing_stop = 0.05", "94.9", "100", "TRAILING_STOP"),
    ],
)
def test_a_session_s_own_stops_sell_when_a_bar_reaches_them(
    database: Database, woken: list[str], exits: str, low: str, high: str, origin: str
) -> None:
    broker = FakeBroker()
    executor = SymbolExecutor(database, broker)
    with database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute(f"UPDATE sessions SET {exits}")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    first = executor.execute("AAPL").client_order_id
    assert first is not None
    settle(database, woken, broker.complete(first, "100"))
    with database.transaction() as connection:
        set_price(connection, "100", 1, low="95.1", high="104.9")
    assert executor.execute("AAPL").outcome == "nothing to do"
    with database.transaction() as connection:
        set_price(connection, "100", 2, low=low, high=high)
    second = executor.execute("AAPL").client_order_id
    assert second is not None
    assert broker.orders[second]["side"] == "sell"
    assert rows(database, "SELECT origin::text FROM orders WHERE side = 'sell'") == [(origin,)]
    assert broken(database) == {}


def test_a_block_that_is_not_filled_in_time_is_canceled_at_the_broker(database: Database, woken: list[str]) -> None:
    broker = FakeBroker()
    executor = SymbolExecutor(database, broker)
    with database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    executor.execute("AAPL")
    with database.transaction() as connection:
        set_price(connection, "100", 2)
    assert executor.execute("AAPL").outcome == "canceling"
    assert len(broker.canceled) == 1
