"""What endpoints are given: the settings, the database, and who is asking."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import api_keys

from functions.api.auth.tokens import ACCESS_COOKIE, CSRF_HEADER, csrf_token, read_access_token
from functions.api.problems import Problem
from functions.api.settings import ApiSettings

Scope = Literal["read", "write", "trade", "ai"]
KEY_PREFIX = "sfk_"
_SAFE = ("GET", "HEAD", "OPTIONS")


@lru_cache(maxsize=1)
def settings() -> ApiSettings:
    """The settings of this environment."""
    return ApiSettings.from_environment()


@lru_cache(maxsize=1)
def database() -> Database:
    """The database of this environment."""
    return Database.of_secret(settings().database_secret, application="api")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what he may do. A login may do everything, a key what its scopes say."""

    user_id: UUID
    scopes: frozenset[str] | None = None
    login_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the scope is his."""
        return self.scopes is None or scope in self.scopes


def hash_of_key(key: str) -> bytes:
    """What is kept of an API key."""
    return hashlib.sha256(key.encode()).digest()


def principal(request: Request) -> Principal:
    """Who asks: an access token or an API key in the Authorization header, or the dashboard's cookies.

    With cookies, every request that changes something must carry the login's CSRF token in a header.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        if token.startswith(KEY_PREFIX):
            with database().transaction() as connection:
                key = api_keys.find_key(connection, hash_of_key(token))
            if key is not None:
                return Principal(key[0], frozenset(key[1]))
        elif (access := read_access_token(settings().token_secret, token)) is not None:
            return Principal(access.user_id, None, access.login_id)
    elif not token and (cookie := request.cookies.get(ACCESS_COOKIE)):
        access = read_access_token(settings().token_secret, cookie)
        if access is not None:
            if request.method not in _SAFE:
                _check_csrf(request, access.login_id)
            return Principal(access.user_id, None, access.login_id)
    raise Problem(401, "unauthorized", "Log in first.", headers={"WWW-Authenticate": "Bearer"})


def _check_csrf(request: Request, login_id: str) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_token(settings().token_secret, login_id).encode()):
        raise Problem(403, "csrf", "The request did not come from a page of ours: send the CSRF token along.")


CurrentPrincipal = Annotated[Principal, Depends(principal)]


def requires(scope: Scope) -> Callable[[Principal], UUID]:
    """A dependency that gives the user's id to whoever has the scope."""

    def check(asking: CurrentPrincipal) -> UUID:
        if not asking.may(scope):
            raise Problem(403, "scope", f"The API key lacks the scope {scope!r}.", scope=scope)
        return asking.user_id

    return check


def login_only(asking: CurrentPrincipal) -> Principal:
    """A dependency for what an API key must never do: change credentials, or end the account."""
    if asking.scopes is not None:
        raise Problem(403, "login-required", "An API key cannot do this. Log in.")
    return asking


Reader = Annotated[UUID, Depends(requires("read"))]
Writer = Annotated[UUID, Depends(requires("write"))]
Trader = Annotated[UUID, Depends(requires("trade"))]
AiUser = Annotated[UUID, Depends(requires("ai"))]
LoggedIn = Annotated[Principal, Depends(login_only)]


def anonymous_transaction() -> Iterator[Connection]:
    """A transaction in which no user's rows are visible."""
    with database().transaction() as connection:
        yield connection


def reader_transaction(user_id: Reader) -> Iterator[Connection]:
    """A transaction that sees the rows of the user who asks; what it asks travels in one go."""
    with database().reading(user_id) as connection:
        yield connection


def writer_transaction(user_id: Writer) -> Iterator[Connection]:
    """A transaction that sees and writes the rows of the user who asks; committed when the endpoint returns."""
    with database().transaction(user_id) as connection:
        yield connection


AnonymousConnection = Annotated[Connection, Depends(anonymous_transaction, scope="function")]
UserConnection = Annotated[Connection, Depends(reader_transaction, scope="function")]
WriterConnection = Annotated[Connection, Depends(writer_transaction, scope="function")]


def client_address(request: Request) -> str:
    """Where the request came from, as the gateway saw it."""
    return request.client.host if request.client else "unknown"
