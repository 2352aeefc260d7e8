"""`/api/trade/orders`: people's own orders, and all their sessions' ones to read."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from stratforge.application import orders as application
from stratforge.application.order_preview import preview_order
from stratforge.application.orders import OrderChange, PlaceOrder
from stratforge.application.strategies import Symbol
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.order_book import OrderFilter

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.idempotency import IdempotencyKey
from functions.api.orders.schemas import OrderList, OrderView, PreviewView
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import not_found

router = APIRouter(prefix="/api/trade/orders", tags=["orders"])


@router.post("", status_code=201)
def place(body: PlaceOrder, asking: Asking, key: IdempotencyKey) -> OrderView:
    """Places an order. It is accepted or refused, with a reason, a moment later."""
    return OrderView.model_validate(application.place_order(database(), outbox(), asking, body, key))


@router.post("/preview")
def preview(body: PlaceOrder, user_id: Reader, connection: UserConnection) -> PreviewView:
    """What an order would cost and what the risk rules would say; nothing is placed."""
    return PreviewView.model_validate(preview_order(connection, user_id, body))


@router.get("")
def list_all(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    symbol: Annotated[Symbol | None, Query()] = None,
    session_id: UUID | None = None,
    open: Annotated[bool | None, Query(description="Only orders that wait or work, or only those that ended")] = None,
) -> OrderList:
    """The user's orders, those of sessions included."""
    found = order_book.list_orders(connection, user_id, OrderFilter(symbol, session_id, open), page)
    following = next_cursor(page, found, lambda each: (each.created_at, each.order_id))
    return OrderList(items=[OrderView.model_validate(each) for each in found], next=following)


@router.get("/{order_id}")
def get(order_id: UUID, connection: UserConnection) -> OrderView:
    """One order."""
    found = order_book.get_order(connection, order_id)
    if found is None:
        raise not_found("order")
    return OrderView.model_validate(found)


@router.delete("/{order_id}")
def cancel(order_id: UUID, asking: Asking) -> OrderView:
    """Asks for the end of an order. What is filled stays; an order that has ended stays as it is."""
    return OrderView.model_validate(application.cancel_order(database(), outbox(), asking, order_id))


@router.patch("/{order_id}", status_code=201)
def replace(order_id: UUID, change: OrderChange, asking: Asking, key: IdempotencyKey) -> OrderView:
    """Replaces an order that waits by a new one; the old one ends when the new one is accepted, and stays when it is refused."""
    return OrderView.model_validate(application.replace_order(database(), outbox(), asking, order_id, change, key))
