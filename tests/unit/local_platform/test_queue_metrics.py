"""What SQS says of its queues on AWS by itself, said in the engine's place."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from local_platform import queue_metrics

ADDRESS = "http://127.0.0.1:1/000000000000/"
LISTED: dict[str, Any] = {
    "messages": {
        "000000000000": {
            "us-east-1": {
                f"{ADDRESS}stratforge-local-bars.fifo": [{"SentTimestamp": 70}, {"SentTimestamp": 40}],
                f"{ADDRESS}stratforge-local-jobs": [],
            }
        }
    }
}


def test_a_queue_is_as_old_as_its_oldest_message_and_an_empty_one_is_not() -> None:
    assert queue_metrics.ages(LISTED, 100.0) == {"stratforge-local-bars.fifo": 60.0, "stratforge-local-jobs": 0.0}
    assert queue_metrics.ages({"messages": {}}, 100.0) == {}


def test_what_is_noted_is_cloudwatchs_own_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[httpx.Request] = []

    def engine(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=LISTED)

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(engine)) as client:
            await queue_metrics.publish(client, "http://engine")

    monkeypatch.setattr("time.time", lambda: 100.0)
    asyncio.run(main())
    listed, noted = asked
    assert (listed.method, listed.url.path) == ("GET", "/_ministack/sqs/messages")
    assert "/monitoring/aws4_request" in noted.headers["authorization"]
    form = {name: values[0] for name, values in parse_qs(noted.content.decode()).items()}
    assert (form["Action"], form["Namespace"]) == ("PutMetricData", "AWS/SQS")
    first = {name.removeprefix("MetricData.member.1."): value for name, value in form.items() if ".member.1." in name}
    assert first["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert (first["Value"], first["Dimensions.member.1.Value"]) == ("60.0", "stratforge-local-bars.fifo")
