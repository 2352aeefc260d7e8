"""Lambda entry: order updates, in order within each block order."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.application.settle_fill import settle_fill
from stratforge.bus.messages import OrderUpdate
from stratforge.bus.queues import send_work_ready, sqs_client
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.database import Database

log = logger("settler")
metrics = metrics_of("settler")
processor = FifoProcessor()


class SettlerSettings(Settings):
    """Environment of the function."""

    database_secret: str
    signals_queue_url: str


@lru_cache(maxsize=1)
def database() -> Database:
    """The database of this environment."""
    return Database.of_secret(SettlerSettings.from_environment().database_secret, application="settler")


def wake_executor(symbol: str, cause: str) -> None:
    """Has the executor look at a symbol."""
    send_work_ready(SettlerSettings.from_environment().signals_queue_url, symbol, cause)


def record_handler(record: SQSRecord) -> None:
    """Settles one order update of the queue."""
    update = OrderUpdate.model_validate_json(record.body)
    done = settle_fill(database(), wake_executor, update)
    log.info(
        "update settled",
        client_order_id=update.client_order_id,
        symbol=update.symbol,
        order_event=update.event,
        trades=done.trades,
        completed=done.completed,
    )
    metrics.add_metric("UpdatesSettled", MetricUnit.Count, 1)
    metrics.add_metric("TradesWritten", MetricUnit.Count, done.trades)


@metrics.log_metrics
@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Handles a batch; what failed is reported, and delivered again. Without records it only gets ready (a warm-up)."""
    if not event.get("Records"):
        with database().transaction():
            sqs_client()
        return {"batchItemFailures": []}
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
