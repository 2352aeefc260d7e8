"""Lambda entry: jobs in which a model writes or answers."""

from __future__ import annotations

from uuid import UUID

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.ai.analyst import GeminiAnalyst
from stratforge.ai.deadline import Deadline
from stratforge.ai.quant import GeminiQuant
from stratforge.application.jobs.answer_question import answer_question
from stratforge.application.jobs.work import run_job
from stratforge.application.jobs.write_strategy import write_strategy
from stratforge.application.model_costs import note_costs
from stratforge.bus.consumers import batch_handler
from stratforge.bus.messages import JobReady
from stratforge.bus.retries import JobProcessor
from stratforge.configuration import GeminiSecret, Settings, read_secret
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.jobs import JobKind
from stratforge.storage.strategies.model_usage import Purpose

log = logger("assistant")
database = Database.of_environment("assistant")


class AssistantSettings(Settings):
    """The environment variables of the assistant; see `Settings`."""

    gemini_secret: str


def gemini_secret() -> GeminiSecret:
    """The key of Gemini and the models to ask."""
    return read_secret(GeminiSecret, AssistantSettings.from_environment().gemini_secret)


def _quant(deadline: Deadline, job_id: UUID) -> GeminiQuant:
    secret = gemini_secret()
    return GeminiQuant(secret, deadline, note_costs(database, secret, Purpose.STRATEGY, job_id))


def _analyst(deadline: Deadline, job_id: UUID) -> GeminiAnalyst:
    secret = gemini_secret()
    return GeminiAnalyst(secret, deadline, note_costs(database, secret, Purpose.RESEARCH, job_id))


# Seconds before the function's end by which a job has ended by itself and said so.
_MARGIN = 10.0


def record_handler(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Runs the job that a message names; all that it asks of a model ends before the function does."""
    deadline = Deadline.in_seconds(lambda_context.get_remaining_time_in_millis() / 1000 - _MARGIN)
    job_id = JobReady.model_validate_json(record.body).job_id
    kinds = {
        JobKind.RESEARCH: lambda work: answer_question(work, lambda: _analyst(deadline, job_id), deadline),
        JobKind.GENERATE: lambda work: write_strategy(work, lambda: _quant(deadline, job_id), deadline),
    }
    outcome = run_job(database, job_id, kinds, record.message_id)
    log.info("job done", job=str(job_id), outcome=outcome or "finished before, or begun by another message")


handler = batch_handler(record_handler, JobProcessor(), database.prepare, log)
