"""A job, as clients see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from stratforge.storage.strategies.jobs import JobKind, JobStatus


class JobView(BaseModel):
    """Work in progress: `result` when it SUCCEEDED, `error` (a code and a message) when it FAILED."""

    model_config = ConfigDict(from_attributes=True)

    job_id: UUID
    kind: JobKind
    status: JobStatus
    progress: str | None
    partial: str | None = Field(description="What there is of an answer that is still coming")
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


class JobList(BaseModel):
    """Jobs; `next` continues the list."""

    items: list[JobView]
    next: str | None = None
