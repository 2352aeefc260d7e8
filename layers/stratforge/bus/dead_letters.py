"""The queues of a stage: how much waits, what failed for good, and sending that again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stratforge.bus.queues import sqs_client

# Name, and whether order holds in it; as the deployment makes them.
QUEUES = {
    "bars": True,
    "signals": True,
    "quotes": True,
    "notifications": True,
    "order-updates": True,
    "jobs": False,
    "backtests": False,
    "subscription-updates": False,
}
_BATCH = 10


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue: messages that wait, that are in work, and that failed for good."""

    name: str
    waiting: int
    in_work: int
    dead: int


def _url(stage: str, name: str, *, dead: bool) -> str:
    ending = ".fifo" if QUEUES[name] else ""
    return sqs_client().get_queue_url(QueueName=f"stratforge-{stage}-{name}{'-dead' if dead else ''}{ending}")[
        "QueueUrl"
    ]


def _counts(url: str) -> tuple[int, int]:
    found = sqs_client().get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return int(found["ApproximateNumberOfMessages"]), int(found["ApproximateNumberOfMessagesNotVisible"])


def queue_states(stage: str) -> list[QueueState]:
    """The state of every queue of a stage, with the messages in its dead-letter queue."""
    states = []
    for name in QUEUES:
        waiting, in_work = _counts(_url(stage, name, dead=False))
        dead, dead_in_work = _counts(_url(stage, name, dead=True))
        states.append(QueueState(name, waiting, in_work, dead + dead_in_work))
    return states


def redrive(stage: str, name: str, limit: int = 1_000) -> int:
    """Sends dead letters of a queue again, in their order; returns how many.

    A message is taken off the dead letters after it was sent, so that none is lost; who consumes them changes nothing when one comes twice.

    Raises:
        KeyError: if there is no such queue.
    """
    source, target = _url(stage, name, dead=True), _url(stage, name, dead=False)
    moved = 0
    while moved < limit:
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
