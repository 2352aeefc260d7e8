"""The dashboard's pages, as part of the application."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from functions.api.dashboard import assets, errors
from functions.api.dashboard.access import LoginNeeded
from functions.api.dashboard.pages import (
    account,
    backtests,
    consent,
    docs,
    entrance,
    gallery,
    home,
    market,
    notices,
    operations,
    research,
    sessions,
    shared,
    strategies,
    sweeps,
    tour,
    trading,
)
from functions.api.problems import Problem


def shown(request: Request, problem: Problem) -> Response | None:
    """A problem as a person sees it, the way to the login when nobody is logged in; None for programs."""
    if not errors.is_page(request):
        return None
    return errors.to_login(request) if problem.code == "unauthorized" else errors.shown(request, problem)


def install(app: FastAPI) -> None:
    """Adds the dashboard's pages and their error handlers to the application."""
    for page in (
        assets,
        entrance,
        consent,
        docs,
        gallery,
        home,
        market,
        notices,
        strategies,
        sweeps,
        backtests,
        sessions,
        shared,
        trading,
        research,
        account,
        operations,
        tour,
    ):
        app.include_router(page.router)

    @app.exception_handler(LoginNeeded)
    def login_needed(request: Request, _error: LoginNeeded) -> Response:
        return errors.to_login(request)
