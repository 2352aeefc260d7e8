"""Ten thousand traders against each other on one symbol: time and SQL statements from their signals to the last settlement, by users.

The executor and the settler run in this process on PostgreSQL, with the simulator's exchange behind the broker's port. The floor is
one statement that inserts as many rows as there are orders, in the same database and the same run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
from local_platform.synthesis import ROOT
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.migrations import migrate, read_migrations

from tests.benchmarks.database import server

Row = tuple[str, str, str, str, str]
_SIZES = (100, 1_000, 10_000)


class _Counter:
    """Statements that PostgreSQL was sent."""

    statements = 0


def _count_statements() -> None:
    original = psycopg.Connection.execute

    def execute(self: Any, *arguments: Any, **options: Any) -> Any:
        _Counter.statements += 1
        return original(self, *arguments, **options)

    psycopg.Connection.execute = execute  # type: ignore[method-assign]


def add_traders(connection: psycopg.Connection[Any], numbers: range, symbols: Sequence[str]) -> None:
    """Users of these numbers, each with a session of one of the symbols."""
    connection.execute(
        """
        WITH registered AS (
            INSERT INTO users (email, password_hash, virtual_balance, initial_balance)
            SELECT 'user' || n || '@example.com', 'none', 100000, 100000 FROM generate_series(%(first)s::int, %(last)s::int) n RETURNING id),
        written AS (
            INSERT INTO strategies (user_id, name, symbol, python_code)
            SELECT id, 'crowd', (%(symbols)s::text[])[1 + row_number() OVER () %% %(many)s], %(code)s FROM registered RETURNING id, user_id, symbol),
        versions AS (
            INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback)
            SELECT id, 1, user_id, %(code)s, repeat('0', 64), 1 FROM written RETURNING strategy_id)
        INSERT INTO sessions (user_id, strategy_id, strategy_version, symbol, status)
        SELECT w.user_id, w.id, 1, w.symbol, 'RUNNING' FROM written w JOIN versions v ON v.strategy_id = w.id
        """,
        {
            "first": numbers[0],
            "last": numbers[-1],
            "symbols": list(symbols),
            "many": len(symbols),
            "code": "def on_bar(bar, position, state):\n    return buy()\n",
        },
    )


def add_signals(connection: psycopg.Connection[Any], symbols: Sequence[str], minute: int) -> None:
    """Three of five of a symbol buy and two sell, the other way round on the next bar: most of it crosses, and a fifth is traded at the broker."""
    connection.execute(
        """
        INSERT INTO signals (session_id, user_id, symbol, bar_time, side, confidence, size_kind, size)
        SELECT id, user_id, symbol, '2026-01-05 14:30Z'::timestamptz + make_interval(mins => %(minute)s),
               (CASE WHEN (row_number() OVER (PARTITION BY symbol ORDER BY id) %% 5 < 3) = (%(minute)s %% 2 = 0) THEN 'buy' ELSE 'sell' END)::trade_side, 1, 'quantity', 10
        FROM sessions WHERE symbol = ANY(%(symbols)s)
        """,
        {"minute": minute, "symbols": list(symbols)},
    )


def _measure(conninfo: str, users: int) -> tuple[float, int, float, float]:
    """Seconds a bar, statements a bar, seconds of the floor, and the part of orders that was executed."""
    from stratforge.application.settle_fill import settle_fill

    from tests.support.ledger import set_price
    from tests.support.world import World

    database = Database(lambda: conninfo, application="bench")
    with database.transaction() as connection:
        add_traders(connection, range(1, users + 1), ["AAPL"])
    world = World(conninfo)
    world.executor.execute("AAPL")
    times, statements, executed = [], [], 0
    for minute in range(4):
        with database.transaction() as connection:
            set_price(connection, "100", minute)
            add_signals(connection, ["AAPL"], minute)
        world.broker.prices["AAPL"] = Decimal(100)
        world.broker.now_at += timedelta(minutes=1)
        known = set(world.exchange.orders)
        before, _Counter.statements = time.perf_counter(), 0
        world.executor.execute("AAPL")
        for order in [each for each in world.exchange.orders.values() if each.open]:
            world.exchange.fill(order, order.quantity / 2, Decimal(100), world.broker.now_at)
            world.exchange.fill(order, order.quantity, Decimal(100), world.broker.now_at)
        while world.updates:
            settle_fill(world.database, lambda *_: None, world.updates.pop(0))
        times.append(time.perf_counter() - before)
        # Where everything crosses, nothing is measured of the broker and of what its fills lead to.
        sent = [each for each in world.exchange.orders.values() if each.id not in known]
        assert sum(each.filled_quantity for each in sent) >= users // 5 * 10, "the broker has nothing to do"
        statements.append(_Counter.statements)
    with database.transaction() as connection:
        row = connection.execute(
            "SELECT count(*) FILTER (WHERE status = 'FILLED')::float8 / count(*) FROM orders"
        ).fetchone()
        executed = row[0] if row else 0
        assert broken_invariants(connection) == {}
        assert not [name for name in world.exchange.refusals if "opposite side" in name]
        connection.execute("CREATE TABLE floor (LIKE orders INCLUDING ALL)")
    before = time.perf_counter()
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO floor (user_id, symbol, side, status) SELECT user_id, symbol, side, 'FILLED' FROM orders LIMIT %s",
            (users,),
        )
    floor = time.perf_counter() - before
    world.close()
    database.close()
    # The first bar has nobody to sell yet.
    return sum(times[1:]) / len(times[1:]), max(statements[1:]), floor, executed


def run() -> list[Row]:
    """The rows of the table."""
    _count_statements()
    rows: list[Row] = []
    with server() as postgres:
        for users in _SIZES:
            with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE crowd_{users}")
            conninfo = postgres.conninfo(f"crowd_{users}")
            migrate(conninfo, read_migrations(ROOT / "db" / "migrations"))
            seconds, statements, floor, executed = _measure(conninfo, users)
            # On the first bar two of five have nothing to sell.
            assert executed > 0.85, executed
            rows.append(
                (
                    f"{users:,} traders on one symbol, a bar",
                    f"{seconds:.2f} s, {statements} statements",
                    f"one INSERT of the orders: {floor:.3f} s",
                    f"{seconds / floor:.1f} x",
                    "settled within a minute; statements flat in users",
                )
            )
    return rows
