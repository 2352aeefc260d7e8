"""`/api/users/me`: the account of whoever asks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from stratforge.application import accounts as application
from stratforge.application import api_keys as making
from stratforge.application.api_keys import NewApiKey
from stratforge.storage.users import accounts, api_keys, export

from functions.api.auth import cookies
from functions.api.auth.schemas import PasswordProof
from functions.api.context import LoggedIn, Reader, UserConnection, database, outbox
from functions.api.formats import Number
from functions.api.idempotency import IdempotencyKey
from functions.api.problems import not_found

router = APIRouter(prefix="/api/users/me", tags=["account"])


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
    application.close_account(database(), outbox(), asking, proof.password)
    cookies.leave(response)


@router.post("/api-keys", status_code=201)
def create_key(new: NewApiKey, asking: LoggedIn, key: IdempotencyKey) -> NewApiKeyView:
    """Makes a key for scripts: send it as a bearer token. It is shown this once and kept as a hash."""
    made = making.create_key(database(), asking, new, key)
    return NewApiKeyView(**ApiKeyView.model_validate(made.stored).model_dump(), key=made.key)


@router.get("/api-keys")
def list_keys(asking: LoggedIn) -> ApiKeyList:
    """Lists the user's API keys; the keys themselves are not shown."""
    with database().reading(asking) as connection:
        found = api_keys.list_keys(connection, asking.user_id)
    return ApiKeyList(items=[ApiKeyView.model_validate(each) for each in found])


@router.delete("/api-keys/{key_id}", status_code=204)
def revoke_key(key_id: UUID, asking: LoggedIn) -> None:
    """Revokes a key at once; revoking again changes nothing."""
    making.revoke_key(database(), asking, key_id)
