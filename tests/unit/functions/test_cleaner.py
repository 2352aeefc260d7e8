"""The cleaner: topics that the ingestor made go with their stage, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from stratforge import aws
from stratforge.bus import topics

from functions.cleaner.handler import handler
from tests.support.lambda_context import CONTEXT

OURS = ("stratforge-dev-bars-AAPL.fifo", "stratforge-dev-bars-BTC_sUSD.fifo")
OTHERS = ("stratforge-dev-subscription-updates", "stratforge-prod-bars-AAPL.fifo")


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with topics of two stages."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("STAGE", "dev")
    with mock_aws():
        aws._session.cache_clear()
        topics.sns_client.cache_clear()
        for name in (*OURS, *OTHERS):
            attributes = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
            boto3.client("sns").create_topic(Name=name, Attributes=attributes)
        yield
        aws._session.cache_clear()
        topics.sns_client.cache_clear()


def names() -> set[str]:
    """The topics that there are."""
    found = boto3.client("sns").list_topics()["Topics"]
    return {each["TopicArn"].rsplit(":", 1)[1] for each in found}


def test_a_deletion_removes_the_topics_of_bars_of_its_own_stage_only() -> None:
    answer = handler({"RequestType": "Delete"}, CONTEXT)
    assert answer == {"PhysicalResourceId": "bar-topics", "Data": {"Deleted": "2"}}
    assert names() == set(OTHERS)


def test_deleting_again_finds_nothing() -> None:
    handler({"RequestType": "Delete"}, CONTEXT)
    assert handler({"RequestType": "Delete"}, CONTEXT)["Data"] == {"Deleted": "0"}


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_creating_and_updating_the_stage_delete_nothing(request_type: str) -> None:
    assert handler({"RequestType": request_type}, CONTEXT)["Data"] == {"Deleted": "0"}
    assert names() == {*OURS, *OTHERS}
