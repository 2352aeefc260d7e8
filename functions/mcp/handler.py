"""Lambda entry: the Model Context Protocol over streamable HTTP, without sessions, so that any environment can answer.

`/mcp?toolsets=market,backtests` gives a client these tools alone, `/mcp?read_only=true` none that changes anything.
"""

from __future__ import annotations

import json
import os
import re
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mangum import Mangum
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.transport_security import TransportSecuritySettings
from stratforge.client import ApiError, Client
from stratforge.edge import seen_from_the_edge
from stratforge.mcp_server import Toolset, create_server, toolsets_named
from stratforge.observability import logger

log = logger("mcp")
_TOKEN = re.compile(r"bearer \S", re.IGNORECASE)
_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
Answer = dict[str, Any]

# Where the API is for the request at hand, and whether it knew the key that came with it.
_address: ContextVar[str] = ContextVar("address")
_refusals: ContextVar[list[ApiError]] = ContextVar("refusals")


class _Asking(Client):
    """A client with the key that came with the request: the API decides what it may do."""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """One request; that a key is not known, or no more, is noted."""
        try:
            return super().call(method, path, body, **query)
        except ApiError as error:
            if error.status == 401:
                _refusals.get().append(error)
            raise


def _client_of(context: Context[Any]) -> Client:
    headers = {name.lower(): value for name, value in dict(context.headers or {}).items()}
    return _Asking(_address.get(), str(headers.get("authorization", "")).partition(" ")[2])


@lru_cache(maxsize=16)
def _server(toolsets: frozenset[Toolset], read_only: bool) -> MCPServer[Any]:
    return create_server(_client_of, toolsets, read_only=read_only)


_server(frozenset(Toolset), False)


def _api_address(context: dict[str, Any]) -> str:
    """The gateway that the request came through leads to the API too; the gateway itself says which it is, not the client."""
    engine = os.environ.get("AWS_ENDPOINT_URL")
    return f"{engine}/_aws/execute-api/{context['apiId']}/$default" if engine else f"https://{context['domainName']}"


def _site(event: dict[str, Any], headers: dict[str, str]) -> str:
    """The platform's own address, as its visitors know it."""
    scheme = headers.get("x-forwarded-proto", "https") if os.environ.get("AWS_ENDPOINT_URL") else "https"
    return f"{scheme}://{event['requestContext']['domainName']}"


def _is_ours(origin: str, site: str) -> bool:
    """Whether a page may ask: only one of ours, or on one machine one of that machine. Programs name no origin."""
    if os.environ.get("AWS_ENDPOINT_URL") and urlsplit(origin).hostname in _THIS_MACHINE:
        return True
    return origin == site


def _unauthorized(site: str, error: str = "") -> Answer:
    """401 as RFC 6750 and RFC 9728 have it: where to read what the resource wants."""
    said = [
        'Bearer realm="stratforge"',
        *([f'error="{error}"'] if error else []),
        f'resource_metadata="{site}/.well-known/oauth-protected-resource/mcp"',
    ]
    return _refused(
        401,
        "Log in (OAuth), or send a personal API key: Authorization: Bearer sfk_…",
        {"WWW-Authenticate": ", ".join(said)},
    )


def _refused(status: int, detail: str, headers: dict[str, str] | None = None) -> Answer:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": detail}}
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body),
    }


def _refusal(method: str, headers: dict[str, str], site: str) -> Answer | None:
    """Why a request is not even looked at; None where it is."""
    if method not in ("POST", "OPTIONS"):
        # Nothing is sent from here without being asked, and there are no sessions to end: a stream would hold the environment for nothing.
        return _refused(405, "Ask with POST; there is no stream.", {"Allow": "POST, OPTIONS"})
    if "origin" in headers and not _is_ours(headers["origin"], site):
        return _refused(403, "Pages of other sites may not ask here.")
    if method == "POST" and not _TOKEN.match(headers.get("authorization", "")):
        # Said before anything else, so that a client asks for a key at once and not at its first tool.
        return _unauthorized(site)
    return None


@log.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answers one request. Without one it only gets ready (a warm-up)."""
    if "requestContext" not in event:
        return {}
    if os.environ.get("BEHIND_EDGE") == "true":
        # The gateway's own door is closed, or there is none.
        event = seen_from_the_edge(event)
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    site = _site(event, headers)
    if (refusal := _refusal(event["requestContext"]["http"]["method"], headers, site)) is not None:
        return refusal
    wanted = {name: values[-1] for name, values in parse_qs(event.get("rawQueryString", "")).items()}
    try:
        server = _server(toolsets_named(wanted.get("toolsets", "")), wanted.get("read_only", "").lower() == "true")
    except ValueError as error:
        return _refused(400, str(error))
    _address.set(_api_address(event["requestContext"]))
    _refusals.set([])
    # An application can be started once, and belongs to the event loop of its request.
    app = server.streamable_http_app(
        streamable_http_path="/mcp",
        json_response=True,
        stateless_http=True,
        # The gateway decides which hosts lead here, and pages of which sites may ask has been looked at.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    answer = Mangum(app, lifespan="on")(event, context)
    log.info("mcp", status=answer.get("statusCode"))
    return _unauthorized(site, "invalid_token") if _refusals.get() else answer
