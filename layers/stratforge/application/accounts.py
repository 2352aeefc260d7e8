"""Accounts: registered, entered, left, and closed. Logins are families of refresh tokens, each of which is good once."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated
from uuid import UUID, uuid4

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from stratforge.application.access import Caller
from stratforge.application.errors import Conflict, Forbidden, LimitReached, NotFound, Unauthenticated
from stratforge.bus.outbox import Outbox
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import accounts

REFRESH_LIFETIME = timedelta(days=30)
# Failed logins of one account, and attempts of one address, that are allowed at once; both refill over a quarter of an hour.
_ACCOUNT_FAILURES, _ADDRESS_ATTEMPTS, _REGISTRATIONS = 10.0, 60.0, 30.0
_REFILL_SECONDS = 900.0
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value) or not value.isascii():
        raise ValueError("give an e-mail address such as ada@example.com")
    return value.lower()


def _password(value: SecretStr) -> SecretStr:
    if not 10 <= len(value.get_secret_value()) <= 200:
        raise ValueError("give a password of 10 to 200 characters")
    return value


Email = Annotated[str, Field(max_length=254, examples=["ada@example.com"]), AfterValidator(_email)]
Password = Annotated[SecretStr, Field(examples=["correct horse battery"]), AfterValidator(_password)]


class Credentials(BaseModel):
    """An e-mail address and a password, checked for their form: what registering and logging in ask for."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    password: Password


class PasswordChange(BaseModel):
    """The password that is in force and the one that takes its place."""

    model_config = ConfigDict(extra="forbid")

    current_password: SecretStr
    new_password: Password


@dataclass(frozen=True, slots=True)
class Login:
    """A user who has logged in.

    Attributes:
        login_id: Stays the same while refresh tokens are exchanged.
        refresh_token: Exchanged once for the next one.
    """

    user_id: UUID
    login_id: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Registration:
    """Settings for new accounts: their starting balance and the limit on registrations.

    Attributes:
        starting_balance: Dollars of virtual cash.
        per_address: New accounts of one address in a quarter of an hour; 0 for the usual thirty.
    """

    starting_balance: Decimal
    per_address: float = 0.0


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    # OWASP's argon2id parameters: 19 MiB, two passes, one lane.
    return PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))


def hash_password(password: SecretStr) -> str:
    """The hash that a password is stored as and checked against (argon2id)."""
    return _hasher().hash(password.get_secret_value())


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_urlsafe(32))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _too_many() -> LimitReached:
    return LimitReached(
        "Too many attempts. Try again in a quarter of an hour.", code="too-many-attempts", retry_after=_REFILL_SECONDS
    )


def register(database: Database, credentials: Credentials, address: str, terms: Registration) -> Login:
    """Creates an account with a virtual portfolio of its own, and logs in.

    Args:
        address: The network address that the request came from.

    Raises:
        LimitReached: if too many accounts were made from there.
        Conflict: if the e-mail address has an account.
    """
    allowed = terms.per_address or _REGISTRATIONS
    with database.transaction() as connection:
        if not limits.take(connection, f"register:{address}", allowed, allowed / _REFILL_SECONDS):
            raise _too_many()
    hashed = hash_password(credentials.password)
    with database.transaction() as connection:
        user_id = accounts.register_user(connection, credentials.email, hashed, terms.starting_balance)
    if user_id is None:
        raise Conflict("This address cannot be registered. Log in, or use another.", code="email-taken")
    return _continued(database, user_id, uuid4())


def log_in(database: Database, credentials: Credentials, address: str) -> Login:
    """Logs in. A wrong address takes as long and sounds the same as a wrong password, and is locked out alike.

    Args:
        address: The network address that the request came from.

    Raises:
        LimitReached: after ten wrong passwords of the account, or sixty attempts of the network address.
        Unauthenticated: if the e-mail address or the password is wrong.
    """
    account = f"login-account:{credentials.email}"
    with database.transaction() as connection:
        if not limits.take(
            connection, f"login:{address}", _ADDRESS_ATTEMPTS, _ADDRESS_ATTEMPTS / _REFILL_SECONDS
        ) or not limits.has(connection, account, _ACCOUNT_FAILURES, _ACCOUNT_FAILURES / _REFILL_SECONDS):
            raise _too_many()
        found = accounts.find_credentials(connection, credentials.email)
    given = credentials.password.get_secret_value()
    valid = _hasher().verify(given, found.password_hash if found else _nobodys_hash())
    if not valid or found is None:
        with database.transaction() as connection:
            limits.take(connection, account, _ACCOUNT_FAILURES, _ACCOUNT_FAILURES / _REFILL_SECONDS)
        raise Unauthenticated("The address or the password is wrong.", code="wrong-credentials")
    return _continued(database, found.user_id, uuid4())


def refresh_login(database: Database, token: str) -> Login:
    """Exchanges a refresh token for the next. A token that comes twice was stolen: its whole family is revoked.

    Raises:
        Unauthenticated: if the token is unknown, expired or spent.
    """
    expired = Unauthenticated("The session has ended. Log in again.", code="session-expired")
    hashed = _hash(token)
    with database.transaction() as connection:
        found = accounts.find_refresh_token(connection, hashed)
    if found is None or found.expires_at < datetime.now(UTC):
        raise expired
    with database.transaction(found.user_id) as connection:
        spent_now = accounts.spend_refresh_token(connection, hashed)
        if not spent_now:
            accounts.revoke_family(connection, found.family_id)
    if not spent_now:
        raise expired
    return _continued(database, found.user_id, found.family_id)


def log_out(database: Database, token: str) -> None:
    """Revokes a refresh token and all that descend from its login."""
    with database.transaction() as connection:
        found = accounts.find_refresh_token(connection, _hash(token))
    if found is not None:
        with database.transaction(found.user_id) as connection:
            accounts.revoke_family(connection, found.family_id)


def change_password(database: Database, caller: Caller, change: PasswordChange) -> Login:
    """Sets a new password, ends every login, and begins a new one.

    Raises:
        Forbidden: if the current password is wrong, or an API key asks for it.
        LimitReached: after ten wrong passwords.
    """
    caller.require_login()
    _check_password(database, caller.user_id, change.current_password)
    hashed = hash_password(change.new_password)
    with database.transaction(caller.user_id) as connection:
        accounts.set_password_hash(connection, caller.user_id, hashed)
        accounts.revoke_all(connection, caller.user_id)
    return _continued(database, caller.user_id, uuid4())


def close_account(database: Database, outbox: Outbox, caller: Caller, password: SecretStr) -> None:
    """Closes the account: sessions stop, orders end, positions are sold, the address is forgotten. It cannot be undone.

    Raises:
        Forbidden: if the password is wrong, or an API key asks for it.
        LimitReached: after ten wrong passwords.
        NotFound: if it is closed already.
    """
    caller.require_login()
    _check_password(database, caller.user_id, password)
    with database.transaction(caller.user_id) as connection:
        symbols = accounts.symbols_of(connection, caller.user_id)
        closed = accounts.close_account(connection)
    if not closed:
        raise NotFound("user")
    for symbol in symbols:
        outbox.wake_executor(symbol, f"closed-{caller.user_id}")


def _check_password(database: Database, user_id: UUID, password: SecretStr) -> None:
    with database.transaction(user_id) as connection:
        if not limits.take(connection, f"password:{user_id}", _ACCOUNT_FAILURES, _ACCOUNT_FAILURES / _REFILL_SECONDS):
            raise _too_many()
        stored = accounts.password_hash(connection, user_id)
    if stored is None or not _hasher().verify(password.get_secret_value(), stored):
        raise Forbidden("The password is wrong.", code="wrong-password")


def _continued(database: Database, user_id: UUID, family_id: UUID) -> Login:
    """A login with its next refresh token."""
    token = secrets.token_urlsafe(32)
    with database.transaction(user_id) as connection:
        accounts.add_refresh_token(connection, _hash(token), user_id, family_id, datetime.now(UTC) + REFRESH_LIFETIME)
    return Login(user_id, str(family_id), token)
