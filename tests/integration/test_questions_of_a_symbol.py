"""What executor, settler and evaluator ask of every symbol is planned once and for any of them, however unequally rows are spread over symbols; what is noted of a source by its sessions' bars reads no other source's versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from stratforge.storage.ledger import execution, symbols
from stratforge.storage.ledger.fills import apply_progress
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies.evaluations import sessions_awaiting
from stratforge.storage.strategies.strategies import note_lookbacks
from stratforge.strategy.lookback import Lookbacks

from tests.benchmarks.crowd import add_signals, add_traders
from tests.support.ledger import OPEN, set_price
from tests.support.world import World

SYMBOLS = [f"S{number:03}" for number in range(400)]
TRADED = SYMBOLS[:40]
# Half of all are of one symbol: a plan for any looks dearer than the one for a symbol of which there are few.
POPULAR = "IBM"


@pytest.fixture
def traded(migrated: str) -> Iterator[Database]:
    """A crowd whose signals of one bar were executed and settled, and whose signals of the next wait but for those of the popular symbol, asked on a connection of its own."""
    world = World(migrated)
    with world.database.transaction() as connection:
        add_traders(connection, range(1, 2_001), [POPULAR])
        add_traders(connection, range(2_001, 4_001), SYMBOLS)
        for symbol in (POPULAR, *TRADED):
            set_price(connection, "100", 0, symbol)
            world.broker.prices[symbol] = symbols.read_symbol(connection, symbol).price  # type: ignore[union-attr] # it has one
        add_signals(connection, (POPULAR, *TRADED), 0)
    for symbol in (POPULAR, *TRADED):
        world.executor.execute(symbol)
    for order in world.exchange.orders.values():
        world.exchange.fill(order, order.quantity, world.broker.prices[order.symbol], OPEN)
    for update in world.updates:
        with world.database.transaction() as connection:
            apply_progress(connection, update.client_order_id, update.progress())
    with world.database.transaction() as connection:
        add_signals(connection, TRADED, 1)
        connection.execute("ANALYZE")
    asked = Database(lambda: migrated, application="asked")
    yield asked
    asked.close()
    world.close()


def asked_of(connection: Connection, symbol: str) -> None:
    """What executor, settler and evaluator ask of a symbol, but for what they write."""
    execution.expire_signals(connection, symbol, OPEN)
    execution.due_exits(connection, symbol)
    execution.due_orders(connection, symbol)
    execution.pending_signals(connection, symbol)
    symbols.ratchet(connection, symbol)
    symbols.has_work(connection, symbol)
    sessions_awaiting(connection, symbol, 0, OPEN + timedelta(minutes=2))


def test_what_is_asked_of_every_symbol_is_planned_for_any_of_them(traded: Database) -> None:
    with traded.transaction() as connection:
        for symbol in TRADED:
            asked_of(connection, symbol)
        planned = connection.execute(
            "SELECT statement, custom_plans FROM pg_prepared_statements WHERE generic_plans + custom_plans > 20"
        ).fetchall()
    assert len(planned) == 7
    # The driver prepares what it has sent five times, and the server tries five plans before it trusts one.
    assert [(statement, times) for statement, times in planned if times > 5] == []


def test_what_was_measured_of_a_source_finds_its_versions_without_reading_the_others(traded: Database) -> None:
    with traded.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET source_hash = md5(strategy_id::text) || repeat('0', 32)")
        connection.execute("ANALYZE strategy_versions")
        before = _read_whole(connection)
        note_lookbacks(connection, {"0" * 64: Lookbacks(20)})
        assert _read_whole(connection) == before


def _read_whole(connection: Connection) -> int:
    """How often the connection has lately read all versions of all strategies."""
    row = connection.execute("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'strategy_versions'")
    return int(row.fetchone()[0])  # type: ignore[index] # there is the table
