"""The ages of the oldest messages of queues, put into the engine's CloudWatch: SQS publishes them on AWS, and the engine does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx

from local_platform.account import ACCOUNT, REGION

_EVERY_SECONDS = 20.0
_METRIC = "ApproximateAgeOfOldestMessage"
# By whom the engine knows which of its services is meant; it checks no signature, and the SDK would take the front door half again as much memory.
_AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/monitoring/aws4_request, SignedHeaders=host, Signature=0"
)


def ages(listed: dict[str, Any], now: float) -> dict[str, float]:
    """The age of the oldest message of each queue, by its name, from what the engine lists; 0 where none waits."""
    found = {}
    for regions in listed["messages"].values():
        for queues in regions.values():
            for address, messages in queues.items():
                sent = min((each["SentTimestamp"] for each in messages), default=now)
                found[address.rpartition("/")[2]] = max(0.0, now - sent)
    return found


def metric_form(found: dict[str, float]) -> str:
    """The form that puts these ages into CloudWatch."""
    fields = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": "AWS/SQS"}
    for number, (name, age) in enumerate(sorted(found.items()), start=1):
        datum = f"MetricData.member.{number}"
        fields |= {f"{datum}.MetricName": _METRIC, f"{datum}.Value": f"{age:.1f}", f"{datum}.Unit": "Seconds"}
        fields |= {f"{datum}.Dimensions.member.1.Name": "QueueName", f"{datum}.Dimensions.member.1.Value": name}
    return urlencode(fields)


async def publish(client: httpx.AsyncClient, engine: str) -> None:
    """Notes how old the oldest message of each queue is now."""
    listed = (await client.get(f"{engine}/_ministack/sqs/messages")).raise_for_status().json()
    headers = {"authorization": _AUTHORIZATION, "content-type": "application/x-www-form-urlencoded"}
    if found := ages(listed, time.time()):
        (await client.post(engine, headers=headers, content=metric_form(found))).raise_for_status()


async def publish_for_ever(client: httpx.AsyncClient, engine: Callable[[], str | None]) -> None:
    """Notes it every twenty seconds, while there is an engine: `engine()` says where, and None while there is none."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        address = engine()
        try:
            if address is not None:
                await publish(client, address)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            print(f"the ages of messages were not noted: {type(error).__name__}", flush=True)
