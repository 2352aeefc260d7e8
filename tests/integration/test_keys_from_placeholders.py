"""From placeholders to keys to a rotation to a rejected key, with the handlers as they are deployed: real HTTP, secrets, queues, PostgreSQL."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest
import uvicorn
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict
from simulators.alpaca.__main__ import create_app
from simulators.alpaca.simulator import Simulator
from simulators.credentials import ALPACA_KEY_ID, ALPACA_SECRET_KEY
from stratforge import aws, configuration
from stratforge.application.settle_fill import settle_fill
from stratforge.broker import BrokerRefusesPlatform
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.bus import queues
from stratforge.bus.messages import OrderUpdate
from stratforge.configuration import PLACEHOLDER, AlpacaSecret, Keys
from stratforge.market import Bar
from stratforge.storage.ledger import halts
from stratforge.storage.ledger.fills import RETRY_AFTER
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.market import market_data

from functions.executor import handler as executor
from functions.ingestor.keys import AccountKeys
from functions.reconciler import handler as reconciler
from tests.support.lambda_context import CONTEXT
from tests.support.ledger import add_signal, add_trader

SYMBOL = "BTC/USD"
_CACHES = (
    executor.keys,
    executor.budget,
    executor.executor,
    reconciler.reconciliation,
    configuration._secrets_client,
    queues.sqs_client,
    aws._session,
)


@dataclass
class Deployed:
    """What a deployment leaves: functions whose secret holds placeholders, and a broker that knows its keys."""

    broker: str
    conninfo: str
    simulator: Simulator

    def enter(self, key_id: str, secret_key: str) -> None:
        """`make secrets`."""
        value = {
            "key_id": key_id,
            "secret_key": secret_key,
            "trading_url": self.broker,
            "data_url": self.broker,
            "requests_per_minute": 100_000,
        }
        boto3.client("secretsmanager").put_secret_value(SecretId="test/alpaca", SecretString=json.dumps(value))

    def regenerate(self, key_id: str, secret_key: str) -> None:
        """Other keys at the broker; the old ones are worth nothing any more."""
        httpx.post(
            f"{self.broker}/simulator/keys", json={"key_id": key_id, "secret_key": secret_key}
        ).raise_for_status()

    def signal(self, name: str) -> None:
        """A user whose strategy buys now."""
        minute = self.simulator.clock.now().replace(second=0, microsecond=0)
        price = self.simulator.price(SYMBOL)
        bar = Bar(SYMBOL, minute, price, price, price, price, Decimal(1))
        with psycopg.connect(self.conninfo) as connection:
            market_data.set_bar_price(connection, bar)
            add_signal(connection, add_trader(connection, name, SYMBOL), "buy", minute, SYMBOL)

    def wake(self) -> None:
        """The executor is woken as by its queue; a message that failed would come again."""
        record = {
            "messageId": "1",
            "receiptHandle": "1",
            "body": json.dumps({"symbol": SYMBOL, "cause": "test"}),
            "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": SYMBOL},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:signals.fifo",
        }
        assert executor.handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}

    def minute(self) -> None:
        """The schedule's minute: equity is noted; while the platform is suspended the broker is asked again."""
        try:
            reconciler.handler({"task": "snapshot"}, CONTEXT)
        except BrokerRefusesPlatform:
            return

    def state(self) -> tuple[bool, list[str], int]:
        """Whether orders wait, the statuses of all orders, and how many the broker has."""
        with psycopg.connect(self.conninfo) as connection:
            assert broken_invariants(connection) == {}
            suspended = halts.platform_state(connection).suspended_at is not None
            statuses = [status for (status,) in connection.execute("SELECT status::text FROM orders ORDER BY id")]
        return suspended, statuses, len(self.simulator.exchange.orders)


@pytest.fixture
def broker() -> Iterator[tuple[str, Simulator]]:
    """The simulated broker, on HTTP."""
    simulator = Simulator(speed=1.0, state=None)
    config = uvicorn.Config(create_app(simulator), host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", simulator
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def deployed(
    migrated: str, broker: tuple[str, Simulator], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Deployed]:
    """Everything is deployed, nothing is entered."""
    place = conninfo_to_dict(migrated)
    database = {name: place[name] for name in ("host", "port", "dbname", "password")}
    database |= {"username": place["user"], "sslmode": "disable"}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    # A refused secret is read again at once every time: nobody waits a quarter of a minute here.
    monkeypatch.setattr(configuration, "_REREAD_SECONDS", 0.0)
    with mock_aws():
        for cached in _CACHES:
            cached.cache_clear()
        configuration._cache.clear()
        secrets, sqs = boto3.client("secretsmanager"), boto3.client("sqs")
        secrets.create_secret(Name="test/database", SecretString=json.dumps(database))
        placeholders = {"key_id": PLACEHOLDER, "secret_key": "made-up", "trading_url": broker[0], "data_url": broker[0]}
        secrets.create_secret(Name="test/alpaca", SecretString=json.dumps(placeholders))
        for variable, name in (("SIGNALS_QUEUE_URL", "signals"), ("ORDER_UPDATES_QUEUE_URL", "order-updates")):
            url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
            monkeypatch.setenv(variable, url)
        for variable in ("JOBS_QUEUE_URL", "BACKTESTS_QUEUE_URL"):
            monkeypatch.setenv(variable, sqs.create_queue(QueueName=variable)["QueueUrl"])
        monkeypatch.setenv("DATABASE_SECRET", "test/database")
        monkeypatch.setenv("ALPACA_SECRET", "test/alpaca")
        yield Deployed(broker[0], migrated, broker[1])
        executor.database.close()
        reconciler.database.close()
        for cached in _CACHES:
            cached.cache_clear()
        configuration._cache.clear()


def taken(state: tuple[bool, list[str], int]) -> tuple[bool, int]:
    """Whether orders wait, and how many the broker has, when nobody's order was refused."""
    suspended, statuses, at_broker = state
    assert not set(statuses) & {"REJECTED", "CANCELED", "EXPIRED"}
    return suspended, at_broker


def test_from_placeholders_to_keys_to_a_rotation_to_a_rejected_key(deployed: Deployed) -> None:
    # The ingestor of the first deployment waits, shows life, and goes on when keys are there.
    ingestor = AccountKeys(Keys(AlpacaSecret, "test/alpaca"))
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        deployed.enter(ALPACA_KEY_ID, ALPACA_SECRET_KEY)
        return False

    # 1. Placeholders: the order waits, the platform says so.
    deployed.signal("ada")
    deployed.wake()
    assert taken(deployed.state()) == (True, 0)
    deployed.minute()
    assert taken(deployed.state()) == (True, 0)

    # 2. Keys are entered: within the minute it trades.
    used = ingestor.wait(lambda: None, pause)
    assert used is not None
    assert (used.key_id, len(pauses)) == (ALPACA_KEY_ID, 1)
    deployed.minute()
    set_fresh(deployed)
    deployed.wake()
    assert taken(deployed.state()) == (False, 1)

    # 3. A rotation: the broker's old keys end before anybody's five minutes are over, and the next order meets the new ones.
    deployed.regenerate("second", "second-secret")
    deployed.enter("second", "second-secret")
    settle(deployed)
    deployed.signal("bo")
    deployed.wake()
    assert taken(deployed.state()) == (False, 2)

    # 4. Keys that the broker does not know: orders wait again, and nobody's is refused.
    deployed.regenerate("third", "third-secret")
    settle(deployed)
    deployed.signal("cy")
    deployed.wake()
    assert taken(deployed.state()) == (True, 2)
    deployed.minute()
    assert taken(deployed.state()) == (True, 2)
    deployed.enter("third", "third-secret")
    deployed.minute()
    set_fresh(deployed)
    deployed.wake()
    assert taken(deployed.state()) == (False, 3)


def test_a_blocked_account_is_nobodys_order_s_fault(deployed: Deployed) -> None:
    deployed.enter(ALPACA_KEY_ID, ALPACA_SECRET_KEY)
    httpx.post(f"{deployed.broker}/simulator/faults", json={"trading_blocked": True}).raise_for_status()
    deployed.signal("ada")
    deployed.wake()
    deployed.minute()
    assert taken(deployed.state()) == (True, 0)
    httpx.post(f"{deployed.broker}/simulator/faults", json={"trading_blocked": False}).raise_for_status()
    deployed.minute()
    set_fresh(deployed)
    deployed.wake()
    assert taken(deployed.state()) == (False, 1)


def set_fresh(deployed: Deployed) -> None:
    """The ingestor, which has its keys too, brings a later price; what was claimed by a run that was refused may be taken up."""
    with psycopg.connect(deployed.conninfo) as connection:
        connection.execute("UPDATE latest_prices SET received_at = clock_timestamp(), time = time + %s", (RETRY_AFTER,))
        connection.execute("UPDATE block_orders SET claimed_until = now() - %s::interval", (timedelta(seconds=1),))


def settle(deployed: Deployed) -> None:
    """What is at the broker ends and is settled, so that the symbol is free for the next block."""
    broker = AlpacaBroker(executor.keys())
    simulator: Any = deployed.simulator
    keys, simulator.keys = simulator.keys, tuple(_entered(executor.keys().now()))
    with psycopg.connect(deployed.conninfo) as connection:
        ids = [found for (found,) in connection.execute("SELECT client_order_id FROM block_orders")]
    for client_order_id in ids:
        deadline = time.monotonic() + 60
        while (order := broker.find_order(client_order_id)) is None or not order.ended:
            assert time.monotonic() < deadline, "the order does not end"
            threading.Event().wait(0.05)
        settle_fill(executor.database, lambda _symbol, _cause: None, OrderUpdate.of_order(order))
    simulator.keys = keys


def _entered(secret: AlpacaSecret) -> tuple[str, str]:
    return secret.key_id, secret.secret_key.get_secret_value()
