"""The API's representation of orders."""

from __future__ import annotations

from pydantic import Field
from stratforge.application.explanations import OrderExplanation, SignalBar, Step
from stratforge.application.order_preview import OrderPreview
from stratforge.application.session_decisions import OrderDecision
from stratforge.storage.ledger.order_book import StoredOrder
from stratforge.storage.ledger.portfolio import TradeRow

from functions.api.sessions.schemas import RuleView, SymbolDecisionView
from functions.api.views import items_of, list_of, many, view_of

_EXPLANATION = (str | None, Field(description="What the reason means"))
PreviewView = view_of(OrderPreview, "PreviewView", explanation=_EXPLANATION)
OrderView = view_of(StoredOrder, "OrderView", explanation=_EXPLANATION)
CalledOffOrders = items_of(OrderView, "CalledOffOrders", "Open orders whose end was asked for.")
ClosingOrders = items_of(OrderView, "ClosingOrders", "The orders that sell what is held.")
TradeView = view_of(TradeRow, "TradeView")
ExplanationView = view_of(
    OrderExplanation,
    "ExplanationView",
    order=(OrderView, ...),
    fills=(many(TradeView), ...),
    steps=(many(view_of(Step, "StepView")), ...),
    bar=(view_of(SignalBar, "SignalBarView") | None, ...),
    rule=(RuleView | None, ...),
    decision=(view_of(OrderDecision, "OrderDecisionView", part=(SymbolDecisionView, ...)) | None, ...),
)
OrderList = list_of(OrderView, "OrderList", "Orders, the newest first; `next` continues the list.")
