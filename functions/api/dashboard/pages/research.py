"""Questions for the Analyst."""

from __future__ import annotations

from fastapi import APIRouter, Response
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import jobs

from functions.api.ai.endpoints import ResearchRequest, research
from functions.api.context import database
from functions.api.dashboard.access import Fields, Looking, text, validated
from functions.api.dashboard.pages import jobs as progress
from functions.api.dashboard.pages.jobs import new_key, started

router = APIRouter(include_in_schema=False)
router.include_router(progress.router)


@router.get("/research")
def page(looking: Looking) -> Response:
    """The form and the last answers."""
    with database().reading(looking.user_id) as connection:
        earlier = jobs.list_jobs(connection, looking.user_id, Page(10), "RESEARCH")
        return looking.page(connection, "research.html", earlier=earlier, key=new_key())


@router.post("/research")
def ask(looking: Looking, fields: Fields) -> Response:
    """Asks; the answer is shown as it comes."""
    wanted = {"question": text(fields, "question"), "include_portfolio": bool(text(fields, "include_portfolio"))}
    request = validated(ResearchRequest, wanted)
    job = research(request, looking.user_id, Response(), started(looking, fields), 0)
    return looking.part("parts/answer.html", job=job, said=request.question, key=new_key())
