"""Lambda entry: order updates, in order within each block order."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.bus.messages import OrderUpdate
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.database import Database

from functions.settler.service import SettlerService

log = logger("settler")
metrics = metrics_of("settler")
processor = FifoProcessor()


class SettlerSettings(Settings):
    """Environment of the function."""

    database_secret: str
    signals_queue_url: str


@lru_cache(maxsize=1)
def service() -> SettlerService:
    """The service of this environment."""
    settings = SettlerSettings.from_environment()
    database = Database.of_secret(settings.database_secret, application="settler")
    return SettlerService(database, settings.signals_queue_url)


def record_handler(record: SQSRecord) -> None:
    """Handles one update."""
    update = OrderUpdate.model_validate_json(record.body)
    done = service().handle(update)
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
        service().prepare()
        return {"batchItemFailures": []}
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
