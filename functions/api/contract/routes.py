"""Routes of the API's documents: OpenAPI, AsyncAPI, the page for language models, and what `/mcp` wants of a client. Each is made when somebody asks, and no start of a function waits for it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from stratforge.application.access import Scope

from functions.api.context import settings, site


def install(app: FastAPI) -> None:
    """Adds the documents to an application, with OpenAPI where FastAPI looks for it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            from functions.api.contract.document import openapi_document

            app.openapi_schema = openapi_document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to replace it

    @app.get("/asyncapi.json", include_in_schema=False)
    def realtime_document() -> JSONResponse:
        from functions.api.contract.streams import asyncapi

        return JSONResponse(asyncapi(settings().realtime_url or "/realtime", app.version))

    @app.get("/llms.txt", include_in_schema=False)
    def llms() -> PlainTextResponse:
        from functions.api.contract.agents import agents_page

        return PlainTextResponse(agents_page(app.openapi()))

    @app.get("/.well-known/oauth-protected-resource", include_in_schema=False)
    @app.get("/.well-known/oauth-protected-resource/mcp", include_in_schema=False)
    def protected_resource(request: Request) -> JSONResponse:
        """What a client of `/mcp` is to bring (RFC 9728): a token that it gets here with its user's consent, or a personal API key of the account page."""
        ours = site(request)
        return JSONResponse(
            {
                "resource": f"{ours}/mcp",
                "resource_name": "StratForge",
                "authorization_servers": [ours],
                "bearer_methods_supported": ["header"],
                "scopes_supported": [each.value for each in Scope],
                "resource_documentation": f"{ours}/docs",
            }
        )
