"""Work that takes a while: its progress as a part of a page, until there is a page to go to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Response
from stratforge.ai.draft import AnswerKind
from stratforge.application.errors import existing
from stratforge.application.idempotency import RequestKey
from stratforge.application.jobs import queueing, requests, results
from stratforge.application.jobs.requests import GenerateRequest, ResearchRequest
from stratforge.application.jobs.results import FinishedBacktest, OpenQuestions, ReplayedSession, WrittenStrategy
from stratforge.application.notices import job_called
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import Job

from functions.api.context import database
from functions.api.dashboard.access import Fields, Form, Looking, Visitor, text
from functions.api.dashboard.pages.conversation import goes_on
from functions.api.dashboard.rendering import go_to

router = APIRouter(include_in_schema=False)


def new_key() -> str:
    """A key for a form: sending the form twice does its work once."""
    return str(uuid4())


def started(looking: Visitor, fields: Form) -> RequestKey:
    """The key of a form and a digest of what it says, so that sending it twice does its work once."""
    said = repr(sorted((name, values) for name, values in fields.items()))
    digest = hashlib.sha256(f"{looking.request.url.path}\n{said}".encode()).digest()
    return RequestKey(text(fields, "key")[:200] or None, digest)


def key_of_turn(looking: Visitor, fields: Form) -> RequestKey:
    """The key of words from a form of a conversation: the same words twice are one turn, and other words, or another of its replies, one of their own."""
    form = started(looking, fields)
    return RequestKey(f"{form.key[:100]}-{form.request_hash.hex()}" if form.key else None, form.request_hash)


@router.get("/jobs/{job_id}")
def page(job_id: UUID, looking: Looking) -> Response:
    """The page of a job, for whoever comes back to it: leads to that of its result, where there is one."""
    with database().reading(looking.caller) as connection:
        job = existing(jobs.get_job(connection, job_id), "job")
        named = jobs.strategy_names(connection, [job_id])
        return looking.page(connection, "job.html", job=job, name=job_called(job.kind, named.get(job_id)))


@router.get("/jobs/{job_id}/progress")
def progress(job_id: UUID, looking: Looking) -> Response:
    """Shows the progress of a job; when it is done, goes to the page of its result."""
    with database().reading(looking.caller) as connection:
        return job_part(looking, existing(jobs.get_job(connection, job_id), "job"))


def job_part(looking: Visitor, job: Job) -> Response:
    """A job as a part of a page: how it stands, what it asks back, its answer, or why it failed; one whose result has a page leads there.

    Also where a form is answered: sent again after a busy answer, its job may be done.
    """
    match results.result_of(job):
        case WrittenStrategy(strategy_id=made):
            return go_to(looking.request, f"/strategies/{made}")
        case FinishedBacktest(backtest_id=made):
            return go_to(looking.request, f"/backtests/{made}")
        case ReplayedSession(session_id=made):
            return go_to(looking.request, f"/sessions/{made}")
    values: dict[str, Any] = {"job": job, "key": new_key(), "failure": results.failure_of(job), "share": _share(job)}
    match requests.request_of(job):
        case ResearchRequest(question=said):
            return looking.part("parts/answer.html", said=said, answer=results.result_of(job), renewed=True, **values)
        case GenerateRequest() as request:
            asked = results.result_of(job)
            questions = asked.questions if isinstance(asked, OpenQuestions) else []
            values |= {"said": request.prompt, "changes": request.strategy_id, "questions": questions}
            values["answered"] = isinstance(asked, OpenQuestions) and asked.kind is AnswerKind.ANSWER
            values["follows"] = job.job_id if goes_on(job) else None
            values["replies"] = replies_in(questions, request.prompt)
    return looking.part(
        "parts/job.html",
        **{"said": "", "changes": None, "questions": [], "answered": False, "replies": [], "follows": None, **values},
    )


def _share(job: Job) -> int | None:
    """How many percent of its steps a job has done, where it counts them."""
    counted = re.search(r"(\d+)/(\d+)$", job.progress or "")
    return 100 * int(counted[1]) // max(1, int(counted[2])) if counted else None


def replies_in(questions: Sequence[str], said: str) -> list[str]:
    """Lists the answers that questions propose in quotation marks; what only repeats the person's own words, or leaves some out, is none."""
    proposed = (each for question in questions for each in re.findall(r"“([^”]+)”", question))
    return [each for each in dict.fromkeys(proposed) if len(each.split()) >= 4 and "…" not in each and each.lower() not in said.lower()]  # fmt: skip


@router.post("/jobs/{job_id}/cancel")
def cancel(job_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Ends a job that nobody wants any more."""
    return job_part(looking, queueing.cancel_job(database(), looking.caller, job_id))
