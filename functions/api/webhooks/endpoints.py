"""`/api/webhooks`: where the user's programs want to be told."""

from __future__ import annotations

import ipaddress
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.storage.delivery import webhooks

from functions.api.context import Reader, UserConnection, Writer, WriterConnection, settings
from functions.api.problems import Problem, not_found

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
Kind = Literal["order", "trade", "signal", "session", "job", "halt", "platform"]
_MAX_WEBHOOKS = 20
_OLD_SECRET = timedelta(hours=24)


def _address(text: str) -> str:
    """What can be told from the text; names are looked up again whenever something is sent."""
    if settings().private_webhooks:
        return text
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.scheme != "https" or not host or parts.username or parts.password:
        raise ValueError("give an https address without a password")
    try:
        if not ipaddress.ip_address(host).is_global:
            raise ValueError("private addresses are not sent to")
    except ValueError as error:
        if "private" in str(error):
            raise
    if (
        host == "localhost"
        or host.endswith((".localhost", ".local", ".internal"))
        or "." not in host.strip("[]").replace(":", ".")
    ):
        raise ValueError("private addresses are not sent to")
    return text


class NewWebhook(BaseModel):
    """An address and what it wants to be told of."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://example.com/hook", "kinds": ["trade", "order"]}]},
    )

    url: Annotated[str, Field(min_length=8, max_length=2000, pattern=r"^[\x21-\x7e]+$"), AfterValidator(_address)]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=7)] = ["order", "trade", "session", "halt", "platform"]


class WebhookView(BaseModel):
    """A webhook without its secret."""

    model_config = ConfigDict(from_attributes=True)

    webhook_id: UUID
    url: str
    kinds: list[str]
    failures: int = Field(description="Failed attempts since the last that arrived; after 40 it is disabled")
    disabled_at: datetime | None
    old_secret_ends: datetime | None
    created_at: datetime


class NewWebhookView(WebhookView):
    """A webhook with its new secret, which is shown this once.

    Each request carries `StratForge-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 with the secret over `<seconds>.<body>`. For a day after a
    rotation there are two `v1`.
    """

    secret: str


class WebhookList(BaseModel):
    """Webhooks, the newest first."""

    items: list[WebhookView]


class DeliveryView(BaseModel):
    """An event on its way."""

    model_config = ConfigDict(from_attributes=True)

    delivery_id: int
    kind: str
    data: dict[str, Any]
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime


class DeliveryList(BaseModel):
    """Deliveries, the newest first."""

    items: list[DeliveryView]


@router.post("", status_code=201)
def create(new: NewWebhook, user_id: Writer, connection: WriterConnection) -> NewWebhookView:
    """Tells an address of everything that happens from now on. Private addresses are refused, here and whenever something is sent."""
    if len(webhooks.list_webhooks(connection, user_id)) >= _MAX_WEBHOOKS:
        raise Problem(409, "too-many-webhooks", f"There are {_MAX_WEBHOOKS} webhooks already; delete one first.")
    secret = "whsec_" + secrets.token_urlsafe(32)
    stored = webhooks.add_webhook(connection, user_id, new.url, sorted(set(new.kinds)), secret)
    return NewWebhookView(**WebhookView.model_validate(stored).model_dump(), secret=secret)


@router.get("")
def list_all(user_id: Reader, connection: UserConnection) -> WebhookList:
    """The user's webhooks."""
    return WebhookList(items=[WebhookView.model_validate(each) for each in webhooks.list_webhooks(connection, user_id)])


@router.post("/{webhook_id}/rotate")
def rotate(webhook_id: UUID, connection: WriterConnection) -> NewWebhookView:
    """Gives a webhook a new secret; the old one signs along for a day. A disabled webhook is tried again."""
    secret = "whsec_" + secrets.token_urlsafe(32)
    stored = webhooks.rotate_secret(connection, webhook_id, secret, _OLD_SECRET)
    if stored is None:
        raise not_found("webhook")
    return NewWebhookView(**WebhookView.model_validate(stored).model_dump(), secret=secret)


@router.get("/{webhook_id}/deliveries")
def deliveries(
    webhook_id: UUID, user_id: Reader, connection: UserConnection, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> DeliveryList:
    """What was sent and what came of it."""
    if not any(each.webhook_id == webhook_id for each in webhooks.list_webhooks(connection, user_id)):
        raise not_found("webhook")
    found = webhooks.list_deliveries(connection, webhook_id, limit)
    return DeliveryList(items=[DeliveryView.model_validate(each) for each in found])


@router.delete("/{webhook_id}", status_code=204)
def delete(webhook_id: UUID, connection: WriterConnection) -> None:
    """Deletes a webhook."""
    if not webhooks.delete_webhook(connection, webhook_id):
        raise not_found("webhook")
