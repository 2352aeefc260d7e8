"""Previews an order: its cost, and the decision the executor would make on the same facts, without placing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.application.execution_plan import market_of
from stratforge.application.orders import PlaceOrder
from stratforge.market import is_crypto
from stratforge.market.sizes import Side
from stratforge.portfolio.acceptance import Action, decide
from stratforge.portfolio.orders import OrderOrigin, OrderRequest
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import execution, symbols
from stratforge.storage.market import assets, trading_days
from stratforge.storage.postgres.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPreview:
    """The expected outcome of an order at the current price. Prices move: it is no promise.

    Attributes:
        outcome: join (trades now), rest (waits in the book), wait (for the market to open) or refuse.
        quantity: Shares or coins that would be ordered.
        price: The latest price; None when nobody streams the symbol.
        price_at: When that price was made.
        cost: Dollars at its own price, or at the latest.
        reserved_cash: Dollars held back for it: at the worst price it may trade at.
        cash_after: Free cash when all of it has traded.
        position_after: Shares or coins held when all of it has traded.
        reason: Why it would be refused.
    """

    outcome: Action
    quantity: Decimal = Decimal(0)
    price: Decimal | None = None
    price_at: datetime | None = None
    cost: Decimal = Decimal(0)
    reserved_cash: Decimal = Decimal(0)
    cash_after: Decimal
    position_after: Decimal
    reason: Reason | None

    @property
    def hopeless(self) -> bool:
        """True when it would be refused for what waiting does not change: a missing price comes once the symbol is streamed."""
        return self.outcome is Action.REFUSE and self.reason is not Reason.NO_PRICE

    @property
    def explanation(self) -> str | None:
        """The meaning of the reason, in a sentence; None when nothing is refused."""
        return self.reason.explanation if self.reason else None


def preview_order(connection: Connection, user_id: UUID, wanted: PlaceOrder) -> OrderPreview:
    """Decides on the order as the executor would, on what is known now. Nothing is placed."""
    state = symbols.read_symbol(connection, wanted.symbol)
    at = state.now if state else datetime.now(UTC)
    account = execution.lock_accounts(connection, [user_id], wanted.symbol, at, lock=False)[user_id]
    free = execution.free_quantities(connection, wanted.symbol, [user_id], lock=False)
    holder = (user_id, wanted.session_id)
    cash, held = account.cash, free.get(holder, Decimal(0))
    if state is None:
        known = assets.may_exist(connection, wanted.symbol)
        reason = Reason.NO_PRICE if known else Reason.UNKNOWN_ASSET
        return OrderPreview(outcome=Action.REFUSE, cash_after=cash, position_after=held, reason=reason)
    calendar = trading_days.read_calendar(connection, (at - timedelta(days=7)).date())
    is_open = is_crypto(wanted.symbol) or not calendar.covers(at) or calendar.is_open(at)
    market = market_of(state, assets.read_asset(connection, wanted.symbol), is_open=is_open)
    kind, size = wanted.size()
    request = OrderRequest(
        user_id=user_id,
        session_id=wanted.session_id,
        terms=wanted.terms(),
        origin=OrderOrigin.MANUAL,
        size_kind=kind,
        size=size,
    )
    (decision,) = decide([request], {user_id: account}, free, market)
    own = wanted.limit_price or wanted.stop_price or state.price
    cost = decision.quantity * own
    bought = wanted.side == Side.BUY and decision.action in (Action.JOIN, Action.REST)
    sold = wanted.side == Side.SELL and decision.action in (Action.JOIN, Action.REST)
    return OrderPreview(
        outcome=decision.action,
        quantity=decision.quantity,
        price=state.price,
        price_at=state.time,
        cost=cost,
        reserved_cash=decision.reserved_cash,
        cash_after=cash - cost if bought else cash + cost if sold else cash,
        position_after=held + decision.quantity if bought else held - decision.quantity if sold else held,
        reason=decision.reason,
    )
