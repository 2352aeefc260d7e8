"""The conversation of a strategy as its page shows it: versions, and between them the turns that wrote none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from stratforge.ai.draft import AnswerKind
from stratforge.application.jobs.requests import GenerateRequest
from stratforge.application.jobs.results import JobFailure, OpenQuestions, WrittenStrategy, failure_of, result_of
from stratforge.storage.strategies.jobs import Job
from stratforge.storage.strategies.strategies import StoredVersion


@dataclass(frozen=True, slots=True)
class TalkTurn:
    """A turn: what the person said, and the version, the answer or the failure that came of it.

    Attributes:
        said: The person's words; None for a version that was made by hand.
        version: The version that it made, if it made one.
        answers: What was asked back or answered.
        failure: Why nothing came of it; None where something did, or where it was called off.
    """

    at: datetime
    said: str | None
    version: StoredVersion | None = None
    answers: Sequence[str] = ()
    failure: JobFailure | None = None


def turns_of(versions: Sequence[StoredVersion], jobs: Sequence[Job]) -> list[TalkTurn]:
    """The turns that are over, the oldest first; those before the first version that is shown only when that is the first of all."""
    shown = [TalkTurn(each.created_at, each.prompt, version=each) for each in versions]
    for job in jobs:
        result = result_of(job)
        if not job.finished or isinstance(result, WrittenStrategy):
            continue
        said = GenerateRequest.model_validate(job.request).prompt
        answers = result.questions if isinstance(result, OpenQuestions) else ()
        shown.append(TalkTurn(job.created_at, said, answers=answers, failure=failure_of(job)))
    ordered = sorted(shown, key=lambda each: each.at)
    if versions and versions[-1].version > 1:
        ordered = [each for each in ordered if each.at >= versions[-1].created_at]
    return ordered


def open_turn(versions: Sequence[StoredVersion], jobs: Sequence[Job]) -> UUID | None:
    """The turn that what is said next answers: the last one in which something was asked back, unless a version came after it."""
    known = {each.job_id: each for each in jobs}
    turn = next((each for each in reversed(jobs) if each.finished), None)
    if turn is None or (versions and versions[0].created_at > turn.created_at):
        return None
    while turn is not None and not goes_on(turn):
        # What was answered, refused or called off since leaves open what was asked before it.
        follows = GenerateRequest.model_validate(turn.request).follows
        turn = known.pop(follows, None) if follows and not isinstance(result_of(turn), WrittenStrategy) else None
    return turn.job_id if turn else None


def goes_on(job: Job) -> bool:
    """Tells whether a turn waits for an answer: something was asked back."""
    result = result_of(job)
    return isinstance(result, OpenQuestions) and result.kind is AnswerKind.CLARIFY
