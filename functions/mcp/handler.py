"""Lambda entry: the Model Context Protocol over streamable HTTP, without sessions, so that any environment can answer."""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from typing import Any

from mangum import Mangum
from mcp.server.mcpserver import Context
from mcp.server.transport_security import TransportSecuritySettings
from stratforge.client import Client
from stratforge.edge import seen_from_the_edge
from stratforge.mcp_server import create_server
from stratforge.observability import logger

log = logger("mcp")
_TOKEN = re.compile(r"bearer \S", re.IGNORECASE)


# Where the API is for the request at hand.
_address: ContextVar[str] = ContextVar("address")


def _address_of(event: dict[str, Any]) -> str:
    """The gateway that the request came through leads to the API too; the gateway itself says which it is, not the client."""
    if os.environ.get("BEHIND_EDGE") == "true":
        # The gateway's own door is closed.
        event = seen_from_the_edge(event)
    context = event["requestContext"]
    engine = os.environ.get("AWS_ENDPOINT_URL")
    if engine:
        return f"{engine}/_aws/execute-api/{context['apiId']}/$default"
    return f"https://{context['domainName']}"


def _client_of(context: Context[Any]) -> Client:
    """A client with the key that came with the request: the API decides what it may do."""
    headers = {name.lower(): value for name, value in dict(context.headers or {}).items()}
    scheme, _, token = str(headers.get("authorization", "")).partition(" ")
    return Client(_address.get(), token if scheme.lower() == "bearer" else "")


_server = create_server(_client_of)


@log.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answers one request. Without one it only gets ready (a warm-up)."""
    if "requestContext" not in event:
        return {}
    if event["requestContext"]["http"]["method"] not in ("POST", "OPTIONS"):
        # Nothing is sent from here without being asked, and there are no sessions to end: a stream would hold the environment for nothing.
        return {"statusCode": 405, "headers": {"Allow": "POST, OPTIONS"}, "body": ""}
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    if event["requestContext"]["http"]["method"] == "POST" and not _TOKEN.match(headers.get("authorization", "")):
        # Said before anything else, so that a client asks for a key at once and not at its first tool.
        return {"statusCode": 401, "headers": {"WWW-Authenticate": 'Bearer realm="stratforge"'}, "body": ""}
    _address.set(_address_of(event))
    # An application can be started once, and belongs to the event loop of its request.
    app = _server.streamable_http_app(
        streamable_http_path="/mcp",
        json_response=True,
        stateless_http=True,
        # The gateway decides which hosts lead here.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    answer = Mangum(app, lifespan="on")(event, context)
    log.info("mcp", status=answer.get("statusCode"))
    return answer
