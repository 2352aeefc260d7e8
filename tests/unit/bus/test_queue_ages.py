"""The ages of the oldest messages, as CloudWatch has them: of this stage's queues, worst of each stretch, or an error that can be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from stratforge.bus import queue_ages
from stratforge.bus.dead_letters import QUEUES
from stratforge.bus.queue_ages import QueueAgesUnavailable

from tests.support.simulated_aws import simulated_aws

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in this process."""
    with simulated_aws(monkeypatch, queue_ages._client, queue_ages._said):
        yield


def note(queue: str, minute: int, age: float) -> None:
    """What SQS says of a queue in a minute after noon."""
    boto3.client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": queue}],
                "Timestamp": NOON + timedelta(minutes=minute),
                "Value": age,
            }
        ],
    )


def test_each_queue_has_the_worst_of_each_stretch_of_time() -> None:
    for minute, age in ((0, 5.0), (1, 70.0), (2, 3.0), (5, 1.0)):
        note("stratforge-dev-bars.fifo", minute, age)
    note("stratforge-dev-jobs", 1, 9.0)
    note("stratforge-prod-bars.fifo", 0, 999.0)
    found = queue_ages.queue_ages("dev", NOON, NOON + timedelta(minutes=8), 4)
    assert [each.name for each in found] == list(QUEUES)
    ages = {each.name: each for each in found}
    assert ages["bars"].seconds == [70.0, 3.0, 1.0]
    assert ages["bars"].times == [NOON + timedelta(minutes=each) for each in (0, 2, 4)]
    assert ages["jobs"].seconds == [9.0]
    assert (ages["quotes"].times, ages["quotes"].seconds) == ([], [])


def test_who_asks_where_nobody_answers_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    queue_ages._client.cache_clear()
    with pytest.raises(QueueAgesUnavailable, match="does not say"):
        queue_ages.queue_ages("dev", NOON, NOON + timedelta(hours=1), 4)


def test_within_a_minute_cloudwatch_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def ages(seconds: int) -> list[float]:
        until = NOON + timedelta(hours=1, seconds=seconds)
        found = queue_ages.queue_ages("dev", until - timedelta(hours=1), until, 4)
        return next(each.seconds for each in found if each.name == "bars")

    assert ages(0) == []
    note("stratforge-dev-bars.fifo", 50, 70.0)
    assert (ages(59), ages(60)) == ([], [70.0])
    monkeypatch.setattr(queue_ages, "_client", lambda: pytest.fail("it was asked"))
    assert ages(119) == [70.0]


def test_that_cloudwatch_does_not_answer_is_known_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[None]()

    def away() -> object:
        asked.append(None)
        raise EndpointConnectionError(endpoint_url="http://nowhere")

    monkeypatch.setattr(queue_ages, "_client", away)
    for seconds in (0, 30, 60):
        with pytest.raises(QueueAgesUnavailable, match="nowhere"):
            queue_ages.queue_ages("dev", NOON, NOON + timedelta(hours=1, seconds=seconds), 4)
    assert len(asked) == 2
