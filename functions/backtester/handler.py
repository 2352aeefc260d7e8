"""Lambda entry: jobs that run backtests and replays, and make files; and the parts of large sweeps."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from stratforge.application.jobs.archived_history import ArchivedHistory
from stratforge.application.jobs.backtest_strategy import backtest_strategy, report_study, sweep_of_study
from stratforge.application.jobs.export_data import export_data
from stratforge.application.jobs.replay_session import replay_session
from stratforge.application.jobs.study import fail_study, finish_study, work_on_part
from stratforge.application.jobs.work import Work, run_job
from stratforge.broker.history import AlpacaHistory
from stratforge.bus.consumers import batch_handler
from stratforge.bus.files import delete_files, put_file
from stratforge.bus.messages import JobReady, StudyStep, StudyTask
from stratforge.bus.retries import JobProcessor
from stratforge.bus.studies import start_study
from stratforge.configuration import AlpacaSecret, Keys, Settings
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.jobs import JobKind

log = logger("backtester")
database = Database.of_environment("backtester")


class BacktesterSettings(Settings):
    """The environment variables of the backtester; see `Settings`."""

    alpaca_secret: str
    files_bucket: str
    study_state_machine: str


@lru_cache(maxsize=1)
def history() -> AlpacaHistory:
    """Alpaca's past bars, with the keys of this environment."""
    return AlpacaHistory(Keys(AlpacaSecret, BacktesterSettings.from_environment().alpaca_secret))


def _export(work: Work) -> None:
    bucket = BacktesterSettings.from_environment().files_bucket
    export_data(work, partial(put_file, bucket), partial(delete_files, bucket))


def _start(job_id: UUID, parts: int) -> None:
    start_study(BacktesterSettings.from_environment().study_state_machine, job_id, parts)


def record_handler(record: SQSRecord) -> None:
    """Runs the job that a message names."""
    job_id = JobReady.model_validate_json(record.body).job_id
    kinds = {
        JobKind.BACKTEST: lambda work: backtest_strategy(work, ArchivedHistory(history(), database), _start),
        JobKind.REPLAY: replay_session,
        JobKind.EXPORT: _export,
    }
    outcome = run_job(database, job_id, kinds, record.message_id)
    log.info("job done", job=str(job_id), outcome=outcome or "finished before, or begun by another message")


_jobs = batch_handler(record_handler, JobProcessor(), database.prepare, log)


def _study(task: StudyTask) -> dict[str, Any]:
    """One step of a study, for the state machine that walks through it."""
    if task.step is StudyStep.PART:
        return {"wanted": work_on_part(database, task.job_id, task.part, sweep_of_study)}
    if task.step is StudyStep.FAIL:
        fail_study(database, task.job_id, "a part of it failed again and again; please ask again")
        return {"outcome": "FAILED"}
    kinds = {JobKind.BACKTEST: lambda work: finish_study(work, report_study)}
    outcome = run_job(database, task.job_id, kinds)
    log.info("study done", job=str(task.job_id), outcome=outcome or "finished before")
    return {"outcome": outcome}


def handler(event: dict[str, Any], context: Any) -> Any:
    """Messages of the queue, or a step of a study."""
    return _study(StudyTask.model_validate(event)) if "step" in event else _jobs(event, context)
