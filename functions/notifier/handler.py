"""Lambda entry: something happened, and whoever listens is told."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from stratforge.bus.realtime import realtime_gateway
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database

from functions.notifier.realtime_updates import RealtimeUpdates
from functions.notifier.webhooks import WebhookSender

log = logger("notifier")
database = Database.of_environment("notifier")


class NotifierSettings(Settings):
    """The environment variables of the notifier; see `Settings`."""

    realtime_api_id: str
    realtime_stage: str
    private_webhooks: bool = False


@lru_cache(maxsize=1)
def services() -> tuple[RealtimeUpdates, WebhookSender]:
    """The two services of this execution environment, made once."""
    settings = NotifierSettings.from_environment()
    gateway = realtime_gateway(settings.realtime_api_id, settings.realtime_stage)
    return RealtimeUpdates(database, gateway), WebhookSender(database, allow_private=settings.private_webhooks)


@log.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Tells whoever wants to know. What could not be told is told the next time; messages only say when to look."""
    realtime, webhooks = services()
    if not event.get("Records"):
        database.prepare()
        return {"batchItemFailures": []}
    told, gone = realtime.run()
    sent, failed = webhooks.run()
    log.info("told", messages=told, connections_gone=gone, webhooks_sent=sent, webhooks_failed=failed)
    return {"batchItemFailures": []}
