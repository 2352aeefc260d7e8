"""The platform as tools for language models (Model Context Protocol). What a tool may do is what the API key's scopes say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from stratforge.client import ApiError, Client

_INSTRUCTIONS = """
Paper trading. Write a strategy with `generate_strategy` from a description, or check your own code with `check_strategy`; look at `strategy_language`
first. Backtest before you start a session. Amounts are decimal strings. Nothing here is investment advice.
""".strip()

Symbol = Annotated[str, Field(description="A stock such as AAPL, or a pair such as BTC/USD")]
OptionalSymbol = Annotated[str | None, Field(description="A stock such as AAPL, or a pair such as BTC/USD")]
Code = Annotated[str, Field(description="In the strategy language; see strategy_language")]
StrategyId = Annotated[str, Field(description="The id of a strategy; see list_strategies")]
OrderSide = Annotated[Literal["buy", "sell"], Field(description="buy or sell")]
Quantity = Annotated[str, Field(description='Shares or coins, such as "2.5"')]
LimitPrice = Annotated[str | None, Field(description="Dollars; without it the order is at the market")]
Bars = Annotated[int, Field(ge=1, le=1000, description="At most so many")]
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_MAKES = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
_ENDS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
# Asks a model that looks around in the world.
_WORKS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)


def create_server(client_of: Callable[[Context[Any]], Client]) -> MCPServer[Any]:
    """Builds the MCP server with all its tools.

    Args:
        client_of: Gives the client for the user behind a request.
    """
    server: MCPServer[Any] = MCPServer("stratforge", title="StratForge", instructions=_INSTRUCTIONS)

    def ask(
        context: Context[Any], method: str, path: str, body: dict[str, Any] | None = None, **query: Any
    ) -> dict[str, Any]:
        return _answered(lambda: client_of(context).call(method, path, body, **query))

    @server.tool(title="Ask the analyst", annotations=_WORKS)
    def research(
        question: Annotated[str, Field(description="About markets or the economy")],
        include_portfolio: Annotated[bool, Field(description="Let the analyst know which symbols the user holds")],
        context: Context[Any],
    ) -> dict[str, Any]:
        """Answers a question about markets or the economy with sources; with include_portfolio it knows the user's positions."""
        return _answered(lambda: client_of(context).research(question, portfolio=include_portfolio))

    @server.tool(title="Write a strategy", annotations=_WORKS)
    def generate_strategy(
        description: Annotated[str, Field(description="What it is to do, in plain language")],
        context: Context[Any],
        symbol: OptionalSymbol = None,
    ) -> dict[str, Any]:
        """Writes a strategy from a description in plain language, proves it safe and stores it."""
        return _answered(lambda: client_of(context).generate(description, symbol))

    @server.tool(title="The strategy language", annotations=_READS)
    def strategy_language() -> str:
        """The language strategies are written in: what is allowed, and every indicator."""
        from stratforge.strategy.language_reference import prompt_section

        return prompt_section()

    @server.tool(title="Check a strategy", annotations=_READS)
    def check_strategy(python_code: Code, context: Context[Any]) -> dict[str, Any]:
        """Checks strategy code without storing it: findings with line and suggestion, or its indicators, parameters and lookback."""
        return ask(context, "POST", "/v1/strategies/check", {"python_code": python_code})

    @server.tool(title="Store a strategy", annotations=_MAKES)
    def store_strategy(
        name: Annotated[str, Field(description="What it is called")],
        symbol: Symbol,
        python_code: Code,
        explanation: Annotated[str, Field(description="What it does, in plain words")],
        context: Context[Any],
    ) -> dict[str, Any]:
        """Stores strategy code that passes the check."""
        body = {"name": name, "symbol": symbol, "python_code": python_code, "logic_explanation": explanation}
        return ask(context, "POST", "/v1/strategies", body)

    @server.tool(title="Strategies", annotations=_READS)
    def list_strategies(context: Context[Any]) -> dict[str, Any]:
        """The user's strategies, the newest first."""
        return ask(context, "GET", "/v1/strategies", limit=50)

    @server.tool(title="Backtest a strategy", annotations=_MAKES)
    def backtest(strategy_id: StrategyId, context: Context[Any], symbol: OptionalSymbol = None) -> dict[str, Any]:
        """Backtests a strategy on recent 1-minute bars: return, drawdown, Sharpe ratio, trades."""
        options = {"symbol": symbol} if symbol else {}
        return _answered(lambda: client_of(context).backtest(strategy_id, **options))

    @server.tool(title="Start a session", annotations=_MAKES)
    def start_session(
        strategy_id: StrategyId,
        symbol: Symbol,
        equity_fraction: Annotated[str, Field(description='Of the equity in a position, such as "0.1"')],
        context: Context[Any],
        stop_loss: Annotated[str | None, Field(description='Sells this far below the entry, such as "0.02"')] = None,
        take_profit: Annotated[str | None, Field(description="Sells this far above the entry")] = None,
        trailing_stop: Annotated[str | None, Field(description="Sells this far below the highest price")] = None,
    ) -> dict[str, Any]:
        """Runs a strategy on live bars with paper money. Fractions such as "0.1"; stops are fractions of the price."""
        settings = {"stop_loss": stop_loss, "take_profit": take_profit, "trailing_stop": trailing_stop}
        given = {name: value for name, value in settings.items() if value is not None}
        return _answered(lambda: client_of(context).start_session(strategy_id, symbol, equity_fraction, **given))

    @server.tool(title="Stop a session", annotations=_ENDS)
    def stop_session(
        session_id: Annotated[str, Field(description="The id of a session")],
        flatten: Annotated[bool, Field(description="Sell what it holds as well")],
        context: Context[Any],
    ) -> dict[str, Any]:
        """Stops a session; with flatten it also sells what the session holds."""
        return ask(context, "POST", f"/v1/sessions/{quote(session_id, safe='')}/stop", {"flatten": flatten})

    @server.tool(title="Sessions", annotations=_READS)
    def list_sessions(context: Context[Any]) -> dict[str, Any]:
        """The user's sessions, the newest first."""
        return ask(context, "GET", "/v1/sessions", limit=50)

    @server.tool(title="Portfolio", annotations=_READS)
    def portfolio(context: Context[Any]) -> dict[str, Any]:
        """Equity, cash, profit and positions at the latest prices."""
        return ask(context, "GET", "/v1/portfolio")

    @server.tool(title="Signals", annotations=_READS)
    def recent_signals(context: Context[Any]) -> dict[str, Any]:
        """What strategies said lately, and why it was refused where it was."""
        return ask(context, "GET", "/v1/signals", limit=50)

    @server.tool(title="Trades", annotations=_READS)
    def list_trades(context: Context[Any], symbol: OptionalSymbol = None) -> dict[str, Any]:
        """What was traded, the newest first."""
        return ask(context, "GET", "/v1/trades", symbol=symbol, limit=50)

    @server.tool(title="Orders", annotations=_READS)
    def list_orders(context: Context[Any], symbol: OptionalSymbol = None) -> dict[str, Any]:
        """The user's orders, the newest first, with the reason of every refusal."""
        return ask(context, "GET", "/v1/orders", symbol=symbol, limit=50)

    @server.tool(title="Bars", annotations=_READS)
    def list_bars(symbol: Symbol, context: Context[Any], limit: Bars = 60) -> dict[str, Any]:
        """The latest recorded 1-minute bars of a symbol, the oldest first."""
        return ask(context, "GET", f"/v1/market/{quote(symbol.replace('/', '-'), safe='')}/bars", limit=limit)

    @server.tool(title="Preview an order", annotations=_READS)
    def preview_order(
        symbol: Symbol, side: OrderSide, quantity: Quantity, context: Context[Any], limit_price: LimitPrice = None
    ) -> dict[str, Any]:
        """What an order would cost and what the risk rules say of it; nothing is placed."""
        return ask(context, "POST", "/v1/orders/preview", _order(symbol, side, quantity, limit_price))

    @server.tool(title="Place an order", annotations=_MAKES)
    def place_order(
        symbol: Symbol, side: OrderSide, quantity: Quantity, context: Context[Any], limit_price: LimitPrice = None
    ) -> dict[str, Any]:
        """Places an order with paper money. It is accepted or refused a moment later; look at it with list_orders."""
        return ask(context, "POST", "/v1/orders", _order(symbol, side, quantity, limit_price))

    @server.tool(title="Cancel an order", annotations=_ENDS)
    def cancel_order(
        order_id: Annotated[str, Field(description="The id of an order")], context: Context[Any]
    ) -> dict[str, Any]:
        """Asks for the end of an order; what is filled stays."""
        return ask(context, "DELETE", f"/v1/orders/{quote(order_id, safe='')}")

    return server


def _order(symbol: str, side: str, quantity: str, limit_price: str | None) -> dict[str, Any]:
    terms = {"type": "limit", "limit_price": limit_price} if limit_price else {"type": "market"}
    return {"symbol": symbol, "side": side, "quantity": quantity, **terms}


def _answered(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer. A refusal is an error of the tool that says everything, so that the model can mend what it asked for."""
    try:
        return question()
    except ApiError as error:
        said = {"error": error.problem.get("detail", str(error)), "status": error.status, **_details(error.problem)}
        raise ToolError(json.dumps(said)) from None


def _details(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: problem[name] for name in ("findings", "errors", "scope") if name in problem}


def serve_stdio(address: str, key: str) -> None:
    """Serves one user over standard input and output, until it ends."""
    client = Client(address, key)
    create_server(lambda _context: client).run("stdio")
