"""The redriver: the dead letters of the queue that is named go back to it, in their order, and it takes nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from pydantic import ValidationError
from stratforge import aws
from stratforge.bus import queues

from functions.redriver import handler as redriver
from tests.support.lambda_context import CONTEXT

SIGNALS, JOBS = "stratforge-dev-signals", "stratforge-dev-jobs"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with a FIFO queue, a standard one, and the dead letters of both."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("STAGE", "dev")
    caches = (aws._session, queues.sqs_client, redriver.settings)
    with mock_aws():
        for cache in caches:
            cache.cache_clear()
        for name in (f"{SIGNALS}.fifo", f"{SIGNALS}-dead.fifo", JOBS, f"{JOBS}-dead"):
            fifo = name.endswith(".fifo")
            boto3.client("sqs").create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})
        yield
        for cache in caches:
            cache.cache_clear()


def url(name: str) -> str:
    """The address of a queue."""
    return boto3.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def bodies(name: str) -> list[str]:
    """What can be received from a queue, in order."""
    found = boto3.client("sqs").receive_message(QueueUrl=url(name), MaxNumberOfMessages=10)
    return [each["Body"] for each in found.get("Messages", [])]


@pytest.mark.usefixtures("account")
def test_dead_letters_go_back_in_their_order_and_others_stay_where_they_are() -> None:
    for number in range(3):
        boto3.client("sqs").send_message(
            QueueUrl=url(f"{SIGNALS}-dead.fifo"), MessageBody=str(number), MessageGroupId="AAPL",
            MessageDeduplicationId=str(number),
        )  # fmt: skip
    boto3.client("sqs").send_message(QueueUrl=url(f"{JOBS}-dead"), MessageBody="job")
    assert redriver.handler({"queue": "signals"}, CONTEXT) == {"sent": 3}
    assert bodies(f"{SIGNALS}.fifo") == ["0", "1", "2"]
    assert bodies(f"{SIGNALS}-dead.fifo") == []
    assert bodies(f"{JOBS}-dead") == ["job"]
    assert redriver.handler({"queue": "signals"}, CONTEXT) == {"sent": 0}


@pytest.mark.parametrize("event", [{"queue": "other"}, {"queue": "signals", "body": "{}"}, {}])
def test_it_takes_the_name_of_a_queue_and_nothing_else(event: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        redriver.handler(event, CONTEXT)
