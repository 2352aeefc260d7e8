"""Passwords and e-mail addresses: what is accepted as one, and how passwords are kept."""

from __future__ import annotations

import re
import secrets
from functools import lru_cache
from typing import Annotated

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from stratforge.application.errors import Invalid

# A dot-atom (RFC 5322): what quotes, comments and encoded words lead to, mail programs do not agree on.
_EMAIL = re.compile(
    r"(?=.{1,64}@)[\w!#$%&'*+/~-]+(?:\.[\w!#$%&'*+/~-]+)*@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?",
    re.ASCII,
)
_SHORTEST, _LONGEST = 10, 200
# Of zxcvbn's scores 0 to 4: 2 takes an attacker with the hashes more than a hundred million guesses.
_STRONG_ENOUGH = 2
# The time that zxcvbn takes grows with the cube of the length and with every letter that may stand for another: of this many characters it is milliseconds.
_JUDGED = 16


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value) or not value.isascii():
        raise ValueError("give an e-mail address such as ada@example.com")
    return value.lower()


def _password(value: SecretStr) -> SecretStr:
    if not _SHORTEST <= len(value.get_secret_value()) <= _LONGEST:
        raise ValueError(f"give a password of {_SHORTEST} to {_LONGEST} characters")
    return value


def require_strong(password: SecretStr) -> None:
    """Makes sure that a new password is hard to guess: what it begins with, or what it ends with. It costs a while, so limits come first.

    Raises:
        Invalid: if it is easy to guess, with the reason.
    """
    # Its lists of passwords and words take a moment to load, and only who sets a password needs them.
    from zxcvbn import zxcvbn

    text = password.get_secret_value()
    found = zxcvbn(text[:_JUDGED])
    if found["score"] < _STRONG_ENOUGH and (len(text) <= _JUDGED or zxcvbn(text[-_JUDGED:])["score"] < _STRONG_ENOUGH):
        why = found["feedback"]["warning"] or "It is easy to guess."
        raise Invalid(f"This password is too weak: {why.rstrip('.')}. Add a few unusual words.", code="weak-password")


Email = Annotated[
    str,
    Field(
        max_length=254,
        examples=["ada@example.com"],
        json_schema_extra={
            "pattern": r"^[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20}){0,2}@[A-Za-z0-9]([A-Za-z0-9.-]{0,150}[A-Za-z0-9])?$"
        },
    ),
    AfterValidator(_email),
]
_AS_TEXT: JsonDict = {"minLength": _SHORTEST, "maxLength": _LONGEST}
_SHOWN = Field(examples=["correct horse battery"], json_schema_extra=_AS_TEXT)
Password = Annotated[SecretStr, _SHOWN, AfterValidator(_password)]


class Credentials(BaseModel):
    """An e-mail address and a password."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    password: Password


OneTimeCode = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-Za-z -]{6,24}$",
        description="Six digits that the authenticator app shows now, or a recovery code",
        examples=["492039"],
    ),
]


class LoginRequest(Credentials):
    """An e-mail address and a password, and a code where the account has a second factor."""

    code: OneTimeCode | None = Field(
        None,
        description="Six digits that the authenticator app shows now, or a recovery code, where the account has a second factor",
    )


CODE_MEANING = "A code of the second factor, where the account has one"


class Proof(BaseModel):
    """The password and, where the account has a second factor, a code: given once more before something that changes how the account is entered."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr
    code: OneTimeCode | None = Field(None, description=CODE_MEANING)


class PasswordChange(BaseModel):
    """The password that is in force and the one that takes its place."""

    model_config = ConfigDict(extra="forbid")

    current_password: SecretStr
    new_password: Password
    code: OneTimeCode | None = Field(None, description=CODE_MEANING)

    @property
    def proof(self) -> Proof:
        """The proof that it is the owner who asks."""
        return Proof(password=self.current_password, code=self.code)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    # OWASP's argon2id parameters: 19 MiB, two passes, one lane.
    return PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))


@lru_cache(maxsize=1)
def nobodys_hash() -> str:
    """The hash of a password that nobody knows, for addresses without an account: checking takes as long as with one."""
    return _hasher().hash(secrets.token_urlsafe(32))


def hash_password(password: SecretStr) -> str:
    """Hashes a password with argon2id, for keeping."""
    return _hasher().hash(password.get_secret_value())


def fits(password: SecretStr, kept: str) -> bool:
    """Returns whether a password is the one that was hashed; False for an account that has none any more."""
    try:
        return _hasher().verify(password.get_secret_value(), kept)
    except UnknownHashError:
        return False
