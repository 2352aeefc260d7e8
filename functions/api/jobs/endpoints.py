"""Endpoints under `/api/jobs`: list, read and cancel jobs."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from stratforge.application.errors import existing
from stratforge.application.jobs import queueing
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import Job, JobKind, JobStatus

from functions.api.context import Asking, Reader, UserConnection, database
from functions.api.jobs.schemas import JobList, JobView
from functions.api.pages import PageQuery
from functions.api.views import Listed, listed

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("", response_model=JobList)
def list_jobs(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    kind: JobKind | None = None,
    status: JobStatus | None = None,
) -> Listed[Job]:
    """The caller's jobs, page by page."""
    found = jobs.list_jobs(connection, user_id, page, kind, status)
    return listed(page, found, lambda each: (each.created_at, each.job_id))


@router.get("/{job_id}", response_model=JobView)
def get_job(job_id: UUID, connection: UserConnection) -> Job:
    """One job as it stands, with its result or error."""
    return existing(jobs.get_job(connection, job_id), "job")


@router.delete("/{job_id}", response_model=JobView)
def cancel_job(job_id: UUID, asking: Asking) -> Job:
    """Cancels a job; one that has finished stays as it is."""
    return queueing.cancel_job(database(), asking, job_id)
