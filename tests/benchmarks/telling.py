"""How long others' realtime updates take beside one user with 50 hanging webhooks and beside a thousand open connections, against the quiet run.

From the commit of an event to the gateway everything but the wires is the product's: PostgreSQL, the ingestor's announcements, the notifier's
shards, a process each as each has an environment on AWS, and beside them, in as many threads as its share allows, the deliverer at a destination
that never answers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from local_platform.synthesis import ROOT
from stratforge.storage.delivery import events, webhooks
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.migrations import migrate, read_migrations

from functions.deliverer.webhooks import WebhookSender
from functions.ingestor import announcements
from functions.notifier.realtime_updates import RealtimeUpdates
from tests.benchmarks.database import server

Row = tuple[str, str, str, str, str]
_ROUNDS = 100
# What the gateway takes for a message, about.
_GATEWAY_SECONDS = 0.005
_DELIVERERS = 10


class _Gateway:
    """Takes messages in the gateway's time, and notes when the first user's came."""

    def __init__(self, context: Any) -> None:
        self.at = context.Value("d", 0.0)
        self.told = context.Event()

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:
        """Takes a message."""
        time.sleep(_GATEWAY_SECONDS)
        if ConnectionId == "ada":
            self.at.value = time.monotonic()
            self.told.set()


def _user(connection: Connection, name: str) -> Any:
    row = connection.execute(
        "INSERT INTO users (email, password_hash, virtual_balance, initial_balance) VALUES (%s, 'none', 1, 1) RETURNING id",
        (f"{name}@example.com",),
    ).fetchone()
    assert row is not None
    return row[0]


def _connect(connection: Connection, user: Any, name: str) -> None:
    cursor = events.present(connection)
    connection.execute(
        "INSERT INTO live_connections (connection_id, user_id, cursor_tx, cursor_id) VALUES (%s, %s, %s, %s)",
        (name, user, cursor.tx, cursor.event_id),
    )


class _Shards:
    """A process for each shard, woken as a message group is: once more for whatever comes while it works."""

    def __init__(self, context: Any, conninfo: str, gateway: _Gateway) -> None:
        self._woken = [context.Event() for _ in range(events.SHARDS)]
        for shard in range(events.SHARDS):
            context.Process(target=self._work, args=(shard, conninfo, gateway), daemon=True).start()

    def wake(self, _url: str, shards: Sequence[int], *, webhooks: bool) -> None:
        """Takes the place of the queue."""
        for shard in shards:
            self._woken[shard].set()

    def _work(self, shard: int, conninfo: str, gateway: _Gateway) -> None:
        updates = RealtimeUpdates(Database(lambda: conninfo, application="shard"), gateway)
        with contextlib.suppress(psycopg.OperationalError):
            while self._woken[shard].wait():
                self._woken[shard].clear()
                updates.run(shard)


def _latencies(database: Database, gateway: _Gateway, told: list[Any]) -> list[float]:
    """Seconds from an event to the first user's connection, round by round; the others have something to hear each time too."""
    found = []
    for _ in range(_ROUNDS):
        gateway.told.clear()
        with database.transaction() as connection:
            connection.execute(
                "INSERT INTO events (user_id, kind, data) SELECT u, 'order', '{}' FROM unnest(%s::uuid[]) u", (told,)
            )
        began = time.monotonic()
        assert gateway.told.wait(30), "nobody was told"
        found.append(gateway.at.value - began)
    return found


def _hang(database: Database, user: Any) -> threading.Event:
    """Fifty webhooks at a destination that never answers, delivered to for as long as the event is not set."""
    server = socket.create_server(("127.0.0.1", 0), backlog=500)
    url, ended = f"http://127.0.0.1:{server.getsockname()[1]}/", threading.Event()
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO webhooks (user_id, url, kinds, secret) SELECT %s, %s, '{order}', 's' FROM generate_series(1, 50)",
            (user, url),
        )
    sender = WebhookSender(database, allow_private=True)
    free = threading.Semaphore(_DELIVERERS)

    def deliver(webhook_id: Any) -> None:
        with free, contextlib.suppress(psycopg.OperationalError):
            sender.deliver(webhook_id)

    def wake() -> None:
        while not ended.wait(0.1):
            with database.transaction() as connection:
                webhooks.queue_deliveries(connection, 500)
            with database.transaction() as connection:
                due = webhooks.lease_due(connection)
            for each in due:
                threading.Thread(target=deliver, args=(each.webhook_id,), daemon=True).start()
        server.close()

    threading.Thread(target=wake, daemon=True).start()
    return ended


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def run() -> list[Row]:
    """The rows of the table."""
    with server() as postgres:
        migrate(postgres.conninfo("postgres"), read_migrations(ROOT / "db" / "migrations"))
        database = Database(lambda: postgres.conninfo("postgres"), application="benchmark")
        context = multiprocessing.get_context("fork")
        gateway = _Gateway(context)
        shards = _Shards(context, postgres.conninfo("postgres"), gateway)
        setattr(announcements, "send_something_happened", shards.wake)
        return _rows(database, gateway)


def _rows(database: Database, gateway: _Gateway) -> list[Row]:
    with database.transaction() as connection:
        ada, mallory = _user(connection, "ada"), _user(connection, "mallory")
        _connect(connection, ada, "ada")
    announcements.Announcements(database, "queue", lambda: None)
    _latencies(database, gateway, [ada])
    quiet = _p99(_latencies(database, gateway, [ada]))
    ended = _hang(database, mallory)
    hooks = _p99(_latencies(database, gateway, [ada, mallory]))
    with database.transaction() as connection:
        others = [_user(connection, f"user{number}") for number in range(50)]
        for user in (mallory, *others[:49]):
            for number in range(20):
                _connect(connection, user, f"{user}-{number}")
    attacked = _p99(_latencies(database, gateway, [ada, mallory]))
    crowded = _p99(_latencies(database, gateway, [ada, mallory, *others]))
    ended.set()
    return [
        (what, f"p99 {loud * 1000:.0f} ms", f"quiet: p99 {quiet * 1000:.0f} ms", f"{loud / quiet:.2f}", wanted)
        for what, loud, wanted in (
            ("a realtime update beside one user's 50 hanging webhooks", hooks, "at most 2"),
            ("and his 20 connections told each time, among 1,000 open ones", attacked, "at most 2"),
            (
                "and all 1,000 connections told each time, on this machine's cores",
                crowded,
                "the work of 1,000 messages",
            ),
        )
    ]
