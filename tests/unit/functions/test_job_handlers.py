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

    def run(
        _database: object, job_id: UUID, known: Mapping[JobKind, Callable[[Work], None]], cause: str
    ) -> JobStatus | None:
        assert cause == str(job_id), "the message says who began it"
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


def test_a_part_of_a_study_says_whether_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def work(_database: object, job_id: UUID, part: int, _sweep_of: object) -> bool:
        asked.append((job_id, part))
        return part == 0

    monkeypatch.setattr(backtester, "work_on_part", work)
    for part in (0, 1):
        answer = backtester.handler({"step": "part", "job_id": str(FIRST), "part": part}, CONTEXT)
        assert answer == {"wanted": part == 0}
    assert asked == [(FIRST, 0), (FIRST, 1)]


def test_a_study_is_put_together_as_a_backtest(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[UUID, set[JobKind]]] = []

    def run(_database: object, job_id: UUID, known: Mapping[JobKind, Callable[[Work], None]]) -> JobStatus:
        ran.append((job_id, set(known)))
        return JobStatus.SUCCEEDED

    monkeypatch.setattr(backtester, "run_job", run)
    assert backtester.handler({"step": "finish", "job_id": str(FIRST)}, CONTEXT) == {"outcome": "SUCCEEDED"}
    assert ran == [(FIRST, {JobKind.BACKTEST})]


def test_a_study_that_cannot_go_on_ends_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[UUID] = []
    monkeypatch.setattr(backtester, "fail_study", lambda _database, job_id, _why: ended.append(job_id))
    backtester.handler({"step": "fail", "job_id": str(FIRST)}, CONTEXT)
    assert ended == [FIRST]


def test_a_step_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="step"):
        backtester.handler({"step": "sell everything", "job_id": str(FIRST)}, CONTEXT)
