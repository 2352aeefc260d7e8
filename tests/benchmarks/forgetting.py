"""What forgetting a day takes, by deleting rows and by dropping a partition of a day, and what partitions cost whoever reads: of events, and of notes of equity that are thinned.

Both shapes hold the same rows, eight days of events and three of notes, with the indexes of the product; the statements are the product's own (`retention.forget`, `roll_up_equity`, `delivery.events`).
`FORGETTING_ROWS` is how many events a day has (60,000, as 1,000 sessions write; see db/TABLES.md), `FORGETTING_USERS` whose equity is noted (200).
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from stratforge.storage import retention
from stratforge.storage.delivery.events import EventCursor, events_after, latest_events
from stratforge.storage.market.clock import set_market_clock

from tests.benchmarks.database import migrated

Row = tuple[str, str, str, str, str]
_ROWS = int(os.environ.get("FORGETTING_ROWS", "60000"))
_USERS = int(os.environ.get("FORGETTING_USERS", "200"))
_DAYS, _READERS, _READS = 8, 1_000, 400
_AT_ONCE = 5_000
_WHOLE, _PARTED = "whole", "parted"


def _events(connection: psycopg.Connection[Any]) -> tuple[float, float]:
    """Makes both shapes of events, with the same rows; the seconds that writing into each took."""
    connection.execute(
        """
        CREATE SCHEMA whole; CREATE SCHEMA parted;
        CREATE TABLE whole.events (LIKE public.events INCLUDING DEFAULTS INCLUDING INDEXES);
        CREATE TABLE parted.events (LIKE public.events INCLUDING DEFAULTS) PARTITION BY RANGE (created_at);
        ALTER TABLE parted.events ADD PRIMARY KEY (id, created_at);
        CREATE INDEX ON parted.events (user_id, tx, id);
        CREATE INDEX ON parted.events (tx, id);
        CREATE FUNCTION whole.events_horizon() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1000000000::bigint';
        CREATE FUNCTION parted.events_horizon() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1000000000::bigint';
        CREATE TABLE people AS SELECT gen_random_uuid() AS id, n FROM generate_series(1, %(readers)s) n;
        DO $$ BEGIN
            FOR day IN 0..8 LOOP
                EXECUTE format('CREATE TABLE parted.events_%%s PARTITION OF parted.events FOR VALUES FROM (%%L) TO (%%L)', day,
                    now() - make_interval(days => day) - interval '12 hours', now() - make_interval(days => day) + interval '12 hours');
            END LOOP;
        END $$;
        CREATE TABLE written AS
        SELECT g AS id, 1000 + g / 20 AS tx, p.id AS user_id, 'order' AS kind,
               jsonb_build_object('order_id', gen_random_uuid(), 'symbol', 'S01', 'side', 'buy', 'type', 'market', 'origin', 'SIGNAL', 'session_id', p.id,
                   'status', 'FILLED', 'reason', NULL, 'quantity', '10', 'filled_quantity', '10') AS data,
               now() - make_interval(secs => (%(rows)s - g) * 86400.0 / %(day)s) AS created_at
        FROM generate_series(1, %(rows)s) g JOIN people p ON p.n = 1 + g %% %(readers)s ORDER BY g;
        """.replace("%(rows)s", str(_ROWS * _DAYS)).replace("%(day)s", str(_ROWS)).replace("%(readers)s", str(_READERS)).replace("%%", "%")
    )  # fmt: skip
    found = []
    for schema in (_WHOLE, _PARTED):
        began = time.perf_counter()
        connection.execute(
            sql.SQL(
                "INSERT INTO {}.events (id, tx, user_id, kind, data, created_at) SELECT id, tx, user_id, kind, data, created_at FROM written ORDER BY id"
            ).format(sql.Identifier(schema))
        )
        found.append(time.perf_counter() - began)
    connection.execute("VACUUM ANALYZE")
    return found[0], found[1]


def _taken(connection: psycopg.Connection[Any], what: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and megabytes of the log, that something takes."""
    query = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8"
    (before,) = connection.execute(query).fetchone() or (0.0,)
    began = time.perf_counter()
    what()
    seconds = time.perf_counter() - began
    (after,) = connection.execute(query).fetchone() or (0.0,)
    return seconds, (after - before) / 1e6


def _read(connection: psycopg.Connection[Any], schema: str) -> dict[str, float]:
    """The 95th percentile of reads, in milliseconds: a page's latest, and what a connection has not been told."""
    connection.execute(sql.SQL("SET search_path = {}, public").format(sql.Identifier(schema)))
    users = [row[0] for row in connection.execute("SELECT id FROM people").fetchall()]
    chosen: list[UUID] = random.Random(1).choices(users, k=_READS)
    last = EventCursor(1000 + _ROWS * _DAYS // 20 - 200, 0)

    def latest(user: UUID) -> object:
        return latest_events(connection, user, 30)

    def untold(user: UUID) -> object:
        return events_after(connection, user, last, 100)

    found = {}
    for name, read in (("a user's latest 30", latest), ("what a user was not told", untold)):
        for user in chosen[:20]:
            read(user)
        taken = []
        for user in chosen:
            began = time.perf_counter()
            read(user)
            taken.append(time.perf_counter() - began)
        found[name] = statistics.quantiles(taken, n=20)[-1] * 1000
    connection.execute("SET search_path = public")
    return found


def _delete(connection: psycopg.Connection[Any], schema: str) -> int:
    """Forgets a day of events as the minute's task does; how many."""
    connection.execute(sql.SQL("SET search_path = {}, public").format(sql.Identifier(schema)))
    gone = 0
    while rows := retention.forget(connection, "events", _AT_ONCE):
        gone += rows
    connection.execute("SET search_path = public")
    return gone


def _size(connection: psycopg.Connection[Any]) -> float:
    """Megabytes of the table that is whole, with its indexes."""
    (size,) = connection.execute("SELECT pg_total_relation_size('whole.events')::float8").fetchone() or (0.0,)
    return float(size) / 1e6


def _of_events(connection: psycopg.Connection[Any]) -> Iterator[Row]:
    wrote = _events(connection)
    read = {schema: _read(connection, schema) for schema in (_WHOLE, _PARTED)}
    gone = 0

    def deleted() -> None:
        nonlocal gone
        gone = _delete(connection, _WHOLE)

    before = _size(connection)
    delete, vacuum = _taken(connection, deleted), _taken(connection, lambda: connection.execute("VACUUM whole.events"))
    drop = _taken(connection, lambda: connection.execute("DROP TABLE parted.events_8"))
    total = delete[0] + vacuum[0]
    yield (
        f"forgetting a day of events ({gone:,} of {_ROWS * _DAYS:,}): deleted, and vacuumed",
        f"{delete[0]:.2f} + {vacuum[0]:.2f} s, {delete[1] + vacuum[1]:.0f} MB of log",
        f"a partition dropped: {drop[0] * 1000:.0f} ms, {drop[1]:.1f} MB",
        f"{total / 864:.4f} % of a day",
        "",
    )
    refilled = _taken(connection, lambda: connection.execute("INSERT INTO whole.events (id, tx, user_id, kind, data) SELECT id + 100000000, tx, user_id, kind, data FROM written LIMIT %s", (gone,)))  # fmt: skip
    yield (
        "its size after the next day is written",
        f"{_size(connection):.0f} MB ({refilled[0]:.1f} s)",
        f"before: {before:.0f} MB",
        f"{_size(connection) / before:.2f}",
        "",
    )
    yield (f"writing {_ROWS * _DAYS:,} events", f"{wrote[0]:.1f} s", f"into partitions: {wrote[1]:.1f} s", f"{wrote[1] / wrote[0]:.2f}", "")  # fmt: skip
    for name, whole in read[_WHOLE].items():
        parted = read[_PARTED][name]
        yield (f"reading {name}, p95", f"{whole:.2f} ms", f"from {_DAYS + 1} partitions: {parted:.2f} ms", f"{parted / whole:.2f}", "")  # fmt: skip


def _of_equity(connection: psycopg.Connection[Any]) -> Iterator[Row]:
    """A day of notes becomes one in fifteen: deleted by the product, or copied to another table with the day's partition dropped."""
    connection.execute(
        "INSERT INTO users (email, password_hash, virtual_balance, initial_balance) SELECT 'user' || n || '@example.com', 'none', 1, 1 FROM generate_series(1, %s) n",
        (_USERS,),
    )
    fill = "INSERT INTO {} (user_id, time, cash, equity) SELECT u.id, date_trunc('minute', now()) - m * interval '1 minute', 100000, 100123.125 FROM generate_series({}, {}) m, users u"
    connection.execute(fill.format("equity_snapshots", 0, 3 * 1440 - 1))
    connection.execute("CREATE TABLE day (LIKE equity_snapshots INCLUDING INDEXES); CREATE TABLE coarse (LIKE equity_snapshots INCLUDING INDEXES)")  # fmt: skip
    connection.execute(fill.format("day", 2880, 3 * 1440 - 1))
    connection.execute("VACUUM ANALYZE")
    gone = 0

    def rolled() -> None:
        nonlocal gone
        behind = True
        while behind:
            row = connection.execute("SELECT gone, behind FROM roll_up_equity('1 hour', '1 day')").fetchone()
            assert row is not None
            gone, behind = gone + row[0], row[1]

    delete, vacuum = _taken(connection, rolled), _taken(connection, lambda: connection.execute("VACUUM equity_snapshots"))  # fmt: skip

    def copied() -> None:
        connection.execute(
            "INSERT INTO coarse SELECT DISTINCT ON (user_id, date_bin('15 minutes', time - interval '1 microsecond', 'epoch')) * FROM day "
            "ORDER BY user_id, date_bin('15 minutes', time - interval '1 microsecond', 'epoch'), time DESC"
        )
        connection.execute("DROP TABLE day")

    copy = _taken(connection, copied)
    total = delete[0] + vacuum[0]
    yield (
        f"thinning a day of {_USERS:,} users' notes ({gone:,} go): deleted, and vacuumed",
        f"{delete[0]:.2f} + {vacuum[0]:.2f} s, {delete[1] + vacuum[1]:.0f} MB of log",
        f"what stays copied, the day's partition dropped: {copy[0]:.2f} s, {copy[1]:.0f} MB",
        f"{total / copy[0]:.1f} x; {total / 864:.4f} % of a day",
        "",
    )


def run() -> Iterator[Row]:
    """Rows of the benchmark's table."""
    with migrated() as postgres, psycopg.connect(postgres.conninfo(), autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SELECT set_config('search_path', 'public', false)")
        # Nothing is old until somebody has read the market's clock.
        set_market_clock(connection, datetime.now(UTC))
        yield from _of_events(connection)
        yield from _of_equity(connection)


if __name__ == "__main__":
    for each in run():
        print(*each, sep=" | ", flush=True)
