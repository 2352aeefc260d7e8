"""The first page: equity, what is held, what runs, what happened."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Response
from stratforge.application.errors import existing
from stratforge.portfolio.orders import OrderStatus
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.order_book import OrderFilter
from stratforge.storage.ledger.portfolio import LedgerFilter, SignalStatus
from stratforge.storage.market import market_data
from stratforge.storage.market.clock import market_clock
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import NumberedPage, Page
from stratforge.storage.strategies import sessions, strategies

from functions.api.context import database
from functions.api.dashboard.access import Looking, Visitor
from functions.api.dashboard.pages.examples import EXAMPLES

router = APIRouter(include_in_schema=False)
_SPARK_BARS = 60


@router.get("/")
def page(looking: Looking) -> Response:
    """The first page after the login."""
    with database().reading(looking.caller) as connection:
        return looking.page(connection, "home.html", examples=EXAMPLES[:3], **_now(connection, looking))


@router.get("/home/now")
def now(looking: Looking) -> Response:
    """The part of the page that changes."""
    with database().reading(looking.caller) as connection:
        return looking.part("parts/now.html", market=market_clock(connection), **_now(connection, looking))


def _now(connection: Connection, looking: Visitor) -> dict[str, Any]:
    found = existing(portfolio.read_portfolio(connection, looking.user_id), "portfolio")
    recent = sessions.list_sessions(connection, looking.user_id, sessions.SessionFilter(), Page(50))
    active = [each for each in recent if each.status in sessions.ACTIVE]
    named = strategies.names(connection, looking.user_id)
    invested = sum((each.market_value for each in found.positions), Decimal(0))
    orders = order_book.list_orders(connection, looking.user_id, OrderFilter(None, None, None), Page(40))
    return {
        "portfolio": found,
        "exposure": invested / found.equity if found.equity else Decimal(0),
        "active": active,
        "ended": [each for each in recent if each not in active][:5],
        "names": named,
        "has_strategies": bool(named),
        "closes": market_data.recent_closes(connection, sorted({each.symbol for each in active}), _SPARK_BARS),
        "trades": portfolio.list_trades(connection, looking.user_id, LedgerFilter(), NumberedPage(10)),
        "refusals": _refusals(connection, looking, orders),
    }


def _refusals(connection: Connection, looking: Visitor, orders: list[order_book.StoredOrder]) -> list[dict[str, Any]]:
    """Lists what was not traded, with reasons: refused orders, and refused or expired signals."""
    rows: list[dict[str, Any]] = [
        {
            "time": each.placed_at,
            "side": each.side,
            "symbol": each.symbol,
            "reason": each.reason,
            "explanation": each.explanation,
        }
        for each in orders
        if each.status is OrderStatus.REJECTED
    ]
    refused = LedgerFilter(status=SignalStatus.REJECTED)
    rows += [
        {
            "time": each.bar_time,
            "side": each.side,
            "symbol": each.symbol,
            "reason": each.reason,
            "explanation": each.explanation,
        }
        for each in portfolio.list_signals(connection, looking.user_id, refused, NumberedPage(10))
    ]
    return sorted(rows, key=lambda row: row["time"], reverse=True)[:8]
