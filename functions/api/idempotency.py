"""`Idempotency-Key`: a request that is repeated does nothing again, and gets the first answer for a day."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

import psycopg
from fastapi import Depends, FastAPI, Header, Request, Response
from starlette.concurrency import run_in_threadpool
from stratforge.application.access import Caller
from stratforge.application.idempotency import RequestKey, key_reused
from stratforge.configuration import ConfigurationError, TokenSecret, read_secret
from stratforge.observability import logger
from stratforge.storage.postgres.database import LoginEnded
from stratforge.storage.users import first_answers
from stratforge.storage.users.first_answers import FirstAnswer

from functions.api.answers import content_of
from functions.api.context import caller, database, settings
from functions.api.problems import Problem, problem_of, response

_KEY = r"^[\x21-\x7e]{1,200}$"
log = logger("api")
_KEPT_HEADERS = ("content-type", "etag", "location")
# Answers that hold a secret are not kept. What makes one derives it from the key, or is safe to repeat by itself.
_NOT_KEPT = re.compile(
    r"/api/(auth/.*|users/me/(api-keys|two-factor(/.*)?|passkeys/options)|webhooks|webhooks/[^/]+/rotate|exports/[^/]+/link|realtime/ticket)"
)


async def _digest(request: Request) -> bytes:
    # With a key of ours: a body may hold a password, which nobody is to guess from what is kept here.
    asked = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hmac.new(_seed(), asked.encode() + await request.body(), hashlib.sha256).digest()


def _seed() -> bytes:
    signing_key = read_secret(TokenSecret, settings().token_secret).signing_key.get_secret_value()
    return hmac.new(signing_key.encode(), b"idempotency", hashlib.sha256).digest()


async def _request_key(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(pattern=_KEY, description="Repeating the request with it does nothing again")
    ] = None,
) -> RequestKey:
    if idempotency_key is None:
        return RequestKey(None, b"")
    return RequestKey(idempotency_key, await _digest(request), _seed())


IdempotencyKey = Annotated[RequestKey, Depends(_request_key)]


def install(app: FastAPI) -> None:
    """Has the first answer to every request with an Idempotency-Key kept, and given again."""

    @app.middleware("http")
    async def repeatable(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        key, path = request.headers.get("idempotency-key"), request.url.path
        if key is None or request.method not in ("POST", "PUT", "PATCH", "DELETE") or not path.startswith("/api/"):
            return await call_next(request)
        if not re.fullmatch(_KEY, key):
            return response(422, "validation", "Idempotency-Key: 1 to 200 visible ASCII characters.")
        if _NOT_KEPT.fullmatch(path):
            return await call_next(request)
        try:
            asking = await run_in_threadpool(caller, request)
        except (Problem, ConfigurationError, psycopg.OperationalError):
            # It is refused by whoever it is for.
            return await call_next(request)
        try:
            given = await run_in_threadpool(_begin, asking, key, await _digest(request))
        except (LoginEnded, psycopg.OperationalError):
            # So is whose login has ended; and without a database everybody hears when to come back.
            return await call_next(request)
        except first_answers.KeyReused:
            refused = problem_of(key_reused())
            return response(refused.status, refused.code, refused.detail)
        except first_answers.InProgress:
            said = "The same request is being answered right now; ask again in a moment."
            return response(409, "in-progress", said, {"Retry-After": "1"})
        if given is not None:
            return Response(given.body, given.status, {**given.headers, "Idempotent-Replayed": "true"})
        return await _first(asking, key, await call_next(request))


def _begin(asking: Caller, key: str, digest: bytes) -> FirstAnswer | None:
    with database().transaction(asking) as connection:
        return first_answers.begin(connection, asking.user_id, key, digest)


async def _first(asking: Caller, key: str, answer: Response) -> Response:
    """Keeps an answer that did something. What was refused did nothing, and work that goes on (202) is found by its id: both may be asked again."""
    body = await content_of(answer)
    kept = FirstAnswer(
        answer.status_code, {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}, body
    )

    def store() -> None:
        # What was done may have ended the login.
        with database().transaction(asking.user_id) as connection:
            if 200 <= kept.status < 300 and kept.status != 202:
                first_answers.keep(connection, asking.user_id, key, kept)
            else:
                first_answers.release(connection, asking.user_id, key)

    try:
        await run_in_threadpool(store)
    except psycopg.OperationalError as error:
        # It was done all the same; repeated at once it is told to wait, later it finds what was made.
        log.warning("an answer was not kept", error=str(error)[:200])
    return Response(body, answer.status_code, dict(answer.headers))
