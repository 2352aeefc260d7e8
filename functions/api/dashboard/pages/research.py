"""Questions for the Analyst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response
from stratforge.storage import jobs
from stratforge.storage.pages import Page

from functions.api.ai.endpoints import ResearchRequest, research
from functions.api.context import database
from functions.api.dashboard.access import Fields, Looking, text, validated
from functions.api.dashboard.pages import jobs as progress
from functions.api.dashboard.pages.jobs import new_key, started
from functions.api.dashboard.rendering import environment

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


def cited(answer: str, citations: Sequence[dict[str, Any]]) -> list[tuple[str, list[int]]]:
    """The answer in pieces, each with the numbers of the sources that stand behind it."""
    ends: dict[int, list[int]] = {}
    for number, citation in enumerate(citations, start=1):
        for _start, end in citation["spans"]:
            ends.setdefault(min(end, len(answer)), []).append(number)
    pieces, begin = [], 0
    for end in sorted(ends):
        pieces.append((answer[begin:end], sorted(set(ends[end]))))
        begin = end
    if begin < len(answer):
        pieces.append((answer[begin:], []))
    return pieces


environment().filters["cited"] = cited
