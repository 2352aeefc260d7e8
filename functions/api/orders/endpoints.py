"""`/api/trade/orders`: people's own orders, and all their sessions' ones to read."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from stratforge.application import orders as application
from stratforge.application.errors import existing
from stratforge.application.order_preview import OrderPreview, preview_order
from stratforge.application.orders import OrderChange, PlaceOrder
from stratforge.application.strategies import Symbol
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.order_book import OrderFilter, StoredOrder

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.idempotency import IdempotencyKey
from functions.api.orders.schemas import OrderList, OrderView, PreviewView
from functions.api.pages import PageQuery
from functions.api.views import Listed, listed

router = APIRouter(prefix="/api/trade/orders", tags=["orders"])


@router.post("", status_code=201, response_model=OrderView)
def place(body: PlaceOrder, asking: Asking, key: IdempotencyKey) -> StoredOrder:
    """Places an order. It is accepted or refused, with a reason, a moment later."""
    return application.place_order(database(), outbox(), asking, body, key)


@router.post("/preview", response_model=PreviewView)
def preview(body: PlaceOrder, user_id: Reader, connection: UserConnection) -> OrderPreview:
    """Previews an order: its cost and the decision of the risk rules; nothing is placed."""
    return preview_order(connection, user_id, body)


@router.get("", response_model=OrderList)
def list_all(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    symbol: Annotated[Symbol | None, Query()] = None,
    session_id: UUID | None = None,
    open: Annotated[bool | None, Query(description="Only orders that wait or work, or only those that ended")] = None,
) -> Listed[StoredOrder]:
    """The user's orders, those of sessions included."""
    found = order_book.list_orders(connection, user_id, OrderFilter(symbol, session_id, open), page)
    return listed(page, found, lambda each: (each.created_at, each.order_id))


@router.get("/{order_id}", response_model=OrderView)
def get(order_id: UUID, connection: UserConnection) -> StoredOrder:
    """Returns one order of the user; 404 if there is none."""
    return existing(order_book.get_order(connection, order_id), "order")


@router.delete("/{order_id}", response_model=OrderView)
def cancel(order_id: UUID, asking: Asking) -> StoredOrder:
    """Asks for the end of an order. What is filled stays; an order that has ended stays as it is."""
    return application.cancel_order(database(), outbox(), asking, order_id)


@router.patch("/{order_id}", status_code=201, response_model=OrderView)
def replace(order_id: UUID, change: OrderChange, asking: Asking, key: IdempotencyKey) -> StoredOrder:
    """Replaces an order that waits by a new one; the old one ends when the new one is accepted, and stays when it is refused."""
    return application.replace_order(database(), outbox(), asking, order_id, change, key)
