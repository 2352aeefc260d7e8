"""Lambda entry: bars of the FIFO queue, in order within each symbol."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.application.evaluate_bar import Evaluated, correct_bar, evaluate_bar
from stratforge.bus.messages import BarMessage
from stratforge.bus.queues import send_work_ready, sqs_client
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.database import Database

from functions.evaluator.sandbox_client import evaluate_sessions, sandbox_client

log = logger("evaluator")
metrics = metrics_of("evaluator")
processor = FifoProcessor()


class EvaluatorSettings(Settings):
    """Environment of the function."""

    database_secret: str
    sandbox_function: str
    signals_queue_url: str


@lru_cache(maxsize=1)
def database() -> Database:
    """The database of this environment."""
    return Database.of_secret(EvaluatorSettings.from_environment().database_secret, application="evaluator")


def _evaluate(message: BarMessage, arrived_at: datetime) -> Evaluated:
    settings = EvaluatorSettings.from_environment()
    sandbox = partial(evaluate_sessions, settings.sandbox_function)
    wake_executor = partial(send_work_ready, settings.signals_queue_url)
    return evaluate_bar(database(), sandbox, wake_executor, message.bar(), message.shard, arrived_at)


def record_handler(record: SQSRecord) -> None:
    """Evaluates the sessions that wait for one bar of the queue."""
    message = BarMessage.model_validate_json(record.body)
    arrived_at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
    if message.kind == "correction":
        changed = correct_bar(database(), message.bar())
        log.info("bar corrected", symbol=message.symbol, bar=message.time.isoformat(), changed=changed)
        return
    done = _evaluate(message, arrived_at)
    log.info(
        "bar evaluated",
        symbol=message.symbol,
        bar=message.time.isoformat(),
        kind=message.kind,
        sessions=done.sessions,
        signals=done.signals,
        failures=done.failures,
        missed=done.missed,
        late=done.late,
    )
    metrics.add_metric("MissedBars", MetricUnit.Count, done.missed)
    metrics.add_metric("BarsEvaluated", MetricUnit.Count, done.sessions)
    metrics.add_metric("Signals", MetricUnit.Count, done.signals)
    metrics.add_metric("StrategyFailures", MetricUnit.Count, done.failures)


@metrics.log_metrics
@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Handles a batch; what failed is reported, and delivered again. Without records it only gets ready (a warm-up)."""
    if not event.get("Records"):
        with database().transaction():
            sqs_client()
            sandbox_client()
        return {"batchItemFailures": []}
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
