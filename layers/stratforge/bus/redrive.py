"""Sending dead letters again. Apart from looking at them, because only one function may do this."""

from __future__ import annotations

import time
from typing import Any

from stratforge.bus.dead_letters import QUEUES, QueueName, queue_url
from stratforge.bus.queues import sqs_client

_BATCH = 10
# Whoever asked is told how far it came before a gateway gives up.
_SECONDS = 20.0


def redrive(stage: str, name: QueueName, limit: int = 1_000, seconds: float = _SECONDS) -> int:
    """Sends dead letters of a queue again, in their order; returns how many, at most `limit` and as many as `seconds` allow.

    A message is taken off the dead letters after it was sent, so that none is lost; who consumes them changes nothing when one comes twice.

    Raises:
        KeyError: if there is no such queue.
    """
    source, target = queue_url(stage, name, dead=True), queue_url(stage, name, dead=False)
    moved = 0
    until = time.monotonic() + seconds
    while moved < limit and time.monotonic() < until:
        messages = (
            sqs_client()
            .receive_message(
                QueueUrl=source,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=60,
                MessageSystemAttributeNames=["MessageGroupId"] if QUEUES[name] else [],
            )
            .get("Messages", [])
        )
        if not messages:
            break
        for message in messages:
            # Its own id keeps a message that is sent twice from being two within five minutes.
            order: dict[str, Any] = (
                {
                    "MessageGroupId": message["Attributes"]["MessageGroupId"],
                    "MessageDeduplicationId": f"redrive-{message['MessageId']}",
                }
                if QUEUES[name]
                else {}
            )
            sqs_client().send_message(QueueUrl=target, MessageBody=message["Body"], **order)
            sqs_client().delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved
