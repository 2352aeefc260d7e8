"""Lambda entry: the dead letters of a queue, sent again when an operator asks for it.

It is the only function that may send to every queue, and all it takes is the name of one: who may call it can have repeated what has failed, and invent
nothing. Whether the caller is an operator was decided by who calls (the API, which notes it in the audit).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict
from stratforge.bus.dead_letters import QueueName
from stratforge.bus.redrive import redrive
from stratforge.configuration import Settings
from stratforge.observability import logger

log = logger("redriver")


class RedriverSettings(Settings):
    """The environment variables of the redriver; see `Settings`."""

    stage: str


class Redrive(BaseModel):
    """The request: a queue by its name without stage and ending, such as `signals`."""

    model_config = ConfigDict(extra="forbid")

    queue: QueueName


@lru_cache(maxsize=1)
def settings() -> RedriverSettings:
    """The settings of this execution environment, read once."""
    return RedriverSettings.from_environment()


@log.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Sends the dead letters of a queue again and answers how many."""
    asked = Redrive.model_validate(event)
    sent = redrive(settings().stage, asked.queue)
    log.info("redriven", queue=asked.queue, sent=sent)
    return {"sent": sent}
