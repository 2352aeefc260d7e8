"""Access tokens: short-lived, signed, carrying the user's id and the login they belong to, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from stratforge.application.access import Scope
from stratforge.configuration import TokenSecret, read_secret

ACCESS_LIFETIME = timedelta(minutes=15)
ACCESS_COOKIE = "stratforge_access"
CSRF_HEADER = "x-csrf-token"
# What a device that logged in before shows at the next login: a browser as a cookie, a program as a header.
DEVICE_COOKIE, DEVICE_HEADER = "stratforge_device", "x-device"
# Whom a token is for: a person's for all of the API, a program's for what the scopes of its login allow, by way of `/mcp` or directly.
_AUDIENCE, _PROGRAMS = "stratforge-api", "stratforge-programs"


@dataclass(frozen=True, slots=True)
class Access:
    """The user and the login named by an access token, and the scopes of a program's; None for a person's."""

    user_id: UUID
    login_id: str
    scopes: frozenset[Scope] | None = None


def issue_access_token(secret_name: str, user_id: UUID, login_id: str, scopes: Iterable[str] | None = None) -> str:
    """Signs an access token for a user and a login, a program's with its scopes; it is good for minutes."""
    secret = read_secret(TokenSecret, secret_name)
    now = datetime.now(UTC)
    claims = {"sub": str(user_id), "sid": login_id, "aud": _AUDIENCE, "iat": now, "exp": now + ACCESS_LIFETIME}
    if scopes is not None:
        claims |= {"aud": _PROGRAMS, "scope": " ".join(scopes)}
    return jwt.encode(claims, secret.signing_key.get_secret_value(), "HS256", headers={"kid": secret.key_id})


def read_access_token(secret_name: str, token: str) -> Access | None:
    """Returns the user and login of a valid access token; None for any other text."""
    secret = read_secret(TokenSecret, secret_name)
    try:
        key = secret.key(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            return None
        claims = jwt.decode(
            token,
            key.get_secret_value(),
            algorithms=["HS256"],
            audience=(_AUDIENCE, _PROGRAMS),
            options={"require": ["exp", "sub", "aud", "sid"]},
        )
        # A program's token without a scope may nothing.
        scopes = None if claims["aud"] == _AUDIENCE else frozenset(map(Scope, claims.get("scope", "").split()))
        return Access(UUID(claims["sub"]), str(claims["sid"]), scopes)
    except (jwt.InvalidTokenError, ValueError):
        return None


def csrf_token(secret_name: str, login_id: str) -> str:
    """Computes the token that a page must send with every change made with cookies: bound to the login, and unknown to
    other sites."""
    key = read_secret(TokenSecret, secret_name).signing_key.get_secret_value()
    return hmac.new(key.encode(), f"csrf:{login_id}".encode(), hashlib.sha256).hexdigest()
