"""The server of a choice of tools, and serving one user over standard input and output."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from stratforge import __version__
from stratforge.client import Client
from stratforge.mcp_server import backtests, market, portfolio, sharing, strategies, trading
from stratforge.mcp_server.toolbox import Toolbox, Toolset, install_jobs

_INSTRUCTIONS = """
Paper trading. Write a strategy with `generate_strategy` from a description, or check your own code with `check_strategy`; look at `strategy_language`
first. Backtest before you start a session. Work that takes longer than a call answers with a job that is RUNNING: ask for it with `get_job`. Money is
dollars, quantities are shares or coins, fractions are of one (0.02 is two percent), times are RFC 3339. Nothing here is investment advice.
""".strip()
_TOOLS = {
    Toolset.MARKET: market.install,
    Toolset.STRATEGIES: strategies.install,
    Toolset.BACKTESTS: backtests.install,
    Toolset.PORTFOLIO: portfolio.install,
    Toolset.TRADING: trading.install,
    Toolset.SHARING: sharing.install,
}
_MAKE_JOBS = {Toolset.MARKET, Toolset.STRATEGIES, Toolset.BACKTESTS}


def create_server(
    client_of: Callable[[Context[Any]], Client],
    toolsets: Collection[Toolset] = tuple(Toolset),
    *,
    read_only: bool = False,
) -> MCPServer[Any]:
    """Builds the MCP server with the tools of some toolsets; a tool that is not among them cannot be called either.

    Args:
        client_of: Gives the client for the user behind a request.
        toolsets: Whose tools there are.
        read_only: Leaves out every tool that changes something.
    """
    server: MCPServer[Any] = MCPServer(
        "stratforge", title="StratForge", instructions=_INSTRUCTIONS, version=__version__
    )
    box = Toolbox(server, client_of, read_only=read_only)
    if not _MAKE_JOBS.isdisjoint(toolsets):
        install_jobs(box)
    for toolset, install in _TOOLS.items():
        if toolset in toolsets:
            install(box)
    return server


def serve_stdio(
    address: str, key: str, toolsets: Collection[Toolset] = tuple(Toolset), *, read_only: bool = False
) -> None:
    """Serves one user over standard input and output, until it ends."""
    client = Client(address, key)
    create_server(lambda _context: client, toolsets, read_only=read_only).run("stdio")
