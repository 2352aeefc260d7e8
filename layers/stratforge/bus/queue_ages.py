"""The age of the oldest message of each queue over time, as CloudWatch notes it every minute."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from stratforge.aws import aws_client
from stratforge.bus.dead_letters import QUEUES, QueueName


class QueueAgesUnavailable(RuntimeError):
    """CloudWatch does not say how old messages are: it is away, or refuses."""


@dataclass(frozen=True, slots=True)
class QueueAge:
    """The age of the oldest message of a queue over time.

    Attributes:
        name: The queue's name, without stage and ending.
        times: When it was noted, the earliest first: the beginnings of stretches of time. A queue that nothing was sent to for hours is not noted.
        seconds: The highest age in each stretch.
    """

    name: QueueName
    times: list[datetime]
    seconds: list[float]


@lru_cache(maxsize=1)
def _client() -> Any:
    # A page waits for it.
    return aws_client("cloudwatch", connect_timeout=2.0, read_timeout=4.0, attempts=2)


def queue_ages(stage: str, since: datetime, until: datetime, points: int) -> Sequence[QueueAge]:
    """The ages in at most about `points` equal stretches of whole minutes between the minutes of two times.

    CloudWatch is asked once in a minute, in which it notes nothing more: also when it does not answer, which takes as long as a page can wait.

    Raises:
        QueueAgesUnavailable: if CloudWatch does not say.
    """
    found = _said(stage, _minute(since), _minute(until), points)
    if isinstance(found, str):
        raise QueueAgesUnavailable(found)
    return found


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)


@lru_cache(maxsize=8)
def _said(stage: str, since: datetime, until: datetime, points: int) -> tuple[QueueAge, ...] | str:
    """What CloudWatch says, or why it says nothing."""
    minutes = max(1, math.ceil((until - since).total_seconds() / 60 / points))
    names = list(QUEUES)
    try:
        answer = _client().get_metric_data(
            MetricDataQueries=[_query(stage, name, number, 60 * minutes) for number, name in enumerate(names)],
            StartTime=since,
            EndTime=until,
            ScanBy="TimestampAscending",
        )
    except (BotoCoreError, ClientError) as error:
        return f"CloudWatch does not say how old messages are: {error}"[:300]
    found = []
    for each in answer["MetricDataResults"]:
        noted = sorted(zip(each.get("Timestamps", []), each.get("Values", []), strict=True))
        found.append(QueueAge(names[int(each["Id"][1:])], [time for time, _ in noted], [value for _, value in noted]))
    return tuple(found)


def _query(stage: str, name: QueueName, number: int, period: int) -> dict[str, Any]:
    ending = ".fifo" if QUEUES[name] else ""
    return {
        "Id": f"q{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": f"stratforge-{stage}-{name}{ending}"}],
            },
            "Period": period,
            "Stat": "Maximum",
        },
    }
