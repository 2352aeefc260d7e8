"""What endpoints are given: the settings, the database, and who is asking."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from stratforge.storage.database import Connection, Database

from functions.api.auth.tokens import COOKIE, read_access_token
from functions.api.problems import Problem
from functions.api.settings import ApiSettings


@lru_cache(maxsize=1)
def settings() -> ApiSettings:
    """The settings of this environment."""
    return ApiSettings.from_environment()


@lru_cache(maxsize=1)
def database() -> Database:
    """The database of this environment."""
    return Database.of_secret(settings().database_secret, application="api")


def current_user(request: Request) -> UUID:
    """The user whose access token came with the request, in the Authorization header or the dashboard's cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = request.cookies.get(COOKIE, "") if request.method == "GET" else ""
    user_id = read_access_token(settings().token_secret, token) if token else None
    if user_id is None:
        raise Problem(401, "unauthorized", "Log in first.", headers={"WWW-Authenticate": "Bearer"})
    return user_id


CurrentUser = Annotated[UUID, Depends(current_user)]


def anonymous_transaction() -> Iterator[Connection]:
    """A transaction in which no user's rows are visible."""
    with database().transaction() as connection:
        yield connection


def user_transaction(user_id: CurrentUser) -> Iterator[Connection]:
    """A transaction that sees the rows of the user who asks; committed when the endpoint returns."""
    with database().transaction(user_id) as connection:
        yield connection


AnonymousConnection = Annotated[Connection, Depends(anonymous_transaction, scope="function")]
UserConnection = Annotated[Connection, Depends(user_transaction, scope="function")]
