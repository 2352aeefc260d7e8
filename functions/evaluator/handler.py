"""Lambda entry: bars of the FIFO queue, in order within each symbol."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.application.alerts import fire_alerts
from stratforge.application.evaluate_bar import Evaluated, correct_bar, evaluate_bar
from stratforge.bus.consumers import batch_handler
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
database = Database.of_environment("evaluator")


class EvaluatorSettings(Settings):
    """The environment variables of the evaluator; see `Settings`."""

    sandbox_function: str
    signals_queue_url: str


# The part of the time that the function still has which one message may take for sessions that are behind: after it come the other messages of a batch.
_CATCH_UP_PART = 0.2


def _evaluate(message: BarMessage, arrived_at: datetime, seconds_left: float) -> Evaluated:
    settings = EvaluatorSettings.from_environment()
    sandbox = partial(evaluate_sessions, settings.sandbox_function)
    wake_executor = partial(send_work_ready, settings.signals_queue_url)
    return evaluate_bar(
        database,
        sandbox,
        wake_executor,
        message.bar(),
        message.shard,
        arrived_at,
        shards=message.shards,
        catch_up_seconds=_CATCH_UP_PART * seconds_left,
    )


def record_handler(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Evaluates the sessions that wait for one bar of the queue."""
    message = BarMessage.model_validate_json(record.body)
    arrived_at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
    if message.kind == "correction":
        changed = correct_bar(database, message.bar())
        log.info("bar corrected", symbol=message.symbol, bar=message.time.isoformat(), changed=changed)
        return
    done = _evaluate(message, arrived_at, lambda_context.get_remaining_time_in_millis() / 1000)
    # After what trades; whoever comes again after a failure here finds the bar evaluated.
    alerts = fire_alerts(database, message.bar()) if message.shard == 0 else 0
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
        alerts=alerts,
    )
    metrics.add_metric("MissedBars", MetricUnit.Count, done.missed)
    metrics.add_metric("BarsEvaluated", MetricUnit.Count, done.sessions)
    metrics.add_metric("Signals", MetricUnit.Count, done.signals)
    metrics.add_metric("StrategyFailures", MetricUnit.Count, done.failures)


def prepare() -> None:
    """Connects to the database and makes the clients, before the first event."""
    database.prepare()
    sqs_client()
    sandbox_client()


handler = batch_handler(record_handler, FifoProcessor(), prepare, log, metrics)
