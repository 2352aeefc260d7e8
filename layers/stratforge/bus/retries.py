"""Failed messages come again soon at first and later after that, instead of after the time that a queue hides what is in work.

That time is several timeouts of the consumer, minutes in which a FIFO queue holds a whole group back. So whatever fails is given another: seconds by the number of
times that it was received, and jitter. What fails the last time holds nobody: the rest of its group goes on, and it becomes a dead letter with the queue's next look.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from stratforge.bus.queues import sqs_client
from stratforge.observability import logger

log = logger("retries")
# How often a message is received before it is a dead letter; the deployment makes queues so.
MAX_RECEIVES = 5
# Seconds until it comes again, by the number of times that it came. Together over two minutes: a database that fails over is back by then.
DELAYS = (2.0, 8.0, 30.0, 90.0)
_JITTER = 0.2
_BATCH = 10
# Not the module's own numbers: environments that start from one snapshot would all draw the same, and come again together.
_random = random.SystemRandom()


def delay_after(receives: int) -> int:
    """Whole seconds until a message that came so often comes again; none when it came for the last time, for its group waits until the queue takes it away."""
    if receives >= MAX_RECEIVES:
        return 0
    seconds = DELAYS[min(max(receives, 1), len(DELAYS)) - 1]
    return round(seconds * _random.uniform(1 - _JITTER, 1 + _JITTER))


def receives(record: SQSRecord) -> int:
    """Returns how often a message has been received, this time included."""
    return int(record.attributes.approximate_receive_count or 1)


@lru_cache(maxsize=16)
def _queue_url(arn: str) -> str:
    account, name = arn.split(":")[4:6]
    return sqs_client().get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]


def back_off(failed: Sequence[SQSRecord]) -> None:
    """Has failed messages of a queue come again after their delays, those of one group together so that the order holds.

    When SQS cannot be asked they come again anyway, only later; that is logged and no error of the batch.
    """
    by_queue: dict[str, list[SQSRecord]] = defaultdict(list)
    for record in failed:
        by_queue[record.event_source_arn].append(record)
    for arn, records in by_queue.items():
        try:
            for entries in _entries(records):
                answer = sqs_client().change_message_visibility_batch(QueueUrl=_queue_url(arn), Entries=entries)
                for refused in answer.get("Failed", []):
                    log.warning("a message comes again late", reason=refused.get("Message"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the queue's own time holds
            log.warning("messages come again late", reason=f"{type(error).__name__}: {error}"[:300])


def _entries(records: Sequence[SQSRecord]) -> Iterator[list[Any]]:
    delays: dict[str, int] = {}
    entries = []
    for index, record in enumerate(records):
        # The first of a group is the one that failed; the others wait for it.
        group = record.attributes.message_group_id or str(index)
        delay = delay_after(receives(record))
        if delay:
            delay = delays.setdefault(group, delay)
        entries.append({"Id": str(index), "ReceiptHandle": record.receipt_handle, "VisibilityTimeout": delay})
    for start in range(0, len(entries), _BATCH):
        yield entries[start : start + _BATCH]


class FifoProcessor(SqsFifoPartialProcessor):
    """Handles a batch of a FIFO queue, in order within each group; a failed message holds its group back until it succeeds or has failed for good."""

    def __init__(self) -> None:
        super().__init__(skip_group_on_error=True)

    def failure_handler(self, record: Any, exception: Any) -> Any:
        """Notes the failure; what has failed for good holds its group no longer."""
        answer = super().failure_handler(record, exception)
        group = record.attributes.message_group_id
        if exception is not self.group_circuit_breaker_exc and receives(record) >= MAX_RECEIVES and group:
            self._failed_group_ids.discard(group)
        return answer

    def _clean(self) -> None:
        back_off([record for record in self.fail_messages if isinstance(record, SQSRecord)])
        super()._clean()  # type: ignore[no-untyped-call] # the library has no types there


class JobProcessor(BatchProcessor):
    """Handles a batch of a standard queue."""

    def __init__(self) -> None:
        super().__init__(event_type=EventType.SQS)

    def _clean(self) -> None:
        back_off([record for record in self.fail_messages if isinstance(record, SQSRecord)])
        super()._clean()  # type: ignore[no-untyped-call] # the library has no types there
