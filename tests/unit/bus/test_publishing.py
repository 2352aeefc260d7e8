"""A message is published in one signed request; what does not succeed at once is asked again through the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from stratforge import aws
from stratforge.bus import topics
from stratforge.bus.publishing import Entry, Publisher, signed_headers

TOPIC = "arn:aws:sns:us-east-1:000000000000:stratforge-dev-bars-AAPL.fifo"
ENTRY: Entry = {"Message": '{"symbol":"BTC/USD","note":"ü & +"}', "MessageGroupId": "g", "MessageDeduplicationId": "d"}


@given(st.binary(max_size=200), st.none() | st.text("abc/+=", min_size=1), st.datetimes(timezones=st.just(UTC)))
def test_the_signature_is_the_one_of_the_sdk(body: bytes, token: str | None, now: datetime) -> None:
    keys = ReadOnlyCredentials("AKIA", "secret/+", token)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: now)
        ours = signed_headers(keys, "eu-west-1", "sns.eu-west-1.amazonaws.com", body, now)
        request = AWSRequest("POST", "https://sns.eu-west-1.amazonaws.com/", data=body)
        request.headers["Content-Type"] = ours["Content-Type"]
        SigV4Auth(keys, "sns", "eu-west-1").add_auth(request)
    assert ours["Authorization"] == request.headers["Authorization"]


class Sns(BaseHTTPRequestHandler):
    """SNS, which answers with the statuses it is given, and keeps what it heard."""

    protocol_version = "HTTP/1.1"
    statuses: list[int]
    answer = b"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"
    heard: list[dict[str, str]]
    agents: list[str]

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Answers."""
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.heard.append({name: values[0] for name, values in asked.items()})
        self.agents.append(self.headers.get("User-Agent", ""))
        status = self.statuses.pop(0)
        body = (
            self.answer
            if status == 200
            else b"<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>"
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Sns]]:
    """A server to publish to."""
    kind = type("Asked", (Sns,), {"statuses": [], "heard": [], "agents": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }.items():
        monkeypatch.setenv(name, value)
    aws._session.cache_clear()
    yield kind
    aws._session.cache_clear()
    server.shutdown()
    server.server_close()


def test_what_is_taken_is_asked_once(sns: type[Sns]) -> None:
    sns.statuses = [200]
    Publisher(aws.aws_client("sns"), 1).publish(TOPIC, [ENTRY])
    assert sns.heard == [{"Action": "Publish", "Version": "2010-03-31", "TopicArn": TOPIC, **ENTRY}]


def test_several_messages_are_asked_once(sns: type[Sns]) -> None:
    sns.statuses = [200]
    Publisher(aws.aws_client("sns"), 1).publish(TOPIC, [ENTRY, {**ENTRY, "MessageDeduplicationId": "e"}])
    (heard,) = sns.heard
    members = [{name: heard[f"PublishBatchRequestEntries.member.{index}.{name}"] for name in ENTRY} for index in (1, 2)]
    assert members == [ENTRY, {**ENTRY, "MessageDeduplicationId": "e"}]
    assert (heard["Action"], heard["TopicArn"]) == ("PublishBatch", TOPIC)


def test_a_batch_of_which_one_is_refused_is_an_error(sns: type[Sns]) -> None:
    sns.statuses = [200, 200]
    sns.answer = (
        b"<PublishBatchResponse><PublishBatchResult><Successful/><Failed>\n<member><Id>1</Id><Code>InvalidParameter</Code>"
        b"<SenderFault>true</SenderFault></member></Failed></PublishBatchResult></PublishBatchResponse>"
    )
    with pytest.raises(ClientError, match="InvalidParameter"):
        Publisher(aws.aws_client("sns"), 1).publish(TOPIC, [ENTRY, ENTRY])


# Of whichever was asked.
MADE = f"<Response><CreateTopicResult><TopicArn>{TOPIC}</TopicArn></CreateTopicResult><SubscribeResult><SubscriptionArn>s</SubscriptionArn></SubscribeResult></Response>".encode()
ATTRIBUTES = {"FifoTopic": "true", "ContentBasedDeduplication": "false"}


def test_a_topic_is_made_and_subscribed_as_the_sdk_does(sns: type[Sns]) -> None:
    sns.statuses, sns.answer = [200] * 4, MADE
    client = aws.aws_client("sns")
    publisher = Publisher(client, 1)
    assert publisher.make_topic("a.fifo", ATTRIBUTES, {"stratforge:stage": "dev"}) == TOPIC
    client.create_topic(Name="a.fifo", Attributes=ATTRIBUTES, Tags=[{"Key": "stratforge:stage", "Value": "dev"}])
    assert sns.heard[0] == sns.heard[1]
    assert publisher.subscribe_queue(TOPIC, "arn:queue")
    client.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint="arn:queue", Attributes={"RawMessageDelivery": "true"})
    assert sns.heard[2] == sns.heard[3]
    assert ["Botocore" in each for each in sns.agents] == [False, True, False, True]


def test_a_topic_that_is_not_made_at_once_is_made_through_the_sdk(sns: type[Sns]) -> None:
    sns.statuses, sns.answer = [400, 200, 503, 200, 200], MADE
    topics.sns_client.cache_clear()
    found = topics.BarTopics("dev", "arn:queue", 1)
    assert (found.arn("AAPL"), found.arn("AAPL")) == (TOPIC, TOPIC)
    assert [each["Action"] for each in sns.heard] == ["CreateTopic"] * 2 + ["Subscribe"] * 2
    assert ["Botocore" in each for each in sns.agents] == [False, True] * 2
    topics.sns_client.cache_clear()


def test_what_fails_is_asked_again_through_the_sdk(sns: type[Sns]) -> None:
    sns.statuses = [503, 200]
    Publisher(aws.aws_client("sns"), 1).publish(TOPIC, [ENTRY])
    assert len(sns.heard) == 2
    assert sns.heard[0] == sns.heard[1]
    assert "Botocore" in sns.agents[1]


def test_a_refusal_is_the_error_of_the_sdk(sns: type[Sns]) -> None:
    sns.statuses = [403, 403]
    with pytest.raises(ClientError, match="AuthorizationError"):
        Publisher(aws.aws_client("sns"), 1).publish(TOPIC, [ENTRY])


def test_nobody_there_is_asked_through_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []

    class Client:
        """A client of a region that is not there."""

        class meta:
            """Where it is."""

            endpoint_url, region_name = "http://127.0.0.1:9", "us-east-1"

        def publish(self, **given: str) -> None:
            """Notes what it was asked."""
            asked.append(given)

    monkeypatch.setattr("stratforge.bus.publishing.credentials", lambda: ReadOnlyCredentials("a", "b", None))
    Publisher(Client(), 1).publish(TOPIC, [ENTRY])  # type: ignore[arg-type] # what is asked of it
    assert asked == [{"TopicArn": TOPIC, **ENTRY}]
