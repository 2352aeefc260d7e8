"""Lambda entry: bars of the FIFO queue, in order within each symbol."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.bus.messages import BarMessage
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.database import Database

from functions.evaluator.service import EvaluatorService

log = logger("evaluator")
metrics = metrics_of("evaluator")
processor = FifoProcessor()


class EvaluatorSettings(Settings):
    """Environment of the function."""

    database_secret: str
    sandbox_function: str
    signals_queue_url: str


@lru_cache(maxsize=1)
def service() -> EvaluatorService:
    """The service of this environment."""
    settings = EvaluatorSettings.from_environment()
    database = Database.of_secret(settings.database_secret, application="evaluator")
    return EvaluatorService(database, settings.sandbox_function, settings.signals_queue_url)


def record_handler(record: SQSRecord) -> None:
    """Handles one bar."""
    message = BarMessage.model_validate_json(record.body)
    arrived_at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
    done = service().handle(message, arrived_at)
    log.info(
        "bar evaluated",
        symbol=message.symbol,
        bar=message.time.isoformat(),
        kind=message.kind,
        sessions=done.sessions,
        signals=done.signals,
        failures=done.failures,
    )
    metrics.add_metric("BarsEvaluated", MetricUnit.Count, done.sessions)
    metrics.add_metric("Signals", MetricUnit.Count, done.signals)
    metrics.add_metric("StrategyFailures", MetricUnit.Count, done.failures)


@metrics.log_metrics
@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Handles a batch; what failed is reported, and delivered again. Without records it only gets ready (a warm-up)."""
    if not event.get("Records"):
        service().prepare()
        return {"batchItemFailures": []}
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
