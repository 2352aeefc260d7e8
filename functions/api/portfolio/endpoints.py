"""Endpoints `/api/portfolio`, `/api/trades` and `/api/signals`: money, positions and what was traded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from stratforge.application import explanations, orders
from stratforge.application.errors import existing
from stratforge.application.explanations import OrderExplanation
from stratforge.application.strategies import Symbol
from stratforge.market.sizes import Side
from stratforge.storage.ledger import portfolio
from stratforge.storage.ledger.order_book import StoredOrder
from stratforge.storage.ledger.portfolio import (
    EquityPoint,
    LedgerFilter,
    PortfolioRow,
    PositionRow,
    SignalRow,
    SignalStatus,
    TradeRow,
)
from stratforge.storage.market.clock import market_clock
from stratforge.storage.postgres.database import Connection

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.market.endpoints import PathSymbol
from functions.api.orders.schemas import ClosingOrders, ExplanationView, TradeView
from functions.api.pages import NumberedPageQuery, next_number
from functions.api.views import Listed, items_of, list_of, many, view_of

router = APIRouter(prefix="/api", tags=["portfolio"])
PositionView = view_of(PositionRow, "PositionView", properties=("margin_needed", "borrow_fee"))
TradeList = list_of(TradeView, "TradeList", "Trades; `next` continues the list.")
OfShort = Annotated[bool | None, Query(description="Only those of short positions, or only the others")]
# A number of PostgreSQL's.
TradeId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_EXPLANATION = (str | None, Field(None, description="What the reason means"))
SignalView = view_of(SignalRow, "SignalView", explanation=_EXPLANATION)
SignalList = list_of(SignalView, "SignalList", "Signals; `next` continues the list.")


PortfolioView = view_of(
    PortfolioRow,
    "PortfolioView",
    without=("day_equity",),
    properties=("equity", "buying_power", "unrealized_pnl", "day_pnl", "exposure", "margin_needed"),
    positions=(many(PositionView), ...),
)
EquityHistory = items_of(view_of(EquityPoint, "EquityPointView"), "EquityHistory", "Equity over time, oldest first.")


def _portfolio(connection: Connection, user_id: UUID) -> PortfolioRow:
    return existing(portfolio.read_portfolio(connection, user_id), "portfolio")


@router.get("/portfolio", response_model=PortfolioView)
def get_portfolio(user_id: Reader, connection: UserConnection) -> PortfolioRow:
    """Returns the user's portfolio: cash, equity and positions."""
    return _portfolio(connection, user_id)


@router.get("/portfolio/history", response_model=EquityHistory)
def get_portfolio_history(
    user_id: Reader,
    connection: UserConnection,
    days: Annotated[float, Query(gt=0, le=3660, description="How far back")] = 30,
    points: Annotated[int, Query(ge=2, le=2000, description="At most so many points")] = 500,
) -> Listed[EquityPoint]:
    """The user's equity over time; it is noted every minute. Times and days are the market's, also where a replayed one runs faster than ours."""
    now = market_clock(connection).now
    return Listed(portfolio.equity_history(connection, user_id, now - timedelta(days=days), now, points))


@router.get("/positions", response_model=many(PositionView))
@router.get("/trade/positions", include_in_schema=False, response_model=many(PositionView))
def list_positions(user_id: Reader, connection: UserConnection) -> Sequence[PositionRow]:
    """The user's open positions at the latest prices."""
    return _portfolio(connection, user_id).positions


@router.delete("/positions", response_model=ClosingOrders)
def close_all_positions(asking: Asking) -> Listed[StoredOrder]:
    """Sells everything that is held and buys back what is short, by hand and in sessions; running sessions go on. Asking again places nothing twice."""
    return Listed(orders.close_positions(database(), outbox(), asking))


@router.delete("/positions/{symbol}", response_model=ClosingOrders)
def close_position(
    symbol: PathSymbol,
    asking: Asking,
    sessions: Annotated[bool, Query(description="Also what sessions hold or are short of it")] = True,
) -> Listed[StoredOrder]:
    """Sells all that is held of a symbol and buys back what is short of it, by hand and in sessions; running sessions go on. Orders that wait to do so are called off."""
    return Listed(orders.close_positions(database(), outbox(), asking, symbol, sessions_too=sessions))


@router.get("/trade/account", response_model=PortfolioView)
def get_trading_account(user_id: Reader, connection: UserConnection) -> PortfolioRow:
    """The user's account: the same as the portfolio, by the name that trading programs know."""
    return _portfolio(connection, user_id)


@router.get("/trades", response_model=TradeList)
def list_trades(
    user_id: Reader,
    connection: UserConnection,
    page: NumberedPageQuery,
    symbol: Annotated[Symbol | None, Query()] = None,
    session_id: UUID | None = None,
    side: Side | None = None,
    short: OfShort = None,
) -> Listed[TradeRow]:
    """Lists the user's trades, filtered by symbol, session and side. A sale that is `short` sold short, a purchase that is covered."""
    wanted = LedgerFilter(symbol, session_id, side, short=short)
    found = portfolio.list_trades(connection, user_id, wanted, page)
    return Listed(found, next_number(page, found, lambda each: each.trade_id))


@router.get("/trades/{trade_id}/explanation", response_model=ExplanationView)
def explain_trade(trade_id: TradeId, asking: Asking) -> OrderExplanation:
    """Explains the order that a trade is a part of: the bar, the rule that was met with its values, the netting, the fills, fees and slippage."""
    return explanations.explain_trade(database(), asking, trade_id)


@router.get("/signals", response_model=SignalList)
def list_signals(
    user_id: Reader,
    connection: UserConnection,
    page: NumberedPageQuery,
    symbol: Annotated[Symbol | None, Query()] = None,
    session_id: UUID | None = None,
    side: Side | None = None,
    status: SignalStatus | None = None,
    short: OfShort = None,
) -> Listed[SignalRow]:
    """The user's signals, with the reason of every refusal."""
    found = portfolio.list_signals(connection, user_id, LedgerFilter(symbol, session_id, side, status, short), page)
    return Listed(found, next_number(page, found, lambda each: each.signal_id))
