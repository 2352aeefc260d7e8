"""Registering, logging in, rotating refresh tokens, and changing a password."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID, uuid4

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr
from stratforge.storage.postgres import limits
from stratforge.storage.users import accounts

from functions.api.auth.schemas import Credentials, Tokens
from functions.api.auth.tokens import ACCESS_LIFETIME, REFRESH_LIFETIME, csrf_token, issue_access_token
from functions.api.context import database, settings
from functions.api.problems import Problem

# Failed logins of one account, and attempts of one address, that are allowed at once; both refill over a quarter of an hour.
_ACCOUNT_FAILURES, _ADDRESS_ATTEMPTS, _REGISTRATIONS = 10.0, 60.0, 30.0
_REFILL_SECONDS = 900.0


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    # OWASP's argon2id parameters: 19 MiB, two passes, one lane.
    return PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_urlsafe(32))


def _too_many() -> Problem:
    return Problem(
        429,
        "too-many-attempts",
        "Too many attempts. Try again in a quarter of an hour.",
        headers={"Retry-After": "900"},
    )


def register(credentials: Credentials, address: str) -> Tokens:
    """Creates an account and logs in."""
    allowed = settings().registrations_per_address or _REGISTRATIONS
    with database().transaction() as connection:
        if not limits.take(connection, f"register:{address}", allowed, allowed / _REFILL_SECONDS):
            raise _too_many()
    hashed = _hasher().hash(credentials.password.get_secret_value())
    with database().transaction() as connection:
        user_id = accounts.register_user(connection, credentials.email, hashed, settings().starting_balance)
    if user_id is None:
        raise Problem(409, "email-taken", "This address cannot be registered. Log in, or use another.")
    return _new_login(user_id)


def login(credentials: Credentials, address: str) -> Tokens:
    """Logs in. A wrong address takes as long and sounds the same as a wrong password, and is locked out alike."""
    account = f"login-account:{credentials.email}"
    with database().transaction() as connection:
        if not limits.take(
            connection, f"login:{address}", _ADDRESS_ATTEMPTS, _ADDRESS_ATTEMPTS / _REFILL_SECONDS
        ) or not limits.has(connection, account, _ACCOUNT_FAILURES, _ACCOUNT_FAILURES / _REFILL_SECONDS):
            raise _too_many()
        found = accounts.find_credentials(connection, credentials.email)
    valid = _hasher().verify(credentials.password.get_secret_value(), found[1] if found else _nobodys_hash())
    if not valid or found is None:
        with database().transaction() as connection:
            limits.take(connection, account, _ACCOUNT_FAILURES, _ACCOUNT_FAILURES / _REFILL_SECONDS)
        raise Problem(401, "wrong-credentials", "The address or the password is wrong.")
    return _new_login(found[0])


def refresh(token: str) -> Tokens:
    """Exchanges a refresh token for new tokens. A token that comes twice was stolen: its whole family is revoked."""
    expired = Problem(401, "session-expired", "The session has ended. Log in again.")
    hashed = _hash(token)
    with database().transaction() as connection:
        found = accounts.find_refresh_token(connection, hashed)
    if found is None or found.expires_at < datetime.now(UTC):
        raise expired
    with database().transaction(found.user_id) as connection:
        spent_now = accounts.spend_refresh_token(connection, hashed)
        if not spent_now:
            accounts.revoke_family(connection, found.family_id)
    if not spent_now:
        raise expired
    return _tokens(found.user_id, found.family_id)


def logout(token: str) -> None:
    """Revokes a refresh token and all that descend from its login."""
    with database().transaction() as connection:
        found = accounts.find_refresh_token(connection, _hash(token))
    if found is not None:
        with database().transaction(found.user_id) as connection:
            accounts.revoke_family(connection, found.family_id)


def check_password(user_id: UUID, password: SecretStr) -> None:
    """
    Raises:
        Problem: 403 if it is not the user's password.
    """
    with database().transaction(user_id) as connection:
        bucket = f"password:{user_id}"
        if not limits.take(connection, bucket, _ACCOUNT_FAILURES, _ACCOUNT_FAILURES / _REFILL_SECONDS):
            raise _too_many()
        stored = accounts.password_hash(connection, user_id)
    if stored is None or not _hasher().verify(password.get_secret_value(), stored):
        raise Problem(403, "wrong-password", "The password is wrong.")


def change_password(user_id: UUID, current: SecretStr, new: SecretStr) -> Tokens:
    """Sets a new password, ends every login, and begins a new one."""
    check_password(user_id, current)
    hashed = _hasher().hash(new.get_secret_value())
    with database().transaction(user_id) as connection:
        accounts.set_password_hash(connection, user_id, hashed)
        accounts.revoke_all(connection, user_id)
    return _new_login(user_id)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _new_login(user_id: UUID) -> Tokens:
    return _tokens(user_id, uuid4())


def _tokens(user_id: UUID, family_id: UUID) -> Tokens:
    token = secrets.token_urlsafe(32)
    with database().transaction(user_id) as connection:
        accounts.add_refresh_token(connection, _hash(token), user_id, family_id, datetime.now(UTC) + REFRESH_LIFETIME)
    login_id = str(family_id)
    return Tokens(
        access_token=issue_access_token(settings().token_secret, user_id, login_id),
        refresh_token=token,
        expires_in=int(ACCESS_LIFETIME.total_seconds()),
        csrf_token=csrf_token(settings().token_secret, login_id),
    )
