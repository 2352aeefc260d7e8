"""`/api/ai`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.market import parse_symbol
from stratforge.storage.strategies import jobs, strategies

from functions.api.context import AiUser, database, settings
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import MAX_WAIT, queue_job
from functions.api.problems import Problem, not_found

router = APIRouter(prefix="/api/ai", tags=["ai"])
JOBS_A_DAY = 200
TOKENS_A_DAY = 2_000_000


class GenerateRequest(BaseModel):
    """What the strategy should do, in plain language."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(
        min_length=3, max_length=4_000, examples=["Buy AAPL when the 10-bar average crosses above the 30-bar"]
    )
    symbol: Annotated[str, AfterValidator(parse_symbol)] | None = Field(None, max_length=20, examples=["AAPL"])
    strategy_id: UUID | None = Field(
        None, description="Change this strategy instead of writing a new one: the result is its next version"
    )
    follows: UUID | None = Field(
        None,
        description="The job whose questions this answers, or whose failed draft it corrects: the model is told what was said",
    )


class ResearchRequest(BaseModel):
    """A question about markets or the economy."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(pattern=r"^[^\x00]*$")] = Field(
        min_length=3, max_length=2_000, examples=["What moved Apple's shares this week?"]
    )
    include_portfolio: bool = Field(False, description="Let the Analyst know which symbols you hold")


@router.post("/research", status_code=202, responses={200: {"description": "The job, finished within `wait` seconds"}})
def research(
    request: ResearchRequest,
    user_id: AiUser,
    response: Response,
    key: IdempotencyKey,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for the result")] = 0,
) -> JobView:
    """Answers a question with sources. The job's result holds the answer, its citations, and whether it was grounded at all."""
    _check_quota(user_id, "RESEARCH")
    return queue_job(user_id, "RESEARCH", request.model_dump(), settings().jobs_queue_url, wait, response, key)


def _check_quota(user_id: UUID, kind: str) -> None:
    with database().transaction(user_id) as connection:
        if jobs.count_recent_jobs(connection, user_id, kind, timedelta(days=1)) >= JOBS_A_DAY:
            raise Problem(429, "quota", f"{JOBS_A_DAY} requests a day are allowed.", headers={"Retry-After": "3600"})
        if jobs.tokens_of(connection, user_id, timedelta(days=1)) >= TOKENS_A_DAY:
            raise Problem(429, "quota", f"{TOKENS_A_DAY:,} tokens a day are allowed.", headers={"Retry-After": "3600"})


@router.post("/generate", status_code=202, responses={200: {"description": "The job, finished within `wait` seconds"}})
def generate(
    request: GenerateRequest,
    user_id: AiUser,
    response: Response,
    key: IdempotencyKey,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for the result")] = 0,
) -> JobView:
    """Writes a strategy from a description. The job's result holds the strategy; only code that passed every check is stored."""
    _check_quota(user_id, "GENERATE")
    if request.strategy_id is not None:
        with database().transaction(user_id) as connection:
            if strategies.get_strategy(connection, request.strategy_id) is None:
                raise not_found("strategy")
    if request.follows is not None:
        with database().transaction(user_id) as connection:
            earlier = jobs.get_job(connection, request.follows)
        if earlier is None or earlier.kind != "GENERATE":
            raise not_found("job")
    return queue_job(
        user_id, "GENERATE", request.model_dump(mode="json"), settings().jobs_queue_url, wait, response, key
    )
