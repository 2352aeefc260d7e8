"""Access tokens: short-lived, signed, carrying the user's id and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from stratforge.configuration import TokenSecret, read_secret

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
COOKIE = "stratforge_access"
_AUDIENCE = "stratforge-api"


def issue_access_token(secret_name: str, user_id: UUID) -> str:
    """A token for a user."""
    secret = read_secret(TokenSecret, secret_name)
    now = datetime.now(UTC)
    claims = {"sub": str(user_id), "aud": _AUDIENCE, "iat": now, "exp": now + ACCESS_LIFETIME}
    return jwt.encode(claims, secret.signing_key.get_secret_value(), "HS256", headers={"kid": secret.key_id})


def read_access_token(secret_name: str, token: str) -> UUID | None:
    """The user of a valid token; None for any other."""
    secret = read_secret(TokenSecret, secret_name)
    try:
        claims = jwt.decode(
            token,
            secret.signing_key.get_secret_value(),
            algorithms=["HS256"],
            audience=_AUDIENCE,
            options={"require": ["exp", "sub", "aud"]},
        )
        return UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError):
        return None
