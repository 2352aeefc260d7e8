"""Requests and answers of `auth`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

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
    device: str | None = Field(
        None,
        description="Send it as X-Device at the next login, so that others who guess your password do not lock you out",
    )


class LoginView(BaseModel):
    """An open login: where it began, and when it was last used."""

    model_config = ConfigDict(from_attributes=True)

    login_id: UUID
    address: str = Field(description="The network address that it began at")
    client: str = Field(description="The browser or program, as it names itself")
    created_at: datetime
    last_seen_at: datetime
    authenticated_at: datetime = Field(description="When the password was last given")


class LoginList(BaseModel):
    """Open logins, the one that was used last first."""

    items: list[LoginView]


class LoginsEnded(BaseModel):
    """The number of logins that were ended."""

    ended: int
