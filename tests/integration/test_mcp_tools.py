"""Every tool for language models, through the official client's own session, against the application itself: what it is answered fits its schema."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any
from uuid import UUID, uuid4

import anyio
import jsonschema
from mcp import Client as ToolClient
from stratforge.client import ApiError, Client
from stratforge.mcp_server import Toolset, create_server
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, jobs
from stratforge.storage.strategies.jobs import JobKind
from stratforge.strategy.rotation.language_reference import EXAMPLE

from tests.support.api import Api, User
from tests.support.asking import BOTH_WAYS

CODE = "FAST = 5\ndef on_bar(bar, position, state):\n    if position.quantity == 0 and bar.close > FAST:\n        return buy()\n"
Ask = Callable[..., Awaitable[dict[str, Any]]]


class Asking(Client):
    """A client whose requests the application answers in this process."""

    def __init__(self, user: User, headers: dict[str, str]) -> None:
        super().__init__("https://testserver")
        self._user, self._headers = user, headers

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """One request."""
        given = {name: str(value) for name, value in query.items() if value is not None and name != "wait"}
        answer = self._user.client.request(method, path, json=body, params=given, headers=self._headers)
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, answer.json())
        return dict(answer.json()) if answer.content else {}


def key_of(user: User, *scopes: str) -> dict[str, str]:
    """The header of a key with these scopes."""
    made = user.call("POST", "/v1/users/me/api-keys", {"name": "model", "scopes": scopes}).json()
    return {"Authorization": f"Bearer {made['key']}"}


def with_tools(
    client: Client,
    use: Callable[[ToolClient, Ask], Awaitable[None]],
    toolsets: Collection[Toolset] = tuple(Toolset),
) -> None:
    """Connects the official client to a server of tools."""

    async def main() -> None:
        async with ToolClient(create_server(lambda _context: client, toolsets)) as tools:
            known = {each.name: each for each in (await tools.list_tools()).tools}

            async def ask(tool: str, /, **arguments: Any) -> dict[str, Any]:
                answer = await tools.call_tool(tool, arguments)
                assert not answer.is_error, (tool, answer.content)
                found: dict[str, Any] = answer.structured_content or {}
                jsonschema.validate(found, known[tool].output_schema or {})
                return found

            await use(tools, ask)

    anyio.run(main)


def a_report(user: User, strategy_id: str, database: Database) -> str:
    """A finished backtest with a sweep of more points than a model is told."""
    points = [{"parameters": {"FAST": number}, "sharpe": float(number)} for number in range(30)]
    report = {
        "assumptions": ["Filled at the next open."],
        "curve": {"time": [1, 2], "equity": [1, 2]},
        "trades": [{"entry_time": number, "pnl": 1.0} for number in range(80)],
        "trades_in_all": 80,
        "sweep": {"points": points, "best": points[-1], "folds": [], "deflated_sharpe": 0.4},
    }
    user_id = UUID(user.get("/api/users/me")["user_id"])
    with database.transaction() as connection:
        job = jobs.add_job(connection, user_id, JobKind.BACKTEST, {}, uuid4())
        made = backtests.NewReport(
            UUID(strategy_id), 1, "AAPL", {"cash": 100_000}, {"sharpe": 1.3, "trades": 80}, report
        )
        return str(backtests.add_backtest(connection, job.job_id, user_id, made))


def test_a_model_does_everything_that_a_person_does(api: Api, ada: User, database: Database) -> None:
    client = Asking(ada, key_of(ada, "read", "write", "trade", "ai"))
    used: set[str] = set()

    async def use(tools: ToolClient, ask_: Ask) -> None:
        async def ask(tool: str, /, **arguments: Any) -> dict[str, Any]:
            used.add(tool)
            return await ask_(tool, **arguments)

        # Strategies.
        assert "ta.rsi" in (await ask("strategy_language"))["text"]
        assert (await ask("check_strategy", python_code="import os"))["findings"][0]["line"] == 1
        made = await ask("store_strategy", name="by a model", symbol="AAPL", python_code=CODE)
        strategy = {"strategy_id": made["strategy_id"]}
        assert (await ask("get_strategy", **strategy))["python_code"] == CODE
        changed = await ask("change_strategy", **strategy, python_code=CODE.replace("buy()", "buy(fraction=0.5)"))
        assert changed["version"] == 2
        assert (await ask("restore_strategy_version", **strategy, version=1))["python_code"] == CODE
        rules = (await ask("explain_strategy", **strategy, version=2))["rules"]
        assert any(
            each["text"].startswith("buy for 50 % of equity") and each["asked"] == "as written" for each in rules
        )
        versions = await ask("list_strategy_versions", **strategy, limit=2)
        assert ([each["version"] for each in versions["items"]], versions["next"]) == ([3, 2], 2)
        await ask("change_strategy", **strategy, archived=True)
        assert (await ask("list_strategies"))["items"] == []
        assert len((await ask("list_strategies", archived=True))["items"]) == 1
        # Work for a model and for the engine; nobody works here.
        for name, arguments in (
            ("generate_strategy", {"description": "buy when it is cheap", "symbol": "AAPL"}),
            ("research", {"question": "What moved it?"}),
            ("backtest", {**strategy, "parameters": {}, "start": "2026-01-02T14:30:00Z"}),
            ("sweep", {**strategy, "values": {"FAST": [5, 10]}, "stop_loss": 0.02}),
        ):
            job = await ask(name, **arguments)
            assert job["status"] == "QUEUED"
            assert (await ask("get_job", job_id=job["job_id"]))["kind"] == job["kind"]
            assert (await ask("cancel_job", job_id=job["job_id"]))["status"] == "CANCELED"
        backtest = {"backtest_id": a_report(ada, made["strategy_id"], database)}
        assert len((await ask("list_backtests", **strategy))["items"]) == 1
        report = await ask("get_backtest", **backtest)
        assert (len(report["trades"]), report["trades"][-1]["entry_time"], report["trades_in_all"]) == (50, 79, 80)
        assert [each["sharpe"] for each in report["sweep"]["points"]] == [float(each) for each in range(29, 9, -1)]
        assert "curve" not in report
        # Trading.
        order = {"symbol": "BTC/USD", "side": "buy", "quantity": 0.00000001}
        assert (await ask("preview_order", **order))["outcome"] in ("refuse", "wait")
        limit = {"type": "limit", "limit_price": 1.5, "client_order_id": "once"}
        placed = await ask("place_order", symbol="AAPL", side="buy", quantity=2, **limit)
        assert (placed["size"], placed["size_kind"], placed["limit_price"]) == (2.0, "quantity", 1.5)
        assert len((await ask("list_orders", symbol="AAPL", open_only=True))["items"]) == 1
        assert (await ask("explain_order", order_id=placed["order_id"]))["summary"]
        assert (await ask("cancel_order", order_id=placed["order_id"]))["order_id"] == placed["order_id"]
        await ask("place_order", symbol="AAPL", side="buy", quantity=1)
        assert len((await ask("cancel_all_orders"))["items"]) == 2
        session = {"session_id": (await ask("start_session", **strategy, stop_loss=0.02))["session_id"]}
        assert (await ask("get_session", **session))["stop_loss"] == 0.02
        assert (await ask("pause_session", **session))["status"] == "PAUSED"
        assert (await ask("explain_session", **session))["evaluated"] is False
        then = await ask("explain_session", **session, bar_time="2026-01-05T15:00:00Z")
        assert (then["bar_time"], then["bar_minutes"]) == ("2026-01-05T15:00:00Z", 1)
        assert len((await ask("list_sessions", status="PAUSED"))["items"]) == 1
        rotation = await ask("store_strategy", name="rotates", python_code=EXAMPLE)
        assert "rebalance" in (await ask("strategy_language", portfolio=True))["text"]
        several = await ask("start_session", strategy_id=rotation["strategy_id"], equity_fraction=0.5)
        assert (len(several["universe"]), several["schedule"], several["capital"]) == (10, "monthly", 50_000)
        assert (await ask("list_session_decisions", session_id=several["session_id"]))["items"] == []
        worth = await ask("session_equity", session_id=several["session_id"])
        assert (worth["equity"], worth["weights"]) == ([50_000.0], {})
        assert (await ask("portfolio"))["equity"] == 100_000
        for name in ("list_trades", "recent_signals", "equity_history"):
            assert "items" in await ask(name)
        # The market.
        assert (await ask("list_bars", symbol="BTC/USD", start="2026-01-02T14:30:00Z"))["items"] == []
        assert (await ask("search_assets", search="AAP"))["items"] == []
        await ask("watch_symbol", symbol="BTC/USD")
        assert [each["symbol"] for each in (await ask("get_watchlist"))["items"]] == ["BTC/USD"]
        alert = await ask("set_price_alert", symbol="AAPL", condition="above", price=250.5, note="sell")
        assert (alert["upper_price"], alert["armed"]) == (250.5, True)
        assert [each["note"] for each in (await ask("list_price_alerts"))["items"]] == ["sell"]
        await ask("delete_price_alert", alert_id=alert["alert_id"])
        assert (await ask("list_price_alerts"))["items"] == []
        # Files.
        file = await ask("save_strategy", **strategy)
        assert file["file"]["parameters"] == {"FAST": 5.0}
        assert (await ask("load_strategy", file=file["file"]))["python_code"] == CODE
        assert (await ask("make_export", what="trades", format="parquet"))["kind"] == "EXPORT"
        # Others.
        assert "/shared/" in (await ask("share_backtest", **backtest))["url"]
        await ask("unshare_backtest", **backtest)
        await ask("publish_session", **session, name="Ada")
        assert (await ask("leaderboard"))["items"][0]["name"] == "Ada"
        await ask("withdraw_session", **session)
        await ask("delete_backtest", **backtest)
        assert (await ask("stop_session", **session))["status"] == "STOPPED"
        both = await ask("store_strategy", name="both ways", symbol="AAPL", python_code=BOTH_WAYS)
        refused = await tools.call_tool("start_session", {"strategy_id": both["strategy_id"]})
        assert refused.is_error
        assert "your account is long only" in str(refused.content[0])
        assert not (await ask("portfolio"))["short_selling"]
        assert (await ask("set_short_selling", enabled=True))["short_selling"]
        assert (await ask("portfolio"))["short_selling"]
        going_short = await ask("start_session", strategy_id=both["strategy_id"])
        await ask("stop_session", session_id=going_short["session_id"])
        assert not (await ask("set_short_selling", enabled=False))["short_selling"]
        # What there is nothing of is said as a refusal.
        for name, arguments in (
            ("close_position", {"symbol": "AAPL"}),
            ("get_price", {"symbol": "AAPL"}),
            ("link_to_export", {"job_id": str(uuid4())}),
            ("explain_decision", {"session_id": several["session_id"]}),
        ):
            used.add(name)
            answer = await tools.call_tool(name, arguments)
            assert answer.is_error
            assert '"status": 4' in str(answer.content[0])
        assert used == {each.name for each in (await tools.list_tools()).tools}

    with_tools(client, use)


def test_a_refusal_is_an_error_that_says_which_scope_is_missing(ada: User) -> None:
    client = Asking(ada, key_of(ada, "read"))

    async def use(tools: ToolClient, ask: Ask) -> None:
        for name, arguments in (
            ("store_strategy", {"name": "x", "symbol": "AAPL", "python_code": CODE}),
            ("place_order", {"symbol": "AAPL", "side": "buy", "quantity": 1}),
            ("set_short_selling", {"enabled": True}),
            ("research", {"question": "What moved it?"}),
        ):
            answer = await tools.call_tool(name, arguments)
            assert answer.is_error
            assert '"scope": ' in str(answer.content[0])
        assert (await ask("portfolio"))["cash"] == 100_000

    with_tools(client, use)


def test_a_client_for_research_has_nothing_to_trade_with(ada: User) -> None:
    async def use(tools: ToolClient, _ask: Ask) -> None:
        names = {each.name for each in (await tools.list_tools()).tools}
        assert "sweep" in names
        assert not names & {
            "place_order",
            "start_session",
            "stop_session",
            "close_position",
            "set_short_selling",
            "publish_session",
        }

    with_tools(Asking(ada, key_of(ada, "read")), use, (Toolset.MARKET, Toolset.BACKTESTS))


def test_what_it_wants_of_a_client_can_be_read_without_a_key(api: Api) -> None:
    for path in ("", "/mcp"):
        told = api.client().get(f"/.well-known/oauth-protected-resource{path}").json()
        assert told["resource"] == "https://testserver/mcp"
        assert told["bearer_methods_supported"] == ["header"]
        assert set(told["scopes_supported"]) == {"read", "write", "trade", "ai"}
