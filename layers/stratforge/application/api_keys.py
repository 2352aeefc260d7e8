"""Personal API keys: made by people, used by programs, kept as hashes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict, Forbidden, NotFound
from stratforge.application.idempotency import RequestKey
from stratforge.application.passwords import CODE_MEANING, OneTimeCode, Proof
from stratforge.application.proofs import hold, require_recent_proof
from stratforge.application.strategies import NAME_PATTERN
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import api_keys
from stratforge.storage.users.api_keys import StoredKey
from stratforge.storage.users.tokens import hash_token

KEY_PREFIX = "sfk_"
_MAX_KEYS = 50
_HINT_LENGTH = 10
# A key that is valid for longer wants the proof of its own, however lately another was given.
_LONG_DAYS = 90


class NewApiKey(BaseModel):
    """The request for an API key: its name, what it may do, and how many days it is valid."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "notebook", "scopes": ["read"], "days": 30}]}
    )

    name: str = Field(min_length=1, max_length=100, pattern=NAME_PATTERN)
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    days: int | None = Field(90, ge=1, le=3650, description="Valid for so many days; null: until it is revoked")
    password: SecretStr | None = Field(
        None,
        description="Needed for a key that is valid for more than 90 days, or when it was last given more than ten minutes ago",
    )
    code: OneTimeCode | None = Field(None, description=f"{CODE_MEANING}; with the password")


@dataclass(frozen=True, slots=True)
class MadeKey(StoredKey):
    """A new key with its text, which is shown this once."""

    key: str


def caller_of_key(database: Database, key: str) -> Caller | None:
    """The user whose valid key it is, with the key's scopes; None for one that is unknown, revoked or expired."""
    with database.transaction() as connection:
        owner = api_keys.find_key(connection, hash_token(key))
    return Caller(owner.user_id, frozenset(map(Scope, owner.scopes)), key_id=owner.key_id) if owner else None


def create_key(database: Database, caller: Caller, new: NewApiKey, request: RequestKey) -> MadeKey:
    """Makes a key. Its text is kept nowhere; the same request repeated gives it again.

    Raises:
        Forbidden: if a key asks for another, or the proof is wrong or missing.
        Conflict: if there are fifty already.
    """
    proof = Proof(password=new.password, code=new.code) if new.password is not None else None
    if proof is None and (new.days is None or new.days > _LONG_DAYS):
        caller.require_login()
        message = f"Give your password as well: the key would be valid for more than {_LONG_DAYS} days."
        raise Forbidden(message, code="password-required")
    require_recent_proof(database, caller, proof)
    key = KEY_PREFIX + request.new_secret(caller.user_id)
    expires_at = datetime.now(UTC) + timedelta(days=new.days) if new.days else None
    scopes = sorted({scope.value for scope in new.scopes})
    with database.transaction(caller) as connection:
        hold(connection, caller)
        key_id = request.new_id(connection, caller.user_id)
        kept = api_keys.list_keys(connection, caller.user_id)
        if (made := next((each for each in kept if each.key_id == key_id), None)) is not None:
            if api_keys.find_key(connection, hash_token(key)) is None:
                raise Conflict(
                    f"The key {made.name} was made by this request before, and is not valid any more.", code="key-ended"
                )
            return MadeKey(**asdict(made), key=key)
        if len([each for each in kept if each.revoked_at is None]) >= _MAX_KEYS:
            raise Conflict(f"There are {_MAX_KEYS} keys already; revoke one first.", code="too-many-keys")
        stored = api_keys.add_key(
            connection, key_id, caller.user_id, new.name, hash_token(key), key[:_HINT_LENGTH], scopes, expires_at
        )
    return MadeKey(**asdict(stored), key=key)


def revoke_key(database: Database, caller: Caller, key_id: UUID) -> None:
    """Revokes a key at once; revoking again changes nothing.

    Raises:
        Forbidden: if a key asks for it.
        NotFound: if there is no such key.
    """
    caller.require_login()
    with database.transaction(caller) as connection:
        if not api_keys.revoke_key(connection, caller.user_id, key_id):
            raise NotFound("key")
