"""A service's part in a trace: what it takes up, what it hands on, and that nothing depends on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import botocore.awsrequest
import pytest
from botocore.compat import HTTPHeaders
from stratforge import aws, tracing
from stratforge.tracing import Segments, Trace

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class Sent(list[dict[str, Any]]):
    """Takes documents as X-Ray does."""

    def __call__(self, documents: Sequence[str]) -> None:
        assert len(documents) <= 50
        self.extend(json.loads(each) for each in documents)


def test_a_header_that_is_recorded_is_taken_up_and_handed_on() -> None:
    trace = Trace.parse(HEADER)
    assert trace == Trace("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8")
    assert trace is not None
    assert trace.header() == HEADER
    begun = Trace.begin()
    assert Trace.parse(begun.header()) == begun


@pytest.mark.parametrize(
    "header",
    [None, "", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0", "Root=x;Sampled=1", ";;=;Sampled=1", "\x00"],
)
def test_what_is_no_recorded_trace_is_none(header: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Trace.parse(header) is None
    monkeypatch.setenv("_X_AMZN_TRACE_ID", (header or "").replace("\x00", ""))
    assert tracing.present() is None


def test_a_segment_is_a_child_and_what_is_sent_inside_is_its_child() -> None:
    sent = Sent()
    segments = Segments("ingestor", sent)
    with segments.segment(Trace.parse(HEADER), symbol="AAPL"):
        inside = Trace.parse(tracing.carried.get())
    assert tracing.carried.get() is None
    segments.flush()
    (document,) = sent
    assert inside == Trace(document["trace_id"], document["id"])
    assert (document["parent_id"], document["name"], document["annotations"]) == (
        "53995c3f42cd8ad8",
        "ingestor",
        {"symbol": "AAPL"},
    )
    assert document["end_time"] >= document["start_time"]


def test_a_failure_inside_is_told_and_goes_on() -> None:
    sent = Sent()
    segments = Segments("ingestor", sent)
    with pytest.raises(ZeroDivisionError), segments.segment(Trace.begin()):
        raise ZeroDivisionError
    segments.flush()
    assert sent[0]["fault"] is True
    assert tracing.carried.get() is None


def test_nothing_is_recorded_where_nobody_takes_it_and_nothing_waits_for_a_trace() -> None:
    quiet = Segments("ingestor", None)
    assert all(quiet.sampled() is None for _ in range(200))
    with quiet.segment(Trace.begin()):
        assert tracing.carried.get() is None

    def away(_documents: Sequence[str]) -> None:
        raise ConnectionError("X-Ray is away")

    segments = Segments("ingestor", away)
    for _ in range(5_000):
        with segments.segment(Trace.begin()):
            pass
    segments.flush()
    assert len(segments._waiting) <= 1_000


def test_requests_to_aws_carry_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    aws._session.cache_clear()
    client = aws.aws_client("sns")
    headers: list[Any] = []

    def answer(request: Any, **_given: Any) -> Any:
        headers.append(request.headers.get("X-Amzn-Trace-Id"))
        body = b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"

        class Raw:
            def stream(self, **_given: Any) -> Any:
                return iter([body])

        return botocore.awsrequest.AWSResponse(request.url, 200, HTTPHeaders(), Raw())

    client.meta.events.register("before-send", answer)
    client.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="x")
    with Segments("ingestor", Sent()).segment(Trace.parse(HEADER)):
        client.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="x")
        expected = tracing.carried.get()
    assert [each.decode() if isinstance(each, bytes) else each for each in headers] == [None, expected]
    aws._session.cache_clear()
