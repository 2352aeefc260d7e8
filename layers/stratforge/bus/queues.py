"""Sending to queues."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import boto3

from stratforge.bus.messages import JobReady, Message, OrderUpdate, WorkReady
from stratforge.configuration import client_config

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@lru_cache(maxsize=1)
def sqs_client() -> SQSClient:
    """The client of SQS of this environment."""
    return boto3.client("sqs", config=client_config(read_timeout=25))


def _send(queue_url: str, message: Message, group: str, deduplication_id: str) -> None:
    sqs_client().send_message(
        QueueUrl=queue_url,
        MessageBody=message.model_dump_json(),
        MessageGroupId=group,
        MessageDeduplicationId=deduplication_id.replace("/", "_")[:128],
    )


def send_work_ready(queue_url: str, symbol: str, cause: str) -> None:
    """Wakes the executor for a symbol; the same cause wakes it once within five minutes."""
    _send(queue_url, WorkReady(symbol=symbol, cause=cause), symbol, f"{symbol}-{cause}")


def send_order_update(queue_url: str, update: OrderUpdate) -> None:
    """Passes what the broker said to the settler, in order for each block order."""
    _send(queue_url, update, update.client_order_id, update.deduplication_id)


def send_job_ready(queue_url: str, job: JobReady) -> None:
    """Puts a job on its (standard) queue."""
    sqs_client().send_message(QueueUrl=queue_url, MessageBody=job.model_dump_json())
