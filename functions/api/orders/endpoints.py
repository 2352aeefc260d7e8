"""`/api/trade/orders`: people's own orders, and all their sessions' ones to read."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from stratforge.application import explanations, order_preview
from stratforge.application import orders as application
from stratforge.application.errors import existing
from stratforge.application.explanations import OrderExplanation
from stratforge.application.order_preview import OrderPreview
from stratforge.application.orders import ClientOrderId, OrderChange, PlaceOrder
from stratforge.application.strategies import Symbol
from stratforge.market.sizes import Side
from stratforge.portfolio.orders import OrderStatus
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.order_book import OrderFilter, StoredOrder

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.idempotency import IdempotencyKey
from functions.api.orders.schemas import CalledOffOrders, ExplanationView, OrderList, OrderView, PreviewView
from functions.api.pages import PageQuery
from functions.api.views import Listed, listed

router = APIRouter(prefix="/api/trade/orders", tags=["orders"])


@router.post("", status_code=201, response_model=OrderView)
def place_order(body: PlaceOrder, asking: Asking, key: IdempotencyKey, response: Response) -> StoredOrder:
    """Places an order. It is accepted or refused, with a reason, a moment later."""
    return _located(application.place_order(database(), outbox(), asking, body, key), response)


def _located(order: StoredOrder, response: Response) -> StoredOrder:
    response.headers["Location"] = f"/v1/orders/{order.order_id}"
    return order


@router.post("/preview", response_model=PreviewView)
def preview_order(body: PlaceOrder, user_id: Reader, connection: UserConnection) -> OrderPreview:
    """Previews an order: its cost and the decision of the risk rules; nothing is placed."""
    return order_preview.preview_order(connection, user_id, body)


@router.get("", response_model=OrderList)
def list_orders(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    symbol: Annotated[Symbol | None, Query()] = None,
    session_id: UUID | None = None,
    open: Annotated[bool | None, Query(description="Only orders that wait or work, or only those that ended")] = None,
    status: OrderStatus | None = None,
    side: Side | None = None,
    client_order_id: Annotated[ClientOrderId | None, Query(description="The order that your program calls so")] = None,
) -> Listed[StoredOrder]:
    """The user's orders, those of sessions included."""
    wanted = OrderFilter(symbol, session_id, open, status, side, client_order_id)
    found = order_book.list_orders(connection, user_id, wanted, page)
    return listed(page, found, lambda each: (each.created_at, each.order_id))


@router.delete("", response_model=CalledOffOrders)
def cancel_all_orders(
    asking: Asking, symbol: Annotated[Symbol | None, Query(description="Only orders on this symbol")] = None
) -> Listed[StoredOrder]:
    """Asks for the end of all open orders, of sessions too. What is filled stays, and sales that close a position go on."""
    return Listed(application.cancel_all_orders(database(), outbox(), asking, symbol))


@router.get("/{order_id}", response_model=OrderView)
def get_order(order_id: UUID, connection: UserConnection) -> StoredOrder:
    """Returns one order of the user; 404 if there is none."""
    return existing(order_book.get_order(connection, order_id), "order")


@router.get("/{order_id}/explanation", response_model=ExplanationView)
def explain_order(order_id: UUID, asking: Asking) -> OrderExplanation:
    """Explains why an order was placed and what became of it: the bar, the rule that was met with its values, the netting, the fills, fees and slippage."""
    return explanations.explain_order(database(), asking, order_id)


@router.delete("/{order_id}", response_model=OrderView)
def cancel_order(order_id: UUID, asking: Asking) -> StoredOrder:
    """Asks for the end of an order. What is filled stays; an order that has ended stays as it is."""
    return application.cancel_order(database(), outbox(), asking, order_id)


@router.patch("/{order_id}", status_code=201, response_model=OrderView)
def replace_order(
    order_id: UUID, change: OrderChange, asking: Asking, key: IdempotencyKey, response: Response
) -> StoredOrder:
    """Replaces an order that waits by a new one; the old one ends when the new one is accepted, and stays when it is refused."""
    return _located(application.replace_order(database(), outbox(), asking, order_id, change, key), response)
