"""Health: whether the process answers, and whether it can work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from functions.api.context import AnonymousConnection, settings

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The answer of a health check that passed."""

    status: Literal["ok"] = "ok"
    stage: str


@router.get("/livez")
def livez() -> Health:
    """Answers as long as the process does; asks nobody else."""
    return Health(stage=settings().stage)


@router.get("/healthz")
def healthz(connection: AnonymousConnection) -> Health:
    """Checks that the service and its database answer; 503 with Retry-After when they do not."""
    connection.execute("SELECT 1")
    return Health(stage=settings().stage)
