"""Publishing to topics, for a small part of the processor that the SDK takes: thousands of symbols have a bar in the same second.

Requests go over connections that are kept, signed as the SDK signs (a test compares). Whatever does not succeed at once is asked
again through the SDK, whose retries and errors hold: within five minutes the same message is taken once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import quote, urlsplit

from botocore.exceptions import ClientError

from stratforge.aws import credentials
from stratforge.bus.kept_connections import KeptConnections
from stratforge.tracing import carried

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchRequestEntryTypeDef

_VERSION = "2010-03-31"
# A batch of which something was not taken.
_FAILED = re.compile(rb"<Failed>\s*<member>")
_TOPIC = re.compile(rb"<TopicArn>([^<]+)</TopicArn>")


class Entry(TypedDict):
    """A message as SNS takes it."""

    Message: str
    MessageGroupId: str
    MessageDeduplicationId: str


class Publisher:
    """Publishes to the topics of a region."""

    def __init__(self, client: SNSClient, at_once: int) -> None:
        """
        Args:
            client: The SDK's client, which knows the address and is asked when something fails.
            at_once: Connections that are kept, for as many threads.
        """
        self._client = client
        address = urlsplit(client.meta.endpoint_url)
        self._host, self._region = address.netloc, client.meta.region_name
        self._connections = KeptConnections(client.meta.endpoint_url, at_once)

    def publish(self, topic_arn: str, entries: Sequence[Entry]) -> None:
        """Publishes at most ten messages, in order.

        Raises:
            ClientError: if SNS refuses one of them; those before it are published.
        """
        answer = self._asked({"TopicArn": topic_arn, **_form(entries)})
        if answer is not None and not _FAILED.search(answer):
            return
        if len(entries) == 1:
            self._client.publish(TopicArn=topic_arn, **entries[0])
            return
        batch: list[PublishBatchRequestEntryTypeDef] = [
            {"Id": str(index), **each}  # type: ignore[typeddict-item] # the rest may be left out
            for index, each in enumerate(entries)
        ]
        failed = self._client.publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=batch).get("Failed", [])
        if failed:
            status = 400 if failed[0]["SenderFault"] else 500
            raise ClientError(
                {
                    "Error": {"Code": failed[0]["Code"], "Message": failed[0].get("Message", "")},
                    "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item] # the part that is read
                },
                "PublishBatch",
            )

    def make_topic(self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str]) -> str | None:
        """Makes a topic, or finds it; its address. None when that did not succeed at once, for whatever reason."""
        fields = {"Action": "CreateTopic", "Name": name}
        for index, (key, value) in enumerate(attributes.items(), 1):
            fields |= {f"Attributes.entry.{index}.key": key, f"Attributes.entry.{index}.value": value}
        for index, (key, value) in enumerate(tags.items(), 1):
            fields |= {f"Tags.member.{index}.Key": key, f"Tags.member.{index}.Value": value}
        found = _TOPIC.search(self._asked(fields) or b"")
        return None if found is None else found[1].decode()

    def subscribe_queue(self, topic_arn: str, queue_arn: str) -> bool:
        """Has a topic's messages put into a queue as they are; False when that did not succeed at once."""
        fields = {"Action": "Subscribe", "TopicArn": topic_arn, "Protocol": "sqs", "Endpoint": queue_arn}
        raw = {"Attributes.entry.1.key": "RawMessageDelivery", "Attributes.entry.1.value": "true"}
        return self._asked({**fields, **raw}) is not None

    def _asked(self, fields: Mapping[str, str]) -> bytes | None:
        """Asks once; the answer, or None when that did not succeed."""
        keys = credentials()
        if keys is None:
            return None
        form = {**fields, "Version": _VERSION}
        body = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in form.items()).encode()
        headers = signed_headers(keys, self._region, self._host, body, datetime.now(UTC))
        trace = carried.get()
        if trace is not None:
            headers["X-Amzn-Trace-Id"] = trace
        answer = self._connections.post(headers, body)
        return answer.body if answer is not None and answer.status == 200 else None


def _form(entries: Sequence[Entry]) -> dict[str, str]:
    """The fields of a request for these messages."""
    if len(entries) == 1:
        return {"Action": "Publish", **entries[0]}  # type: ignore[dict-item] # its values are texts
    fields = {"Action": "PublishBatch"}
    for index, entry in enumerate(entries):
        member = f"PublishBatchRequestEntries.member.{index + 1}"
        fields[f"{member}.Id"] = str(index)
        fields |= {f"{member}.{name}": str(value) for name, value in entry.items()}
    return fields


def signed_headers(
    keys: ReadOnlyCredentials, region: str, host: str, body: bytes, now: datetime, service: str = "sns"
) -> dict[str, str]:
    """The headers of a form that is posted to a service's root, with its signature.

    The form is AWS's Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    day = stamp[:8]
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Host": host,
        "X-Amz-Date": stamp,
        **({"X-Amz-Security-Token": keys.token} if keys.token else {}),
    }
    names = ";".join(name.lower() for name in headers)
    lines = "".join(f"{name.lower()}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = _signing_key(keys.secret_key, day, region, service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


@lru_cache(maxsize=4)
def _signing_key(secret: str, *scope: str) -> bytes:
    """The key of a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
