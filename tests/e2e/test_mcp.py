"""The tools for language models, through the official client: over HTTP behind the gateway, and over standard input and output."""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import pytest
from local_platform.platform import Platform
from local_platform.synthesis import ROOT
from mcp import Client as ToolClient
from mcp import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from stratforge.client import Client

from tests.support.patience import opened, when_not_busy

pytestmark = pytest.mark.timeout(900)
CODE = "def on_bar(bar, position, state):\n    return buy()\n"


def key_of(platform: Platform, name: str, scopes: list[str]) -> str:
    """A new user's API key."""
    client = Client(platform.address)
    client.register(f"{name}@example.com", "a long enough password")
    return str(client.call("POST", "/api/users/me/api-keys", {"name": "model", "scopes": scopes})["key"])


async def walk(tools: ToolClient) -> dict[str, Any]:
    """What a model would do first."""
    names = {tool.name for tool in (await tools.list_tools()).tools}
    stored = await tools.call_tool(
        "store_strategy", {"name": "by a model", "symbol": "AAPL", "python_code": CODE, "explanation": "Buys."}
    )
    checked = await tools.call_tool("check_strategy", {"python_code": "import os"})
    portfolio = await tools.call_tool("portfolio", {})
    return {
        "names": names,
        "stored": stored.structured_content,
        "checked": checked.structured_content,
        "portfolio": portfolio.structured_content,
    }


def assert_walked(found: dict[str, Any]) -> None:
    """The tools are there and did what they say."""
    assert {
        "research",
        "generate_strategy",
        "check_strategy",
        "backtest",
        "start_session",
        "stop_session",
        "portfolio",
    } <= found["names"]
    assert found["stored"]["name"] == "by a model"
    assert (found["checked"]["valid"], found["checked"]["findings"][0]["line"]) == (False, 1)
    assert found["portfolio"]["equity"] == 100_000


def test_a_model_trades_over_http(platform: Platform) -> None:
    import httpx2

    key = key_of(platform, "model-http", ["read", "write"])

    async def main() -> dict[str, Any]:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
            ToolClient(streamable_http_client(f"{platform.address}/mcp", http_client=http)) as tools,
        ):
            found = await walk(tools)
            denied = await tools.call_tool(
                "start_session",
                {"strategy_id": found["stored"]["strategy_id"], "symbol": "AAPL", "equity_fraction": 0.1},
            )
            found["denied"] = (denied.is_error, str(denied.content[0]))
            return found

    found = anyio.run(main)
    assert_walked(found)
    refused, text = found["denied"]
    assert refused
    assert '"status": 403' in text
    assert '"scope": "trade"' in text


def test_a_client_without_a_key_finds_out_what_is_wanted_and_one_for_research_cannot_trade(platform: Platform) -> None:
    import httpx2

    asked = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream"}

    def answered(sent: dict[str, str]) -> Any:
        answer = httpx2.post(f"{platform.address}/mcp", json=asked, headers=sent, timeout=60)
        return None if answer.status_code == 503 else answer

    refused = when_not_busy(lambda: answered(headers))
    assert refused.status_code == 401
    place = refused.headers["WWW-Authenticate"].partition('resource_metadata="')[2].rstrip('"')
    with opened(place) as reply:
        assert json.load(reply)["resource"] == f"{platform.address}/mcp"
    foreign = {**headers, "Authorization": "Bearer sfk_x", "Origin": "https://evil.example.net"}
    assert when_not_busy(lambda: answered(foreign)).status_code == 403
    key = key_of(platform, "model-research", ["read"])

    async def main() -> set[str]:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
            ToolClient(
                streamable_http_client(f"{platform.address}/mcp?toolsets=market,backtests", http_client=http)
            ) as tools,
        ):
            return {tool.name for tool in (await tools.list_tools()).tools}

    assert "sweep" in anyio.run(main)
    assert not anyio.run(main) & {"place_order", "start_session"}


def test_a_model_trades_over_standard_input_and_output(platform: Platform) -> None:
    key = key_of(platform, "model-stdio", ["read", "write"])
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "stratforge.cli", "mcp", "--address", platform.address],
        env={"PYTHONPATH": str(ROOT / "layers"), "STRATFORGE_API_KEY": key},
    )

    async def main() -> dict[str, Any]:
        async with ToolClient(stdio_client(parameters)) as tools:
            return await walk(tools)

    assert_walked(anyio.run(main))
