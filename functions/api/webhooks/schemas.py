"""Requests and answers of `webhooks`."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from stratforge.application.webhooks import SignedWebhook, is_port_of_https, is_public
from stratforge.storage.delivery.webhooks import EventKind, StoredDelivery, StoredWebhook, WebhookFormat

from functions.api.context import settings
from functions.api.views import items_of, view_of


def _address(text: str) -> str:
    """Validates a webhook's address as far as its text allows; names are looked up again whenever something is sent."""
    if settings().private_webhooks:
        return text
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.scheme != "https" or not host or parts.username or parts.password:
        raise ValueError("give an https address without a password")
    if not is_port_of_https(port):
        raise ValueError("the port belongs to another protocol; 443, or 1024 and up, are sent to")
    try:
        if not is_public(host):
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
    format: WebhookFormat = Field(
        WebhookFormat.JSON,
        description="`json` is signed and has all of an event. `discord` and `slack` take the address of an incoming webhook of theirs, `telegram` "
        "`https://api.telegram.org/bot<token>/sendMessage?chat_id=<chat>`: they are told a sentence of what a person would want to know",
    )
    kinds: Annotated[list[EventKind], Field(min_length=1, max_length=8)] = [
        EventKind.ORDER,
        EventKind.TRADE,
        EventKind.SESSION,
        EventKind.HALT,
        EventKind.PLATFORM,
    ]

    @model_validator(mode="after")
    def _names_its_chat(self) -> NewWebhook:
        if self.format is WebhookFormat.TELEGRAM and "chat_id" not in parse_qs(urlsplit(self.url).query):
            raise ValueError("the address of a Telegram bot ends in sendMessage?chat_id= and the chat")
        return self


NewWebhookView = view_of(SignedWebhook, "NewWebhookView")
WebhookList = items_of(view_of(StoredWebhook, "WebhookView"), "WebhookList", "Webhooks, the newest first.")
DeliveryList = items_of(view_of(StoredDelivery, "DeliveryView"), "DeliveryList", "Deliveries, the newest first.")
