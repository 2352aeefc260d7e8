"""`/api/portfolio`, `/api/trades`, `/api/signals`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from stratforge.portfolio.reasons import Reason
from stratforge.storage import portfolio

from functions.api.context import CurrentUser, UserConnection
from functions.api.formats import Number
from functions.api.problems import not_found

router = APIRouter(prefix="/api", tags=["portfolio"])
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[int | None, Query(ge=1, description="Continue after the last item: its id")]


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
    symbol: str
    session_id: UUID | None
    side: str
    quantity: Number
    price: Number
    realized_pnl: Number
    executed_at: datetime


class TradeList(BaseModel):
    """Trades, the newest first; `next` continues the list."""

    items: list[TradeView]
    next: int | None


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
    """Signals, the newest first; `next` continues the list."""

    items: list[SignalView]
    next: int | None


@router.get("/portfolio")
def get_portfolio(user_id: CurrentUser, connection: UserConnection) -> PortfolioView:
    """The user's portfolio."""
    found = portfolio.read_portfolio(connection, user_id)
    if found is None:
        raise not_found("portfolio")
    return PortfolioView.model_validate(found)


@router.get("/portfolio/history")
def get_history(
    user_id: CurrentUser,
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
def list_positions(user_id: CurrentUser, connection: UserConnection) -> list[PositionView]:
    """The user's open positions at the latest prices."""
    return get_portfolio(user_id, connection).positions


@router.get("/trade/account")
def get_account(user_id: CurrentUser, connection: UserConnection) -> PortfolioView:
    """The user's account: the same as the portfolio, by the name that trading programs know."""
    return get_portfolio(user_id, connection)


@router.get("/trades")
def list_trades(
    user_id: CurrentUser, connection: UserConnection, limit: Limit = 100, before: Cursor = None
) -> TradeList:
    """The user's trades."""
    items = [TradeView.model_validate(each) for each in portfolio.list_trades(connection, user_id, limit, before)]
    return TradeList(items=items, next=items[-1].trade_id if len(items) == limit else None)


@router.get("/signals")
def list_signals(
    user_id: CurrentUser, connection: UserConnection, limit: Limit = 100, before: Cursor = None
) -> SignalList:
    """The user's signals, with the reason of every refusal."""
    items = [SignalView.model_validate(each) for each in portfolio.list_signals(connection, user_id, limit, before)]
    for item in items:
        if item.reason is not None and item.reason in Reason.__members__:
            item.explanation = Reason(item.reason).explanation
    return SignalList(items=items, next=items[-1].signal_id if len(items) == limit else None)
