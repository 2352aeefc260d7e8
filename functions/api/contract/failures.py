"""The errors of an operation: those that it can give, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from functions.api.context import anonymous_transaction, caller

_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
# What is read of some kinds of things alone.
_READ_OF_SOME = {"list_session_decisions", "get_decision_rules", "get_session_equity"}


class FieldError(BaseModel):
    """A validation error of one field."""

    field: str = Field(description="The field, with dots between its parts", examples=["limit_price"])
    message: str = Field(description="What is wrong with it", examples=["Input should be greater than 0"])


class ProblemDetails(BaseModel):
    """The body of every error, as RFC 9457 defines it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Ends in a code for programs", pattern="^urn:stratforge:problem:[a-z-]+$", examples=["urn:stratforge:problem:not-found"]
    )  # fmt: skip
    title: str = Field(description="The status in words", examples=["Not Found"])
    status: int = Field(description="The HTTP status", examples=[404])
    detail: str = Field(description="What is wrong, and what to do", examples=["There is no such strategy."])
    errors: list[FieldError] | None = Field(None, description="What is wrong with which field, where fields are")


# What it means, and an example: a code and what it says.
_WHEN = {
    401: ("Nobody is logged in, or the token is not valid", "unauthorized", "Log in first."),
    403: ("What came with the request lacks a scope, or the CSRF token is missing", "scope", "This access lacks the scope 'trade'."),
    404: ("There is no such thing, or it is somebody else's", "not-found", "There is no such strategy."),
    409: ("The state of things does not allow it, or the same request is being answered", "in-progress",
          "The same request is being answered right now; ask again in a moment."),
    412: ("It was changed meanwhile", "changed", "It was changed meanwhile. Load it again and repeat your change."),
    413: ("The body is too large", "too-large", "The body has 300000 bytes; 262144 are allowed."),
    415: ("The body is not JSON", "not-json", "Send the body as application/json."),
    422: ("The request is not valid; `errors` names the fields", "validation",
          "The request is not valid. limit: Input should be less than or equal to 1000"),
    429: ("Too many requests; `Retry-After` says when to come back", "limit-reached", "Too many requests. Ask again in 30 seconds."),
    503: ("The service is away; `Retry-After` says when to come back", "unavailable", "The service is not available right now."),
}  # fmt: skip
_HEADERS = {401: ("WWW-Authenticate",), 409: ("Retry-After",), 429: ("Retry-After",), 503: ("Retry-After",)}


def failures_of(route: APIRoute) -> dict[int, dict[str, Any]]:
    """The errors of a route by their status, as references to `responses`."""
    return {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in sorted(set(_statuses(route)))}


def responses() -> dict[str, Any]:
    """The errors by their names, as OpenAPI has them."""
    return {_name(status): _response(status) for status in _WHEN}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _statuses(route: APIRoute) -> Iterator[int]:
    method = next(iter(route.methods or ()))
    asked = {each.call for each in _flat(route.dependant)}
    body = route.body_field.field_info.annotation if route.body_field is not None else None
    yield from (422, 429)
    if method in _CHANGES:
        yield from (413, 415)
    if caller in asked:
        yield from (401, 403, 404, 503)
        if method in _CHANGES or route.name in _READ_OF_SOME:
            yield 409
    elif anonymous_transaction in asked or body is not None or route.path.startswith(("/api", "/internal")):
        yield 503
        if "{" in route.path:
            yield 404
        elif route.path != "/healthz":
            yield from (401, 403, 409)
    if any(each.alias == "if-match" for each in _headers(route.dependant)):
        yield 412


def _flat(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from _flat(each)


def _headers(dependant: Dependant) -> Iterator[Any]:
    for each in _flat(dependant):
        yield from each.header_params


def _response(status: int) -> dict[str, Any]:
    text, code, detail = _WHEN[status]
    example = {
        "type": f"urn:stratforge:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return {
        "description": text,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *_HEADERS.get(status, ()))
        },
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "example": example}
        },
    }
