"""Checks of every request (bodies that are too large, too deep, or not text are refused), and the headers every answer
has."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from stratforge.observability import correlation_id

from functions.api.problems import response

MAX_BODY = 262_144
MAX_DEPTH = 20
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Strict-Transport-Security": "max-age=31536000",
}


def install(app: FastAPI) -> None:
    """Puts the checks in front of the app."""

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        asked = request.scope.get("aws.event", {}).get("requestContext", {}).get("requestId") or str(uuid4())
        correlation_id.set(asked)
        answer = await _refusal(request) or await call_next(request)
        answer.headers["X-Request-Id"] = asked
        if answer.headers.get("Location", "").startswith(str(request.base_url)):
            # The framework's own redirects name the host that the request named, which anybody can choose.
            there = urlsplit(answer.headers["Location"])
            path = "/" + there.path.lstrip("/")
            answer.headers["Location"] = f"{path}?{there.query}" if there.query else path
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        if request.url.path.startswith("/api"):
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer


async def _refusal(request: Request) -> Response | None:
    """Returns the refusal of a malformed request; None if it may proceed."""
    if "\x00" in request.url.path or "%00" in request.url.query.lower() or "\x00" in request.url.query:
        return response(422, "validation", "The address holds a NUL character; leave it out.")
    if request.method not in ("POST", "PUT", "PATCH", "DELETE"):
        return None
    body = await request.body()
    if len(body) > MAX_BODY:
        return response(413, "too-large", f"The body has {len(body)} bytes; {MAX_BODY} are allowed.")
    if not body:
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded" and not request.url.path.startswith(("/api", "/internal")):
        # A form of the dashboard, or of a program that asks for tokens.
        return None
    if request.url.path == "/unsubscribe":
        # A mail program chooses between both kinds of forms (RFC 8058); nothing of it is read.
        return None
    if kind not in ("application/json", "") and not kind.endswith("+json"):
        return response(415, "not-json", "Send the body as application/json.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return response(422, "validation", "The body is not UTF-8 text.")
    if _depth(text) > MAX_DEPTH:
        return response(422, "validation", f"The body is nested more than {MAX_DEPTH} levels deep.")
    if "\x00" in text or "\\u0000" in text:
        return response(422, "validation", "The body holds a NUL character; leave it out.")
    if "\\ud" in text.lower() and not _is_text(text):
        return response(422, "validation", "The body holds half a character (a lone surrogate); leave it out.")
    return None


def _depth(text: str) -> int:
    """Returns the depth to which brackets nest outside of strings, computed without recursion."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif in_string:
            escaped, in_string = character == "\\", character != '"'
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _is_text(text: str) -> bool:
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except ValueError:
        return True
    return True
