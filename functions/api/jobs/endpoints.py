"""`/api/jobs`."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from stratforge.application.jobs import queueing
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import JobKind

from functions.api.context import Asking, Reader, UserConnection, database
from functions.api.jobs.schemas import JobList, JobView
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import not_found

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("")
def list_jobs(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    kind: JobKind | None = None,
) -> JobList:
    """The user's jobs."""
    found = jobs.list_jobs(connection, user_id, page, kind)
    following = next_cursor(page, found, lambda each: (each.created_at, each.job_id))
    return JobList(items=[JobView.model_validate(each) for each in found], next=following)


@router.get("/{job_id}")
def get_job(job_id: UUID, connection: UserConnection) -> JobView:
    """One job."""
    job = jobs.get_job(connection, job_id)
    if job is None:
        raise not_found("job")
    return JobView.model_validate(job)


@router.delete("/{job_id}")
def cancel_job(job_id: UUID, asking: Asking) -> JobView:
    """Cancels a job; one that has finished stays as it is."""
    return JobView.model_validate(queueing.cancel_job(database(), asking, job_id))
