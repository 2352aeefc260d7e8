"""`/api/users`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from stratforge.storage import accounts

from functions.api.context import CurrentUser, UserConnection
from functions.api.formats import Number
from functions.api.problems import not_found

router = APIRouter(prefix="/api/users", tags=["users"])


class Profile(BaseModel):
    """The user who asks."""

    model_config = ConfigDict(from_attributes=True)

    user_id: UUID
    email: str
    virtual_balance: Number
    initial_balance: Number
    trading_state: str
    created_at: datetime


@router.get("/me")
def me(user_id: CurrentUser, connection: UserConnection) -> Profile:
    """The profile of the user who asks."""
    user = accounts.get_user(connection, user_id)
    if user is None:
        raise not_found("user")
    return Profile.model_validate(user)
