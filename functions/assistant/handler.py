"""Lambda entry: AI jobs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.ai.analyst import GeminiAnalyst
from stratforge.ai.deadline import Deadline
from stratforge.ai.quant import GeminiQuant
from stratforge.application.jobs.answer_question import answer_question
from stratforge.application.jobs.work import run_job
from stratforge.application.jobs.write_strategy import write_strategy
from stratforge.bus.messages import JobReady
from stratforge.bus.retries import JobProcessor
from stratforge.configuration import GeminiSecret, Settings, read_secret
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.jobs import JobKind

log = logger("assistant")
processor = JobProcessor()


class AssistantSettings(Settings):
    """Environment of the function."""

    database_secret: str
    gemini_secret: str


@lru_cache(maxsize=1)
def settings() -> AssistantSettings:
    """The settings of this environment."""
    return AssistantSettings.from_environment()


@lru_cache(maxsize=1)
def database() -> Database:
    """The database of this environment."""
    return Database.of_secret(settings().database_secret, application="assistant")


def gemini_secret() -> GeminiSecret:
    """The key of Gemini and the models to ask."""
    return read_secret(GeminiSecret, settings().gemini_secret)


# Seconds before the function's end by which a job has ended by itself and said so.
_MARGIN = 10.0


def record_handler(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Runs the job that a message names; all that it asks of a model ends before the function does."""
    deadline = Deadline.in_seconds(lambda_context.get_remaining_time_in_millis() / 1000 - _MARGIN)
    job_id = JobReady.model_validate_json(record.body).job_id
    kinds = {
        JobKind.RESEARCH: lambda work: answer_question(
            work, lambda: GeminiAnalyst(gemini_secret(), deadline), deadline
        ),
        JobKind.GENERATE: lambda work: write_strategy(work, lambda: GeminiQuant(gemini_secret(), deadline), deadline),
    }
    log.info("job done", job=str(job_id), outcome=run_job(database(), job_id, kinds) or "finished before")


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Handles a batch; what failed is reported, and delivered again. Without records it only gets ready (a warm-up)."""
    if not event.get("Records"):
        with database().transaction():
            return {"batchItemFailures": []}
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
