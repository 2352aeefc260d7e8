"""Publishing to topics: bars per symbol, and the control plane."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from stratforge.aws import aws_client
from stratforge.bus.messages import BarMessage, RebalanceDue, SubscriptionUpdate
from stratforge.bus.names import bars_topic_name
from stratforge.bus.publishing import Entry, Publisher

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import TagTypeDef

# What SNS takes at once.
_BATCH = 10
# Requests at the same time: each waits for SNS some tens of milliseconds, and thousands of symbols have a bar in the same second.
AT_ONCE = 64


@lru_cache(maxsize=1)
def sns_client() -> SNSClient:
    """The client of SNS of this environment."""
    client: SNSClient = aws_client("sns")
    return client


class BarTopics:
    """One FIFO topic per symbol, each created and subscribed to the bars queue when it is first needed."""

    symbols_at_once = 1

    def __init__(self, stage: str, bars_queue_arn: str, at_once: int = AT_ONCE) -> None:
        """
        Args:
            at_once: Threads that publish.
        """
        self._stage = stage
        self._bars_queue_arn = bars_queue_arn
        self._publisher = Publisher(sns_client(), at_once)
        self._arns: dict[str, str] = {}

    def load(self) -> int:
        """Finds the topics that are there and lead to the bars queue, so that they are not made again one by one; returns how many."""
        for page in sns_client().get_paginator("list_subscriptions").paginate():
            for each in page["Subscriptions"]:
                if each["Endpoint"] == self._bars_queue_arn:
                    self._arns[each["TopicArn"].rsplit(":", 1)[1]] = each["TopicArn"]
        return len(self._arns)

    def arn(self, symbol: str) -> str:
        """The address of a symbol's topic. Creating and subscribing are idempotent, so any number of ingestors agree."""
        name = bars_topic_name(self._stage, symbol)
        found = self._arns.get(name)
        if found is None:
            found = self._made(name)
            if not self._publisher.subscribe_queue(found, self._bars_queue_arn):
                raw = {"RawMessageDelivery": "true"}
                sns_client().subscribe(TopicArn=found, Protocol="sqs", Endpoint=self._bars_queue_arn, Attributes=raw)
            self._arns[name] = found
        return found

    def _made(self, name: str) -> str:
        attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "false"}
        made = self._publisher.make_topic(name, attributes, {"stratforge:stage": self._stage})
        if made is not None:
            return made
        sns = sns_client()
        tags: list[TagTypeDef] = [{"Key": "stratforge:stage", "Value": self._stage}]
        try:
            return sns.create_topic(Name=name, Attributes=attributes, Tags=tags)["TopicArn"]
        except sns.exceptions.InvalidParameterException:
            # It is there with other tags: the deployment made it.
            found = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
            sns.tag_resource(ResourceArn=found, Tags=tags)
            return found

    def publish(self, symbol: str, messages: Sequence[BarMessage | RebalanceDue]) -> None:
        """Publishes bars of a symbol, or what sessions that hold it are to do, in order; publishing them again within five minutes changes nothing.

        Raises:
            ClientError: if SNS refuses one of them; those before it are published.
        """
        try:
            self._publish(symbol, messages)
        except sns_client().exceptions.NotFoundException:
            # Somebody deleted the topic. It is made anew, once.
            self._arns.pop(bars_topic_name(self._stage, symbol), None)
            self._publish(symbol, messages)

    def _publish(self, symbol: str, messages: Sequence[BarMessage | RebalanceDue]) -> None:
        topic = self.arn(symbol)
        for start in range(0, len(messages), _BATCH):
            self._publisher.publish(topic, [_entry(each) for each in messages[start : start + _BATCH]])


def _entry(message: BarMessage | RebalanceDue) -> Entry:
    return {
        "Message": message.model_dump_json(),
        "MessageGroupId": message.group.replace("/", "_"),
        "MessageDeduplicationId": message.deduplication_id,
    }


def publish_subscription_update(topic_arn: str, update: SubscriptionUpdate) -> None:
    """Tells the ingestor that what is wanted has changed."""
    sns_client().publish(TopicArn=topic_arn, Message=update.model_dump_json(), Subject=json.dumps(update.symbol)[:100])


def delete_topics(prefix: str) -> int:
    """Deletes all topics whose names begin so, with their subscriptions; returns how many. Deleting again finds nothing."""
    if not prefix:
        raise ValueError("without a prefix every topic of the account would go")
    deleted = 0
    for page in sns_client().get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            if topic["TopicArn"].rsplit(":", 1)[1].startswith(prefix):
                sns_client().delete_topic(TopicArn=topic["TopicArn"])
                deleted += 1
    return deleted
