"""The database after a day of 1,000 sessions and after 30: what each table grows by, and what reading and settling take then, as a ratio to the first day.

The first day is traded by the product's own code, minute by minute: bars are evaluated, signals become orders, blocks are filled by the simulator's
exchange and settled. Only what strategies say is drawn by chance, a signal of each session every 40 bars. The other days are the first one's rows, moved
back in time under other ids, thinned and forgotten as the product does. `DATABASE_MINUTES` makes the day shorter.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from local_platform.postgres import Postgres
from local_platform.processes import Supervisor
from psycopg import sql
from stratforge.market import Bar
from stratforge.storage import retention
from stratforge.storage.postgres.migrations import migrate, read_migrations
from stratforge.storage.retention import Forgotten

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "db" / "TABLES.md"
_SESSIONS, _SYMBOLS, _DAYS = 1_000, 50, 30
_MINUTES = int(os.environ.get("DATABASE_MINUTES", "390"))
# Enough reads of each for a ninety-fifth percentile that is not one read's luck.
_READERS, _TURNS = 8, 41
_SEEN = (
    "/v1/portfolio",
    "/v1/portfolio/history",
    "/v1/positions",
    "/v1/orders",
    "/v1/trades",
    "/v1/signals",
    "/v1/sessions",
    "/v1/market/S00/bars",
)
# Tables that a day's rows are copied of, with the columns that name rows.
_OF_DAYS = {
    "signals": ["id"],
    "position_views": [],
    "block_orders": ["id"],
    "fills": ["block_order_id"],
    "orders": ["id", "signal_id", "block_order_id", "replaces_order_id"],
    "trades": ["id", "order_id", "block_order_id"],
    "market_data": [],
    "events": ["id"],
}


@contextmanager
def server() -> Iterator[Postgres]:
    """A running server in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="stratforge-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = Postgres(folder / "postgres", "bench", folder / "logs")
        found.prepare()
        supervisor = Supervisor(lambda text: print(text, file=sys.stderr))
        supervisor.add(found.process())
        try:
            yield found
        finally:
            supervisor.stop()


@contextmanager
def migrated() -> Iterator[Postgres]:
    """A running server with the database of the product, in which nothing is yet."""
    with server() as found:
        found.ensure_database()
        migrate(found.conninfo(), read_migrations(ROOT / "db" / "migrations"))
        yield found


class _Trading:
    """A market of symbols, and sessions that trade on it by chance."""

    def __init__(self, conninfo: str, readers: Sequence[str]) -> None:
        from stratforge.storage.market import market_data

        from tests.support.ledger import OPEN
        from tests.support.world import World

        self.world = World(conninfo)
        self._random = Random(22)
        self._minute = 0
        self.symbols = [f"S{number:02}" for number in range(_SYMBOLS)]
        with self.world.database.transaction() as connection:
            _sessions(connection, self.symbols, readers)
            market_data.ensure_months(connection, [OPEN])
            for symbol in self.symbols:
                market_data.add_bars(
                    connection, [_bar(symbol, OPEN - timedelta(minutes=minute)) for minute in range(1, 65)]
                )

    def _said(self, window: Any, running: Sequence[Any]) -> list[Any]:
        """What strategies say: to buy with nothing, to sell with something."""
        from stratforge.market.sizes import Side
        from stratforge.storage.strategies.evaluations import Outcome

        return [
            Outcome(
                each,
                each.state,
                (Side.SELL if each.quantity else Side.BUY) if self._random.random() < 1 / 40 else None,
                1.0,
            )
            for each in running
        ]

    def minutes(self, count: int) -> list[float]:
        """Trades so many minutes; the seconds that each update took to settle."""
        return [seconds for _ in range(count) for seconds in self._traded()]

    def _traded(self) -> Iterator[float]:
        from stratforge.application.evaluate_bar import evaluate_bar
        from stratforge.application.settle_fill import settle_fill
        from stratforge.storage.market.clock import set_market_clock

        from tests.support.ledger import OPEN

        world, at = self.world, OPEN + timedelta(minutes=self._minute)
        self._minute += 1
        world.broker.now_at = at + timedelta(minutes=1)
        with world.database.transaction() as connection:
            set_market_clock(connection, world.broker.now_at)
        for symbol in self.symbols:
            price = Decimal(self._random.randint(9_900, 10_100)) / 100
            world.broker.prices[symbol] = price
            bar = _bar(symbol, at, price)
            evaluate_bar(world.database, self._said, lambda name, cause, _at: world.wake(name, cause), bar, 0)
        for _ in range(4):
            for symbol in list(world.work):
                world.execute(symbol)
            for order in [each for each in world.exchange.orders.values() if each.open]:
                world.exchange.fill(order, order.quantity, world.broker.prices[order.symbol], world.broker.now_at)
            while world.updates:
                update = world.updates.pop(0)
                began = time.perf_counter()
                settle_fill(world.database, lambda name, cause: world.wake(name, cause), update)
                yield time.perf_counter() - began


def _bar(symbol: str, at: datetime, price: Decimal = Decimal(100)) -> Bar:
    return Bar(symbol, at, price, price, price, price, Decimal(1000))


def _sessions(connection: psycopg.Connection[Any], symbols: Sequence[str], readers: Sequence[str]) -> None:
    """A session for each user, those who read among them; spread over the symbols."""
    from stratforge.strategy.lookback import EDITION

    connection.execute(
        """
        WITH registered AS (
            INSERT INTO users (email, password_hash, virtual_balance, initial_balance)
            SELECT 'user' || n || '@example.com', 'none', 100000, 100000 FROM generate_series(1, %(others)s) n RETURNING id),
        trading AS (
            SELECT id, row_number() OVER () AS n FROM (SELECT id FROM registered UNION ALL SELECT id FROM users WHERE email = ANY(%(readers)s)) everybody),
        written AS (
            INSERT INTO strategies (user_id, name, symbol, python_code)
            SELECT id, 'by chance', (%(symbols)s::text[])[1 + n %% %(many)s], '' FROM trading RETURNING id, user_id, symbol),
        versions AS (
            INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback, lookback_edition)
            SELECT id, 1, user_id, '', repeat('0', 64), 1, %(edition)s FROM written RETURNING strategy_id, user_id)
        INSERT INTO sessions (user_id, strategy_id, strategy_version, symbol, status, sizing_rule, sizing_value)
        SELECT w.user_id, w.id, 1, w.symbol, 'RUNNING', 'EQUITY_FRACTION', 0.1 FROM written w JOIN versions v ON v.strategy_id = w.id
        """,
        {"others": _SESSIONS - len(readers), "readers": list(readers), "symbols": list(symbols), "many": len(symbols), "edition": EDITION},
    )  # fmt: skip


def _copied(connection: psycopg.Connection[Any], table: str, names: Sequence[str], days: int) -> None:
    """Copies a day's rows of a table, so many days back in time; columns that name rows name the copies."""
    columns = connection.execute(
        """
        SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a
        WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        """,
        (table,),
    ).fetchall()
    values = []
    for name, kind in columns:
        column = sql.Identifier(name)
        if kind == "timestamp with time zone":
            values.append(sql.SQL("{} - make_interval(days => %(days)s)").format(column))
        elif name in names:
            other = "md5({}::text || %(days)s)::uuid" if kind == "uuid" else "{} - %(days)s * 1000000000::bigint"
            values.append(sql.SQL(other).format(column))
        elif name in ("client_order_id", "execution_id", "alpaca_order_id"):
            values.append(sql.SQL("{} || '-' || %(days)s::text").format(column))
        else:
            values.append(sql.SQL("{}").format(column))
    connection.execute(
        sql.SQL("INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM first_{table}").format(
            table=sql.SQL(table), columns=sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns), values=sql.SQL(", ").join(values)
        ),
        {"days": days},
    )  # fmt: skip


def _earlier_days(conninfo: str) -> None:
    """Gives the database the 29 days before the first, thinned and forgotten as the minute's task does."""
    from stratforge.application.equity_snapshots import forget_old
    from stratforge.storage.market.clock import set_market_clock
    from stratforge.storage.postgres.database import Database

    with psycopg.connect(conninfo) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET statement_timeout = 0")
        for table in _OF_DAYS:
            connection.execute(sql.SQL("CREATE TEMPORARY TABLE first_{0} AS SELECT * FROM {0}").format(sql.SQL(table)))
        connection.execute(
            "SELECT ensure_market_data_month(m) FROM generate_series('2025-11-01', '2026-02-01'::timestamptz, interval '1 month') m"
        )
        for days in range(1, _DAYS):
            for table, names in _OF_DAYS.items():
                _copied(connection, table, names, days)
        _note_equity(connection, "generate_series(1440, 43199) m WHERE m < 2880 OR m % 15 = 0")
    database = Database(lambda: conninfo, application="bench")
    # Rows were written today, whatever day the market is at.
    with database.transaction() as transaction:
        set_market_clock(transaction, datetime.now(UTC))
    for table, word in retention.WORDS.items():
        while isinstance(word, Forgotten) and forget_old(database, table):
            pass
    database.close()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _note_equity(connection: psycopg.Connection[Any], minutes: str) -> None:
    """Notes everybody's equity at minutes before now, as the task would have."""
    connection.execute(
        sql.SQL(
            "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT u.id, date_trunc('minute', now()) - m * interval '1 minute', "
            "virtual_balance, virtual_balance + 1000.125 FROM users u, {} ON CONFLICT DO NOTHING"
        ).format(sql.SQL(minutes))
    )


def _weighed(connection: psycopg.Connection[Any]) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each table, with its indexes and what is kept beside it."""
    found: dict[str, tuple[int, int]] = {}
    for table in retention.WORDS:
        row = connection.execute(
            sql.SQL(
                "SELECT (SELECT count(*) FROM {0}), coalesce((SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree({1}::regclass)), pg_total_relation_size({1}::regclass))::bigint"
            ).format(sql.Identifier(table), table)
        ).fetchone()
        assert row is not None
        found[table] = (row[0], row[1] or 0)
    return found


def _read(users: Sequence[Any]) -> dict[str, list[float]]:
    """Seconds that reads took."""
    taken: dict[str, list[float]] = {path: [] for path in _SEEN}
    for user in users:
        user.log_in()
    # What is asked first is planned and loaded first, and not counted.
    for turn in range(_TURNS):
        for user in users:
            for path in _SEEN:
                began = time.perf_counter()
                user.get(path)
                if turn:
                    taken[path].append(time.perf_counter() - began)
    return taken


def _p95(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def document(written: dict[str, tuple[int, int]]) -> str:
    """The page of the tables: what a day writes, how long it is kept, and why."""
    lines = [
        "# The tables",
        "",
        f"What a day of {_SESSIONS:,} sessions on {_SYMBOLS} symbols writes (rows, megabytes with indexes; each session says something every 40 bars), how long rows are",
        "kept, and why. Measured and written by `python -m tests.benchmarks.database`; the words are those of `layers/stratforge/storage/retention.py`.",
        "Log groups are kept for the days of the stage's `log_retention_days` (`infra_cdk/configuration.py`).",
        "",
        "| table | rows a day | MB a day | kept | why |",
        "|---|---:|---:|---|---|",
    ]
    for table, word in sorted(retention.WORDS.items(), key=lambda each: (-written[each[0]][1], each[0])):
        rows, size = written[table]
        counted = (f"{rows:,}", f"{size / 1e6:.1f}") if rows else ("", "")
        lines.append(f"| `{table}` | {counted[0]} | {counted[1]} | {word.how_long} | {word.why} |")
    return "\n".join(lines) + "\n"


def run() -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the benchmark's table."""
    from stratforge.storage.ledger.invariants import broken_invariants

    from tests.support.api import running_api

    with migrated() as postgres, pytest.MonkeyPatch.context() as patch:
        conninfo = postgres.conninfo()
        with running_api(conninfo, patch) as api:
            users = [api.user(f"reader{number}") for number in range(_READERS)]
            trading = _Trading(conninfo, [each.email for each in users])
            with psycopg.connect(conninfo) as connection:
                before = _weighed(connection)
            began = time.perf_counter()
            trading.minutes(_MINUTES)
            took = time.perf_counter() - began
            with psycopg.connect(conninfo, autocommit=True) as connection:
                assert broken_invariants(connection) == {}
                _note_equity(connection, "generate_series(0, 1439) m")
                connection.execute("VACUUM ANALYZE")
                after = _weighed(connection)
            written = {
                table: (after[table][0] - before[table][0], after[table][1] - before[table][1]) for table in after
            }
            if _MINUTES == 390:
                DOCUMENT.write_text(document(written))
            rows, size = (sum(each[part] for each in written.values()) for part in (0, 1))
            yield (
                f"a day of {_SESSIONS:,} sessions, {_MINUTES} minutes",
                f"{rows:,} rows, {size / 1e6:,.0f} MB",
                f"traded in {took:.0f} s",
                "",
                "",
            )
            # As after 30 days: what was vacuumed is read and settled.
            read, settled = _read(users), trading.minutes(min(20, _MINUTES))
            _earlier_days(conninfo)
            with psycopg.connect(conninfo) as connection:
                size = sum(each[1] for each in _weighed(connection).values())
            again, settled_again = _read(users), trading.minutes(min(20, _MINUTES))
            pairs = [(f"GET {path}", read[path], again[path]) for path in _SEEN]
            for what, first, last in (*pairs, ("settling", settled, settled_again)):
                yield (
                    f"{what}, p95 after {_DAYS} days ({size / 1e6:,.0f} MB)",
                    f"{_p95(last) * 1000:.1f} ms",
                    f"after the first: {_p95(first) * 1000:.1f} ms",
                    f"{_p95(last) / _p95(first):.2f}",
                    "< 1.1",
                )
            trading.world.close()


if __name__ == "__main__":
    for each in run():
        print(*each, sep=" | ", flush=True)
