"""Batches of a FIFO queue: groups side by side, as Lambda does it, each in its own order.

The engine hands over one batch at a time with all groups in it. On AWS as many invocations run as there are active groups; so here the groups of
a batch are invoked apart, and their answers put together again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """The records of one group, as an event of its own."""

    event: bytes
    message_ids: tuple[str, ...]


def messages_of(event: bytes) -> list[dict[str, Any]]:
    """The messages of a queue in an event; nothing for any other event."""
    if b'"aws:sqs"' not in event:
        return []
    records = json.loads(event).get("Records")
    return records if isinstance(records, list) else []


def give_back(messages: Sequence[dict[str, Any]]) -> None:
    """Has messages come again in seconds, of which the queue believes that somebody works on them. Handlers do that with what fails; who was ended in the
    middle, or was done only after the engine had given up, cannot, and a busy machine would have a symbol wait for as long as the queue hides its messages.
    """
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from stratforge.bus.retries import back_off

    back_off([SQSRecord(each) for each in messages])


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """A part of a batch with its handler's answer; without one when it failed as a whole."""

    part: Part
    body: bytes | None


def split(event: bytes) -> list[Part]:
    """The parts of a batch with several groups; nothing for any other event, which is invoked as it is."""
    if b'"MessageGroupId"' not in event:
        return []
    records = json.loads(event).get("Records")
    if not isinstance(records, list):
        return []
    groups: dict[str, list[Any]] = {}
    for record in records:
        groups.setdefault(record.get("attributes", {}).get("MessageGroupId", ""), []).append(record)
    if len(groups) < 2:
        return []
    return [
        Part(json.dumps({"Records": group}).encode(), tuple(record["messageId"] for record in group))
        for group in groups.values()
    ]


def joined(answers: Sequence[PartAnswer]) -> bytes:
    """One answer: what a handler reported, and every record of a part that failed as a whole."""
    failures: list[Any] = []
    for answer in answers:
        if answer.body is None:
            failures += [{"itemIdentifier": each} for each in answer.part.message_ids]
        else:
            reported = json.loads(answer.body)
            failures += reported.get("batchItemFailures", []) if isinstance(reported, dict) else []
    return json.dumps({"batchItemFailures": failures}).encode()
