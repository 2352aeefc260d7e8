"""Events are told in the order they were committed, none is missed, and webhooks are signed, tried again and kept from private addresses."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from stratforge.storage.delivery import events, webhooks
from stratforge.storage.delivery.events import EventCursor
from stratforge.storage.delivery.tickets import Ticket, add_ticket, take_ticket
from stratforge.storage.delivery.webhooks import EventKind, WebhookFormat
from stratforge.storage.postgres.database import Database

from functions.deliverer.webhooks import RefusedDestination, WebhookSender, resolve, sign
from functions.notifier.realtime_updates import RealtimeUpdates
from functions.realtime.service import RealtimeService


def ticket(database: Database, user: UUID, origin: str | None = None) -> str:
    """A ticket for a connection."""
    with database.transaction() as connection:
        return add_ticket(connection, Ticket(user, None, None, origin))


def happen(connection: Any, user: UUID | None, number: int) -> None:
    """Something happens."""
    connection.execute(
        "INSERT INTO events (user_id, kind, data) VALUES (%s, 'order', jsonb_build_object('number', %s::int))",
        (user, number),
    )


def shard_of(database: Database, user: UUID) -> int:
    """The shard of a user."""
    with database.transaction() as connection:
        row = connection.execute("SELECT realtime_shard(%s)", (user,)).fetchone()
    assert row is not None
    return int(row[0])


def deliver(database: Database, sender: WebhookSender, webhook_id: UUID) -> tuple[int, int]:
    """What the notifier and then the deliverer do about a webhook."""
    with database.transaction() as connection:
        webhooks.queue_deliveries(connection, 500)
    return sender.deliver(webhook_id)


class Gateway:
    """A gateway that keeps what is posted."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.gone = False
        self.closed: list[str] = []

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:
        """Takes a message, or says that the connection is gone."""
        from botocore.exceptions import ClientError

        if self.gone:
            raise ClientError({"Error": {"Code": "GoneException"}}, "PostToConnection")
        self.posted.append(json.loads(Data))

    def delete_connection(self, ConnectionId: str) -> None:
        """Closes a connection."""
        self.closed.append(ConnectionId)

    @property
    def numbers(self) -> list[int]:
        """What was told, in order."""
        return [event["data"]["number"] for message in self.posted for event in message["events"]]


def test_a_transaction_that_commits_late_is_not_skipped(migrated: str, database: Database, user_id: UUID) -> None:
    with database.transaction() as connection:
        start = events.present(connection)
    with psycopg.connect(migrated) as late, psycopg.connect(migrated) as early:
        happen(late, user_id, 1)
        happen(early, user_id, 2)
        early.commit()
        with database.transaction() as connection:
            assert events.events_after(connection, user_id, start, 10) == [], "an earlier transaction has not ended"
        late.commit()
    with database.transaction() as connection:
        told = events.events_after(connection, user_id, start, 10)
    assert [event.data["number"] for event in told] == [1, 2]


def test_a_connection_goes_on_where_it_left_off(database: Database, user_id: UUID) -> None:
    live, gateway = RealtimeService(database), Gateway()
    updates = RealtimeUpdates(database, gateway)
    assert live.connect("first", {"ticket": ticket(database, user_id)})[0] == 200
    with database.transaction() as connection:
        happen(connection, user_id, 1)
    assert updates.run(shard_of(database, user_id)) == (1, 0)
    assert updates.run(shard_of(database, user_id)) == (0, 0), "nothing is told twice"
    cursor = gateway.posted[-1]["cursor"]
    live.disconnect("first")
    with database.transaction() as connection:
        for number in (2, 3):
            happen(connection, user_id, number)
    assert live.connect("second", {"ticket": ticket(database, user_id), "cursor": cursor})[0] == 200
    updates.run(shard_of(database, user_id))
    assert gateway.numbers == [1, 2, 3]


def test_much_is_told_in_messages_that_fit(database: Database, user_id: UUID) -> None:
    live, gateway = RealtimeService(database), Gateway()
    live.connect("one", {"ticket": ticket(database, user_id)})
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO events (user_id, kind, data) SELECT %s, 'job', jsonb_build_object('number', n, 'text', repeat('x', 1000)) "
            "FROM generate_series(1, 500) n",
            (user_id,),
        )
    updates = RealtimeUpdates(database, gateway)
    while updates.run(shard_of(database, user_id)) != (0, 0):
        pass
    assert gateway.numbers == list(range(1, 501))
    assert all(len(json.dumps(message)) < 128_000 for message in gateway.posted)


def test_a_connection_that_is_gone_is_forgotten(database: Database, user_id: UUID) -> None:
    live, gateway = RealtimeService(database), Gateway()
    live.connect("one", {"ticket": ticket(database, user_id)})
    with database.transaction() as connection:
        happen(connection, None, 1)
    gateway.gone = True
    assert RealtimeUpdates(database, gateway).run(shard_of(database, user_id)) == (0, 1)
    with database.transaction() as connection:
        assert events.listeners(connection).shards == []


def test_tickets_are_ones_own_cannot_be_made_up_and_are_good_once(database: Database, user_id: UUID) -> None:
    text = ticket(database, user_id)
    with database.transaction() as connection:
        for wrong in ("", "x", text[:-1], "." + text, text + "=", "\x00"):
            assert take_ticket(connection, wrong) is None
        taken = take_ticket(connection, text)
        assert taken is not None
        assert taken.user_id == user_id
        assert take_ticket(connection, text) is None
    assert RealtimeService(database).connect("one", {"ticket": text})[0] == 401
    stale = ticket(database, user_id)
    with database.transaction() as connection:
        connection.execute("UPDATE realtime_tickets SET expires_at = now()")
        assert take_ticket(connection, stale) is None


def test_cursors_are_read_or_refused() -> None:
    assert EventCursor.parse("1-2") == EventCursor(1, 2)
    assert [EventCursor.parse(wrong) for wrong in ("", "1", "a-b", "1--2", "٣-٤x")] == [None] * 5


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '{"action": "drop"}',
        '{"action": "watch", "symbols": "AAPL"}',
        '{"action": "watch", "symbols": ["?"]}',
    ],
)
def test_what_is_not_understood_is_answered(database: Database, body: str) -> None:
    status, answer = RealtimeService(database).hear("one", body)
    assert (status, json.loads(answer)["type"]) == (400, "error")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://user:password@example.com/",
        "file:///etc/passwd",
        "https:///path",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "https://[fec0::1]/",
        "https://[ff0e::1]/",
        "https://[2001:db8::1]/",
        "https://224.0.0.1/",
        "https://239.255.255.250/",
        "https://192.88.99.1/",
        "https://255.255.255.255/",
        "https://0.0.0.0/",
        "https://100.64.0.1/",
    ],
)
def test_private_and_odd_destinations_are_refused(url: str) -> None:
    with pytest.raises(RefusedDestination):
        resolve(url, allow_private=False)


class Receiver(http.server.ThreadingHTTPServer):
    """A destination that keeps what it gets and answers as told."""

    answers: list[int]
    received: list[tuple[dict[str, str], bytes]]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A destination."""
    server = Receiver(("127.0.0.1", 0), _Handler)
    server.answers, server.received = [], []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()


def test_a_webhook_is_signed_and_tried_again_until_it_arrives(
    database: Database, user_id: UUID, receiver: Receiver
) -> None:
    with database.transaction() as connection:
        hook = webhooks.add_webhook(
            connection,
            uuid4(),
            user_id,
            f"http://127.0.0.1:{receiver.server_port}/hook",
            [EventKind.ORDER],
            "whsec_one",
            WebhookFormat.JSON,
        )
    with database.transaction() as connection:
        happen(connection, user_id, 1)
    receiver.answers = [500, 302]
    sender = WebhookSender(database, allow_private=True)
    outcomes = []
    for _ in range(3):
        outcomes.append(deliver(database, sender, hook.webhook_id))
        with database.transaction() as connection:
            connection.execute(
                "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL"
            )
    assert outcomes == [(0, 1), (0, 1), (1, 0)], "a redirect is not followed"
    assert deliver(database, sender, hook.webhook_id) == (0, 0)
    headers, body = receiver.received[-1]
    stamp, signature = headers["StratForge-Signature"].split(",")
    assert signature == "v1=" + sign("whsec_one", int(stamp.removeprefix("t=")), body)
    assert json.loads(body)["data"] == {"number": 1}
    with database.transaction() as connection:
        webhooks.rotate_secret(connection, hook.webhook_id, "whsec_two", timedelta(hours=1))
    with database.transaction() as connection:
        happen(connection, user_id, 2)
    deliver(database, sender, hook.webhook_id)
    headers, body = receiver.received[-1]
    stamp, *signatures = headers["StratForge-Signature"].split(",")
    moment = int(stamp.removeprefix("t="))
    assert signatures == [f"v1={sign(secret, moment, body)}" for secret in ("whsec_two", "whsec_one")]


def test_a_webhook_that_always_fails_is_disabled_and_its_owner_sees_why(database: Database, user_id: UUID) -> None:
    with database.transaction() as connection:
        hook = webhooks.add_webhook(
            connection, uuid4(), user_id, "http://127.0.0.1:1/", [EventKind.ORDER], "secret", WebhookFormat.JSON
        )
    sender = WebhookSender(database, allow_private=True)
    for number in range(50):
        with database.transaction() as connection:
            happen(connection, user_id, number)
            connection.execute("UPDATE webhooks SET retry_at = NULL")
        deliver(database, sender, hook.webhook_id)
    with database.transaction() as connection:
        (found,) = webhooks.list_webhooks(connection, user_id)
        assert found.disabled_at is not None
        deliveries = webhooks.list_deliveries(connection, hook.webhook_id, 10)
    assert "refused" in str(deliveries[-1].last_error).lower()
