"""`/api/users/me`: the account of whoever asks."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from stratforge.bus.queues import send_work_ready
from stratforge.storage.users import accounts, api_keys, export

from functions.api.auth import service
from functions.api.auth.schemas import PasswordProof
from functions.api.auth.tokens import ACCESS_COOKIE, CSRF_COOKIE, REFRESH_COOKIE
from functions.api.context import KEY_PREFIX, LoggedIn, Reader, UserConnection, database, hash_of_key, settings
from functions.api.formats import Number
from functions.api.problems import Problem, not_found

router = APIRouter(prefix="/api/users/me", tags=["account"])
Scopes = Annotated[list[Literal["read", "write", "trade", "ai"]], Field(min_length=1, max_length=4)]


class Profile(BaseModel):
    """The user who asks."""

    model_config = ConfigDict(from_attributes=True)

    user_id: UUID
    email: str
    virtual_balance: Number
    initial_balance: Number
    trading_state: str
    imposed_state: str = Field(description="What an operator imposed; the stricter of the two counts")
    is_operator: bool
    created_at: datetime


class NewApiKey(BaseModel):
    """A key for a script."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "notebook", "scopes": ["read"], "days": 30}]}
    )

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    scopes: Scopes
    days: int | None = Field(None, ge=1, le=3650, description="Valid for so many days; null: until it is revoked")


class ApiKeyView(BaseModel):
    """A key without the key; `hint` is how it begins."""

    model_config = ConfigDict(from_attributes=True)

    key_id: UUID
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_on: date | None
    revoked_at: datetime | None


class NewApiKeyView(ApiKeyView):
    """A new key. It is shown this once."""

    key: str


class ApiKeyList(BaseModel):
    """Keys, the newest first."""

    items: list[ApiKeyView]


@router.get("")
def me(user_id: Reader, connection: UserConnection) -> Profile:
    """The profile of the user who asks."""
    user = accounts.get_user(connection, user_id)
    if user is None:
        raise not_found("user")
    return Profile.model_validate(user)


@router.get("/export")
def export_all(user_id: Reader, connection: UserConnection, response: Response) -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored about the user, by table."""
    response.headers["Content-Disposition"] = 'attachment; filename="stratforge-export.json"'
    return export.export_user(connection, user_id)


@router.delete("", status_code=204)
def close(proof: PasswordProof, asking: LoggedIn, response: Response) -> None:
    """Closes the account: sessions stop, orders end, positions are sold, the address is forgotten. It cannot be undone."""
    service.check_password(asking.user_id, proof.password)
    with database().transaction(asking.user_id) as connection:
        symbols = accounts.symbols_of(connection, asking.user_id)
        closed = accounts.close_account(connection)
    if not closed:
        raise not_found("user")
    for symbol in symbols:
        send_work_ready(settings().signals_queue_url, symbol, f"closed-{asking.user_id}")
    for name in (ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE):
        response.delete_cookie(name)


@router.post("/api-keys", status_code=201)
def create_key(new: NewApiKey, asking: LoggedIn) -> NewApiKeyView:
    """Makes a key for scripts: send it as a bearer token. It is shown this once and kept as a hash."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    expires_at = datetime.now(UTC) + timedelta(days=new.days) if new.days else None
    with database().transaction(asking.user_id) as connection:
        if len([each for each in api_keys.list_keys(connection, asking.user_id) if each.revoked_at is None]) >= 50:
            raise Problem(409, "too-many-keys", "There are 50 keys already; revoke one first.")
        stored = api_keys.add_key(
            connection, asking.user_id, new.name, hash_of_key(key), key[:10], sorted(set(new.scopes)), expires_at
        )
    return NewApiKeyView(**ApiKeyView.model_validate(stored).model_dump(), key=key)


@router.get("/api-keys")
def list_keys(asking: LoggedIn) -> ApiKeyList:
    """The user's keys."""
    with database().reading(asking.user_id) as connection:
        return ApiKeyList(
            items=[ApiKeyView.model_validate(each) for each in api_keys.list_keys(connection, asking.user_id)]
        )


@router.delete("/api-keys/{key_id}", status_code=204)
def revoke_key(key_id: UUID, asking: LoggedIn) -> None:
    """Revokes a key at once; revoking again changes nothing."""
    with database().transaction(asking.user_id) as connection:
        if not api_keys.revoke_key(connection, asking.user_id, key_id):
            raise not_found("key")
