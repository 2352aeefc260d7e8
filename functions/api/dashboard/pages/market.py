"""The market: its clock at the head of every page, the speed of a replayed one, a page for each symbol, and what a person watches."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field
from stratforge.application import alerts as alerting
from stratforge.application import operations as application
from stratforge.application import watchlist as watching
from stratforge.application.alerts import NewAlert
from stratforge.application.errors import NotFound, existing
from stratforge.application.idempotency import without_key
from stratforge.market import BarColumns, InvalidSymbol, parse_symbol
from stratforge.market.symbols import PORTFOLIO
from stratforge.storage.ledger import operations, order_book, portfolio
from stratforge.storage.ledger.order_book import OrderFilter
from stratforge.storage.ledger.portfolio import LedgerFilter
from stratforge.storage.market import alerts as stored_alerts
from stratforge.storage.market import data_notes, market_data, watchlist
from stratforge.storage.market.clock import market_clock
from stratforge.storage.postgres.pages import NumberedPage, Page
from stratforge.storage.strategies import sessions, strategies

from functions.api.context import database, outbox
from functions.api.dashboard.access import (
    Fields,
    Looking,
    Operating,
    current_path,
    fraction,
    given,
    own_path,
    text,
    validated,
)
from functions.api.dashboard.chart_tables import price_table
from functions.api.dashboard.rendering import compressed, go_to

router = APIRouter(include_in_schema=False)
# Between standing still and what one machine keeps up with.
_Speed = Annotated[float, Field(ge=0, le=600)]


@router.get("/market/clock")
def clock(looking: Looking) -> Response:
    """The strip with the market's time and hours."""
    with database().reading(looking.caller) as connection:
        return looking.part(
            "parts/market.html", market=market_clock(connection), may_steer=operations.is_operator(connection)
        )


@router.post("/market/speed")
def change_speed(looking: Operating, fields: Fields) -> Response:
    """Has a replayed market run at another speed; the strip shows it before the market has followed."""
    speed = validated(_Speed, text(fields, "speed"))
    application.change_market_speed(database(), looking.caller, speed)
    with database().reading(looking.caller) as connection:
        return looking.part("parts/market.html", market=replace(market_clock(connection), speed=speed), may_steer=True)


# Two weeks of minutes.
_BARS_SHOWN = 10 * 390


@router.get("/market")
def find(looking: Looking, symbol: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Goes to the page of the symbol that was typed."""
    return go_to(looking.request, f"/market/{_symbol(symbol)}")


@router.get("/charts/market.json")
def chart(looking: Looking, symbol: Annotated[str, Query(max_length=40)]) -> Response:
    """The last bars of a symbol, with the user's trades in it."""
    wanted = _symbol(symbol)
    with database().reading(looking.caller) as connection:
        bars = market_data.bars_between(connection, wanted, None, None, _BARS_SHOWN)
        trades = portfolio.list_trades(connection, looking.user_id, LedgerFilter(wanted), NumberedPage(200))
    marks = [
        {"time": int(each.executed_at.timestamp()), "side": each.action, "quantity": float(each.quantity)}
        for each in trades
    ]
    body = json.dumps(
        {"curve": {**_columns(bars), "indicators": []}, "marks": marks, "levels": []}, separators=(",", ":")
    )
    return compressed(looking.request, body.encode(), "application/json")


@router.get("/charts/market.html")
def chart_figures(looking: Looking, symbol: Annotated[str, Query(max_length=40)]) -> Response:
    """The last bars of a symbol as a table, for who cannot see the chart."""
    with database().reading(looking.caller) as connection:
        bars = market_data.bars_between(connection, _symbol(symbol), None, None, _BARS_SHOWN)
    return looking.part("parts/chart_table.html", table=price_table({**_columns(bars), "indicators": []}))


def _columns(bars: BarColumns) -> dict[str, list[float]]:
    return {name: getattr(bars, name).tolist() for name in ("time", "open", "high", "low", "close", "volume")}


@router.post("/watchlist")
def watch(looking: Looking, fields: Fields) -> Response:
    """Adds the form's symbol to those that are watched, or takes it off."""
    symbol = _symbol(text(fields, "symbol"))
    change = watching.unwatch_symbol if text(fields, "remove") else watching.watch_symbol
    change(database(), looking.caller, symbol)
    return go_to(looking.request, current_path(looking.request))


@router.post("/alerts")
def set_alert(looking: Looking, fields: Fields) -> Response:
    """Has the user told when a price is reached."""
    names = ("symbol", "condition", "price", "note")
    wanted: dict[str, object] = dict(given(fields, *names))
    wanted |= {name: bool(text(fields, name)) for name in ("repeats", "by_mail")}
    if text(fields, "condition") == "change":
        # The form has one field for the number.
        wanted["change"] = fraction(fields, "price")
        wanted.pop("price", None)
    alert = alerting.set_alert(database(), outbox(), looking.caller, validated(NewAlert, wanted), without_key())
    return go_to(looking.request, f"/market/{alert.symbol}")


@router.post("/alerts/{alert_id}/delete")
def delete_alert(alert_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Deletes an alert, and shows the page that it was deleted from."""
    alerting.delete_alert(database(), outbox(), looking.caller, alert_id)
    return go_to(looking.request, own_path(current_path(looking.request)))


@router.get("/market/{symbol:path}")
def page(symbol: str, looking: Looking) -> Response:
    """The page of a symbol: its price, its chart, and what the user has in it."""
    symbol = _symbol(symbol)
    with database().reading(looking.caller) as connection:
        held = existing(portfolio.read_portfolio(connection, looking.user_id), "portfolio")
        positions = [each for each in held.positions if each.symbol == symbol]
        (day,) = watchlist.day_prices(connection, [symbol])
        running = sessions.list_sessions(connection, looking.user_id, sessions.SessionFilter(), Page(200))
        return looking.page(
            connection,
            "market.html",
            symbol=symbol,
            day=day,
            closes=market_data.recent_closes(connection, [symbol], _BARS_SHOWN).get(symbol),
            watched=symbol in watchlist.watched(connection, looking.user_id),
            alerts=stored_alerts.list_alerts(connection, looking.user_id, symbol),
            notes=data_notes.list_notes(connection, [symbol]),
            positions=positions,
            session_names=sessions.strategy_names(connection, [each.session_id for each in positions]),
            sessions=[each for each in running if symbol in each.traded_symbols],
            names=strategies.names(connection, looking.user_id),
            orders=order_book.list_orders(connection, looking.user_id, OrderFilter(symbol, None, True), Page(50)),
            trades=portfolio.list_trades(connection, looking.user_id, LedgerFilter(symbol), NumberedPage(20)),
        )


def _symbol(typed: str) -> str:
    try:
        symbol = parse_symbol(typed.strip().upper())
    except InvalidSymbol:
        raise NotFound("symbol") from None
    if symbol == PORTFOLIO:
        raise NotFound("symbol")
    return symbol
