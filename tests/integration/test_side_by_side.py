"""Executors and settlers that work at once, in real threads against PostgreSQL: no deadlock, nothing doubled, nothing lost."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from simulators.alpaca.exchange import Exchange, SimulatedOrder
from stratforge.application.execute_symbol import OutcomeUnknown, SymbolExecutor
from stratforge.application.settle_fill import settle_fill
from stratforge.bus.messages import OrderUpdate
from stratforge.storage.ledger import reconciliation
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.postgres.database import Database

from tests.support.ledger import OPEN, Trader, add_signal, add_trader, set_price
from tests.support.world import ExchangeBroker, Fuse, update_of

SYMBOLS = ("AAPL", "MSFT", "IBM", "GOOG")
MINUTES = 12
USERS = 8


class LockedBroker(ExchangeBroker):
    """One exchange for several threads; every order is filled in two parts at once."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange, Fuse())
        self.lock = threading.Lock()

    def submit(self, **order: object) -> object:  # type: ignore[override]
        """Sends an order and fills it."""
        with self.lock:
            answer = super().submit(**order)  # type: ignore[arg-type]
            taken = self.exchange.by_client_id.get(str(order["client_order_id"]))
            if taken is not None and taken.open:
                half = (taken.quantity / 2).quantize(Decimal("0.000000001"))
                for quantity in (half, taken.quantity):
                    self.exchange.fill(taken, quantity, self.prices[taken.symbol], self.now_at)
            return answer


@pytest.fixture
def databases(migrated: str) -> Iterator[list[Database]]:
    """A database object for each worker, as each Lambda environment has."""
    found = [Database(lambda: migrated, application=f"worker-{index}") for index in range(5)]
    yield found
    for each in found:
        each.close()


def test_two_executors_and_two_settlers_at_once(databases: list[Database]) -> None:
    main = databases[-1]
    exchange = Exchange(None)
    broker = LockedBroker(exchange)
    updates: list[OrderUpdate] = []

    def listen(event: str, order: SimulatedOrder, execution: dict[str, str] | None) -> None:
        updates.append(update_of(event, order, execution, broker.now_at))

    exchange.listen(listen)
    chance = random.Random(5)
    with main.transaction() as connection:
        traders: dict[str, list[Trader]] = {symbol: [] for symbol in SYMBOLS}
        for index in range(USERS):
            first = add_trader(connection, f"user{index}", SYMBOLS[0], sizing="0.05")
            traders[SYMBOLS[0]].append(first)
            for symbol in SYMBOLS[1:]:
                row = connection.execute(
                    "INSERT INTO sessions (user_id, strategy_id, strategy_version, symbol, status, sizing_value) "
                    "SELECT user_id, strategy_id, 1, %s, 'RUNNING', 0.05 FROM sessions WHERE id = %s RETURNING id",
                    (symbol, first.session_id),
                ).fetchone()
                assert row is not None
                traders[symbol].append(Trader(first.user_id, row[0]))
    executors = [SymbolExecutor(database, broker, claim=timedelta(0)) for database in databases[:2]]  # type: ignore[arg-type]
    settlers = [partial(settle_fill, database, lambda *_: None) for database in databases[2:4]]

    def execute(executor: SymbolExecutor, symbol: str) -> None:
        with contextlib.suppress(OutcomeUnknown):
            executor.execute(symbol)

    with ThreadPoolExecutor(4) as pool:
        for minute in range(MINUTES):
            with main.transaction() as connection:
                for symbol in SYMBOLS:
                    price = Decimal(100 + chance.randint(-3, 3))
                    broker.prices[symbol] = price
                    time = set_price(connection, str(price), minute, symbol)
                    for trader in traders[symbol]:
                        add_signal(connection, trader, chance.choice(["buy", "sell"]), time, symbol)
            broker.now_at = OPEN + timedelta(minutes=minute + 1)
            # Both executors meet on every symbol, in opposite orders.
            work = [pool.submit(execute, executors[0], symbol) for symbol in SYMBOLS]
            work += [pool.submit(execute, executors[1], symbol) for symbol in reversed(SYMBOLS)]
            for each in work:
                each.result(60)
            # Both settlers get every update, in opposite orders.
            batch, updates[:] = list(updates), []
            done = [pool.submit(settlers[0], update) for update in batch]
            done += [pool.submit(settlers[1], update) for update in reversed(batch)]
            for settled in done:
                settled.result(60)
    with main.transaction() as connection:
        assert broken_invariants(connection) == {}
        ledger = reconciliation.ledger_by_symbol(connection)
        assert {symbol: state.quantity for symbol, state in ledger.items()} == {
            symbol: exchange.positions.get(symbol, Decimal(0)) for symbol in ledger
        }
        row = connection.execute("SELECT count(*), count(DISTINCT client_order_id) FROM block_orders").fetchone()
    assert row is not None
    assert row[0] == row[1] > len(SYMBOLS) * MINUTES / 2
    assert not [name for name in exchange.refusals if "opposite side" in name]
