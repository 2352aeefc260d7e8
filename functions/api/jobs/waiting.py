"""Answering with a job that was queued, and waiting a while for it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response
from stratforge.application.access import Caller
from stratforge.application.jobs.queueing import wait_for_job
from stratforge.storage.strategies.jobs import Job

from functions.api.context import database

# Seconds; the gateway gives up on a request after thirty.
MAX_WAIT = 25.0
Wait = Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for the result")]
FINISHED_IN_TIME: dict[int | str, dict[str, Any]] = {200: {"description": "The job, finished within `wait` seconds"}}


def answer(asking: Caller, job: Job, wait: float, response: Response) -> Job:
    """200 with the job if it finishes within `wait` seconds, otherwise 202 with where to look."""
    job = wait_for_job(database(), asking, job, min(wait, MAX_WAIT))
    response.status_code = 200 if job.finished else 202
    response.headers["Location"] = f"/v1/jobs/{job.job_id}"
    return job
