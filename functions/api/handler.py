"""Lambda entry: the API behind API Gateway."""

from __future__ import annotations

from typing import Any

from mangum import Mangum
from stratforge.observability import logger

from functions.api.app import create_app

log = logger("api")
_adapter = Mangum(create_app(), lifespan="off")


def handler(event: dict[str, Any], context: Any) -> Any:
    """Answers one request."""
    answer = _adapter(event, context)
    request = event.get("requestContext", {}).get("http", {})
    log.info("request", method=request.get("method"), path=request.get("path"), status=answer.get("statusCode"))
    return answer
