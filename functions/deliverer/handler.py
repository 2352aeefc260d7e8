"""Lambda entry: a webhook has deliveries that are due."""

from __future__ import annotations

from functools import lru_cache

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from stratforge.bus.consumers import batch_handler
from stratforge.bus.messages import DeliveriesDue
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database

from functions.deliverer.webhooks import WebhookSender

log = logger("deliverer")
database = Database.of_environment("deliverer")


class DelivererSettings(Settings):
    """The environment variables of the deliverer; see `Settings`."""

    private_webhooks: bool = False


@lru_cache(maxsize=1)
def sender() -> WebhookSender:
    """The webhook sender of this execution environment, made once."""
    return WebhookSender(database, allow_private=DelivererSettings.from_environment().private_webhooks)


def record_handler(record: SQSRecord) -> None:
    """Delivers what is due at one webhook. Its message is a group of its own, so it is alone with it, and no other waits for it."""
    due = DeliveriesDue.model_validate_json(record.body)
    arrived, failed = sender().deliver(due.webhook_id)
    log.info("delivered", webhook_id=str(due.webhook_id), arrived=arrived, failed=failed)


handler = batch_handler(record_handler, FifoProcessor(), database.prepare, log)
