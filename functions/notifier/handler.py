"""Lambda entry: something happened, and whoever listens is told, or is noted to be told."""

from __future__ import annotations

from functools import lru_cache

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from stratforge.bus.consumers import batch_handler
from stratforge.bus.messages import DeliveriesDue, SomethingHappened
from stratforge.bus.queues import send_deliveries_due, sqs_client
from stratforge.bus.realtime import realtime_gateway
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.storage.delivery import webhooks
from stratforge.storage.postgres.database import Database

from functions.notifier.realtime_updates import SIDE_BY_SIDE, RealtimeUpdates

log = logger("notifier")
database = Database.of_environment("notifier")
_EVENTS_A_WEBHOOK = 500


class NotifierSettings(Settings):
    """The environment variables of the notifier; see `Settings`."""

    realtime_api_id: str
    realtime_stage: str
    deliveries_queue_url: str


@lru_cache(maxsize=1)
def realtime() -> RealtimeUpdates:
    """The service of this environment that tells realtime connections."""
    settings = NotifierSettings.from_environment()
    gateway = realtime_gateway(settings.realtime_api_id, settings.realtime_stage, at_once=SIDE_BY_SIDE)
    return RealtimeUpdates(database, gateway)


def record_handler(record: SQSRecord) -> None:
    """Tells the realtime connections of a shard of users, or has the deliverer tell the webhooks that are due. What was not told is told the
    next time; messages only say where to look. Nothing here speaks to an address of a user's choosing.
    """
    shard = SomethingHappened.model_validate_json(record.body).shard
    if shard is None:
        with database.transaction() as connection:
            queued = webhooks.queue_deliveries(connection, _EVENTS_A_WEBHOOK)
        with database.transaction() as connection:
            due = webhooks.lease_due(connection)
        messages = [DeliveriesDue(webhook_id=each.webhook_id, leased_until=each.leased_until) for each in due]
        send_deliveries_due(NotifierSettings.from_environment().deliveries_queue_url, messages)
        log.info("webhooks woken", deliveries=queued, webhooks=len(due))
        return
    told, gone = realtime().run(shard)
    log.info("told", shard=shard, messages=told, connections_gone=gone)


def prepare() -> None:
    """Connects to the database and makes the clients, before anybody waits."""
    database.prepare()
    realtime()
    sqs_client()


handler = batch_handler(record_handler, FifoProcessor(), prepare, log)
