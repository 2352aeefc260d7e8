"""Sends messages to the platform's queues."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from stratforge.aws import aws_client
from stratforge.bus.messages import (
    DeliveriesDue,
    JobReady,
    MailsWait,
    MarketUpdate,
    Message,
    OrderUpdate,
    SomethingHappened,
    WorkReady,
)
from stratforge.observability import correlation_id

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@lru_cache(maxsize=1)
def sqs_client() -> SQSClient:
    """The client of SQS of this environment."""
    client: SQSClient = aws_client("sqs", read_timeout=25)
    return client


def _send(queue_url: str, message: Message, group: str, deduplication_id: str) -> None:
    sqs_client().send_message(
        QueueUrl=queue_url,
        MessageBody=message.model_dump_json(),
        MessageGroupId=group,
        MessageDeduplicationId=deduplication_id.replace("/", "_")[:128],
    )


def send_work_ready(queue_url: str, symbol: str, cause: str, bar_arrived_at: datetime | None = None) -> None:
    """Wakes the executor for a symbol; the same cause wakes it once within five minutes."""
    message = WorkReady(symbol=symbol, cause=cause, correlation_id=correlation_id.get(), bar_arrived_at=bar_arrived_at)
    _send(queue_url, message, symbol, f"{symbol}-{cause}")


def send_order_update(queue_url: str, update: OrderUpdate) -> None:
    """Passes what the broker said to the settler, in order for each block order."""
    _send(queue_url, update, update.client_order_id, update.deduplication_id)


def _send_all(queue_url: str, entries: Sequence[tuple[Message, str, str]]) -> None:
    """Sends messages with their groups and deduplication ids, ten at a time."""
    for start in range(0, len(entries), 10):
        sqs_client().send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {
                    "Id": str(index),
                    "MessageBody": message.model_dump_json(),
                    "MessageGroupId": group,
                    "MessageDeduplicationId": deduplication_id,
                }
                for index, (message, group, deduplication_id) in enumerate(entries[start : start + 10])
            ],
        )


def send_again(queue_url: str, body: str, group: str, deduplication_id: str) -> None:
    """Puts the text of a message into a FIFO queue as it is, whatever it says."""
    sqs_client().send_message(
        QueueUrl=queue_url,
        MessageBody=body,
        MessageGroupId=group.replace("/", "_"),
        MessageDeduplicationId=deduplication_id,
    )


def send_market_updates(queue_url: str, updates: Sequence[MarketUpdate]) -> None:
    """Passes news of symbols on, in order for each symbol."""
    _send_all(queue_url, [(each, each.symbol.replace("/", "_"), each.deduplication_id) for each in updates])


def send_something_happened(queue_url: str, shards: Sequence[int], *, webhooks: bool) -> None:
    """Wakes the notifier for shards of users and for webhooks; it looks for itself. To a shard, more than a few times a second is the same message: it
    is looked at again in a second anyway. To webhooks no two are the same: the second tells of what came after the first was heard."""
    now = time.time()
    news = [(SomethingHappened(at=datetime.now(UTC), shard=each), f"{now * 5:.0f}") for each in shards]
    if webhooks:
        news.append((SomethingHappened(at=datetime.now(UTC), shard=None), f"{now:.6f}"))
    _send_all(queue_url, [(each, each.group, moment) for each, moment in news])


def send_deliveries_due(queue_url: str, due: Sequence[DeliveriesDue]) -> None:
    """Wakes the deliverer for webhooks, each in a group of its own; for one lease it is woken once."""
    _send_all(queue_url, [(each, str(each.webhook_id), f"{each.leased_until.timestamp():.6f}") for each in due])


def send_mails_wait(queue_url: str) -> None:
    """Says on a (standard) queue that mails wait."""
    sqs_client().send_message(QueueUrl=queue_url, MessageBody=MailsWait().model_dump_json())


def send_job_ready(queue_url: str, job_id: UUID) -> None:
    """Puts a job on its (standard) queue."""
    sqs_client().send_message(QueueUrl=queue_url, MessageBody=JobReady(job_id=job_id).model_dump_json())
