"""Endpoints under `/api/ai`: research questions and strategy generation."""

from __future__ import annotations

from fastapi import APIRouter, Response
from stratforge.application.jobs.queueing import request_research, request_strategy
from stratforge.application.jobs.requests import GenerateRequest, ResearchRequest
from stratforge.storage.strategies.jobs import Job

from functions.api.context import Asking, database, outbox
from functions.api.idempotency import IdempotencyKey
from functions.api.jobs.schemas import JobView
from functions.api.jobs.waiting import FINISHED_IN_TIME, Wait, answer

router = APIRouter(prefix="/api/ai", tags=["ai"])


@router.post("/research", status_code=202, response_model=JobView, responses=FINISHED_IN_TIME)
def ask_analyst(
    request: ResearchRequest, asking: Asking, response: Response, key: IdempotencyKey, wait: Wait = 0
) -> Job:
    """Answers a question with sources. The job's result holds the answer, its citations, and whether it was grounded at all."""
    return answer(asking, request_research(database(), outbox(), asking, request, key), wait, response)


@router.post("/generate", status_code=202, response_model=JobView, responses=FINISHED_IN_TIME)
def generate_strategy(
    request: GenerateRequest, asking: Asking, response: Response, key: IdempotencyKey, wait: Wait = 0
) -> Job:
    """Writes a strategy from a description. The job's result holds the strategy; only code that passed every check is stored."""
    return answer(asking, request_strategy(database(), outbox(), asking, request, key), wait, response)
