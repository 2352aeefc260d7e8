"""Requests and answers of `webhooks`."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.storage.delivery.webhooks import StoredDelivery

from functions.api.context import settings
from functions.api.views import view_of

Kind = Literal["order", "trade", "signal", "session", "job", "halt", "platform"]


def _address(text: str) -> str:
    """Validates a webhook's address as far as its text allows; names are looked up again whenever something is sent."""
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


DeliveryView = view_of(StoredDelivery, "DeliveryView")


class DeliveryList(BaseModel):
    """Deliveries, the newest first."""

    items: list[DeliveryView]  # type: ignore[valid-type]  # a model made at run time
