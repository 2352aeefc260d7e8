"""`/api/portfolio`, `/api/trades`, `/api/signals`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from stratforge.application.strategies import Symbol
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import portfolio
from stratforge.storage.ledger.portfolio import LedgerFilter

from functions.api.context import Reader, UserConnection
from functions.api.formats import Number
from functions.api.pages import NumberedPageQuery, next_number
from functions.api.problems import not_found

router = APIRouter(prefix="/api", tags=["portfolio"])
Side = Literal["buy", "sell"]
SignalStatus = Literal["PENDING", "EXECUTED", "REJECTED", "EXPIRED"]


class PositionView(BaseModel):
    """A position at the latest price."""

    model_config = ConfigDict(from_attributes=True)

    symbol: str
    session_id: UUID | None
    quantity: Number
    avg_entry_price: Number
    latest_price: Number
    market_value: Number
    unrealized_pnl: Number
    realized_pnl: Number


class PortfolioView(BaseModel):
    """Money and positions."""

    model_config = ConfigDict(from_attributes=True)

    equity: Number
    cash: Number
    buying_power: Number
    reserved_cash: Number
    initial_balance: Number
    realized_pnl: Number
    unrealized_pnl: Number
    day_pnl: Number | None
    positions: list[PositionView]


class EquityPointView(BaseModel):
    """Equity at one moment."""

    model_config = ConfigDict(from_attributes=True)

    time: datetime
    equity: Number
    cash: Number


class EquityHistory(BaseModel):
    """Equity over time, oldest first."""

    items: list[EquityPointView]


class TradeView(BaseModel):
    """A trade."""

    model_config = ConfigDict(from_attributes=True)

    trade_id: int
    order_id: UUID
    symbol: str
    session_id: UUID | None
    side: str
    quantity: Number
    price: Number
    realized_pnl: Number
    fee_quantity: Number
    fee_cash: Number
    executed_at: datetime


class TradeList(BaseModel):
    """Trades; `next` continues the list."""

    items: list[TradeView]
    next: str | None = None


class SignalView(BaseModel):
    """A signal and what became of it; a refusal has a reason and says what it means."""

    model_config = ConfigDict(from_attributes=True)

    signal_id: int
    session_id: UUID
    symbol: str
    bar_time: datetime
    side: str
    confidence: float
    status: str
    reason: str | None
    explanation: str | None = None


class SignalList(BaseModel):
    """Signals; `next` continues the list."""

    items: list[SignalView]
    next: str | None = None


@router.get("/portfolio")
def get_portfolio(user_id: Reader, connection: UserConnection) -> PortfolioView:
    """The user's portfolio."""
    found = portfolio.read_portfolio(connection, user_id)
    if found is None:
        raise not_found("portfolio")
    return PortfolioView.model_validate(found)


@router.get("/portfolio/history")
def get_history(
    user_id: Reader,
    connection: UserConnection,
    days: Annotated[float, Query(gt=0, le=3660, description="How far back")] = 30,
    points: Annotated[int, Query(ge=2, le=2000, description="At most so many points")] = 500,
) -> EquityHistory:
    """The user's equity over time; it is noted every minute."""
    now = datetime.now(UTC)
    found = portfolio.equity_history(connection, user_id, now - timedelta(days=days), now, points)
    return EquityHistory(items=[EquityPointView.model_validate(each) for each in found])


@router.get("/positions")
@router.get("/trade/positions", include_in_schema=False)
def list_positions(user_id: Reader, connection: UserConnection) -> list[PositionView]:
    """The user's open positions at the latest prices."""
    return get_portfolio(user_id, connection).positions


@router.get("/trade/account")
def get_account(user_id: Reader, connection: UserConnection) -> PortfolioView:
    """The user's account: the same as the portfolio, by the name that trading programs know."""
    return get_portfolio(user_id, connection)


@router.get("/trades")
def list_trades(
    user_id: Reader,
    connection: UserConnection,
    page: NumberedPageQuery,
    symbol: Annotated[Symbol | None, Query()] = None,
    session_id: UUID | None = None,
    side: Side | None = None,
) -> TradeList:
    """The user's trades."""
    found = portfolio.list_trades(connection, user_id, LedgerFilter(symbol, session_id, side), page)
    following = next_number(page, found, lambda each: each.trade_id)
    return TradeList(items=[TradeView.model_validate(each) for each in found], next=following)


@router.get("/signals")
def list_signals(
    user_id: Reader,
    connection: UserConnection,
    page: NumberedPageQuery,
    symbol: Annotated[Symbol | None, Query()] = None,
    session_id: UUID | None = None,
    side: Side | None = None,
    status: SignalStatus | None = None,
) -> SignalList:
    """The user's signals, with the reason of every refusal."""
    found = portfolio.list_signals(connection, user_id, LedgerFilter(symbol, session_id, side, status), page)
    following = next_number(page, found, lambda each: each.signal_id)
    items = [SignalView.model_validate(each) for each in found]
    for item in items:
        if item.reason is not None and item.reason in Reason.__members__:
            item.explanation = Reason(item.reason).explanation
    return SignalList(items=items, next=following)
