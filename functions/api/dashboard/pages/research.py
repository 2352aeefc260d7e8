"""The page of questions for the Analyst, and their answers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from stratforge.ai.research import Research
from stratforge.application.errors import existing
from stratforge.application.jobs import results
from stratforge.application.jobs.queueing import request_research
from stratforge.application.jobs.requests import ResearchRequest
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import JobKind

from functions.api.context import database, outbox
from functions.api.dashboard.access import Fields, Looking, text, validated
from functions.api.dashboard.pages import jobs as progress
from functions.api.dashboard.pages.jobs import job_part, key_of_turn, new_key
from functions.api.dashboard.rendering import framed

router = APIRouter(include_in_schema=False)
router.include_router(progress.router)


@router.get("/research")
def page(looking: Looking) -> Response:
    """The form and the last answers."""
    with database().reading(looking.caller) as connection:
        found = jobs.list_jobs(connection, looking.user_id, Page(10), JobKind.RESEARCH)
        earlier = [
            (job, ResearchRequest.model_validate(job.request).question, answer)
            for job in found
            if (answer := results.result_of(job)) is not None
        ]
        return looking.page(connection, "research.html", earlier=earlier, key=new_key(), renewed=False)


@router.get("/research/{job_id}/suggestions")
def suggestions(job_id: UUID, looking: Looking) -> Response:
    """Google's search suggestions of an answer, for their frame."""
    with database().reading(looking.caller) as connection:
        answer = results.result_of(existing(jobs.get_job(connection, job_id), "job"))
    return framed(answer.suggestions if isinstance(answer, Research) else "")


@router.post("/research")
def ask(looking: Looking, fields: Fields) -> Response:
    """Asks; the answer is shown as it comes."""
    wanted = {
        "question": text(fields, "question"),
        "include_portfolio": bool(text(fields, "include_portfolio")),
        "follows": text(fields, "follows") or None,
    }
    request = validated(ResearchRequest, wanted)
    return job_part(
        looking, request_research(database(), outbox(), looking.caller, request, key_of_turn(looking, fields))
    )
