"""The API's reference, for whoever has an account or not: its operations with examples that can be tried where one reads them."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, FastAPI, Request, Response
from stratforge.application.errors import existing

from functions.api.context import caller, database, site
from functions.api.contract.reference import Operation, Reference, reference_of
from functions.api.dashboard.access import Fields, Form, Visitor, text
from functions.api.dashboard.rendering import render
from functions.api.problems import Problem

router = APIRouter(include_in_schema=False)
# What of an answer's headers is worth a look, and how much of its body.
_SHOWN_HEADERS = (
    "etag",
    "location",
    "link",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "idempotent-replayed",
    "x-request-id",
)
_LONGEST = 20_000


@lru_cache(maxsize=1)
def _reference(app: FastAPI) -> Reference:
    return reference_of(app.openapi())


def _shown(request: Request, **values: Any) -> Response:
    """The page for who is logged in, with all that pages have, or for a stranger."""
    given = {"reference": _reference(request.app), "site": site(request), **values}
    try:
        looking = Visitor(request, caller(request))
    except Problem:
        return render(request, "docs.html", **given)
    with database().reading(looking.caller) as connection:
        return looking.page(connection, "docs.html", **given)


@router.get("/docs")
def overview(request: Request) -> Response:
    """The way to begin, what holds everywhere, and all operations by their subject."""
    return _shown(request, section=None)


@router.get("/docs/{name}")
def section(name: str, request: Request) -> Response:
    """All operations of a subject, each with its examples."""
    found = next((each for each in _reference(request.app).sections if each.name == name), None)
    return _shown(request, section=existing(found, "page"))


@router.post("/docs/try/{name}")
async def try_operation(name: str, request: Request, fields: Fields) -> Response:
    """Asks the API for what the form says, as the visitor's own program would: with the key that he gives, or with his login."""
    operation = existing(_reference(request.app).operation(name), "operation")
    body = text(fields, "body").encode()
    path, query = _address(operation, fields)
    status, headers, content = await _asked(request, operation.method, path, query, body, text(fields, "key"))
    shown = [(key, value) for key, value in headers if key in _SHOWN_HEADERS]
    address = f"{path}?{query}" if query else path
    return render(
        request,
        "parts/tried.html",
        operation=operation,
        address=address,
        answered=status,
        headers=shown,
        content=_readable(content),
    )


def _address(operation: Operation, fields: Form) -> tuple[str, str]:
    """The path with the form's values in it, each of which stays one part of it, and the query.

    Raises:
        Problem: if a part of the path is missing.
    """
    path, query = operation.path, {}
    for each in operation.parameters:
        given = text(fields, f"{each.place}-{each.name}")
        if each.place == "path":
            if given.strip(".") == "" or "/" in given:
                raise Problem(422, "validation", f"{each.name}: give a value without a slash.")
            path = path.replace(f"{{{each.name}}}", quote(given, safe=""))
        elif each.place == "query" and given:
            query[each.name] = given
    return path, urlencode(query)


async def _asked(
    request: Request, method: str, path: str, query: str, body: bytes, key: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    """One request to this application, through all that stands before it: its status, headers and body."""
    kept = {"host", "cookie", "x-csrf-token", "user-agent"} - ({"cookie", "x-csrf-token"} if key else set())
    headers = [(name, value) for name, value in request.scope["headers"] if name.decode() in kept]
    headers += [(b"accept", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"content-type", b"application/json")] if body else []
    headers += [(b"authorization", f"Bearer {key}".encode())] if key else []
    # Of this request: where it came in and from whom. Everything else is the new one's own.
    passed = {
        name: value
        for name, value in request.scope.items()
        if name in ("type", "asgi", "http_version", "server", "client", "scheme", "root_path")
        or name.startswith("aws.")
    }
    parts: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        parts.append(message)

    await request.app(
        {
            **passed,
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
        },
        receive,
        send,
    )
    said = [(name.decode().lower(), value.decode()) for name, value in parts[0]["headers"]]
    return parts[0]["status"], said, b"".join(each.get("body", b"") for each in parts[1:])


def _readable(content: bytes) -> str:
    try:
        shown = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    except ValueError:
        shown = content.decode(errors="replace")
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}\n… {len(shown) - _LONGEST:,} more characters"
