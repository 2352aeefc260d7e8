"""Lambda entry: backtest jobs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.broker.history import AlpacaHistory
from stratforge.bus.messages import JobReady
from stratforge.configuration import AlpacaSecret, Settings, read_secret
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database

from functions.backtester.service import BacktesterService

log = logger("backtester")
processor = BatchProcessor(event_type=EventType.SQS)


class BacktesterSettings(Settings):
    """Environment of the function."""

    database_secret: str
    alpaca_secret: str


@lru_cache(maxsize=1)
def service() -> BacktesterService:
    """The service of this environment."""
    settings = BacktesterSettings.from_environment()
    database = Database.of_secret(settings.database_secret, application="backtester")
    return BacktesterService(database, AlpacaHistory(read_secret(AlpacaSecret, settings.alpaca_secret)))


def record_handler(record: SQSRecord) -> None:
    """Runs one job."""
    message = JobReady.model_validate_json(record.body)
    log.info("job done", job=str(message.job_id), outcome=service().handle(message.job_id))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Handles a batch; what failed is reported, and delivered again."""
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
