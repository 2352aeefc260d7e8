"""Assembles the FastAPI application of API and dashboard."""

from __future__ import annotations

from fastapi import FastAPI
from stratforge import __version__

from functions.api import csv_lists, hardening, idempotency, problems, rate_limits, revalidation
from functions.api.ai.endpoints import router as ai
from functions.api.alerts.endpoints import router as alerts
from functions.api.auth.endpoints import router as auth
from functions.api.backtests.endpoints import router as backtests
from functions.api.contract import routes as contract
from functions.api.dashboard import routes as dashboard
from functions.api.doors import Doors
from functions.api.exports.endpoints import router as exports
from functions.api.health import router as health
from functions.api.internal.endpoints import router as internal
from functions.api.jobs.endpoints import router as jobs
from functions.api.market.endpoints import router as market
from functions.api.oauth.endpoints import router as oauth
from functions.api.operations.endpoints import router as operations
from functions.api.orders.endpoints import router as orders
from functions.api.portfolio.endpoints import router as portfolio
from functions.api.realtime.endpoints import router as realtime
from functions.api.risk.endpoints import router as risk
from functions.api.sessions.endpoints import router as sessions
from functions.api.strategies.endpoints import router as strategies
from functions.api.users.endpoints import router as users
from functions.api.webhooks.endpoints import router as webhooks


def create_app() -> FastAPI:
    """The application with all its routes."""
    app = FastAPI(
        title="StratForge",
        version=__version__,
        summary="Describe a strategy, prove it, backtest it, run it on paper.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        # What a generated client calls its method: the endpoint's own name, which says of what it is.
        generate_unique_id_function=lambda route: route.name,
    )
    problems.install(app, dashboard.shown)
    for router in (
        auth,
        users,
        risk,
        strategies,
        ai,
        jobs,
        exports,
        backtests,
        sessions,
        orders,
        portfolio,
        market,
        alerts,
        realtime,
        webhooks,
        operations,
        internal,
        health,
    ):
        app.include_router(router)
    app.include_router(oauth)
    dashboard.install(app)
    contract.install(app)
    csv_lists.install(app)
    revalidation.install(app)
    rate_limits.install(app)
    idempotency.install(app)
    hardening.install(app)
    app.add_middleware(Doors)
    return app
