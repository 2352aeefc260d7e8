"""The queues of a stage: how much waits, what failed for good, and having that sent again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from stratforge.aws import aws_client
from stratforge.bus.queues import sqs_client

QueueName = Literal[
    "bars",
    "signals",
    "quotes",
    "notifications",
    "deliveries",
    "order-updates",
    "jobs",
    "backtests",
    "mails",
    "subscription-updates",
]

# Name, and whether order holds in it; as the deployment makes them.
QUEUES: dict[QueueName, bool] = {
    "bars": True,
    "signals": True,
    "quotes": True,
    "notifications": True,
    "deliveries": True,
    "order-updates": True,
    "jobs": False,
    "backtests": False,
    "mails": False,
    "subscription-updates": False,
}
# A redrive ends by itself before that, and says how far it came.
_SECONDS = 28.0


class RedriveFailed(RuntimeError):
    """The function that sends dead letters again failed; what it had not sent is still among the dead letters."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue: messages that wait, that are in work, and that failed for good."""

    name: str
    waiting: int
    in_work: int
    dead: int


def queue_url(stage: str, name: QueueName, *, dead: bool) -> str:
    """The address of a queue, or of its dead letters."""
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
    """The state of every queue that a stage has, with the messages in its dead-letter queue."""
    states = []
    for name in QUEUES:
        try:
            waiting, in_work = _counts(queue_url(stage, name, dead=False))
        except sqs_client().exceptions.QueueDoesNotExist:
            # A stage that sends no mail has no queue of mails.
            continue
        dead, dead_in_work = _counts(queue_url(stage, name, dead=True))
        states.append(QueueState(name, waiting, in_work, dead + dead_in_work))
    return states


@lru_cache(maxsize=1)
def _lambda_client() -> Any:
    return aws_client("lambda", read_timeout=_SECONDS)


def ask_to_redrive(function: str, name: QueueName) -> int:
    """Has the function that may do so send the dead letters of a queue again; returns how many it sent.

    Args:
        function: Its name, with the alias if it has one.

    Raises:
        RedriveFailed: if it failed.
    """
    reply = _lambda_client().invoke(FunctionName=function, Payload=json.dumps({"queue": name}).encode())
    answer = json.loads(reply["Payload"].read())
    if reply.get("FunctionError"):
        raise RedriveFailed(f"{function} failed: {answer.get('errorMessage', answer)}"[:500])
    return int(answer["sent"])
