"""The platform as tools for language models (Model Context Protocol). What a tool may do is what the API key's scopes say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from stratforge.client import ApiError, Client

_INSTRUCTIONS = """
Paper trading. Write a strategy with `generate_strategy` from a description, or check your own code with `check_strategy`; look at `strategy_language`
first. Backtest before you start a session. Amounts are decimal strings. Nothing here is investment advice.
""".strip()


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

    @server.tool()
    def research(question: str, include_portfolio: bool, context: Context[Any]) -> dict[str, Any]:
        """Answers a question about markets or the economy with sources; with include_portfolio it knows the user's positions."""
        return _answered(lambda: client_of(context).research(question, portfolio=include_portfolio))

    @server.tool()
    def generate_strategy(description: str, context: Context[Any], symbol: str | None = None) -> dict[str, Any]:
        """Writes a strategy from a description in plain language, proves it safe and stores it."""
        return _answered(lambda: client_of(context).generate(description, symbol))

    @server.tool()
    def strategy_language() -> str:
        """The language strategies are written in: what is allowed, and every indicator."""
        from stratforge.strategy.language_reference import prompt_section

        return prompt_section()

    @server.tool()
    def check_strategy(python_code: str, context: Context[Any]) -> dict[str, Any]:
        """Checks strategy code without storing it: findings with line and suggestion, or its indicators, parameters and lookback."""
        return ask(context, "POST", "/api/strategies/check", {"python_code": python_code})

    @server.tool()
    def store_strategy(
        name: str, symbol: str, python_code: str, explanation: str, context: Context[Any]
    ) -> dict[str, Any]:
        """Stores strategy code that passes the check."""
        body = {"name": name, "symbol": symbol, "python_code": python_code, "logic_explanation": explanation}
        return ask(context, "POST", "/api/strategies", body)

    @server.tool()
    def list_strategies(context: Context[Any]) -> dict[str, Any]:
        """The user's strategies, the newest first."""
        return ask(context, "GET", "/api/strategies", limit=50)

    @server.tool()
    def backtest(strategy_id: str, context: Context[Any], symbol: str | None = None) -> dict[str, Any]:
        """Backtests a strategy on recent 1-minute bars: return, drawdown, Sharpe ratio, trades."""
        options = {"symbol": symbol} if symbol else {}
        return _answered(lambda: client_of(context).backtest(strategy_id, **options))

    @server.tool()
    def start_session(
        strategy_id: str,
        symbol: str,
        equity_fraction: str,
        context: Context[Any],
        stop_loss: str | None = None,
        take_profit: str | None = None,
        trailing_stop: str | None = None,
    ) -> dict[str, Any]:
        """Runs a strategy on live bars with paper money. Fractions such as "0.1"; stops are fractions of the price."""
        settings = {"stop_loss": stop_loss, "take_profit": take_profit, "trailing_stop": trailing_stop}
        given = {name: value for name, value in settings.items() if value is not None}
        return _answered(lambda: client_of(context).start_session(strategy_id, symbol, equity_fraction, **given))

    @server.tool()
    def stop_session(session_id: str, flatten: bool, context: Context[Any]) -> dict[str, Any]:
        """Stops a session; with flatten it also sells what the session holds."""
        return ask(context, "POST", f"/api/sessions/{quote(session_id, safe='')}/stop", {"flatten": flatten})

    @server.tool()
    def list_sessions(context: Context[Any]) -> dict[str, Any]:
        """The user's sessions, the newest first."""
        return ask(context, "GET", "/api/sessions", limit=50)

    @server.tool()
    def portfolio(context: Context[Any]) -> dict[str, Any]:
        """Equity, cash, profit and positions at the latest prices."""
        return ask(context, "GET", "/api/portfolio")

    @server.tool()
    def recent_signals(context: Context[Any]) -> dict[str, Any]:
        """What strategies said lately, and why it was refused where it was."""
        return ask(context, "GET", "/api/signals", limit=50)

    return server


def _answered(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer; a refusal is an answer too, so that the model can mend what it asked for."""
    try:
        return question()
    except ApiError as error:
        return {"error": error.problem.get("detail", str(error)), "status": error.status, **_details(error.problem)}


def _details(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: problem[name] for name in ("findings", "errors", "scope") if name in problem}


def serve_stdio(address: str, key: str) -> None:
    """Serves one user over standard input and output, until it ends."""
    client = Client(address, key)
    create_server(lambda _context: client).run("stdio")
