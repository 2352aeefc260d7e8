"""`/api/webhooks`: where the user's programs want to be told."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from stratforge.application import webhooks as application
from stratforge.application.errors import NotFound
from stratforge.application.webhooks import SignedWebhook
from stratforge.storage.delivery import webhooks
from stratforge.storage.delivery.webhooks import StoredDelivery, StoredWebhook

from functions.api.context import Asking, Reader, UserConnection, database
from functions.api.idempotency import IdempotencyKey
from functions.api.views import Listed
from functions.api.webhooks.schemas import DeliveryList, NewWebhook, NewWebhookView, WebhookList

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


@router.post("", status_code=201, response_model=NewWebhookView)
def create_webhook(new: NewWebhook, asking: Asking, key: IdempotencyKey) -> SignedWebhook:
    """Tells an address of everything that happens from now on. Private addresses are refused, here and whenever something is sent."""
    return application.create_webhook(database(), asking, new.url, new.kinds, key, new.format)


@router.get("", response_model=WebhookList)
def list_webhooks(asking: Asking, user_id: Reader, connection: UserConnection) -> Listed[StoredWebhook]:
    """Lists the webhooks of the user; of their addresses, whoever lacks the scope `write` sees the host alone."""
    return Listed([application.shown_to(asking, each) for each in webhooks.list_webhooks(connection, user_id)])


@router.post("/{webhook_id}/rotate", response_model=NewWebhookView)
def rotate_webhook_secret(webhook_id: UUID, asking: Asking, key: IdempotencyKey) -> SignedWebhook:
    """Gives a webhook a new secret; the old one signs along for a day. A disabled webhook is tried again."""
    return application.rotate_secret(database(), asking, webhook_id, key)


@router.get("/{webhook_id}/deliveries", response_model=DeliveryList)
def list_webhook_deliveries(
    webhook_id: UUID, user_id: Reader, connection: UserConnection, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> Listed[StoredDelivery]:
    """Lists a webhook's deliveries with their results."""
    if not any(each.webhook_id == webhook_id for each in webhooks.list_webhooks(connection, user_id)):
        raise NotFound("webhook")
    return Listed(webhooks.list_deliveries(connection, webhook_id, limit))


@router.delete("/{webhook_id}", status_code=204)
def delete_webhook(webhook_id: UUID, asking: Asking) -> None:
    """Deletes a webhook of the user."""
    application.delete_webhook(database(), asking, webhook_id)
