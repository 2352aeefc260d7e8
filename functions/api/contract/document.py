"""The OpenAPI document: what FastAPI says of the endpoints, and everything that it does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from functions.api.contract import failures, stored_forms, streams
from functions.api.contract.examples import Examples
from functions.api.contract.failures import ProblemDetails
from functions.api.contract.meanings import MEANINGS
from functions.api.csv_lists import columns_of
from functions.api.doors import public_path
from functions.api.idempotency import _request_key

DESCRIPTION = """
Paper trading only. Numbers of money and quantity are decimal strings, times are RFC 3339 in UTC with `Z`; bars and figures of backtests are numbers.
Lists have `items` and `next`, which goes into `cursor`; `Accept: text/csv` gives any list as a table. Errors are problem details (RFC 9457) whose `type`
ends in a code and whose `detail` says what to do. Creating requests take an `Idempotency-Key`; what can be changed in two places has an `ETag` and takes
`If-Match`. Every answer to GET has an `ETag`: `If-None-Match` with it gives 304 until something changes. HEAD is GET without a body. Costly requests say what is left in
`RateLimit` and `RateLimit-Policy`; stopping and flattening spend none and calling off has one of its own,
so that the way out is never closed.

Programs send `Authorization: Bearer …` with an access token or a personal API key (scopes: `read`, `write`, `trade`, `ai`). Pages use cookies and send
the CSRF token in `X-CSRF-Token`. What happens is told by webhooks and by a WebSocket (`/asyncapi.json`). The paths of before `/v1`, with `/api` in its place, are
answered by the same handlers.
""".strip()
_TAGS = {
    "auth": "Registering, logging in, and the logins that are open",
    "account": "The account, its keys, and everything that is stored about it",
    "risk": "A user's own limits and trading state",
    "strategies": "Strategies: checked, stored, changed, with all their versions",
    "ai": "Strategies written and questions answered by a model",
    "jobs": "Work in the background",
    "backtests": "Strategies tried on recorded bars",
    "sessions": "Strategies that run on live bars",
    "orders": "Orders by hand, and those of sessions to read",
    "portfolio": "Money, positions, trades and signals",
    "market": "Bars, prices and what can be traded",
    "alerts": "Prices that somebody wants to be told of",
    "realtime": "What opens the WebSocket",
    "webhooks": "Where programs are told of what happens",
    "operations": "The platform's state, and its switches for operators",
    "internal": "For the platform's own parts",
    "health": "Whether the platform answers",
}
_HEADERS = {
    "X-Request-Id": ("Names the request in our logs", {"type": "string"}),
    "ETag": ("Names what was answered: goes into `If-None-Match` and `If-Match`", {"type": "string"}),
    "Location": ("Where to find what was made", {"type": "string", "format": "uri-reference"}),
    "Link": ("Of CSV: the address of the next page, `rel=next`", {"type": "string"}),
    "RateLimit": ("What is left of each quota, and the seconds until it is whole", {"type": "string"}),
    "RateLimit-Policy": ("The quotas that the request is counted against", {"type": "string"}),
    "Retry-After": ("Seconds after which to ask again", {"type": "integer", "minimum": 0}),
    "Idempotent-Replayed": ("That this is the first answer, given again", {"type": "string", "enum": ["true"]}),
    "WWW-Authenticate": ("How to log in", {"type": "string"}),
}
_OPEN = {
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/passkey",
    "/api/auth/passkey/options",
    "/api/auth/refresh",
    "/api/auth/logout",
    "/healthz",
    "/livez",
    "/api/shared/{token}",
    "/internal/execute",
}
_LOCATED = {"create_strategy", "import_strategy", "start_session", "place_order", "replace_order"}


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of an application's routes, to which the webhooks are added here."""
    streams.install(app)
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        routes=app.routes,
        webhooks=app.webhooks.routes,
        contact={"name": "StratForge"},
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "Where this document is"}],
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
    )
    components = document["components"]
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token, or a personal API key (`sfk_…`)",
        }
    }
    components["headers"] = {name: {"description": text, "schema": schema} for name, (text, schema) in _HEADERS.items()}
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["schemas"] |= _schemas_of_problems()
    components["responses"] = failures.responses()
    stored_forms.install(components["schemas"])
    for schema in components["schemas"].values():
        _describe(schema)
    examples = Examples(components["schemas"])
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], route, method, examples)
    for item in document["webhooks"].values():
        _complete_webhook(item["post"], examples)
    document["paths"] = {public_path(path): item for path, item in document["paths"].items()}
    _untitle(document)
    return document


def _schemas_of_problems() -> dict[str, Any]:
    schema = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "ProblemDetails": schema}


def _describe(schema: dict[str, Any]) -> None:
    for name, each in schema.get("properties", {}).items():
        if name in MEANINGS:
            each.setdefault("description", MEANINGS[name])


def _complete(operation: dict[str, Any], route: APIRoute, method: str, examples: Examples) -> None:
    operation["security"] = [] if route.path in _OPEN else [{"bearer": []}]
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        parameter.setdefault("description", MEANINGS.get(name, ""))
        # An address cannot say null: what has no value is left out.
        choices = [each for each in parameter["schema"].pop("anyOf", ()) if each.get("type") != "null"]
        parameter["schema"] |= choices[0] if choices else {}
        parameter["schema"].pop("description", None)
        parameter["example"] = parameter["schema"].get("default", examples.of(parameter["schema"], name))
    for status, answer in list(operation["responses"].items()):
        if int(status) >= 400:
            del operation["responses"][status]
            continue
        answer["description"] = HTTPStatus(int(status)).phrase
        headers = {"X-Request-Id"}
        if method == "GET" and route.path.startswith("/api"):
            headers |= {"ETag"}
        if any(each.call is _request_key for each in route.dependant.dependencies):
            headers |= {"Idempotent-Replayed", "RateLimit", "RateLimit-Policy"}
        if status == "202" or route.name in _LOCATED or "202" in operation["responses"]:
            headers |= {"Location"}
        for content in answer.get("content", {}).values():
            content["example"] = examples.of(content["schema"])
        if method == "GET" and columns_of(route):
            headers |= {"Link"}
            answer["content"]["text/csv"] = {"schema": {"type": "string"}, "example": ",".join(columns_of(route) or ())}
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(headers)}
    if method == "GET" and route.path.startswith("/api"):
        operation["responses"]["304"] = {
            "description": "Nothing has changed since the answer whose ETag was sent in `If-None-Match`",
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("ETag", "X-Request-Id")},
        }
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["example"] = examples.of(content["schema"], request=True)
    operation["responses"] |= {str(status): answer for status, answer in failures.failures_of(route).items()}


def _complete_webhook(operation: dict[str, Any], examples: Examples) -> None:
    operation["security"] = []
    operation["operationId"] = operation["summary"].lower().replace(" ", "_")
    operation["description"] += (
        " `StratForge-Signature` is `t=TIME,v1=SIGNATURE`: HMAC-SHA256 with the webhook's secret over the time, a dot and the body."
    )
    for content in operation["requestBody"]["content"].values():
        content["example"] = examples.of(content["schema"])
    operation["responses"] = {"204": {"description": "It arrived; any status of 2xx says so"}}


def _untitle(node: Any) -> None:
    """Takes away titles that only repeat a property's name."""
    for each in _schemas(node):
        for schema in each.get("properties", {}).values():
            schema.pop("title", None)
        if "in" in each and "schema" in each:
            each["schema"].pop("title", None)


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for each in node.values():
            yield from _schemas(each)
    elif isinstance(node, list):
        for each in node:
            yield from _schemas(each)


def written(app: FastAPI) -> str:
    """The document as the file that is kept."""
    return json.dumps(app.openapi(), indent=1, sort_keys=True)
