"""`/api/ai`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.market import parse_symbol
from stratforge.storage import jobs

from functions.api.context import AiUser, database, settings
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import MAX_WAIT, queue_job
from functions.api.problems import Problem

router = APIRouter(prefix="/api/ai", tags=["ai"])
JOBS_A_DAY = 200


class GenerateRequest(BaseModel):
    """What the strategy should do, in plain language."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(
        min_length=3, max_length=4_000, examples=["Buy AAPL when the 10-bar average crosses above the 30-bar"]
    )
    symbol: Annotated[str, AfterValidator(parse_symbol)] | None = Field(None, max_length=20, examples=["AAPL"])


@router.post("/generate", status_code=202, responses={200: {"description": "The job, finished within `wait` seconds"}})
def generate(
    request: GenerateRequest,
    user_id: AiUser,
    response: Response,
    key: IdempotencyKey,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for the result")] = 0,
) -> JobView:
    """Writes a strategy from a description. The job's result holds the strategy; only code that passed every check is stored."""
    with database().transaction(user_id) as connection:
        if jobs.count_recent_jobs(connection, user_id, "GENERATE", timedelta(days=1)) >= JOBS_A_DAY:
            raise Problem(429, "quota", f"{JOBS_A_DAY} requests a day are allowed.", headers={"Retry-After": "3600"})
    return queue_job(user_id, "GENERATE", request.model_dump(), settings().jobs_queue_url, wait, response, key)
