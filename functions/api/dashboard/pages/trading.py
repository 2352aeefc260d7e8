"""Portfolio, orders, trades, and the ticket for an order by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from stratforge.application import orders as application
from stratforge.application.errors import existing
from stratforge.application.explanations import OrderExplanation, explain_order, explain_trade
from stratforge.application.order_preview import preview_order
from stratforge.application.orders import OrderChange, PlaceOrder
from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.market.sizes import Action, Side
from stratforge.portfolio.orders import PRICES_OF, OrderType
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.order_book import OrderFilter
from stratforge.storage.ledger.portfolio import LedgerFilter
from stratforge.storage.market import assets
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import sessions

from functions.api.context import database, outbox
from functions.api.dashboard.access import Fields, Form, Looking, Visitor, given, text, typed_number, validated
from functions.api.dashboard.pages.jobs import new_key, started
from functions.api.dashboard.rendering import go_to
from functions.api.pages import NumberedPageQuery, PageQuery, next_cursor, next_number
from functions.api.problems import Problem

router = APIRouter(include_in_schema=False)
_PRICES = ("limit_price", "stop_price", "trail_percent")


@router.get("/portfolio")
def portfolio_page(looking: Looking, symbol: str = "", side: str = "buy") -> Response:
    """Positions, open orders, and the ticket."""
    with database().reading(looking.caller) as connection:
        return looking.page(
            connection,
            "portfolio.html",
            **_holdings(connection, looking),
            ticket={"symbol": symbol[:20], "side": "sell" if side == Side.SELL else "buy"},
            key=new_key(),
        )


@router.get("/portfolio/now")
def holdings(looking: Looking) -> Response:
    """The part of the page that changes."""
    with database().reading(looking.caller) as connection:
        return looking.part("parts/holdings.html", **_holdings(connection, looking))


def _holdings(connection: Any, looking: Looking) -> dict[str, Any]:
    found = existing(portfolio.read_portfolio(connection, looking.user_id), "portfolio")
    open_orders = order_book.list_orders(connection, looking.user_id, OrderFilter(None, None, True), Page(100))
    named = sessions.strategy_names(connection, [each.session_id for each in found.positions])
    return {"portfolio": found, "open_orders": open_orders, "session_names": named}


def _order(fields: Form) -> PlaceOrder:
    values: dict[str, Any] = given(
        fields, "symbol", "side", "type", "time_in_force", "limit_price", "stop_price", "trail_percent", "session_id"
    )
    kind, amount = text(fields, "size_kind") or "quantity", typed_number(text(fields, "size"))
    # People write parts as percentages.
    values |= {name: typed_number(values[name]) for name in _PRICES if name in values}
    values[kind] = (
        f"{float(amount) / 100:.6f}" if kind == "fraction" and amount.replace(".", "", 1).isdigit() else amount
    )
    # The form has a field for every price; those of other types are left out.
    kind_of_order = values.get("type", OrderType.MARKET)
    kept = ("trail_percent",) if kind_of_order == OrderType.TRAILING_STOP else PRICES_OF.get(kind_of_order, ())
    values = {name: value for name, value in values.items() if name in kept or name not in _PRICES}
    return validated(PlaceOrder, values)


@router.post("/orders/preview")
def preview_part(looking: Looking, fields: Fields) -> Response:
    """Previews an order in the form: its cost and the decision of the risk rules."""
    if not text(fields, "size") or not text(fields, "symbol"):
        return looking.part("parts/preview.html", found=None)
    try:
        parse_symbol(text(fields, "symbol"))
    except InvalidSymbol:
        return looking.part("parts/preview.html", found=None)
    try:
        body = _order(fields)
    except Problem as problem:
        # Somebody is still typing.
        return looking.part("parts/preview.html", found=None, missing=problem.detail)
    with database().reading(looking.caller) as connection:
        return looking.part("parts/preview.html", found=preview_order(connection, looking.user_id, body), body=body)


@router.get("/symbols")
def symbols(looking: Looking, symbol: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Symbols to choose from while one is typed, with the names of their companies."""
    with database().reading(looking.caller) as connection:
        found = assets.list_assets(connection, symbol.strip(), True, 12, None) if symbol.strip() else []
    return looking.part("parts/symbols.html", found=found)


@router.post("/orders")
def place(looking: Looking, fields: Fields) -> Response:
    """Places the order of the form, unless it is known beforehand that it would be refused."""
    wanted = _order(fields)
    with database().reading(looking.caller) as connection:
        expected = preview_order(connection, looking.user_id, wanted)
    if expected.hopeless:
        raise Problem(422, "would-be-refused", f"It would be refused: {expected.explanation}")
    application.place_order(database(), outbox(), looking.caller, wanted, started(looking, fields))
    return go_to(looking.request, "/orders")


@router.post("/orders/{order_id}/cancel")
def cancel(order_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Asks for the end of an order."""
    application.cancel_order(database(), outbox(), looking.caller, order_id)
    return go_to(looking.request, "/orders")


@router.post("/orders/{order_id}/change")
def change(order_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Replaces an order that waits by one with the form's limit price."""
    wanted = validated(OrderChange, {"limit_price": typed_number(text(fields, "limit_price"))})
    application.replace_order(database(), outbox(), looking.caller, order_id, wanted, started(looking, fields))
    return go_to(looking.request, "/orders")


@router.post("/orders/cancel-all")
def cancel_all(looking: Looking, _fields: Fields) -> Response:
    """Asks for the end of all open orders."""
    application.cancel_all_orders(database(), outbox(), looking.caller)
    return go_to(looking.request, "/orders")


@router.post("/positions/close")
def close_positions(looking: Looking, fields: Fields) -> Response:
    """Sells what is held by hand of the form's symbol, or everything where it names none."""
    try:
        symbol = parse_symbol(text(fields, "symbol")) if text(fields, "symbol") else None
    except InvalidSymbol as error:
        raise Problem(422, "validation", f"{error}.") from None
    application.close_positions(database(), outbox(), looking.caller, symbol, sessions_too=symbol is None)
    return go_to(looking.request, "/orders")


@router.get("/orders")
def orders(looking: Looking, page: PageQuery, symbol: str = "", state: str = "") -> Response:
    """All orders, those of sessions included."""
    with database().reading(looking.caller) as connection:
        found = _orders(connection, looking, page, symbol, state)
        return looking.page(connection, "orders.html", query=looking.request.url.query, **found)


@router.get("/orders/now")
def orders_now(looking: Looking, page: PageQuery, symbol: str = "", state: str = "") -> Response:
    """The part of the page that changes."""
    with database().reading(looking.caller) as connection:
        return looking.part("parts/orders.html", **_orders(connection, looking, page, symbol, state))


def _orders(connection: Any, looking: Looking, page: Page, symbol: str, state: str) -> dict[str, Any]:
    wanted = OrderFilter(_symbol(symbol), None, {"open": True, "ended": False}.get(state))
    found = order_book.list_orders(connection, looking.user_id, wanted, page)
    following = next_cursor(page, found, lambda each: (each.created_at, each.order_id))
    return {"orders": found, "next": following, "symbol": symbol[:20], "state": state}


@router.get("/trades")
def trades(looking: Looking, page: NumberedPageQuery, symbol: str = "", side: str = "") -> Response:
    """Shows the user's trades, filtered by symbol and what they did."""
    action = Action(side) if side in list(Action) else None
    chosen = LedgerFilter() if action is None else LedgerFilter(side=action.side, short=action.short)
    wanted = replace(chosen, symbol=_symbol(symbol))
    with database().reading(looking.caller) as connection:
        found = portfolio.list_trades(connection, looking.user_id, wanted, page)
        return looking.page(
            connection,
            "trades.html",
            trades=found,
            session_names=sessions.strategy_names(connection, [each.session_id for each in found]),
            next=next_number(page, found, lambda each: each.trade_id),
            symbol=symbol[:20],
            side=side,
            actions=list(Action),
        )


@router.get("/trades/{trade_id}")
def trade(trade_id: Annotated[int, Path(ge=1, le=2**63 - 1)], looking: Looking) -> Response:
    """The page of a trade, which says why it was made and what it cost: the order that it is a part of."""
    return _explained(looking, explain_trade(database(), looking.caller, trade_id))


@router.get("/orders/{order_id}")
def order(order_id: UUID, looking: Looking) -> Response:
    """The page of an order, which says why it was placed and what became of it."""
    return _explained(looking, explain_order(database(), looking.caller, order_id))


def _explained(looking: Visitor, found: OrderExplanation) -> Response:
    with database().reading(looking.caller) as connection:
        return looking.page(connection, "order.html", found=found)


def _symbol(typed: str) -> str | None:
    """A symbol to filter by; what is none filters nothing out."""
    try:
        return parse_symbol(typed[:20]) if typed.strip() else None
    except InvalidSymbol:
        return None
