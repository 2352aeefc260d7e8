"""The handlers of jobs: a use case for each kind, and only what failed comes again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from stratforge.application.jobs.work import Work
from stratforge.bus import retries
from stratforge.storage.strategies.jobs import JobKind, JobStatus

from functions.assistant import handler as assistant
from functions.backtester import handler as backtester
from tests.support.lambda_context import CONTEXT

FIRST, SECOND = UUID(int=1), UUID(int=2)


def event(*jobs: UUID) -> dict[str, Any]:
    """What SQS delivers."""
    return {
        "Records": [
            {
                "messageId": str(job),
                "body": json.dumps({"job_id": str(job)}),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs",
            }
            for job in jobs
        ]
    }


@pytest.mark.parametrize(
    ("unit", "kinds"),
    [
        (assistant, {JobKind.RESEARCH, JobKind.GENERATE}),
        (backtester, {JobKind.BACKTEST, JobKind.REPLAY, JobKind.EXPORT}),
    ],
)
def test_what_failed_is_delivered_again_and_what_was_done_is_not(
    unit: ModuleType, kinds: set[JobKind], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_off: list[str] = []
    ran: list[tuple[UUID, set[JobKind]]] = []

    def run(_database: object, job_id: UUID, known: Mapping[JobKind, Callable[[Work], None]]) -> JobStatus | None:
        ran.append((job_id, set(known)))
        if job_id == SECOND:
            raise ConnectionError("the database went away")
        return JobStatus.SUCCEEDED

    monkeypatch.setattr(unit, "run_job", run)
    monkeypatch.setattr(retries, "back_off", lambda failed: put_off.extend(each.message_id for each in failed))
    answer = unit.handler(event(FIRST, SECOND), CONTEXT)
    assert ran == [(FIRST, kinds), (SECOND, kinds)]
    assert put_off == [str(SECOND)]
    assert answer == {"batchItemFailures": [{"itemIdentifier": str(SECOND)}]}


def test_a_job_that_had_ended_before_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistant, "run_job", lambda *_arguments: None)
    assert assistant.handler(event(FIRST), CONTEXT) == {"batchItemFailures": []}
