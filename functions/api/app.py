"""The FastAPI application."""

from __future__ import annotations

from fastapi import FastAPI

from functions.api import problems
from functions.api.ai.endpoints import router as ai
from functions.api.auth.endpoints import router as auth
from functions.api.backtests.endpoints import router as backtests
from functions.api.context import AnonymousConnection, settings
from functions.api.dashboard.endpoints import router as dashboard
from functions.api.jobs.endpoints import router as jobs
from functions.api.orders.endpoints import router as orders
from functions.api.portfolio.endpoints import router as portfolio
from functions.api.risk.endpoints import router as risk
from functions.api.sessions.endpoints import router as sessions
from functions.api.strategies.endpoints import router as strategies
from functions.api.users.endpoints import router as users


def create_app() -> FastAPI:
    """The application with all its routes."""
    app = FastAPI(
        title="StratForge",
        version="0.1.0",
        summary="Describe a strategy, prove it, backtest it, run it on paper.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    for router in (auth, users, ai, jobs, strategies, backtests, sessions, orders, risk, portfolio, dashboard):
        app.include_router(router)

    @app.get("/healthz", tags=["operations"])
    def healthz(connection: AnonymousConnection) -> dict[str, str]:
        """Whether the service and its database answer."""
        connection.execute("SELECT 1")
        return {"status": "ok", "stage": settings().stage}

    return app
