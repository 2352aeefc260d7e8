"""Publishing to topics: bars per symbol, and the control plane."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from stratforge.aws import aws_client
from stratforge.bus.messages import BarMessage, SubscriptionUpdate
from stratforge.bus.names import bars_topic_name

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


@lru_cache(maxsize=1)
def sns_client() -> SNSClient:
    """The client of SNS of this environment."""
    client: SNSClient = aws_client("sns")
    return client


class BarTopics:
    """One FIFO topic per symbol, each created and subscribed to the bars queue when it is first needed."""

    def __init__(self, stage: str, bars_queue_arn: str) -> None:
        self._stage = stage
        self._bars_queue_arn = bars_queue_arn
        self._arns: dict[str, str] = {}

    def arn(self, symbol: str) -> str:
        """The address of a symbol's topic. Creating and subscribing are idempotent, so any number of ingestors agree."""
        found = self._arns.get(symbol)
        if found is None:
            sns = sns_client()
            found = sns.create_topic(
                Name=bars_topic_name(self._stage, symbol),
                Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "false"},
            )["TopicArn"]
            # Not with its creation: a topic that the deployment made has other tags, and creating it again with these would be refused.
            sns.tag_resource(ResourceArn=found, Tags=[{"Key": "stratforge:stage", "Value": self._stage}])
            sns.subscribe(
                TopicArn=found,
                Protocol="sqs",
                Endpoint=self._bars_queue_arn,
                Attributes={"RawMessageDelivery": "true"},
            )
            self._arns[symbol] = found
        return found

    def publish(self, message: BarMessage) -> None:
        """Publishes a bar; publishing it again within five minutes changes nothing."""
        sns_client().publish(
            TopicArn=self.arn(message.symbol),
            Message=message.model_dump_json(),
            MessageGroupId=message.group.replace("/", "_"),
            MessageDeduplicationId=message.deduplication_id,
        )


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
