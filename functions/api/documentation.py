"""Parts of the OpenAPI file beyond the endpoints: authentication, errors, and pages for agents."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from functions.api.csv_lists import columns_of

DESCRIPTION = """
Paper trading only. Numbers of money and quantity are decimal strings, times are RFC 3339 in UTC. Lists have `items` and `next`, which goes
into `cursor`; `Accept: text/csv` gives any list as a table. Errors are problem details (RFC 9457) whose `type` ends in a code and whose `detail` says what to do. Creating requests take an
`Idempotency-Key`; what can be changed in two places has an `ETag` and takes `If-Match`.

Programs send `Authorization: Bearer …` with an access token or a personal API key (scopes: `read`, `write`, `trade`, `ai`). Pages use cookies and send
the CSRF token in `X-CSRF-Token`.
""".strip()


class FieldError(BaseModel):
    """A validation error of one field."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """The body of every error, as RFC 9457 defines it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:stratforge:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such strategy."])
    errors: list[FieldError] | None = None


_WHEN = {
    401: "Nobody is logged in, or the token is not valid",
    403: "The API key lacks a scope, or the CSRF token is missing",
    404: "There is no such thing, or it is somebody else's",
    409: "The state of things does not allow it",
    412: "It was changed meanwhile",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "The request is not valid; `errors` names the fields",
    429: "Too many requests; `Retry-After` says when to come back",
    503: "The database is away; `Retry-After` says when to come back",
}
COMMON_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "model": ProblemDetails,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    for status, text in _WHEN.items()
}
_OPEN = {
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/refresh",
    "/api/auth/logout",
    "/healthz",
    "/livez",
    "/internal/execute",
}


def install(app: FastAPI) -> None:
    """Gives the app its OpenAPI file and the page for agents."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
            )
            _say_tables(schema, app)
            _say_security(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]

    @app.get("/llms.txt", include_in_schema=False)
    def llms() -> PlainTextResponse:
        return PlainTextResponse(agents_page(app.openapi()))


def _say_tables(schema: dict[str, Any], app: FastAPI) -> None:
    """Says of every list that it is had as CSV too."""
    for route in app.routes:
        if (
            isinstance(route, APIRoute)
            and "GET" in (route.methods or ())
            and columns_of(route)
            and route.include_in_schema
        ):
            answer = schema["paths"][route.path_format]["get"]["responses"]["200"]
            answer["content"]["text/csv"] = {"schema": {"type": "string"}}
            answer["headers"] = {
                "Link": {
                    "description": "Of CSV: the address of the next page, `rel=next`",
                    "schema": {"type": "string"},
                }
            }


def _say_security(schema: dict[str, Any]) -> None:
    schema["components"].setdefault("securitySchemes", {})["bearer"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token, or a personal API key (`sfk_…`)",
    }
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if path in _OPEN else [{"bearer": []}]
            for answer in operation["responses"].values():
                # FastAPI documents the model as plain JSON too; errors come as problem+json only.
                content = answer.get("content", {})
                if "application/problem+json" in content:
                    content.pop("application/json", None)


def agents_page(schema: dict[str, Any]) -> str:
    """The API in one short text for language models."""
    lines = [
        f"# {schema['info']['title']}",
        "",
        f"> {schema['info']['summary']}",
        "",
        schema["info"]["description"],
        "",
        "## Endpoints",
        "",
    ]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            text = (operation.get("description") or operation.get("summary") or "").split("\n")[0]
            lines.append(f"- `{method.upper()} {path}`: {text}")
    return "\n".join(lines) + "\n"
