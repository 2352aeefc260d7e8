"""Production's queues and mappings as they are synthesized, and the consumers' own handlers, on a clock that is moved by hand: what a failure costs its symbol, in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from moto import mock_aws
from moto.sqs import models
from pydantic import BaseModel
from stratforge.bus import queues, retries
from stratforge.bus.messages import BarMessage, MarketUpdate, OrderUpdate

from tests.support.assemblies import Resources, every, resources_of
from tests.support.lambda_context import CONTEXT, records_of

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
ONE = Decimal(1)
# Seconds until a message that failed as often as it may is a dead letter.
LIVES = sum(retries.DELAYS) * (1 + retries._JITTER) + 5


def bar(symbol: str, number: int) -> BaseModel:
    """A bar whose volume is its number."""
    return BarMessage(
        kind="bar", symbol=symbol, time=NOW, open=ONE, high=ONE, low=ONE, close=ONE, volume=Decimal(number)
    )


def price(symbol: str, number: int) -> BaseModel:
    """A price that is its number."""
    return MarketUpdate(symbol=symbol, time=NOW, price=Decimal(number))


def fill(symbol: str, number: int) -> BaseModel:
    """A fill of as much as its number."""
    return OrderUpdate(
        client_order_id="o",
        symbol=symbol,
        event="partial_fill",
        filled_quantity=Decimal(number),
        filled_average_price=ONE,
        occurred_at=NOW,
    )


Act = Callable[[str, str], None]


def evaluating(monkeypatch: pytest.MonkeyPatch, unit: Any, act: Act) -> None:
    """Has bars come to `act` where sessions would be evaluated."""

    def evaluate(message: BarMessage, _arrived_at: datetime, _seconds_left: float, _delivery: int) -> Any:
        act(message.symbol, str(message.volume))
        return SimpleNamespace(sessions=0, signals=0, failures=0, missed=0, late=False, unanswered=0)

    monkeypatch.setattr(unit, "_evaluate", evaluate)
    monkeypatch.setattr(unit, "fire_alerts", lambda *_given: 0)


def executing(monkeypatch: pytest.MonkeyPatch, unit: Any, act: Act) -> None:
    """Has prices and work come to `act` where a symbol would be executed. Work says no number there: it is counted."""
    counts: dict[str, int] = {}

    def execute(symbol: str) -> Any:
        counts[symbol] = counts.get(symbol, 0) + 1
        act(symbol, str(counts[symbol]))
        return SimpleNamespace(outcome=None, orders=0, client_order_id=None)

    executor = SimpleNamespace(execute=execute, note_update=lambda update: act(update.symbol, str(update.price)))
    monkeypatch.setattr(unit, "executor", lambda: executor)


def settling(monkeypatch: pytest.MonkeyPatch, unit: Any, act: Act) -> None:
    """Has fills come to `act` where they would be settled."""

    def settle(_database: object, _wake: object, update: OrderUpdate) -> Any:
        act(update.symbol, str(update.filled_quantity))
        return SimpleNamespace(trades=0, completed=False)

    monkeypatch.setattr(unit, "settle_fill", settle)


CONSUMERS: dict[str, tuple[Callable[[str, int], BaseModel], Callable[..., None]]] = {
    "bars": (bar, evaluating),
    "quotes": (price, executing),
    "order-updates": (fill, settling),
}


class Deployed:
    """A FIFO queue, its dead letters and its mapping, with the properties that production's templates give them."""

    def __init__(self, stacks: dict[str, Resources], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        monkeypatch.setattr(models, "unix_time", lambda *_given: self.now)
        monkeypatch.setattr(models, "unix_time_millis", lambda *_given: self.now * 1000)
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        queue, logical_id = self._named(stacks, f"{name}.fifo")
        dead, _ = self._named(stacks, f"{name}-dead.fifo")
        dead_url = self.sqs.create_queue(QueueName=dead["QueueName"], Attributes={"FifoQueue": "true"})["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        receives = queue["RedrivePolicy"]["maxReceiveCount"]
        self.hidden_for = int(queue["VisibilityTimeout"])
        self.url = self.sqs.create_queue(
            QueueName=queue["QueueName"],
            Attributes={
                "FifoQueue": "true",
                "VisibilityTimeout": str(self.hidden_for),
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": receives}),
            },
        )["QueueUrl"]
        self.dead_url, self.arn = dead_url, arn.replace("-dead", "")
        (mapping,) = [
            each
            for _, each in every(stacks, "AWS::Lambda::EventSourceMapping")
            if logical_id in json.dumps(each["EventSourceArn"])
        ]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        self.batch = mapping["BatchSize"]
        aliases = {each: properties["FunctionName"]["Ref"] for each, properties in every(stacks, "AWS::Lambda::Alias")}
        functions = dict(every(stacks, "AWS::Lambda::Function"))
        (function,) = {
            target if target in functions else aliases[target]
            for target in (*functions, *aliases)
            if f'"{target}"' in json.dumps(mapping["FunctionName"])
        }
        module, entry = functions[function]["Handler"].rsplit(".", 1)
        self.unit = import_module(module.replace("/", "."))
        self.handler = getattr(self.unit, entry)
        # By symbol and number: the second at which it was done.
        self.done: dict[tuple[str, str], float] = {}
        self.began = self.now

    @staticmethod
    def _named(stacks: dict[str, Resources], ending: str) -> tuple[dict[str, Any], str]:
        (found,) = [
            (properties, name)
            for name, properties in every(stacks, "AWS::SQS::Queue")
            if properties["QueueName"] == f"stratforge-prod-{ending}"
        ]
        return found

    def send(self, message: BaseModel, symbol: str, number: int) -> None:
        """Puts a message into its symbol's group."""
        self.sqs.send_message(
            QueueUrl=self.url,
            MessageBody=message.model_dump_json(),
            MessageGroupId=symbol,
            MessageDeduplicationId=f"{symbol}-{number}",
        )

    def run(self, seconds: float) -> None:
        """Lets Lambda look every half second, for so long."""
        until = self.now + seconds
        while self.now < until:
            while self._once():
                pass
            self.now += 0.5

    def _once(self) -> bool:
        # A consumer's time for them is over together. Moto ends it one by one while it looks, and would hand over the last of a group first.
        queue = models.sqs_backends[self.arn.split(":")[4]]["us-east-1"].get_queue(self.url.rsplit("/", 1)[1])
        queue.pending_messages.difference_update([each for each in queue.pending_messages if each.visible])
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=self.batch, AttributeNames=["All"])
        records = records_of(found, self.arn)
        if not records:
            return False
        try:
            answer = self.handler({"Records": records}, CONTEXT)
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        except BatchProcessingError:
            failed = {each["messageId"] for each in records}
        for each in records:
            if each["messageId"] not in failed:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["receiptHandle"])
        return True

    def dead(self) -> int:
        """How many dead letters there are."""
        found = self.sqs.get_queue_attributes(QueueUrl=self.dead_url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"])

    def seconds(self, symbol: str) -> dict[str, float]:
        """When each of a symbol's messages was done, in the order in which they were."""
        return {number: at - self.began for (each, number), at in self.done.items() if each == symbol}


@pytest.fixture(params=sorted(CONSUMERS))
def deployed(
    request: pytest.FixtureRequest, production_assembly: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Deployed, Callable[[Act], None]]]:
    """A consumer of production, and what puts something in the place of its work; twenty-five messages of one symbol and three of another wait."""
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    made, replace = CONSUMERS[str(request.param)]
    with mock_aws():
        queues.sqs_client.cache_clear()
        retries._queue_url.cache_clear()
        found = Deployed(resources_of(production_assembly), str(request.param), monkeypatch)
        for symbol, count in (("AAPL", 25), ("MSFT", 3)):
            for number in range(1, count + 1):
                found.send(made(symbol, number), symbol, number)
        yield found, lambda act: replace(monkeypatch, found.unit, act)
    queues.sqs_client.cache_clear()
    retries._queue_url.cache_clear()


def failing(found: Deployed, times: int) -> Act:
    """Work that fails for one message, so often."""
    left = [times]

    def act(symbol: str, number: str) -> None:
        if (symbol, number) == ("AAPL", "3") and left[0] > 0:
            left[0] -= 1
            raise ConnectionError("the database fails over")
        found.done[symbol, number] = found.now

    return act


def test_one_transient_error_holds_its_symbol_for_seconds_and_no_other_at_all(
    deployed: tuple[Deployed, Callable[[Act], None]],
) -> None:
    found, replace = deployed
    replace(failing(found, 1))
    assert found.hidden_for >= 90
    found.run(10)
    assert list(found.seconds("AAPL")) == [str(number) for number in range(1, 26)]
    assert max(found.seconds("AAPL").values()) <= 4
    assert max(found.seconds("MSFT").values()) == 0
    assert found.dead() == 0


def test_without_the_delays_it_would_be_frozen_for_as_long_as_the_queue_hides_it(
    deployed: tuple[Deployed, Callable[[Act], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, replace = deployed
    replace(failing(found, 1))
    monkeypatch.setattr(retries, "back_off", lambda _failed: None)
    found.run(found.hidden_for + 10)
    assert max(found.seconds("AAPL").values()) >= found.hidden_for


def test_a_poison_message_holds_its_symbol_no_longer_than_it_lives(
    deployed: tuple[Deployed, Callable[[Act], None]],
) -> None:
    """Those behind it that were never delivered with it do not wait for the time after its last failure either."""
    found, replace = deployed
    replace(failing(found, 1_000))
    found.run(LIVES + 60)
    done = found.seconds("AAPL")
    assert list(done) == [str(number) for number in range(1, 26) if number != 3]
    assert max(done.values()) <= LIVES
    assert max(found.seconds("MSFT").values()) == 0
    assert found.dead() == 1


def test_an_outage_of_a_minute_loses_nothing_and_keeps_the_order(
    deployed: tuple[Deployed, Callable[[Act], None]],
) -> None:
    found, replace = deployed

    def act(symbol: str, number: str) -> None:
        if found.now < found.began + 60:
            raise ConnectionError("the database fails over")
        found.done[symbol, number] = found.now

    replace(act)
    found.run(LIVES + 60)
    assert list(found.seconds("AAPL")) == [str(number) for number in range(1, 26)]
    assert max(found.seconds("AAPL").values()) <= LIVES
    assert found.dead() == 0
