"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from stratforge.application import errors
from stratforge.configuration import ConfigurationError
from stratforge.observability import logger
from stratforge.storage.market.archive_objects import ArchiveUnavailable
from stratforge.storage.postgres.database import LoginEnded

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


def unauthenticated() -> Problem:
    """Nobody is logged in: there was no token, it is not valid, or its login has ended."""
    return Problem(401, "unauthorized", "Log in first.", headers={"WWW-Authenticate": "Bearer"})


_STATUS: dict[type[errors.Refusal], int] = {
    errors.NotFound: 404,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.Changed: 412,
    errors.Invalid: 422,
    errors.LimitReached: 429,
}


def problem_of(refusal: errors.Refusal) -> Problem:
    """Converts a refusal of a use case to a problem document."""
    headers = {"Retry-After": f"{refusal.retry_after:.0f}"} if isinstance(refusal, errors.LimitReached) else None
    return Problem(_STATUS[type(refusal)], refusal.code, refusal.message, headers=headers, **refusal.details)


def _unavailable(seconds: str) -> Problem:
    return Problem(503, "unavailable", "The service is not available right now.", headers={"Retry-After": seconds})


def response(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **extra: Any) -> JSONResponse:
    """Builds the response for a problem: RFC 9457 JSON with our code and extra fields."""
    body = {
        "type": f"urn:stratforge:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return JSONResponse({**body, **extra}, status, headers, media_type="application/problem+json")


def install(
    app: FastAPI, page: Callable[[Request, Problem], Response | None] = lambda _request, _problem: None
) -> None:
    """Makes every error of the app a problem.

    Args:
        page: Shows a problem to a person; None when it is a program that asks.
    """

    def answer(request: Request, error: Problem) -> Response:
        shown = page(request, error)
        return shown or response(error.status, error.code, error.detail, error.headers, **error.extra)

    @app.exception_handler(Problem)
    def problem(request: Request, error: Problem) -> Response:
        return answer(request, error)

    @app.exception_handler(errors.Refusal)
    def refused(request: Request, refusal: errors.Refusal) -> Response:
        return answer(request, problem_of(refusal))

    @app.exception_handler(LoginEnded)
    def login_ended(request: Request, _error: LoginEnded) -> Response:
        return answer(request, unauthenticated())

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        fields = [
            {"field": ".".join(str(part) for part in each["loc"][1:])[:200], "message": each["msg"][:300]}
            for each in error.errors()[:20]
        ]
        named = "; ".join(f"{each['field'] or 'body'}: {each['message']}" for each in fields[:5])
        return answer(request, Problem(422, "validation", f"The request is not valid. {named}", errors=fields))

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http")
        return answer(request, Problem(error.status_code, code, f"{error.detail}.", headers=dict(error.headers or {})))

    @app.exception_handler(ConfigurationError)
    def unconfigured(request: Request, error: ConfigurationError) -> Response:
        log.error("the configuration is wrong", error=str(error)[:300])
        return answer(request, _unavailable("30"))

    @app.exception_handler(psycopg.OperationalError)
    def unavailable(request: Request, error: psycopg.OperationalError) -> Response:
        log.error("the database does not answer", error=str(error)[:300])
        return answer(request, _unavailable("5"))

    @app.exception_handler(ArchiveUnavailable)
    def archive_unavailable(request: Request, error: ArchiveUnavailable) -> Response:
        log.error("the archive does not give what it has", error=str(error)[:300])
        return answer(request, Problem(503, "archive-unavailable", str(error), headers={"Retry-After": "30"}))

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        log.exception("unexpected error", exc_info=error)
        return answer(request, Problem(500, "internal", "Something went wrong on our side; it is logged."))
