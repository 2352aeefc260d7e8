"""Bars over a stream: their order, what is not taken, and where records go that fail."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from stratforge.bus import queues, streams
from stratforge.bus.messages import BarMessage
from stratforge.market import Bar

from functions.ingestor.retry import is_permanent
from tests.support.simulated_aws import simulated_aws

_START = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in this process, with a stream of two shards."""
    with simulated_aws(monkeypatch, queues.sqs_client, streams.kinesis_client):
        boto3.client("kinesis").create_stream(StreamName="bars", ShardCount=2)
        yield


def message(symbol: str, minute: int, shard: int = 0) -> BarMessage:
    """A bar of a minute, for a shard."""
    prices = (Decimal(each) for each in ("1", "2", "1", "2", "9"))
    return BarMessage.of(Bar(symbol, _START + timedelta(minutes=minute), *prices), "bar", shard, shards=3)


def read() -> dict[str, list[int]]:
    """The minutes of the records of each partition key, in the order of the stream."""
    kinesis = boto3.client("kinesis")
    found: dict[str, list[int]] = {}
    for shard in kinesis.list_shards(StreamName="bars")["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName="bars", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
            bar = BarMessage.model_validate_json(record["Data"])
            assert record["PartitionKey"] == bar.group
            found.setdefault(bar.group, []).append(int((bar.time - _START).total_seconds() // 60))
    return found


@pytest.mark.usefixtures("engine")
def test_bars_of_a_group_come_in_the_order_they_were_published() -> None:
    stream = streams.BarStream("bars")
    stream.publish("BRK.B", [message("BRK.B", minute, shard) for minute in range(4) for shard in range(3)])
    stream.publish("BTC/USD", [message("BTC/USD", 0)])
    assert read() == {**{f"BRK.B/{shard}": [0, 1, 2, 3] for shard in range(3)}, "BTC/USD/0": [0]}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 700)), max_size=1_500))
def test_no_call_has_two_bars_of_a_group_nor_more_than_kinesis_takes(asked: list[tuple[int, int]]) -> None:
    given_ = [message(f"S{shard}", minute, shard) for minute, shard in asked]
    batches = list(streams._batches(given_))
    assert [each for batch in batches for each in batch] == given_
    for batch in batches:
        assert 0 < len(batch) <= 500
        assert len({each.group for each in batch}) == len(batch)


@pytest.mark.usefixtures("engine")
def test_bars_of_a_thousand_symbols_are_two_calls_and_what_is_refused_is_sent_again_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put, calls = streams.kinesis_client().put_records, list[int]()

    def busy(**request: Any) -> Any:
        """The first call finds no room for every tenth record."""
        calls.append(len(request["Records"]))
        if len(calls) > 1:
            return put(**request)
        taken = [each for number, each in enumerate(request["Records"]) if number % 10]
        put(StreamName=request["StreamName"], Records=taken)
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        said = [{"SequenceNumber": "1", "ShardId": "1"} if number % 10 else refused for number in range(500)]
        return {"FailedRecordCount": 50, "Records": said}

    monkeypatch.setattr(streams.kinesis_client(), "put_records", busy)
    stream = streams.BarStream("bars")
    assert stream.symbols_at_once == 500
    stream.publish("S0", [message(f"S{number}", minute) for minute in range(1) for number in range(1_000)])
    assert calls == [500, 50, 500]
    assert read() == {f"S{number}/0": [0] for number in range(1_000)}


@pytest.mark.usefixtures("engine")
def test_what_is_not_taken_is_published_again_and_the_rest_not_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    put, full = streams.kinesis_client().put_records, [True]
    monkeypatch.setattr(streams, "_PAUSES", (0.0, 0.0))

    def busy(**request: Any) -> Any:
        """The second minute finds a shard that has enough."""
        minutes = {json.loads(each["Data"])["time"] for each in request["Records"]}
        if full[0] and message("AAPL", 1).model_dump(mode="json")["time"] in minutes:
            refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
            return {"FailedRecordCount": 1, "Records": [refused]}
        return put(**request)

    monkeypatch.setattr(streams.kinesis_client(), "put_records", busy)
    bars = [message("AAPL", minute) for minute in range(3)]
    with pytest.raises(ClientError) as caught:
        streams.BarStream("bars").publish("AAPL", bars)
    assert not is_permanent(caught.value)
    assert read() == {"AAPL/0": [0]}
    full[0] = False
    streams.BarStream("bars").publish("AAPL", bars)
    assert read() == {"AAPL/0": [0, 0, 1, 2]}


@pytest.mark.usefixtures("engine")
def test_a_shard_that_has_enough_holds_up_its_own_groups_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    put = streams.kinesis_client().put_records
    monkeypatch.setattr(streams, "_PAUSES", (0.0, 0.0))

    def busy(**request: Any) -> Any:
        """What is of AAPL finds no room."""
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        taken = [each for each in request["Records"] if not each["PartitionKey"].startswith("AAPL")]
        if taken:
            put(StreamName=request["StreamName"], Records=taken)
        ok = {"SequenceNumber": "1", "ShardId": "1"}
        said = [refused if each["PartitionKey"].startswith("AAPL") else ok for each in request["Records"]]
        return {"FailedRecordCount": 1, "Records": said}

    monkeypatch.setattr(streams.kinesis_client(), "put_records", busy)
    # Two minutes of each, as after a gap: a second bar of a group never goes in the same call as its first.
    bars = [message(symbol, minute) for symbol in ("AAPL", "IBM", "MSFT") for minute in range(3)]
    with pytest.raises(ClientError):
        streams.BarStream("bars").publish("AAPL", bars)
    assert read() == {"IBM/0": [0, 1, 2], "MSFT/0": [0, 1, 2]}


def given_record(key: str, text: str, number: int) -> dict[str, Any]:
    """A record as Lambda hands it over."""
    return {
        "kinesis": {
            "partitionKey": key,
            "sequenceNumber": str(number),
            "data": base64.b64encode(text.encode()).decode(),
            "approximateArrivalTimestamp": 1_767_623_400.0,
        },
        "eventSource": "aws:kinesis",
    }


def handled(records: list[tuple[str, str]], broken: set[str], hand_over: Any) -> tuple[list[str], Any]:
    """What is handled of a batch in which some texts fail, and the answer."""
    seen: list[str] = []

    def handle(record: KinesisStreamRecord) -> None:
        text = record.kinesis.data_as_text()
        if text in broken:
            raise ValueError(text)
        seen.append(text)

    event = {"Records": [given_record(key, text, number) for number, (key, text) in enumerate(records)]}
    return seen, process_partial_response(
        event=event,
        record_handler=handle,
        processor=streams.StreamProcessor(hand_over),
        context=None,
    )


def test_a_record_that_fails_holds_up_its_own_key_alone_and_nothing_comes_again_by_the_stream() -> None:
    again: list[str] = []
    batch = [("A", "a1"), ("B", "b1"), ("A", "a2"), ("B", "b2"), ("C", "c1"), ("A", "a3")]
    seen, answer = handled(batch, {"a2", "c1"}, lambda each: again.append(each.kinesis.data_as_text()))
    assert seen == ["a1", "b1", "b2"]
    assert again == ["a2", "c1", "a3"]
    assert answer == {"batchItemFailures": []}


def test_a_batch_in_which_everything_fails_is_handed_over_too() -> None:
    again: list[str] = []
    seen, answer = handled([("A", "a1")], {"a1"}, lambda each: again.append(each.kinesis.data_as_text()))
    assert (seen, again, answer) == ([], ["a1"], {"batchItemFailures": []})


def test_a_batch_comes_again_when_what_failed_cannot_be_handed_over() -> None:
    def refuse(_record: KinesisStreamRecord) -> None:
        raise ConnectionError("the queue does not answer")

    with pytest.raises(ConnectionError):
        handled([("A", "a1"), ("B", "b1")], {"a1"}, refuse)
