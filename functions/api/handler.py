"""Lambda entry: the API behind API Gateway."""

from __future__ import annotations

import time
from typing import Any

from mangum import Mangum
from stratforge.edge import seen_from_the_edge
from stratforge.observability import correlation_id, logger

from functions.api.app import create_app
from functions.api.context import settings

log = logger("api")
_adapter = Mangum(create_app(), lifespan="off")


def handler(event: dict[str, Any], context: Any) -> Any:
    """Answers one request, under the id that the gateway gave it."""
    if settings().behind_edge:
        event = seen_from_the_edge(event)
    asked = event.get("requestContext", {})
    correlation_id.set(asked.get("requestId"))
    log.append_keys(correlation_id=asked.get("requestId"))
    began = time.perf_counter()
    answer = _adapter(event, context)
    milliseconds = (time.perf_counter() - began) * 1000
    request, status = asked.get("http", {}), int(answer.get("statusCode", 0))
    log.info(
        "request",
        method=request.get("method"),
        path=request.get("path"),
        status=status,
        milliseconds=round(milliseconds, 1),
    )
    return answer
