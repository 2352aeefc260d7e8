"""Tools that trade with paper money: orders, positions and sessions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from pydantic import Field

from stratforge.mcp_server.answers import Order, Orders, Preview, ShortSelling
from stratforge.mcp_server.session_answers import Session
from stratforge.mcp_server.toolbox import (
    EquityFraction,
    OptionalSymbol,
    OrderId,
    OrderSide,
    Part,
    SessionId,
    StrategyId,
    Symbol,
    Toolbox,
    amount,
    in_path,
)

Quantity = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False, description="Shares or coins, such as 2.5")]
Price = Annotated[float | None, Field(gt=0, le=1e9, allow_inf_nan=False, description="Dollars a unit")]
TakeProfit = Annotated[
    float | None, Field(gt=0, le=1_000, allow_inf_nan=False, description="Sells so far above the entry, such as 0.05")
]
Kind = Annotated[
    Literal["market", "limit", "stop", "stop_limit", "oco"],
    Field(
        description="limit and stop_limit need limit_price, stop and stop_limit stop_price; oco needs both, and one cancels the other"
    ),
]
Lifetime = Annotated[
    Literal["day", "gtc"], Field(description="day ends with the market's day, gtc waits until it is called off")
]
OwnId = Annotated[
    str | None,
    Field(max_length=128, description="A name of your own: placed twice with the same one, there is one order"),
]


def install(box: Toolbox) -> None:
    """Adds the tools for trading with paper money to the box."""

    @box.reads("Preview an order")
    def preview_order(
        symbol: Symbol,
        side: OrderSide,
        quantity: Quantity,
        context: Context[Any],
        type: Kind = "market",
        limit_price: Price = None,
        stop_price: Price = None,
    ) -> Preview:
        """What an order would cost and what the risk rules say of it; nothing is placed."""
        body = _order(symbol, side, quantity, type, limit_price, stop_price)
        return box.ask(Preview, context, "POST", "/v1/orders/preview", body)

    @box.makes("Place an order")
    def place_order(
        symbol: Symbol,
        side: OrderSide,
        quantity: Quantity,
        context: Context[Any],
        type: Kind = "market",
        limit_price: Price = None,
        stop_price: Price = None,
        time_in_force: Lifetime = "gtc",
        client_order_id: OwnId = None,
    ) -> Order:
        """Places an order with paper money. It is accepted or refused a moment later; look at it with list_orders."""
        body = _order(symbol, side, quantity, type, limit_price, stop_price)
        more = {"time_in_force": time_in_force, "client_order_id": client_order_id}
        return box.ask(Order, context, "POST", "/v1/orders", {**body, **more})

    @box.ends("Cancel an order")
    def cancel_order(order_id: OrderId, context: Context[Any]) -> Order:
        """Asks for the end of an order; what is filled stays."""
        return box.ask(Order, context, "DELETE", f"/v1/orders/{order_id}")

    @box.ends("Cancel all orders")
    def cancel_all_orders(context: Context[Any], symbol: OptionalSymbol = None) -> Orders:
        """Asks for the end of all open orders by hand, or of those in one symbol."""
        return box.ask(Orders, context, "DELETE", "/v1/orders", symbol=symbol)

    @box.ends("Close a position")
    def close_position(
        symbol: Symbol,
        context: Context[Any],
        sessions: Annotated[bool, Field(description="What sessions hold or are short of it as well")] = False,
    ) -> Orders:
        """Sells all that is held of a symbol, to the last digit, and buys back what is short of it."""
        return box.ask(Orders, context, "DELETE", f"/v1/positions/{in_path(symbol)}", sessions=sessions or None)

    @box.makes("Start a session")
    def start_session(
        strategy_id: StrategyId,
        context: Context[Any],
        symbol: OptionalSymbol = None,
        equity_fraction: EquityFraction = 0.1,
        stop_loss: Part = None,
        take_profit: TakeProfit = None,
        trailing_stop: Part = None,
    ) -> Session:
        """Runs a strategy on live bars with paper money. Stops sell so far below the entry, or below the highest price since; a portfolio strategy begins with that part of the equity, and takes neither symbol nor stops."""
        body = {"strategy_id": str(strategy_id), "symbol": symbol, "sizing_value": amount(equity_fraction)}
        stops = {"stop_loss": stop_loss, "take_profit": take_profit, "trailing_stop": trailing_stop}
        return box.ask(Session, context, "POST", "/v1/sessions", {**body, **{k: amount(v) for k, v in stops.items()}})

    @box.makes("Pause or resume a session", again=True)
    def pause_session(
        session_id: SessionId,
        context: Context[Any],
        paused: Annotated[bool, Field(description="False resumes it")] = True,
    ) -> Session:
        """Pauses a session, which then watches and does not trade while its stops stay in force; or resumes it."""
        body = {"status": "PAUSED" if paused else "RUNNING"}
        return box.ask(Session, context, "PATCH", f"/v1/sessions/{session_id}", body)

    @box.ends("Stop a session")
    def stop_session(
        session_id: SessionId,
        context: Context[Any],
        flatten: Annotated[bool, Field(description="Close its position as well")] = False,
    ) -> Session:
        """Stops a session; with flatten it also sells what the session holds, or buys back what it is short of."""
        return box.ask(Session, context, "POST", f"/v1/sessions/{session_id}/stop", {"flatten": flatten})

    @box.makes("Enable or disable short selling", again=True)
    def set_short_selling(
        enabled: Annotated[bool, Field(description="False makes the account long only again")], context: Context[Any]
    ) -> ShortSelling:
        """Lets the account's sessions go short: on margin, in whole shares of stocks that are easy to borrow, for a fee a night, with losses that have no bound. Ask the user
        before you enable it. Refused to be disabled while something is short.
        """
        return box.ask(ShortSelling, context, "PUT", "/v1/users/me/short-selling", {"short_selling": enabled})


def _order(
    symbol: str, side: str, quantity: float, kind: str, limit_price: float | None, stop_price: float | None
) -> dict[str, Any]:
    prices = {"limit_price": amount(limit_price), "stop_price": amount(stop_price)}
    return {"symbol": symbol, "side": side, "quantity": amount(quantity), "type": kind, **prices}
