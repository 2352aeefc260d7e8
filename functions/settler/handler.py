"""Lambda entry: order updates, in order within each block order."""

from __future__ import annotations

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from stratforge.application.settle_fill import settle_fill
from stratforge.bus.consumers import batch_handler
from stratforge.bus.messages import OrderUpdate
from stratforge.bus.queues import send_work_ready, sqs_client
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.database import Database

log = logger("settler")
metrics = metrics_of("settler")
database = Database.of_environment("settler")


class SettlerSettings(Settings):
    """The environment variables of the settler; see `Settings`."""

    signals_queue_url: str


def wake_executor(symbol: str, cause: str) -> None:
    """Has the executor look at a symbol."""
    send_work_ready(SettlerSettings.from_environment().signals_queue_url, symbol, cause)


def record_handler(record: SQSRecord) -> None:
    """Settles one order update of the queue."""
    update = OrderUpdate.model_validate_json(record.body)
    done = settle_fill(database, wake_executor, update)
    log.info(
        "update settled",
        client_order_id=update.client_order_id,
        symbol=update.symbol,
        order_event=update.event,
        trades=done.trades,
        completed=done.completed,
    )
    metrics.add_metric("TradesWritten", MetricUnit.Count, done.trades)


def prepare() -> None:
    """Connects to the database and makes the clients, before the first event."""
    database.prepare()
    sqs_client()


handler = batch_handler(record_handler, FifoProcessor(), prepare, log, metrics)
