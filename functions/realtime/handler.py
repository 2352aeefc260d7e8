"""Lambda entry: the routes of the WebSocket API."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from stratforge.bus.realtime import realtime_gateway
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database

from functions.realtime.service import RealtimeService

log = logger("realtime")
database = Database.of_environment("realtime")


class RealtimeSettings(Settings):
    """The environment variables of the WebSocket API; see `Settings`."""

    realtime_api_id: str
    realtime_stage: str


@lru_cache(maxsize=1)
def service() -> RealtimeService:
    """The service of this execution environment, made once."""
    return RealtimeService(database)


@lru_cache(maxsize=1)
def gateway() -> Any:
    """Client of the WebSocket API through which answers are posted: the routes themselves return nothing."""
    settings = RealtimeSettings.from_environment()
    return realtime_gateway(settings.realtime_api_id, settings.realtime_stage)


@log.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Opens, closes, or hears a connection. Without a connection it only gets ready (a warm-up)."""
    context = event.get("requestContext", {})
    connection_id = context.get("connectionId")
    if not connection_id:
        service().prepare()
        gateway()
        return {"statusCode": 200}
    route = context.get("routeKey")
    if route == "$connect":
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        query = event.get("queryStringParameters") or {}
        status, _ = service().connect(connection_id, query, headers.get("origin"))
    elif route == "$disconnect":
        status, _ = service().disconnect(connection_id)
    else:
        status, body = service().hear(connection_id, event.get("body") or "")
        gateway().post_to_connection(ConnectionId=connection_id, Data=body.encode())
    log.info("realtime", route=route, status=status)
    return {"statusCode": status}
