"""Queueing a job and waiting a while for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import Response
from stratforge.application.idempotency import RequestKey
from stratforge.bus.messages import JobReady
from stratforge.bus.queues import send_job_ready
from stratforge.storage.strategies import jobs

from functions.api.context import database
from functions.api.jobs.schemas import JobView

MAX_WAIT = 25.0
_FIRST_POLL, _SLOWEST_POLL = 0.03, 0.5


def queue_job(
    user_id: UUID,
    kind: str,
    request: dict[str, Any],
    queue_url: str,
    wait: float,
    response: Response,
    key: RequestKey,
) -> JobView:
    """Stores a job, sends it, and waits up to `wait` seconds: 200 with the finished job, or 202 with where to look."""
    with database().transaction(user_id) as connection:
        job = jobs.add_job(connection, user_id, kind, request, key.new_id(connection, user_id))
    send_job_ready(queue_url, JobReady(job_id=job.job_id))
    job = _wait_for(user_id, job, wait, time.sleep)
    response.status_code = 200 if job.finished else 202
    response.headers["Location"] = f"/api/jobs/{job.job_id}"
    return JobView.model_validate(job)


def _wait_for(user_id: UUID, job: jobs.Job, wait: float, sleep: Callable[[float], None]) -> jobs.Job:
    deadline = time.monotonic() + min(wait, MAX_WAIT)
    delay = _FIRST_POLL
    while not job.finished and time.monotonic() < deadline:
        sleep(delay)
        delay = min(delay * 1.5, _SLOWEST_POLL)
        with database().transaction(user_id) as connection:
            job = jobs.get_job(connection, job.job_id) or job
    return job
