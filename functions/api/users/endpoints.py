"""`/api/users/me`: the account of whoever asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from stratforge.application import accounts as application
from stratforge.application import api_keys as making
from stratforge.application.api_keys import MadeKey, NewApiKey
from stratforge.application.errors import existing
from stratforge.storage.users import accounts, api_keys
from stratforge.storage.users.accounts import User
from stratforge.storage.users.api_keys import StoredKey

from functions.api.auth import cookies
from functions.api.auth.schemas import PasswordProof
from functions.api.context import Asking, LoggedIn, Reader, UserConnection, database, outbox
from functions.api.idempotency import IdempotencyKey
from functions.api.views import Listed, items_of, view_of

router = APIRouter(prefix="/api/users/me", tags=["account"])


Profile = view_of(User, "Profile")
NewApiKeyView = view_of(MadeKey, "NewApiKeyView")
ApiKeyList = items_of(view_of(StoredKey, "ApiKeyView"), "ApiKeyList", "Keys, the newest first.")


@router.get("", response_model=Profile)
def get_account(user_id: Reader, connection: UserConnection) -> User:
    """The profile of the user who asks."""
    return existing(accounts.get_user(connection, user_id), "user")


@router.get("/export")
def export_account(asking: Asking, response: Response) -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored about the user, by table, the newest first. What does not fit into five megabytes is named under `left_out`."""
    response.headers["Content-Disposition"] = 'attachment; filename="stratforge-export.json"'
    return application.export_account(database(), asking)


@router.delete("", status_code=204)
def close_account(proof: PasswordProof, asking: LoggedIn, response: Response) -> None:
    """Closes the account: sessions stop, orders end, positions are sold, the address is forgotten, and then all that is not the ledger's. It cannot be undone."""
    application.close_account(database(), outbox(), asking, proof.password)
    cookies.leave(response)


@router.post("/api-keys", status_code=201, response_model=NewApiKeyView)
def create_api_key(new: NewApiKey, asking: LoggedIn, key: IdempotencyKey) -> MadeKey:
    """Makes a key for scripts: send it as a bearer token. It is shown this once and kept as a hash."""
    return making.create_key(database(), asking, new, key)


@router.get("/api-keys", response_model=ApiKeyList)
def list_api_keys(asking: LoggedIn) -> Listed[StoredKey]:
    """Lists the user's API keys; the keys themselves are not shown."""
    with database().reading(asking) as connection:
        return Listed(api_keys.list_keys(connection, asking.user_id))


@router.delete("/api-keys/{key_id}", status_code=204)
def revoke_api_key(key_id: UUID, asking: LoggedIn) -> None:
    """Revokes a key at once; revoking again changes nothing."""
    making.revoke_key(database(), asking, key_id)
