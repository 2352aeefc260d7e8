"""Topics, queues and secrets against moto: what the adapters of AWS ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from stratforge.bus import dead_letters, queues, topics
from stratforge.bus.messages import BarMessage
from stratforge.bus.redrive import redrive
from stratforge.configuration import PLACEHOLDER
from stratforge.market import Bar

from infra_cdk import secrets
from tests.support.simulated_aws import simulated_aws


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in this process."""
    # The SDK alone is asked: what asks without it would leave this process.
    monkeypatch.setattr("stratforge.bus.publishing.credentials", lambda: None)
    with simulated_aws(monkeypatch, queues.sqs_client, topics.sns_client):
        yield


def _bars_queue() -> str:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="bars.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_a_topic_that_the_deployment_made_is_used_and_tagged(monkeypatch: pytest.MonkeyPatch) -> None:
    sns = boto3.client("sns")
    creating = topics.sns_client().create_topic

    def as_at_aws(**request: Any) -> Any:
        """Moto takes other tags for a topic that is there; AWS does not."""
        if "Tags" in request:
            message = "Invalid parameter: Tags Reason: Topic already exists with different tags"
            raise topics.sns_client().exceptions.InvalidParameterException(
                {"Error": {"Code": "InvalidParameter", "Message": message}}, "CreateTopic"
            )
        return creating(**request)

    monkeypatch.setattr(topics.sns_client(), "create_topic", as_at_aws)
    made = sns.create_topic(
        Name="stratforge-dev-bars-AAPL.fifo",
        Attributes={"FifoTopic": "true"},
        Tags=[{"Key": "project", "Value": "stratforge"}],
    )["TopicArn"]
    assert topics.BarTopics("dev", _bars_queue()).arn("AAPL") == made
    tags = {each["Key"]: each["Value"] for each in sns.list_tags_for_resource(ResourceArn=made)["Tags"]}
    assert tags == {"project": "stratforge", "stratforge:stage": "dev"}


def test_a_bar_arrives_raw_in_the_queue() -> None:
    arn = _bars_queue()
    bar = Bar("BRK.B", datetime(2026, 1, 5, 14, 30, tzinfo=UTC), *(Decimal(each) for each in ("1", "2", "1", "2", "9")))
    topics.BarTopics("dev", arn).publish("BRK.B", [BarMessage.of(bar, "bar", 0)])
    url = boto3.client("sqs").get_queue_url(QueueName="bars.fifo")["QueueUrl"]
    (message,) = boto3.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert BarMessage.model_validate_json(message["Body"]).bar() == bar


def test_the_topics_of_a_stage_go_and_no_others() -> None:
    arn = _bars_queue()
    for stage in ("dev", "prod"):
        for symbol in ("AAPL", "BTC/USD"):
            topics.BarTopics(stage, arn).arn(symbol)
    boto3.client("sns").create_topic(Name="somebody-elses")
    assert topics.delete_topics("stratforge-dev-bars-") == 2
    assert topics.delete_topics("stratforge-dev-bars-") == 0
    left = {each["TopicArn"].rsplit(":", 1)[1] for each in boto3.client("sns").list_topics()["Topics"]}
    assert left == {"stratforge-prod-bars-AAPL.fifo", "stratforge-prod-bars-BTC_sUSD.fifo", "somebody-elses"}
    with pytest.raises(ValueError, match="every topic"):
        topics.delete_topics("")


def test_dead_letters_are_sent_again_in_their_order_and_counted() -> None:
    sqs = boto3.client("sqs")
    for name, fifo in dead_letters.QUEUES.items():
        for ending in ("", "-dead"):
            attributes: dict[Any, str] = {"FifoQueue": "true"} if fifo else {}
            sqs.create_queue(QueueName=f"stratforge-dev-{name}{ending}{'.fifo' if fifo else ''}", Attributes=attributes)
    dead = sqs.get_queue_url(QueueName="stratforge-dev-signals-dead.fifo")["QueueUrl"]
    for number in range(23):
        sqs.send_message(
            QueueUrl=dead, MessageBody=str(number), MessageGroupId="AAPL", MessageDeduplicationId=str(number)
        )
    states = {each.name: each for each in dead_letters.queue_states("dev")}
    assert (states["signals"].dead, states["signals"].waiting, states["bars"].dead) == (23, 0, 0)
    assert redrive("dev", "signals") == 23
    url = sqs.get_queue_url(QueueName="stratforge-dev-signals.fifo")["QueueUrl"]
    received: list[int] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        received += [int(each["Body"]) for each in messages]
        for each in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    assert received == list(range(23))
    assert {each.name: each for each in dead_letters.queue_states("dev")}["signals"].dead == 0


def test_keys_are_asked_for_once_and_what_is_missing_is_told() -> None:
    stored = {
        "stratforge/dev/alpaca": {"key_id": PLACEHOLDER, "secret_key": "made-up"},
        "stratforge/dev/gemini": {"quant_model": "gemini-3.5-flash", "unused": "x"},
    }
    assert len(secrets.missing(stored.__getitem__, "dev")) == 2
    answers = iter(["PKTEST", "secret", ""])
    stored |= secrets.entered(stored.__getitem__, lambda _prompt: next(answers), "dev")
    assert stored["stratforge/dev/alpaca"] == {"key_id": "PKTEST", "secret_key": "secret"}
    (left,) = secrets.missing(stored.__getitem__, "dev")
    assert left.startswith("stratforge/dev/gemini")
    assert json.dumps(stored)


def test_topics_that_lead_to_the_queue_are_found_with_one_list_and_not_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arn = _bars_queue()
    for symbol in ("AAPL", "BTC/USD"):
        topics.BarTopics("dev", arn).arn(symbol)
    lonely = boto3.client("sns").create_topic(Name="stratforge-dev-bars-MSFT.fifo", Attributes={"FifoTopic": "true"})
    found = topics.BarTopics("dev", arn)
    assert found.load() == 2
    asked: list[str] = []

    def made(name: str) -> str:
        asked.append(name)
        return lonely["TopicArn"]

    monkeypatch.setattr(found, "_made", made)
    for symbol in ("AAPL", "BTC/USD", "MSFT"):
        found.arn(symbol)
    assert asked == ["stratforge-dev-bars-MSFT.fifo"], "a topic that leads nowhere is subscribed"


def test_bars_of_a_symbol_go_in_batches_and_in_order() -> None:
    arn = _bars_queue()
    bars = [
        Bar("AAPL", datetime(2026, 1, 5, 14, minute, tzinfo=UTC), *[Decimal(minute + 1)] * 5) for minute in range(25)
    ]
    topics.BarTopics("dev", arn).publish("AAPL", [BarMessage.of(each, "bar", 0) for each in bars])
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="bars.fifo")["QueueUrl"]
    seen: list[Bar] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            seen.append(BarMessage.model_validate_json(message["Body"]).bar())
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert seen == bars


def test_a_topic_that_somebody_deleted_is_made_anew() -> None:
    arn = _bars_queue()
    found = topics.BarTopics("dev", arn)
    boto3.client("sns").delete_topic(TopicArn=found.arn("AAPL"))
    bar = Bar("AAPL", datetime(2026, 1, 5, 14, 30, tzinfo=UTC), *[Decimal(1)] * 5)
    found.publish("AAPL", [BarMessage.of(bar, "bar", 0)])
    url = boto3.client("sqs").get_queue_url(QueueName="bars.fifo")["QueueUrl"]
    assert len(boto3.client("sqs").receive_message(QueueUrl=url)["Messages"]) == 1
