"""The first page: equity, what is held, what runs, what happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from stratforge.application.benchmark import points_for, symbols_held
from stratforge.application.overview import read_overview, traded_symbols
from stratforge.portfolio.orders import OrderStatus
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.order_book import OrderFilter
from stratforge.storage.ledger.portfolio import EquityPoint, LedgerFilter, SignalStatus
from stratforge.storage.market import market_data
from stratforge.storage.market.clock import market_clock, past_day
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import NumberedPage, Page
from stratforge.storage.strategies import strategies

from functions.api.context import database
from functions.api.dashboard import drawings
from functions.api.dashboard.access import Looking, Visitor
from functions.api.dashboard.chart_tables import Line, table_of
from functions.api.dashboard.pages.examples import EXAMPLES
from functions.api.dashboard.pages.jobs import new_key
from functions.api.dashboard.rendering import compressed

router = APIRouter(include_in_schema=False)
_SPARK_BARS, _REFUSALS = 60, 5


@router.get("/")
def page(looking: Looking) -> Response:
    """The first page after the login."""
    with database().reading(looking.caller) as connection:
        return looking.page(
            connection,
            "home.html",
            key=new_key(),
            examples=EXAMPLES[:3],
            history=[float(each.equity) for each in _history(connection, looking)],
            **_now(connection, looking),
        )


@router.get("/home/now")
def now(looking: Looking) -> Response:
    """The part of the page that changes."""
    with database().reading(looking.caller) as connection:
        return looking.part("parts/now.html", market=market_clock(connection), **_now(connection, looking))


# How many points a chart may have, and how many days it may go back.
_Points = Annotated[int, Query(ge=2, le=2000)]
_Days = Annotated[float, Query(gt=0, le=3660)]


@router.get("/home/equity.json")
def equity(looking: Looking, days: _Days = 30, points: _Points = 200) -> Response:
    """The user's equity over so many days of the market, beside the symbols of his sessions, for the chart."""
    with database().reading(looking.caller) as connection:
        found = _history(connection, looking, days, points)
        held = _held(connection, looking, found)
    items = [{"time": each.time.timestamp(), "equity": float(each.equity)} for each in found]
    benchmark = [{"time": time.timestamp(), "value": round(worth, 2)} for time, worth in held]
    body = json.dumps({"items": items, "benchmark": benchmark}, separators=(",", ":"))
    return compressed(looking.request, body.encode(), "application/json")


@router.get("/home/equity.html")
def equity_figures(looking: Looking, days: _Days = 30) -> Response:
    """The user's equity and cash over so many days of the market, as a table."""
    with database().reading(looking.caller) as connection:
        found = _history(connection, looking, days)
        now, held = market_clock(connection).now, portfolio.read_portfolio(connection, looking.user_id)
        beside = _held(connection, looking, found)
    # What is known now is later than what was noted, here as in the chart.
    found += [EquityPoint(now, held.equity, held.cash + held.reserved_cash)] if held else []
    times = [each.time.timestamp() for each in found]
    lines: dict[str, Line] = {
        "Equity": (times, [float(each.equity) for each in found]),
        "Cash": (times, [float(each.cash) for each in found]),
    }
    if beside:
        lines["Symbols of your sessions, held"] = (
            [time.timestamp() for time, _ in beside],
            [worth for _, worth in beside],
        )
    return looking.part("parts/chart_table.html", table=table_of(lines))


def _history(connection: Connection, looking: Visitor, days: float = 30, points: int = 200) -> list[EquityPoint]:
    now = market_clock(connection).now
    return portfolio.equity_history(connection, looking.user_id, now - timedelta(days=days), now, points)


def _held(connection: Connection, looking: Visitor, found: Sequence[EquityPoint]) -> list[tuple[datetime, float]]:
    """The symbols of the user's sessions, held in equal parts, at some of the times at which the equity is known, the first and the last among them."""
    symbols = traded_symbols(connection, looking.user_id)
    if not symbols or len(found) < 2:
        return []
    count = min(points_for(len(symbols)), len(found))
    chosen = [found[round(at * (len(found) - 1) / (count - 1))] for at in range(count)]
    return symbols_held(connection, symbols, [each.time for each in chosen], [float(each.equity) for each in chosen])


def _now(connection: Connection, looking: Visitor) -> dict[str, Any]:
    found = read_overview(connection, looking.user_id)
    held = found.portfolio
    named = strategies.names(connection, looking.user_id)
    orders = order_book.list_orders(connection, looking.user_id, OrderFilter(None, None, None), Page(40))
    return {
        "overview": found,
        "portfolio": held,
        "exposure": held.exposure,
        "active": found.active,
        "most": max((abs(each.realized_pnl + each.unrealized_pnl) for each in found.active), default=Decimal(0)),
        "stacked": drawings.stacked([(each.name, float(each.share)) for each in found.parts]),
        "calendar": drawings.calendar([(each.day, each.rate) for each in found.days]),
        "names": named,
        "last_day": past_day(connection),
        "has_strategies": bool(named),
        "closes": market_data.recent_closes(connection, [each.symbol for each in found.watched], _SPARK_BARS),
        "trades": portfolio.list_trades(connection, looking.user_id, LedgerFilter(), NumberedPage(10)),
        "refusals": _refusals(connection, looking, orders),
    }


def _refusals(connection: Connection, looking: Visitor, orders: list[order_book.StoredOrder]) -> list[dict[str, Any]]:
    """Lists what was not traded, with reasons: refused orders, and refused or expired signals."""
    rows: list[dict[str, Any]] = [
        {
            "time": each.placed_at,
            "action": each.action,
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
            "action": each.action,
            "symbol": each.symbol,
            "reason": each.reason,
            "explanation": each.explanation,
        }
        for each in portfolio.list_signals(connection, looking.user_id, refused, NumberedPage(10))
    ]
    return sorted(rows, key=lambda row: row["time"], reverse=True)[:_REFUSALS]
