"""Lambda entry: jobs that run backtests and replays, and make files."""

from __future__ import annotations

from functools import lru_cache, partial

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from stratforge.application.jobs.backtest_strategy import backtest_strategy
from stratforge.application.jobs.export_data import export_data
from stratforge.application.jobs.replay_session import replay_session
from stratforge.application.jobs.work import Work, run_job
from stratforge.broker.history import AlpacaHistory
from stratforge.bus.consumers import batch_handler
from stratforge.bus.files import put_file
from stratforge.bus.messages import JobReady
from stratforge.bus.retries import JobProcessor
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


@lru_cache(maxsize=1)
def history() -> AlpacaHistory:
    """Alpaca's past bars, with the keys of this environment."""
    return AlpacaHistory(Keys(AlpacaSecret, BacktesterSettings.from_environment().alpaca_secret))


def _export(work: Work) -> None:
    export_data(work, partial(put_file, BacktesterSettings.from_environment().files_bucket))


def record_handler(record: SQSRecord) -> None:
    """Runs the job that a message names."""
    job_id = JobReady.model_validate_json(record.body).job_id
    kinds = {
        JobKind.BACKTEST: lambda work: backtest_strategy(work, history()),
        JobKind.REPLAY: replay_session,
        JobKind.EXPORT: _export,
    }
    log.info("job done", job=str(job_id), outcome=run_job(database, job_id, kinds) or "finished before")


handler = batch_handler(record_handler, JobProcessor(), database.prepare, log)
