"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from stratforge.configuration import ConfigurationError
from stratforge.observability import logger

log = logger("api")


class Problem(Exception):
    """An error for the client: a status, a code of ours, and what to do about it."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra


def not_found(what: str) -> Problem:
    """The thing does not exist, or is somebody else's: the client cannot tell which."""
    return Problem(404, "not-found", f"There is no such {what}.")


def response(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **extra: Any) -> JSONResponse:
    body = {
        "type": f"urn:stratforge:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return JSONResponse({**body, **extra}, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem."""

    @app.exception_handler(Problem)
    def problem(_request: Request, error: Problem) -> JSONResponse:
        return response(error.status, error.code, error.detail, error.headers, **error.extra)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            {"field": ".".join(str(part) for part in each["loc"][1:])[:200], "message": each["msg"][:300]}
            for each in error.errors()[:20]
        ]
        named = "; ".join(f"{each['field'] or 'body'}: {each['message']}" for each in fields[:5])
        return response(422, "validation", f"The request is not valid. {named}", errors=fields)

    @app.exception_handler(HTTPException)
    def http(_request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http")
        return response(error.status_code, code, f"{error.detail}.", dict(error.headers or {}))

    @app.exception_handler(ConfigurationError)
    def unconfigured(_request: Request, error: ConfigurationError) -> JSONResponse:
        log.error("the configuration is wrong", error=str(error)[:300])
        return response(503, "unavailable", "The service is not available right now.", {"Retry-After": "30"})

    @app.exception_handler(psycopg.OperationalError)
    def unavailable(_request: Request, error: psycopg.OperationalError) -> JSONResponse:
        log.error("the database does not answer", error=str(error)[:300])
        return response(503, "unavailable", "The service is not available right now.", {"Retry-After": "5"})

    @app.exception_handler(Exception)
    def unexpected(_request: Request, error: Exception) -> JSONResponse:
        log.exception("unexpected error", exc_info=error)
        return response(500, "internal", "Something went wrong on our side; it is logged.")
