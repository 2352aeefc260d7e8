"""Requests and answers of `auth`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class RefreshRequest(BaseModel):
    """A refresh token; pages leave it out, their cookie has it."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: str | None = Field(None, min_length=20, max_length=200)


class PasswordProof(BaseModel):
    """The password, once more, before something that cannot be undone."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr


class Tokens(BaseModel):
    """Tokens of a login. Pages get the same as cookies; `csrf_token` goes into the header X-CSRF-Token of their changes."""

    access_token: str
    refresh_token: str
    token_type: str = "bearer"  # noqa: S105 - the scheme's name
    expires_in: int = Field(description="Seconds until the access token expires")
    csrf_token: str
