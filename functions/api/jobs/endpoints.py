"""`/api/jobs`."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from stratforge.storage import jobs

from functions.api.context import UserConnection
from functions.api.jobs.schemas import JobView
from functions.api.problems import not_found

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("/{job_id}")
def get_job(job_id: UUID, connection: UserConnection) -> JobView:
    """One job."""
    job = jobs.get_job(connection, job_id)
    if job is None:
        raise not_found("job")
    return JobView.model_validate(job)
