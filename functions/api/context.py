"""Dependencies of endpoints: the settings, the database, and the caller of a request."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from stratforge.application.access import Caller, Scope
from stratforge.application.accounts import Registration
from stratforge.application.api_keys import KEY_PREFIX, caller_of_key
from stratforge.application.logins import Origin
from stratforge.application.passkeys import Party
from stratforge.bus.dead_letters import QueueName, ask_to_redrive
from stratforge.bus.outbox import Outbox
from stratforge.configuration import TokenSecret, read_secret
from stratforge.storage.postgres.database import Connection, Database

from functions.api.problems import Problem, unauthenticated
from functions.api.settings import ApiSettings
from functions.api.tokens import ACCESS_COOKIE, CSRF_HEADER, DEVICE_COOKIE, DEVICE_HEADER, csrf_token, read_access_token

_SAFE = ("GET", "HEAD", "OPTIONS")


@lru_cache(maxsize=1)
def settings() -> ApiSettings:
    """The settings of this execution environment, read once."""
    return ApiSettings.from_environment()


@lru_cache(maxsize=1)
def database() -> Database:
    """The database of this execution environment, as the role of the API."""
    return Database.of_secret(settings().database_secret, application="api")


@lru_cache(maxsize=1)
def outbox() -> Outbox:
    """The queues and the topic that this environment writes to."""
    given = settings()
    return Outbox(
        given.signals_queue_url,
        given.subscription_topic_arn,
        given.jobs_queue_url,
        given.backtests_queue_url,
        given.mails_queue_url,
    )


def redrive_by_function(queue: QueueName) -> int:
    """Has dead letters sent again by the function that may: the API itself may send to few queues."""
    return ask_to_redrive(settings().redriver_function, queue)


def registration(request: Request) -> Registration:
    """Returns the settings for new accounts."""
    given = settings()
    return Registration(
        given.starting_balance, given.registrations_per_address, site(request), given.registrations_by_mail
    )


def caller(request: Request) -> Caller:
    """Identifies the caller by an access token or an API key in the Authorization header, or by the dashboard's
    cookies.

    With cookies, every request that changes something must carry the login's CSRF token in a header.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        if token.startswith(KEY_PREFIX):
            if (owner := caller_of_key(database(), token)) is not None:
                return owner
        elif (access := read_access_token(settings().token_secret, token)) is not None:
            return Caller(access.user_id, access.scopes, access.login_id)
    elif not token and (cookie := request.cookies.get(ACCESS_COOKIE)):
        access = read_access_token(settings().token_secret, cookie)
        # A page is a person's: no program's token is taken from a cookie.
        if access is not None and access.scopes is None:
            if request.method not in _SAFE:
                _check_csrf(request, access.login_id)
            return Caller(access.user_id, None, access.login_id)
    raise unauthenticated()


def _check_csrf(request: Request, login_id: str) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_token(settings().token_secret, login_id).encode()):
        raise Problem(403, "csrf", "The request did not come from a page of ours: send the CSRF token along.")


Asking = Annotated[Caller, Depends(caller)]


def requires(scope: Scope) -> Callable[[Caller], UUID]:
    """A dependency that gives the user's id to whoever has the scope."""

    def check(asking: Asking) -> UUID:
        asking.require(scope)
        return asking.user_id

    return check


def login_only(asking: Asking) -> Caller:
    """A dependency for what an API key must never do: change credentials, or end the account."""
    asking.require_login()
    return asking


Reader = Annotated[UUID, Depends(requires(Scope.READ))]
LoggedIn = Annotated[Caller, Depends(login_only)]


def anonymous_transaction() -> Iterator[Connection]:
    """A transaction in which no user's rows are visible."""
    with database().transaction() as connection:
        yield connection


def reader_transaction(asking: Asking) -> Iterator[Connection]:
    """A transaction that sees the rows of the user who asks; what it asks travels in one go."""
    asking.require(Scope.READ)
    with database().reading(asking) as connection:
        yield connection


AnonymousConnection = Annotated[Connection, Depends(anonymous_transaction, scope="function")]
UserConnection = Annotated[Connection, Depends(reader_transaction, scope="function")]


def site(request: Request) -> str:
    """Returns the platform's own address, for links: as the gateway says it, never as a header of whoever asks does."""
    gateway = request.scope.get("aws.event", {}).get("requestContext", {})
    if not gateway:
        return str(request.base_url).rstrip("/")
    # AWS's gateways know no other scheme; on one machine the front door says which it was.
    scheme = request.url.scheme if os.environ.get("AWS_ENDPOINT_URL") else "https"
    return f"{scheme}://{gateway['domainName']}"


def party(request: Request) -> Party:
    """Returns the site that visitors' devices sign for."""
    signing_key = read_secret(TokenSecret, settings().token_secret).signing_key.get_secret_value()
    return Party(site(request), hmac.new(signing_key.encode(), b"passkeys", hashlib.sha256).digest())


def origin(request: Request) -> Origin:
    """Returns where a request comes from: the address as the gateway saw it, what the client says it is, and the device it was before."""
    device = request.headers.get(DEVICE_HEADER) or request.cookies.get(DEVICE_COOKIE, "")
    return Origin(
        request.client.host if request.client else "unknown", request.headers.get("user-agent", ""), device[:100]
    )
