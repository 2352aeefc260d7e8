"""`/api/webhooks`: where the user's programs want to be told."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from stratforge.application import webhooks as application
from stratforge.application.webhooks import SignedWebhook
from stratforge.storage.delivery import webhooks

from functions.api.context import Asking, Reader, UserConnection, database
from functions.api.idempotency import IdempotencyKey
from functions.api.problems import not_found
from functions.api.webhooks.schemas import (
    DeliveryList,
    DeliveryView,
    NewWebhook,
    NewWebhookView,
    WebhookList,
    WebhookView,
)

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


def _signed(webhook: SignedWebhook) -> NewWebhookView:
    return NewWebhookView(**WebhookView.model_validate(webhook.stored).model_dump(), secret=webhook.secret)


@router.post("", status_code=201)
def create(new: NewWebhook, asking: Asking, key: IdempotencyKey) -> NewWebhookView:
    """Tells an address of everything that happens from now on. Private addresses are refused, here and whenever something is sent."""
    return _signed(application.create_webhook(database(), asking, new.url, new.kinds, key))


@router.get("")
def list_all(user_id: Reader, connection: UserConnection) -> WebhookList:
    """Lists the webhooks of the user."""
    return WebhookList(items=[WebhookView.model_validate(each) for each in webhooks.list_webhooks(connection, user_id)])


@router.post("/{webhook_id}/rotate")
def rotate(webhook_id: UUID, asking: Asking, key: IdempotencyKey) -> NewWebhookView:
    """Gives a webhook a new secret; the old one signs along for a day. A disabled webhook is tried again."""
    return _signed(application.rotate_secret(database(), asking, webhook_id, key))


@router.get("/{webhook_id}/deliveries")
def deliveries(
    webhook_id: UUID, user_id: Reader, connection: UserConnection, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> DeliveryList:
    """Lists a webhook's deliveries with their results."""
    if not any(each.webhook_id == webhook_id for each in webhooks.list_webhooks(connection, user_id)):
        raise not_found("webhook")
    found = webhooks.list_deliveries(connection, webhook_id, limit)
    return DeliveryList(items=[DeliveryView.model_validate(each) for each in found])


@router.delete("/{webhook_id}", status_code=204)
def delete(webhook_id: UUID, asking: Asking) -> None:
    """Deletes a webhook of the user."""
    application.delete_webhook(database(), asking, webhook_id)
