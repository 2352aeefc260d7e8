"""The API's representation of orders."""

from __future__ import annotations

from pydantic import Field
from stratforge.application.order_preview import OrderPreview
from stratforge.storage.ledger.order_book import StoredOrder

from functions.api.views import items_of, list_of, view_of

_EXPLANATION = (str | None, Field(description="What the reason means"))
PreviewView = view_of(OrderPreview, "PreviewView", explanation=_EXPLANATION)
OrderView = view_of(StoredOrder, "OrderView", explanation=_EXPLANATION)
CalledOffOrders = items_of(OrderView, "CalledOffOrders", "Open orders whose end was asked for.")
ClosingOrders = items_of(OrderView, "ClosingOrders", "The orders that sell what is held.")
OrderList = list_of(OrderView, "OrderList", "Orders, the newest first; `next` continues the list.")
