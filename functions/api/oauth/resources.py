"""The resources that programs' tokens are for (RFC 8707)."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from functions.api.context import site


def is_ours(resource: str, request: Request) -> bool:
    """Returns whether a token may be for a resource: the platform, or its tools for language models; "" is where none is named."""
    if not resource:
        return True
    try:
        parts, ours = urlsplit(resource), urlsplit(site(request))
    except ValueError:
        return False
    return (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc) and parts.path.rstrip("/") in ("", "/mcp")
