"""`/internal/execute`: for trusted workers, with a credential of its own and each request once."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from stratforge.application.strategies import Symbol
from stratforge.configuration import TokenSecret, read_secret
from stratforge.storage.postgres import limits

from functions.api.context import database, outbox, settings
from functions.api.problems import Problem

router = APIRouter(prefix="/internal", tags=["internal"])
_WINDOW_SECONDS = 300


class ExecuteRequest(BaseModel):
    """A symbol that may have something to execute, and what made it so."""

    model_config = ConfigDict(extra="forbid")

    symbol: Symbol
    cause: str = Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")


class ExecuteAnswer(BaseModel):
    """The answer that the executor was woken for a symbol."""

    symbol: str
    queued: bool


def sign(key: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The signature of a request: HMAC-SHA256 over its time, its nonce and its body."""
    return hmac.new(f"internal:{key}".encode(), f"{timestamp}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()


@router.post("/execute", status_code=202)
async def execute(
    request: Request,
    wanted: ExecuteRequest,
    x_timestamp: Annotated[
        str, Header(pattern=r"^\d{1,12}$", description="Seconds since the epoch", examples=["1772461860"])
    ],
    x_nonce: Annotated[
        str, Header(min_length=16, max_length=100, pattern=r"^[\x21-\x7e]+$", examples=["5f3a9c0e7b1d2468"])
    ],
    x_signature: Annotated[str, Header(min_length=64, max_length=64, pattern=r"^[0-9a-f]+$", examples=["a" * 64])],
) -> ExecuteAnswer:
    """Wakes the executor. A request is good for five minutes and once."""
    key = read_secret(TokenSecret, settings().token_secret).signing_key.get_secret_value()
    expected = sign(key, x_timestamp, x_nonce, await request.body())
    refused = Problem(401, "unauthorized", "The request is not signed, too old, or was sent before.")
    if not hmac.compare_digest(expected, x_signature) or abs(time.time() - int(x_timestamp)) > _WINDOW_SECONDS:
        raise refused
    with database().transaction() as connection:
        if not limits.accept_nonce(connection, x_nonce):
            raise refused
    outbox().wake_executor(wanted.symbol, wanted.cause)
    return ExecuteAnswer(symbol=wanted.symbol, queued=True)
