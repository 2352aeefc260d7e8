"""Requests and answers of `auth`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value) or not value.isascii():
        raise ValueError("give an e-mail address such as ada@example.com")
    return value.lower()


Email = Annotated[str, Field(max_length=254, examples=["ada@example.com"]), AfterValidator(_email)]


def _password(value: SecretStr) -> SecretStr:
    if not 10 <= len(value.get_secret_value()) <= 200:
        raise ValueError("give a password of 10 to 200 characters")
    return value


Password = Annotated[SecretStr, Field(examples=["correct horse battery"]), AfterValidator(_password)]


class Credentials(BaseModel):
    """An address and a password."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    password: Password


class RefreshRequest(BaseModel):
    """A refresh token; pages leave it out, their cookie has it."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: str | None = Field(None, min_length=20, max_length=200)


class PasswordChange(BaseModel):
    """The password that is in force and the one that takes its place."""

    model_config = ConfigDict(extra="forbid")

    current_password: SecretStr
    new_password: Password


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
