"""`/api/trade/orders`: people's own orders, and all their sessions' ones to read."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from stratforge.bus.queues import send_work_ready
from stratforge.portfolio.orders import InvalidOrderTerms, OrderTerms
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.order_book import NewOrder, OrderFilter, StoredOrder
from stratforge.storage.strategies import sessions

from functions.api.context import Reader, Trader, UserConnection, database, settings
from functions.api.idempotency import IdempotencyKey
from functions.api.orders.preview import PreviewView, preview
from functions.api.orders.schemas import NewOrderBody, OrderChange, OrderList, OrderView, Symbol
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import Problem, not_found
from functions.api.sessions.subscriptions import request_subscription

router = APIRouter(prefix="/api/trade/orders", tags=["orders"])


def wake_executor(symbol: str, cause: str) -> None:
    """After the commit: has the executor look at a symbol, and the ingestor stream it. Lost, it happens with the next price."""
    send_work_ready(settings().signals_queue_url, symbol, cause)


@router.post("", status_code=201)
def place(body: NewOrderBody, user_id: Trader, key: IdempotencyKey) -> OrderView:
    """Places an order. It is accepted or refused, with a reason, a moment later."""
    kind, size = body.size()
    with database().transaction(user_id) as connection:
        if body.session_id is not None and sessions.get_session(connection, body.session_id) is None:
            raise not_found("session")
        new = NewOrder(body.symbol, body.terms(), body.time_in_force, kind, size, body.session_id)
        placed = order_book.place_order(connection, user_id, new, key.new_id(connection, user_id))
    wake_executor(placed.symbol, f"order-{placed.order_id}")
    request_subscription(placed.symbol)
    return OrderView.model_validate(placed)


@router.post("/preview")
def preview_order(body: NewOrderBody, user_id: Reader, connection: UserConnection) -> PreviewView:
    """What an order would cost and what the risk rules would say; nothing is placed."""
    return preview(connection, user_id, body)


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
def cancel(order_id: UUID, user_id: Trader) -> OrderView:
    """Asks for the end of an order. What is filled stays; an order that has ended stays as it is."""
    with database().transaction(user_id) as connection:
        found = order_book.request_cancel(connection, order_id)
    if found is None:
        raise not_found("order")
    if found.cancel_requested and found.status in order_book.OPEN:
        wake_executor(found.symbol, f"cancel-{order_id}")
    return OrderView.model_validate(found)


@router.patch("/{order_id}", status_code=201)
def replace(order_id: UUID, change: OrderChange, user_id: Trader, key: IdempotencyKey) -> OrderView:
    """Replaces an order that waits by a new one; the old one ends when the new one is accepted, and stays when it is refused."""
    with database().transaction(user_id) as connection:
        old = order_book.get_order(connection, order_id)
        if old is None:
            raise not_found("order")
        if old.origin != "MANUAL":
            raise Problem(409, "not-by-hand", "Orders of strategies cannot be replaced.")
        if old.status not in ("PENDING", "RESTING"):
            raise Problem(409, "order-not-waiting", f"The order is {old.status}; only one that waits can be replaced.")
        placed = order_book.place_order(connection, user_id, _changed(old, change), key.new_id(connection, user_id))
    wake_executor(placed.symbol, f"order-{placed.order_id}")
    return OrderView.model_validate(placed)


def _changed(old: StoredOrder, change: OrderChange) -> NewOrder:
    given = change.model_dump(exclude_none=True)
    prices = {
        name: given.get(name, getattr(old, name))
        for name in ("limit_price", "stop_price", "trail_percent", "trail_price")
    }
    # One way of trailing takes the place of the other.
    if "trail_percent" in given:
        prices["trail_price"] = None
    elif "trail_price" in given:
        prices["trail_percent"] = None
    terms = OrderTerms(old.side, old.type, **prices)  # type: ignore[arg-type]
    try:
        terms.check()
    except InvalidOrderTerms as error:
        raise Problem(422, "validation", f"{error}.") from None
    left = old.quantity - old.filled_quantity
    kind, size = (old.size_kind, old.size) if left <= 0 else ("quantity", left)
    if change.quantity is not None:
        kind, size = "quantity", change.quantity
    return NewOrder(
        old.symbol,
        terms,
        change.time_in_force or old.time_in_force,  # type: ignore[arg-type]
        kind,  # type: ignore[arg-type]
        size,
        old.session_id,
        old.order_id,
    )
