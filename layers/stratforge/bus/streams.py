"""Bars over one Kinesis stream instead of a topic per symbol: no topic is made or subscribed, and one call carries the bars of five hundred groups.

Order holds within a partition key, which is the message's group (a symbol and a shard of its sessions), as it does on FIFO topics. Kinesis takes
nothing for a repetition: a bar that comes twice is known by whoever evaluates it. A record that fails would hold up everything behind it in its shard
of the stream, strangers' symbols too, so it is put into the queue of bars, where it is tried again and holds up its own group alone.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from botocore.exceptions import ClientError

from stratforge.aws import aws_client
from stratforge.bus.messages import BarMessage, RebalanceDue
from stratforge.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsResultEntryTypeDef

log = logger("streams")
# What PutRecords takes at once; bars are far from its 5 MB.
_BATCH = 500
# Seconds before each time that records are sent: those that were refused again.
_PAUSES = (0.0, 0.2, 0.5, 1.0)


@lru_cache(maxsize=1)
def kinesis_client() -> KinesisClient:
    """The client of Kinesis of this environment."""
    client: KinesisClient = aws_client("kinesis")
    return client


class BarStream:
    """One stream for the bars of all symbols."""

    symbols_at_once = _BATCH

    def __init__(self, name: str) -> None:
        self._name = name

    def publish(self, symbol: str, messages: Sequence[BarMessage | RebalanceDue]) -> None:  # noqa: ARG002 - as topics are published to
        """Publishes bars of any symbols, in order for each. Publishing them again sends them again.

        Raises:
            ClientError: if Kinesis does not take one of them; what is of other groups was sent, and what was taken may come again.
        """
        failed: dict[str, PutRecordsResultEntryTypeDef] = {}
        for batch in _batches(messages):
            left = [each for each in batch if each.group not in failed]
            if not left:
                continue
            for pause in _PAUSES:
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                answer = kinesis_client().put_records(
                    StreamName=self._name,
                    Records=[{"Data": each.model_dump_json().encode(), "PartitionKey": each.group} for each in left],
                )
                # A shard that has enough for this second, or that failed: both pass.
                refused = [(each, said) for each, said in zip(left, answer["Records"], strict=True) if "ErrorCode" in said]  # fmt: skip
                left = [each for each, _ in refused]
                if not left:
                    break
            else:
                failed |= {each.group: said for each, said in refused}
        if failed:
            first = next(iter(failed.values()))
            raise ClientError(
                {
                    "Error": {"Code": first["ErrorCode"], "Message": first.get("ErrorMessage", "")},
                    "ResponseMetadata": {"HTTPStatusCode": 500},  # type: ignore[typeddict-item] # the part that is read
                },
                "PutRecords",
            )


def _batches(messages: Sequence[BarMessage | RebalanceDue]) -> Iterator[list[BarMessage | RebalanceDue]]:
    """Parts with one message of a group each: records of one call have no order among them."""
    batch: dict[str, BarMessage | RebalanceDue] = {}
    for each in messages:
        if each.group in batch or len(batch) == _BATCH:
            yield list(batch.values())
            batch = {}
        batch[each.group] = each
    if batch:
        yield list(batch.values())


class StreamProcessor(BatchProcessor):
    """Handles records of a stream, in order within each partition key; those that fail, and those of their key behind them, are handed to a queue."""

    def __init__(self, hand_over: Callable[[KinesisStreamRecord], None]) -> None:
        """
        Args:
            hand_over: Puts a record that failed where it is tried again; called in order. If that fails too, the batch comes again.
        """
        super().__init__(event_type=EventType.KinesisDataStreams, raise_on_entire_batch_failure=False)
        self._hand_over = hand_over
        self._failed: set[str] = set()

    def _process_record(self, record: dict[str, Any]) -> Any:
        if record["kinesis"]["partitionKey"] in self._failed:
            self.fail_messages.append(KinesisStreamRecord(record))
            return "fail", "a record of its key failed before it", self.fail_messages[-1]
        return super()._process_record(record)

    def failure_handler(self, record: Any, exception: Any) -> Any:
        """Notes the failure; what follows of the same key goes where the record goes."""
        self._failed.add(record.kinesis.partition_key)
        return super().failure_handler(record, exception)

    def _clean(self) -> None:
        failed = [each for each in self.fail_messages if isinstance(each, KinesisStreamRecord)]
        self._failed.clear()
        # Not while an error of the batch itself is on its way: then all of it comes again.
        if failed and sys.exc_info()[0] is None:
            log.warning("records are tried again by way of the queue", records=len(failed))
            for each in failed:
                self._hand_over(each)
