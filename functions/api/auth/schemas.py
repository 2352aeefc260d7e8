"""Requests and answers of `auth`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from stratforge.application.access import Scope
from stratforge.application.passkeys import Answer, PasskeyName
from stratforge.application.passwords import Email, LoginRequest, OneTimeCode, Password, Proof


class RefreshRequest(BaseModel):
    """A refresh token; pages leave it out, their cookie has it."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: str | None = Field(None, min_length=20, max_length=200)


class ResetRequest(BaseModel):
    """The address of an account whose password is forgotten."""

    model_config = ConfigDict(extra="forbid")

    email: Email


class LinkToken(BaseModel):
    """The token of a link that was sent by mail."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(
        pattern=r"^[A-Za-z0-9_-]{20,100}$",
        description="What the link has as its `token`; good once",
        examples=["Zk1vTqv0mQy3p2dYJ8n6rW4xB7sK9uHcLfAeGgRt5No"],
    )


class LoginBody(LoginRequest):
    """An e-mail address and a password, and where the account has a second factor a code of it or the answer of a passkey."""

    passkey: Answer | None = Field(None, description="A passkey of the account, in the place of a code")


class PasskeyLogin(BaseModel):
    """The answer of a passkey to the options of a login."""

    model_config = ConfigDict(extra="forbid")

    credential: Answer


class PasskeyRename(BaseModel):
    """The name that a passkey has from now on."""

    model_config = ConfigDict(extra="forbid")

    name: PasskeyName


class PasskeyOptions(BaseModel):
    """The options that a page gives to the browser for the device: `PublicKeyCredential.parseRequestOptionsFromJSON`, or `parseCreationOptionsFromJSON` to add one."""

    options: dict[str, Any] = Field(
        description="As WebAuthn has them; good for five minutes",
        examples=[{"challenge": "AAAB", "rpId": "example.com"}],
    )


class PasswordReset(LinkToken):
    """The token of a link, and the password that takes the place of the forgotten one."""

    new_password: Password


class AddressConfirmation(LinkToken):
    """The token of a link, and the password of the account that the address is for."""

    password: SecretStr


class EmailChange(Proof):
    """The address that is to take the place of the account's."""

    email: Email


class CodeProof(BaseModel):
    """A code of the second factor."""

    model_config = ConfigDict(extra="forbid")

    code: OneTimeCode


class Tokens(BaseModel):
    """Tokens of a login. Pages get the same as cookies; `csrf_token` goes into the header X-CSRF-Token of their changes."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme's name
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
    scopes: list[Scope] | None = Field(
        description="What a program may do that was allowed to act for the user; null for a person"
    )


class LoginList(BaseModel):
    """Open logins, the one that was used last first."""

    items: list[LoginView]


class LoginsEnded(BaseModel):
    """The number of logins that were ended."""

    ended: int
