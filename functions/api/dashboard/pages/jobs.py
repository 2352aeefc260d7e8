"""Work that takes a while: its progress as a part of a page, until there is a page to go to."""

from __future__ import annotations

import hashlib
from uuid import UUID, uuid4

from fastapi import APIRouter, Response
from stratforge.application.idempotency import RequestKey
from stratforge.storage.strategies import jobs

from functions.api.context import database
from functions.api.dashboard.access import Fields, Form, Looking, Visitor, text
from functions.api.dashboard.rendering import go_to
from functions.api.problems import not_found

router = APIRouter(include_in_schema=False)


def new_key() -> str:
    """A key for a form: sending the form twice does its work once."""
    return str(uuid4())


def started(looking: Visitor, fields: Form) -> RequestKey:
    """What makes sending a form again safe."""
    said = repr(sorted((name, values) for name, values in fields.items()))
    digest = hashlib.sha256(f"{looking.request.url.path}\n{said}".encode()).digest()
    return RequestKey(text(fields, "key")[:200] or None, digest)


@router.get("/jobs/{job_id}/progress")
def progress(job_id: UUID, looking: Looking) -> Response:
    """How a job stands; when it is done, the page of what it made."""
    with database().reading(looking.user_id) as connection:
        job = jobs.get_job(connection, job_id)
    if job is None:
        raise not_found("job")
    result = job.result or {}
    if job.status == "SUCCEEDED" and result.get("strategy_id"):
        return go_to(looking.request, f"/strategies/{result['strategy_id']}")
    if job.status == "SUCCEEDED" and result.get("backtest_id"):
        return go_to(looking.request, f"/backtests/{result['backtest_id']}")
    if job.status == "SUCCEEDED" and job.kind == "REPLAY":
        return go_to(looking.request, f"/sessions/{result['session_id']}")
    template = "parts/answer.html" if job.kind == "RESEARCH" else "parts/job.html"
    said = job.request.get("prompt") or job.request.get("question") or ""
    return looking.part(template, job=job, said=said, key=new_key())


@router.post("/jobs/{job_id}/cancel")
def cancel(job_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Ends a job that nobody wants any more."""
    with database().transaction(looking.user_id) as connection:
        job = jobs.cancel_job(connection, job_id)
    if job is None:
        raise not_found("job")
    template = "parts/answer.html" if job.kind == "RESEARCH" else "parts/job.html"
    return looking.part(
        template, job=job, said=job.request.get("prompt") or job.request.get("question") or "", key=new_key()
    )
