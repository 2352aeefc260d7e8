"""Recognizes requests that came through the edge (CloudFront)."""

from __future__ import annotations

from typing import Any

# Shows that a request came by way of the edge.
EDGE_HEADER = "x-stratforge-edge"
# The visitor's address, and the name that he asked for: the gateway sees the edge's.
VISITOR_HEADER = "x-stratforge-visitor"
HOST_HEADER = "x-stratforge-host"


def seen_from_the_edge(event: dict[str, Any]) -> dict[str, Any]:
    """The gateway's event with the visitor's address and the edge's name in the place of the edge's address and the gateway's name.

    Only for functions behind a door that lets nothing in but the edge, which overwrites both headers.
    """
    context, headers = event["requestContext"], event.get("headers", {})
    visitor, host = headers.get(VISITOR_HEADER), headers.get(HOST_HEADER)
    http = {**context["http"], **({"sourceIp": visitor} if visitor else {})}
    named = {"domainName": host} if host else {}
    return {**event, "requestContext": {**context, **named, "http": http}}
