"""What an order would cost and what the risk rules would say, without placing it: the executor's own decision on the same facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, Field
from stratforge.market import is_crypto
from stratforge.portfolio.acceptance import COLLAR, Market, decide
from stratforge.portfolio.orders import OrderRequest
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import execution, symbols
from stratforge.storage.market import assets, trading_days
from stratforge.storage.postgres.database import Connection

from functions.api.formats import Number
from functions.api.orders.schemas import NewOrderBody


class PreviewView(BaseModel):
    """What would become of an order now. Prices move: it is no promise."""

    outcome: str = Field(
        description="join (trades now), rest (waits in the book), wait (for the market to open) or refuse"
    )
    quantity: Number
    price: Number | None = Field(description="The latest price")
    price_at: datetime | None
    cost: Number = Field(description="What it comes to at its own price, or at the latest")
    reserved_cash: Number = Field(description="What is held back for it: at the worst price it may trade at")
    cash_after: Number
    position_after: Number
    reason: str | None
    explanation: str | None


def preview(connection: Connection, user_id: UUID, body: NewOrderBody) -> PreviewView:
    """Decides on the order as the executor would, on what is known now."""
    state = symbols.read_symbol(connection, body.symbol)
    at = state.time if state else datetime.now(UTC)
    account = execution.lock_accounts(connection, [user_id], body.symbol, at, lock=False)[user_id]
    free = execution.free_quantities(connection, body.symbol, [user_id], lock=False)
    holder = (user_id, body.session_id)
    cash, held = account.cash, free.get(holder, Decimal(0))
    if state is None:
        return _refused(Reason.NO_PRICE, cash, held)
    calendar = trading_days.read_calendar(connection, (at - timedelta(days=7)).date())
    market = Market(
        state.price,
        at,
        COLLAR,
        assets.read_asset(connection, body.symbol),
        open=is_crypto(body.symbol) or not calendar.covers(at) or calendar.is_open(at),
        halted=state.halted,
        fresh=state.fresh,
        platform_state=state.platform_state,
    )
    kind, size = body.size()
    request = OrderRequest(
        user_id=user_id, session_id=body.session_id, terms=body.terms(), origin="MANUAL", size_kind=kind, size=size
    )
    (decision,) = decide([request], {user_id: account}, free, market)
    own = body.limit_price or body.stop_price or state.price
    cost = decision.quantity * own
    bought = body.side == "buy" and decision.action in ("join", "rest")
    sold = body.side == "sell" and decision.action in ("join", "rest")
    return PreviewView(
        outcome=decision.action,
        quantity=decision.quantity,
        price=state.price,
        price_at=at,
        cost=cost,
        reserved_cash=decision.reserved_cash,
        cash_after=cash - cost if bought else cash + cost if sold else cash,
        position_after=held + decision.quantity if bought else held - decision.quantity if sold else held,
        reason=decision.reason,
        explanation=decision.reason.explanation if decision.reason else None,
    )


def _refused(reason: Reason, cash: Decimal, held: Decimal) -> PreviewView:
    return PreviewView(
        outcome="refuse",
        quantity=Decimal(0),
        price=None,
        price_at=None,
        cost=Decimal(0),
        reserved_cash=Decimal(0),
        cash_after=cash,
        position_after=held,
        reason=reason,
        explanation=reason.explanation,
    )
