"""A hundred thousand traders a bar on one PostgreSQL, and fewer on one and on two by user: what a bar takes of executor and settler, of the database, and in its log.

Half of a spike's question is where one database ends, the other what splitting it by user brings and costs. A ledger that is split has a block of each symbol in each part, whose nets meet at the broker:
on one account they may be of opposite sides, and have to be netted once more before they are sent, which is not built and not measured here.
Executor and settler run as in `crowd.py`, the simulator's exchange behind the broker's port; workers are processes, each with a part of the symbols, or a part of the users with a database of its own.
`LEDGER_TRADERS` is how many there are on one database (100,000), `LEDGER_SPLIT` how many where one is compared with two (20,000).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psutil
import psycopg
from local_platform.postgres import Postgres
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.postgres.database import Database

from infra_cdk.capacity.cost import INSTANCES
from infra_cdk.capacity.prices import PRICES
from tests.benchmarks.crowd import add_signals, add_traders
from tests.benchmarks.database import migrated
from tests.benchmarks.spans import worked

Row = tuple[str, str, str, str, str]
_TRADERS = int(os.environ.get("LEDGER_TRADERS", "100000"))
_SPLIT = int(os.environ.get("LEDGER_SPLIT", "20000"))
_SYMBOLS = [f"S{number:02}" for number in range(10)]
# On the first bar two of five have nothing to sell, and statements are planned.
_BARS = 2
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a bar took: seconds until the last was settled, of the workers' processors, of the database's, and bytes of its log."""

    seconds: float
    workers: float
    database: float
    log: int
    orders: int


def _work(conninfo: str, symbols: Sequence[str], together: Any, said: Any) -> None:
    """A worker: executes and settles its symbols, bar after bar, at the same time as the others."""
    from stratforge.application.settle_fill import settle_fill

    from tests.support.ledger import set_price
    from tests.support.world import World

    world, database = World(conninfo), Database(lambda: conninfo, application="bench")
    for minute in range(_BARS):
        with database.transaction() as connection:
            for symbol in symbols:
                set_price(connection, "100", minute, symbol)
                world.broker.prices[symbol] = Decimal(100)
            add_signals(connection, symbols, minute)
            # As autovacuum has done by then: plans are not those of an empty table.
            connection.execute("ANALYZE signals")
        world.broker.now_at += timedelta(minutes=1)
        together.wait()
        # Meanwhile what has been taken until now is read.
        together.wait()
        worked = time.process_time()
        for symbol in symbols:
            world.executor.execute(symbol)
        for order in [each for each in world.exchange.orders.values() if each.open]:
            world.exchange.fill(order, order.quantity, Decimal(100), world.broker.now_at)
        while world.updates:
            settle_fill(world.database, lambda *_: None, world.updates.pop(0))
        said.put(time.process_time() - worked)
        together.wait()
    world.close()
    database.close()


def _processor(postgres: Postgres) -> float:
    """Seconds of the processor that a server's processes have taken."""
    data = str(postgres.data)
    return sum(
        worked(each) for each in psutil.process_iter(["cmdline"]) if data in " ".join(each.info["cmdline"] or [])
    )


def _log(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetchone()
    assert row is not None
    return int(row[0])


def _bar(places: Sequence[tuple[Postgres, str]], workers: Sequence[tuple[str, Sequence[str]]], traders: int) -> Taken:
    """A bar of workers, each with a database and its symbols; the last of so many bars counts."""
    together, said = _FORK.Barrier(len(workers) + 1), _FORK.SimpleQueue()
    processes = [_FORK.Process(target=_work, args=(*each, together, said), daemon=True) for each in workers]
    for each in processes:
        each.start()
    taken = Taken(0.0, 0.0, 0.0, 0, 0)
    for _ in range(_BARS):
        together.wait(600)
        database, log = sum(_processor(each) for each, _ in places), sum(_log(each) for _, each in places)
        began = time.perf_counter()
        together.wait(600)
        together.wait(600)
        seconds = time.perf_counter() - began
        taken = Taken(
            seconds,
            sum(said.get() for _ in workers),
            sum(_processor(each) for each, _ in places) - database,
            sum(_log(each) for _, each in places) - log,
            traders,
        )
    for each in processes:
        each.join(60)
    for _, conninfo in places:
        with psycopg.connect(conninfo) as connection:
            assert broken_invariants(connection) == {}
            row = connection.execute("SELECT count(*) FILTER (WHERE status = 'FILLED')::float8 / count(*) FROM orders").fetchone()  # fmt: skip
            assert row is not None
            assert row[0] > 0.7, row
    return taken


@contextlib.contextmanager
def _ledger(traders: range) -> Iterator[tuple[Postgres, str]]:
    with migrated() as postgres:
        conninfo = postgres.conninfo()
        with psycopg.connect(conninfo, autocommit=True) as connection:
            add_traders(connection, traders, _SYMBOLS)
            connection.execute("ANALYZE")
        yield postgres, conninfo


def run() -> Iterator[Row]:
    """Rows of the benchmark's table."""
    with _ledger(range(_TRADERS)) as (postgres, conninfo):
        one = _bar([(postgres, conninfo)], [(conninfo, _SYMBOLS)], _TRADERS)
    yield _row(f"{_TRADERS:,} traders on {len(_SYMBOLS)} symbols, one PostgreSQL, a worker", one, None)
    cores = one.database / 60
    class_ = next((name for name, (_, many) in INSTANCES.items() if many >= 4 * cores), "none")
    price = PRICES.get(f"rds:{class_}")
    yield (
        "of which the database needs, all within a quarter of a minute",
        f"{4 * cores:.1f} cores as these: {class_}" + (f", ${price.dollars * 730:,.0f} a month" if price else ""),
        f"its log: {one.log / 60 / 1e6:.1f} MB a second of the minute",
        "",
        "",
    )
    with _ledger(range(_SPLIT)) as (postgres, conninfo):
        half = len(_SYMBOLS) // 2
        workers = [(conninfo, _SYMBOLS[:half]), (conninfo, _SYMBOLS[half:])]
        together = _bar([(postgres, conninfo)], workers, _SPLIT)
    yield _row(f"{_SPLIT:,} traders, one PostgreSQL, two workers by symbol", together, None)
    with _ledger(range(_SPLIT // 2)) as first, _ledger(range(_SPLIT // 2, _SPLIT)) as second:
        split = _bar([first, second], [(first[1], _SYMBOLS), (second[1], _SYMBOLS)], _SPLIT)
    yield _row(f"{_SPLIT:,} traders, two PostgreSQL by user, a worker each", split, together)


def _row(what: str, taken: Taken, beside: Taken | None) -> Row:
    each = 1e6 / taken.orders
    return (
        f"{what}: a bar",
        f"{taken.seconds:.1f} s until all is settled",
        f"a trader: {taken.workers * each:.0f} µs of workers, {taken.database * each:.0f} µs of the database, {taken.log / taken.orders / 1e3:.1f} kB of its log",
        f"{taken.seconds / beside.seconds:.2f} x" if beside else "",
        "settled within a minute",
    )


if __name__ == "__main__":
    for each in run():
        print(*each, sep=" | ", flush=True)
