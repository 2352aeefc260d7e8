"""`/api/exports`: files of bars, trades and orders, and of everything that is stored about the caller."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response
from stratforge.application.jobs import queueing
from stratforge.application.jobs.queueing import ExportLink
from stratforge.application.jobs.requests import ExportRequest
from stratforge.bus.files import link_to
from stratforge.storage.strategies.jobs import Job

from functions.api.context import Asking, database, outbox, settings
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import answer
from functions.api.views import view_of

router = APIRouter(prefix="/api/exports", tags=["account"])


@router.post("", status_code=202, response_model=JobView)
def create_export(request: ExportRequest, asking: Asking, key: IdempotencyKey, response: Response) -> Job:
    """Has a file made, however much it holds. When the job has succeeded, ask for a link to it; it is kept for a day."""
    return answer(asking, queueing.request_export(database(), outbox(), asking, request, key), 0, response)


@router.post("/{job_id}/link", status_code=201, response_model=view_of(ExportLink, "ExportLinkView"))
def create_export_link(job_id: UUID, asking: Asking) -> ExportLink:
    """A link to the file that a job made, good for five minutes; it needs no key."""
    return queueing.link_to_export(database(), asking, job_id, partial(link_to, settings().files_bucket))
