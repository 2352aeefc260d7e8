"""What one user's webhooks and sockets do, if they hang, costs nobody else anything."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from queue import Queue
from uuid import UUID, uuid4

import pytest
from botocore.exceptions import ReadTimeoutError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from stratforge.bus.messages import SomethingHappened
from stratforge.storage.delivery import events, webhooks
from stratforge.storage.delivery.tickets import Ticket, add_ticket
from stratforge.storage.delivery.webhooks import EventKind, WebhookFormat, WebhookState
from stratforge.storage.postgres.database import Database
from stratforge.storage.users.accounts import register_user

from functions.deliverer.webhooks import WebhookSender
from functions.ingestor import announcements
from functions.notifier import handler as notifier
from functions.notifier.realtime_updates import RealtimeUpdates
from functions.realtime.service import MAX_CONNECTIONS, RealtimeService
from tests.support.round_trips import CountingLine


def user_named(database: Database, name: str, shard: int | None = None) -> UUID:
    """A new user, in a shard of realtime updates."""
    for number in range(200):
        with contextlib.suppress(LookupError), database.transaction() as connection:
            found = register_user(connection, f"{name}{number}@example.com", "hash", Decimal(1000))
            assert found is not None
            row = connection.execute("SELECT realtime_shard(%s)", (found,)).fetchone()
            if shard is not None and row != (shard,):
                raise LookupError
            return found
    raise AssertionError("no such shard")


def happen(database: Database, *users: UUID) -> None:
    """Something happens to each."""
    with database.transaction() as connection:
        for user in users:
            connection.execute("INSERT INTO events (user_id, kind, data) VALUES (%s, 'order', '{}')", (user,))


def add_hooks(database: Database, user: UUID, count: int, url: str) -> list[UUID]:
    """Webhooks of a user."""
    with database.transaction() as connection:
        return [
            webhooks.add_webhook(
                connection, uuid4(), user, url, [EventKind.ORDER], "secret", WebhookFormat.JSON
            ).webhook_id
            for _ in range(count)
        ]


def open_socket(database: Database, user: UUID, name: str) -> int:
    """Opens a realtime connection; the status of the answer."""
    with database.transaction() as connection:
        ticket = add_ticket(connection, Ticket(user, None, None, None))
    return RealtimeService(database).connect(name, {"ticket": ticket})[0]


class Gateway:
    """A gateway at which connections whose names begin with `hanging` time out."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.tried: list[str] = []
        self.closed: list[str] = []

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:
        """Takes a message, or does not."""
        self.tried.append(ConnectionId)
        if ConnectionId.startswith("hanging"):
            raise ReadTimeoutError(endpoint_url="wss://gateway")
        self.told.append(ConnectionId)

    def delete_connection(self, ConnectionId: str) -> None:
        """Closes a connection."""
        self.closed.append(ConnectionId)


class Silence:
    """A destination that accepts connections, and then says nothing, or one byte at a time."""

    def __init__(self, *, dripping: bool = False) -> None:
        self.accepted = 0
        self._dripping = dripping
        self._open: list[socket.socket] = []
        self._ended = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=200)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.getsockname()[1]}/"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.accepted += 1
                self._open.append(client)
                if self._dripping:
                    threading.Thread(target=self._drip, args=(client,), daemon=True).start()

    def _drip(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not self._ended.wait(0.02):
                client.sendall(b"x")

    def end(self) -> None:
        """Lets everybody go."""
        self._ended.set()
        for each in (self._server, *self._open):
            each.close()


@pytest.fixture
def silence() -> Iterator[Silence]:
    """A destination that says nothing."""
    made = Silence()
    yield made
    made.end()


def test_no_update_waits_behind_a_delivery(
    database: Database, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who tells realtime connections never speaks to a webhook: he only says, in another queue, which are due."""
    ada, mallory = user_named(database, "ada"), user_named(database, "mallory")
    add_hooks(database, mallory, 50, silence.url)
    assert open_socket(database, ada, "ada") == 200
    happen(database, ada, mallory)
    gateway, sent = Gateway(), []
    monkeypatch.setattr(notifier, "database", database)
    monkeypatch.setattr(notifier, "realtime", lambda: RealtimeUpdates(database, gateway))
    monkeypatch.setattr(notifier, "send_deliveries_due", lambda _url, due: sent.extend(due))
    monkeypatch.setenv("DELIVERIES_QUEUE_URL", "deliveries")
    monkeypatch.setenv("REALTIME_API_ID", "api")
    monkeypatch.setenv("REALTIME_STAGE", "stage")
    with database.transaction() as connection:
        wanted = events.listeners(connection)
    groups = set()
    for shard in (None, *wanted.shards):
        message = SomethingHappened.model_validate({"at": "2026-01-05T15:00:00Z", "shard": shard})
        groups.add(message.group)
        notifier.record_handler(type("Record", (), {"body": message.model_dump_json()})())
    assert gateway.told == ["ada"]
    assert len(groups) == 2, "a message of webhooks holds back no message of realtime connections"
    assert silence.accepted == 0, "the notifier spoke to a webhook"
    assert len(sent) == webhooks.IN_WORK_OF_A_USER


def test_the_hooks_of_one_user_take_a_few_turns_and_everybody_elses_come(database: Database) -> None:
    ada, mallory = user_named(database, "ada"), user_named(database, "mallory")
    many = set(add_hooks(database, mallory, 50, "http://127.0.0.1:1/"))
    (hers,) = add_hooks(database, ada, 1, "http://127.0.0.1:1/")
    happen(database, ada, mallory)

    def leased() -> set[UUID]:
        with database.transaction() as connection:
            webhooks.queue_deliveries(connection, 500)
            return {each.webhook_id for each in webhooks.lease_due(connection)}

    first = leased()
    assert hers in first
    assert len(first & many) == webhooks.IN_WORK_OF_A_USER
    assert leased() == set(), "whoever has his turn has it until it ends"
    with database.transaction() as connection:
        for each in first:
            webhooks.end_lease(connection, each)
    second = leased()
    assert len(second & many) == webhooks.IN_WORK_OF_A_USER
    assert not second & first & many, "those that had no turn come first"


def test_a_lease_that_nobody_ended_ends(database: Database) -> None:
    user = user_named(database, "ada")
    (hook,) = add_hooks(database, user, 1, "http://127.0.0.1:1/")
    happen(database, user)
    with database.transaction() as connection:
        webhooks.queue_deliveries(connection, 500)
        assert len(webhooks.lease_due(connection)) == 1
        told = events.listeners(connection).horizon
        assert not events.listeners(connection, told).webhooks
    with database.transaction() as connection:
        connection.execute("UPDATE webhooks SET leased_until = leased_until - interval '2 minutes'")
        assert events.listeners(connection, told).webhooks
        assert [each.webhook_id for each in webhooks.lease_due(connection)] == [hook]


def test_an_event_that_an_older_transaction_hid_is_told_though_nothing_else_happens(database: Database) -> None:
    """On a busy machine some transaction is nearly always older, and its end announces nothing."""
    user = user_named(database, "ada")
    add_hooks(database, user, 1, "http://127.0.0.1:1/")
    with database.transaction() as older:
        older.execute("SELECT pg_current_xact_id()")
        happen(database, user)
        with database.transaction() as connection:
            announced = events.listeners(connection)
            assert not announced.webhooks, "woken for what cannot be told yet"
            assert webhooks.queue_deliveries(connection, 500) == 0
    with database.transaction() as connection:
        assert events.listeners(connection, announced.horizon).webhooks, "nobody looks again"
    with database.transaction() as connection:
        assert webhooks.queue_deliveries(connection, 500) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_end_of_what_hid_an_event_is_noticed_by_itself(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with the next look for prices, which here never comes: whoever writes much beside others would hold up their updates by as much."""
    user = user_named(database, "ada")
    add_hooks(database, user, 1, "http://127.0.0.1:1/")
    woken: Queue[bool] = Queue()
    enough, ended = threading.Event(), threading.Event()

    def wake(_url: str, _shards: list[int], *, webhooks: bool) -> None:
        if enough.is_set():
            raise SystemExit
        woken.put(webhooks)

    monkeypatch.setattr(announcements, "_LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(announcements, "send_something_happened", wake)
    announcements.Announcements(database, "queue", ended.set)
    assert woken.get(timeout=30) is False, "the look with which it begins"
    with database.transaction() as older:
        older.execute("SELECT pg_current_xact_id()")
        happen(database, user)
        assert woken.get(timeout=30) is False, "announced, and hidden"
    while not woken.get(timeout=30):
        """Transactions of other databases hide it too."""
    enough.set()
    happen(database, user)
    assert ended.wait(30)


def test_what_happens_to_who_has_no_webhook_wakes_nobody(database: Database) -> None:
    ada, bob = user_named(database, "ada"), user_named(database, "bob")
    add_hooks(database, ada, 1, "http://127.0.0.1:1/")
    happen(database, bob)
    with database.transaction() as connection:
        seen = events.listeners(connection)
        assert not seen.webhooks
        connection.execute("INSERT INTO events (user_id, kind, data) VALUES (NULL, 'halt', '{}')")
    with database.transaction() as connection:
        assert events.listeners(connection, seen.horizon).webhooks, "what concerns everybody"


@pytest.mark.parametrize("dripping", [False, True])
def test_a_destination_that_hangs_is_left_after_its_seconds(database: Database, dripping: bool) -> None:
    """Also one that sends a byte now and then, which no time-out of a socket ends."""
    destination = Silence(dripping=dripping)
    user = user_named(database, "mallory")
    (hook,) = add_hooks(database, user, 1, destination.url)
    happen(database, user)
    with database.transaction() as connection:
        webhooks.queue_deliveries(connection, 500)
    assert WebhookSender(database, allow_private=True, answer_seconds=0.2).deliver(hook) == (0, 1)
    destination.end()
    with database.transaction() as connection:
        (delivery,) = webhooks.list_deliveries(connection, hook, 10)
    assert delivery.last_error == "TimeoutError: no answer within 0.2 seconds"


class Breaker:
    """A webhook with a hundred deliveries, and what is tried at it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.user = user_named(database, "ada")
        (self.hook,) = add_hooks(database, self.user, 1, "http://127.0.0.1:1/")
        happen(database, *[self.user] * 100)
        with database.transaction() as connection:
            webhooks.queue_deliveries(connection, 500)

    def attempts(self, error: str | None, at_most: int = 100) -> int:
        """How many deliveries are let through one after another, all of which come to this."""
        made = 0
        while made < at_most:
            with self.database.transaction() as connection:
                taken = webhooks.take_due(connection, self.hook)
            if taken is None:
                break
            made += 1
            with self.database.transaction() as connection:
                webhooks.note_outcome(connection, taken, None, error)
        return made

    @property
    def stored(self) -> webhooks.StoredWebhook:
        """As its owner sees it."""
        with self.database.transaction() as connection:
            found = webhooks.get_webhook(connection, self.hook)
        assert found is not None
        return found

    def rest(self) -> None:
        """Its rest is over."""
        with self.database.transaction() as connection:
            connection.execute("UPDATE webhooks SET retry_at = now() WHERE retry_at IS NOT NULL")


def test_a_webhook_that_fails_rests_and_its_owner_sees_why(database: Database) -> None:
    breaker = Breaker(database)
    assert breaker.stored.state is WebhookState.ACTIVE
    assert breaker.attempts("it hangs") == webhooks.OPENS_AFTER
    stored = breaker.stored
    assert (stored.state, stored.last_error) == (WebhookState.RESTING, "it hangs")
    assert stored.retry_at is not None
    with database.transaction() as connection:
        assert webhooks.lease_due(connection) == [], "nobody is woken for it"


def test_after_its_rest_one_delivery_by_itself_decides(database: Database) -> None:
    breaker = Breaker(database)
    breaker.attempts("it hangs")
    breaker.rest()
    probing = breaker.stored
    assert probing.state is WebhookState.PROBING
    with database.transaction() as connection:
        probe = webhooks.take_due(connection, breaker.hook)
    with database.transaction() as connection:
        assert webhooks.take_due(connection, breaker.hook) is None, "two probes at a time"
    assert probe is not None
    with database.transaction() as connection:
        webhooks.note_outcome(connection, probe, None, "it still hangs")
    stored = breaker.stored
    assert stored.state is WebhookState.RESTING
    breaker.rest()
    assert breaker.attempts(None) > 50, "one that arrives lets the others through"
    assert (breaker.stored.state, breaker.stored.last_error) == (WebhookState.ACTIVE, None)


def test_rests_grow_to_an_hour(database: Database) -> None:
    breaker, rests = Breaker(database), []
    breaker.attempts("it hangs", webhooks.OPENS_AFTER - 1)
    for _ in range(12):
        assert breaker.attempts("it hangs") == 1
        with database.transaction() as connection:
            row = connection.execute("SELECT extract(epoch FROM retry_at - now())::float FROM webhooks").fetchone()
        assert row is not None
        rests.append(row[0])
        breaker.rest()
    expected = [min(3600.0, 60 * 2**number) for number in range(12)]
    assert all(e - 5 < rest <= 1.5 * e for rest, e in zip(rests, expected, strict=True)), rests


def test_what_did_not_arrive_within_a_day_is_given_up_and_said(database: Database) -> None:
    breaker = Breaker(database)
    breaker.attempts("it hangs")
    with database.transaction() as connection:
        connection.execute("UPDATE webhook_deliveries SET created_at = created_at - interval '25 hours'")
        assert webhooks.give_up_old(connection, breaker.hook) == 100
        latest, *_ = webhooks.list_deliveries(connection, breaker.hook, 1)
    assert latest.next_attempt_at is None
    assert str(latest.last_error).startswith("given up after a day")


def test_what_was_closed_while_it_waited_is_not_sent(database: Database, silence: Silence) -> None:
    user = user_named(database, "ada")
    (hook,) = add_hooks(database, user, 1, silence.url)
    happen(database, user)
    with database.transaction() as connection:
        webhooks.queue_deliveries(connection, 500)
        webhooks.lease_due(connection)
        connection.execute("UPDATE users SET closed_at = now() WHERE id = %s", (user,))
    assert WebhookSender(database, allow_private=True, answer_seconds=0.2).deliver(hook) == (0, 0)
    assert silence.accepted == 0


def test_connections_that_take_nothing_end_their_users_turn_and_nobody_elses(database: Database) -> None:
    mallory = user_named(database, "mallory", shard=3)
    ada = user_named(database, "ada", shard=3)
    for number in range(MAX_CONNECTIONS):
        assert open_socket(database, mallory, f"hanging-{number:02}") == 200
    open_socket(database, ada, "ada")
    gateway = Gateway()
    updates = RealtimeUpdates(database, gateway)
    for _ in range(3):
        happen(database, ada, mallory)
        updates.run(3)
    assert gateway.told == ["ada"] * 3
    assert len(gateway.tried) <= 3 + 4, "one time-out of as many as are told side by side, and then he is left alone"


def test_a_connection_that_was_slow_is_tried_later_and_closed_after_the_third_time(database: Database) -> None:
    user = user_named(database, "ada", shard=5)
    open_socket(database, user, "hanging")
    open_socket(database, user, "well")
    gateway = Gateway()
    updates = RealtimeUpdates(database, gateway)
    for _ in range(3):
        happen(database, user)
        updates.run(5)
        with database.transaction() as connection:
            connection.execute("UPDATE live_connections SET told_after = now()")
    assert gateway.tried.count("hanging") == 3
    assert gateway.closed == ["hanging"]
    happen(database, user)
    updates.run(5)
    assert gateway.told.count("well") >= 3, "the others of the same user are told before it"
    assert events_left(database, "well") == 0


def events_left(database: Database, name: str) -> int:
    """Events that a connection was not told."""
    with database.transaction() as connection:
        return len(events.events_of_connections(connection, [name], 100))


def test_a_shard_is_told_apart_from_the_others(database: Database) -> None:
    users = [user_named(database, f"user{shard}-", shard=shard) for shard in range(events.SHARDS)]
    for user in users:
        open_socket(database, user, str(user))
    happen(database, *users)
    gateway = Gateway()
    with database.transaction() as connection:
        assert events.listeners(connection).shards == list(range(events.SHARDS))
    RealtimeUpdates(database, gateway).run(2)
    assert gateway.told == [str(users[2])]


def test_many_connections_are_told_with_as_many_round_trips_to_the_database_as_one(
    database: Database, migrated: str
) -> None:
    values = conninfo_to_dict(migrated)
    line = CountingLine(str(values["host"]), int(str(values["port"])))
    through = make_conninfo(migrated, host="127.0.0.1", port=line.port)
    counted, gateway = Database(lambda: through, application="counted"), Gateway()
    updates = RealtimeUpdates(counted, gateway)
    users = [user_named(database, f"user{number}-", shard=1) for number in range(3)]

    def round_trips() -> int:
        happen(database, *users)
        before = line.round_trips
        updates.run(1)
        return line.round_trips - before

    open_socket(database, users[0], "first")
    round_trips()  # Connects.
    alone = round_trips()
    for user in users:
        for number in range(MAX_CONNECTIONS - 1):
            assert open_socket(database, user, f"{user}-{number}") == 200
    gateway.told.clear()
    assert round_trips() == alone
    assert len(gateway.told) == 1 + len(users) * (MAX_CONNECTIONS - 1)
    counted.close()
    line.close()


def test_a_user_has_a_bounded_number_of_connections(database: Database) -> None:
    user = user_named(database, "mallory")
    answers = [open_socket(database, user, str(number)) for number in range(MAX_CONNECTIONS + 3)]
    assert answers == [200] * MAX_CONNECTIONS + [429] * 3
