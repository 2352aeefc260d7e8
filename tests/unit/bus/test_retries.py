"""Failed messages come again soon, then later; a poisoned one does not take its group along. On real FIFO semantics (moto's)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from moto import mock_aws
from stratforge.bus import queues, retries

from tests.support.lambda_context import records_of


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a fresh account."""
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        queues.sqs_client.cache_clear()
        retries._queue_url.cache_clear()
        yield boto3.client("sqs", region_name="us-east-1")
    queues.sqs_client.cache_clear()
    retries._queue_url.cache_clear()


class Consumer:
    """A mapping of Lambda: receives, invokes, deletes what did not fail."""

    def __init__(self, sqs: Any, processor: Any, handle: Callable[[str], None]) -> None:
        self.sqs, self.processor, self.handle = sqs, processor, handle
        dead = sqs.create_queue(QueueName="bars-dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.dead = dead
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.url = sqs.create_queue(
            QueueName="bars.fifo",
            Attributes={
                "FifoQueue": "true",
                "VisibilityTimeout": "90",
                "RedrivePolicy": f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{retries.MAX_RECEIVES}"}}',
            },
        )["QueueUrl"]
        self.arn = arn.replace("bars-dead", "bars")
        self.received: list[list[str]] = []

    def send(self, *bodies: str, group: str = "AAPL") -> None:
        for body in bodies:
            self.sqs.send_message(
                QueueUrl=self.url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body
            )

    def poll(self) -> None:
        """One round."""
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"])
        records = records_of(found, self.arn)
        if not records:
            return
        self.received.append([each["body"] for each in records])
        try:
            answer = process_partial_response(
                event={"Records": records},
                record_handler=lambda record: self.handle(record.body),
                processor=self.processor,
            )
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        except BatchProcessingError:
            failed = {each["messageId"] for each in records}
        for each in records:
            if each["messageId"] not in failed:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["receiptHandle"])

    def waiting(self, url: str) -> int:
        """Messages of a queue, visible or not."""
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays of nothing: what comes again comes with the next poll."""
    monkeypatch.setattr(retries, "DELAYS", (0.0,))


@pytest.mark.usefixtures("at_once")
def test_a_group_goes_on_in_order_after_one_transient_error(sqs: Any) -> None:
    done: list[str] = []
    failures = iter([True])

    def handle(body: str) -> None:
        if body == "1" and next(failures, False):
            raise ConnectionError
        done.append(body)

    consumer = Consumer(sqs, retries.FifoProcessor(), handle)
    consumer.send("1", "2", "3")
    consumer.poll()
    assert done == []
    consumer.poll()
    assert done == ["1", "2", "3"]
    assert consumer.waiting(consumer.url) == consumer.waiting(consumer.dead) == 0


@pytest.mark.usefixtures("at_once")
def test_a_poisoned_message_dies_alone(sqs: Any) -> None:
    done: list[str] = []

    def handle(body: str) -> None:
        if body == "poison":
            raise ValueError
        done.append(body)

    consumer = Consumer(sqs, retries.FifoProcessor(), handle)
    consumer.send("poison", "after", "later")
    for _ in range(retries.MAX_RECEIVES + 2):
        consumer.poll()
    assert done == ["after", "later"]
    assert consumer.waiting(consumer.url) == 0
    assert consumer.waiting(consumer.dead) == 1


@pytest.mark.usefixtures("at_once")
def test_other_groups_do_not_wait_for_a_failed_one(sqs: Any) -> None:
    done: list[str] = []

    def handle(body: str) -> None:
        if body == "a1":
            raise ValueError
        done.append(body)

    consumer = Consumer(sqs, retries.FifoProcessor(), handle)
    consumer.send("a1", "a2", group="AAPL")
    consumer.send("b1", "b2", group="MSFT")
    consumer.poll()
    assert done == ["b1", "b2"]


def test_a_failed_message_is_hidden_for_seconds_at_first(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = queues.sqs_client()

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def change_message_visibility_batch(self, **given: Any) -> Any:
            asked.extend(each["VisibilityTimeout"] for each in given["Entries"])
            return real.change_message_visibility_batch(**given)

    monkeypatch.setattr(retries, "sqs_client", Watched)

    def handle(_body: str) -> None:
        raise ConnectionError

    consumer = Consumer(sqs, retries.FifoProcessor(), handle)
    consumer.send("1", "2")
    consumer.poll()
    # Both of the group, together.
    assert len(asked) == 2
    assert len(set(asked)) == 1
    assert 1 <= asked[0] <= 3


def test_delays_grow_and_outlast_a_failover_but_hold_nobody_for_a_quarter_of_an_hour() -> None:
    shortest = [min(retries.delay_after(count) for _ in range(200)) for count in range(1, retries.MAX_RECEIVES)]
    longest = [max(retries.delay_after(count) for _ in range(200)) for count in range(1, retries.MAX_RECEIVES)]
    assert all(early < late for early, late in itertools.pairwise(shortest))
    assert sum(shortest) >= 90
    assert sum(longest) <= 180


def test_a_queue_that_cannot_be_asked_fails_no_batch(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(body: str) -> None:
        if body == "1":
            raise ValueError

    consumer = Consumer(sqs, retries.FifoProcessor(), handle)
    consumer.send("1", group="AAPL")
    consumer.send("2", group="MSFT")

    def broken() -> Any:
        raise ConnectionError("SQS is away")

    monkeypatch.setattr(retries, "sqs_client", broken)
    consumer.poll()
    assert consumer.waiting(consumer.url) == 1


def test_environments_of_one_snapshot_do_not_come_again_together() -> None:
    """What a snapshot holds is the same in all that start from it, the state of Python's random numbers with it."""
    snapshot = random.getstate()
    drawn = []
    for _ in range(2):
        random.setstate(snapshot)
        drawn.append([retries.delay_after(4) for _ in range(20)])
    assert drawn[0] != drawn[1]
