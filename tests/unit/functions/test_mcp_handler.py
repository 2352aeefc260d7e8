"""The tools for language models as a function: the API is asked with the key of whoever asked, at the gateway that he came through."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from stratforge import __version__
from stratforge.client import ApiError, Client
from stratforge.mcp_server import Toolset

from functions.mcp.handler import handler
from tests.support.lambda_context import CONTEXT

# A portfolio as the API has it, with more than a model is told.
ANSWER: dict[str, Any] = dict.fromkeys(
    ("equity", "cash", "buying_power", "reserved_cash", "realized_pnl", "unrealized_pnl"), "100000.50"
) | {"day_pnl": None, "short_selling": False, "positions": [], "initial_balance": "100000"}
REALM = 'realm="stratforge"'
METADATA = 'resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp"'
ORDER = {"symbol": "AAPL", "side": "buy", "quantity": 1}
Asked = tuple[str, str, str, str]


def request(method: str, headers: dict[str, str] | None = None, **parameters: Any) -> dict[str, Any]:
    """A request of the protocol as the gateway hands it over."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    return {
        "version": "2.0",
        "routeKey": "POST /mcp",
        "rawPath": "/mcp",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "host": "elsewhere.example.com",
            **(headers or {}),
        },
        "requestContext": {
            "domainName": "api.example.com",
            "apiId": "abc123",
            "http": {"method": "POST", "path": "/mcp", "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"},
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What the API was asked: address, key, method and path."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    questions: list[Asked] = []

    def call(client: Client, method: str, path: str, _body: object = None, **_query: Any) -> dict[str, Any]:
        questions.append((client._address, client._token, method, path))
        return ANSWER

    monkeypatch.setattr(Client, "call", call)
    return questions


def portfolio(headers: dict[str, str]) -> dict[str, Any]:
    """What the tool `portfolio` answers."""
    answer = handler(request("tools/call", headers, name="portfolio", arguments={}), CONTEXT)
    assert answer["statusCode"] == 200, answer
    result: dict[str, Any] = json.loads(answer["body"])["result"]
    return result


def test_without_a_request_it_only_gets_ready(asked: list[Asked]) -> None:
    assert handler({}, CONTEXT) == {}
    assert asked == []


def test_the_api_is_asked_at_the_gateway_with_the_key_of_the_request(asked: list[Asked]) -> None:
    told = portfolio({"authorization": "Bearer sfk_ada"})["structuredContent"]
    assert (told["equity"], told["day_pnl"], "initial_balance" in told) == (100000.5, None, False)
    assert asked == [("https://api.example.com", "sfk_ada", "GET", "/v1/portfolio")]


def test_keys_do_not_stay_from_one_request_to_the_next(asked: list[Asked]) -> None:
    portfolio({"authorization": "Bearer sfk_ada"})
    portfolio({"Authorization": "bearer sfk_bob"})
    assert [key for _, key, _, _ in asked] == ["sfk_ada", "sfk_bob"]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic YWRhOnBhc3N3b3Jk"}, {"authorization": "Bearer "}])
def test_who_brings_no_key_is_told_how_before_anything_else(asked: list[Asked], headers: dict[str, str]) -> None:
    answer = handler(request("initialize", headers), CONTEXT)
    assert (answer["statusCode"], answer["headers"]["WWW-Authenticate"]) == (401, f"Bearer {REALM}, {METADATA}")
    assert asked == []


def test_a_key_that_the_api_does_not_know_is_refused_as_one_that_is_missing(
    asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_query: Any) -> dict[str, Any]:
        raise ApiError(401, {"detail": "Log in first."})

    monkeypatch.setattr(Client, "call", refuse)
    answer = handler(
        request("tools/call", {"authorization": "Bearer sfk_old"}, name="portfolio", arguments={}), CONTEXT
    )
    wanted = f'Bearer {REALM}, error="invalid_token", {METADATA}'
    assert (answer["statusCode"], answer["headers"]["WWW-Authenticate"]) == (401, wanted)


@pytest.mark.parametrize(
    ("origin", "local", "status"),
    [
        (None, False, 200),
        ("https://api.example.com", False, 200),
        ("https://evil.example.net", False, 403),
        ("https://api.example.com.evil.example.net", False, 403),
        ("http://api.example.com", False, 403),
        ("http://localhost:6274", False, 403),
        ("null", False, 403),
        ("http://localhost:6274", True, 200),
        ("http://127.0.0.1:8000", True, 200),
        ("http://localhost.evil.example.net", True, 403),
        ("https://elsewhere.example.com", False, 403),
    ],
)
def test_pages_of_other_sites_are_not_answered(
    asked: list[Asked], monkeypatch: pytest.MonkeyPatch, origin: str | None, local: bool, status: int
) -> None:
    if local:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    headers = {"authorization": "Bearer sfk_ada"} | ({"Origin": origin} if origin is not None else {})
    assert handler(request("tools/list", headers), CONTEXT)["statusCode"] == status


def test_a_client_has_no_tools_but_those_of_its_toolsets(asked: list[Asked]) -> None:
    def names(query: str) -> set[str]:
        event = {**request("tools/list", {"authorization": "Bearer sfk_ada"}), "rawQueryString": query}
        return {tool["name"] for tool in json.loads(handler(event, CONTEXT)["body"])["result"]["tools"]}

    research = names("toolsets=market,backtests")
    assert {"research", "list_bars", "backtest", "sweep", "get_job"} <= research
    assert not research & names("toolsets=trading")
    assert {"place_order", "start_session", "cancel_order"} <= names("toolsets=trading")
    assert names("") == set().union(*(names(f"toolsets={each}") for each in Toolset))
    looking = names("read_only=true")
    assert "portfolio" in looking
    assert not looking & {
        "place_order",
        "start_session",
        "store_strategy",
        "publish_session",
        "watch_symbol",
        "backtest",
    }
    event = request("tools/call", {"authorization": "Bearer sfk_ada"}, name="place_order", arguments=ORDER)
    for query in ("toolsets=market,backtests", "read_only=true"):
        refused = json.loads(handler({**event, "rawQueryString": query}, CONTEXT)["body"])
        assert "place_order" in json.dumps(refused)
        assert refused.get("error") or refused["result"]["isError"]
    assert asked == []
    unknown = handler({**event, "rawQueryString": "toolsets=markets"}, CONTEXT)
    assert (unknown["statusCode"], "there are market, strategies" in unknown["body"]) == (400, True)


def test_it_says_what_it_is_and_in_which_version(asked: list[Asked]) -> None:
    client = {"name": "test", "version": "1"}
    hello = request(
        "initialize",
        {"authorization": "Bearer sfk_ada"},
        protocolVersion="2025-06-18",
        capabilities={},
        clientInfo=client,
    )
    said = json.loads(handler(hello, CONTEXT)["body"])["result"]
    assert said["serverInfo"]["version"] == __version__
    assert "get_job" in said["instructions"]


@pytest.mark.parametrize(
    ("given", "sent"), [(2.5, "2.5"), (40, "40"), (1e-7, "0.0000001"), (123456.123456789, "123456.123456789")]
)
def test_numbers_are_sent_with_the_digits_that_were_given(
    monkeypatch: pytest.MonkeyPatch, given: float, sent: str
) -> None:
    bodies: list[Any] = []

    def refuse(_client: Client, _method: str, _path: str, body: object = None, **_query: Any) -> dict[str, Any]:
        bodies.append(body)
        raise ApiError(422, {"detail": "no"})

    monkeypatch.setattr(Client, "call", refuse)
    arguments = {**ORDER, "quantity": given, "type": "limit", "limit_price": given}
    handler(
        request("tools/call", {"authorization": "Bearer sfk_ada"}, name="place_order", arguments=arguments), CONTEXT
    )
    assert (bodies[0]["quantity"], bodies[0]["limit_price"]) == (sent, sent)


@pytest.mark.parametrize("quantity", [0, -1, "many", None, "NaN", 1e400])
def test_an_amount_that_is_none_is_refused_before_the_api_is_asked(asked: list[Asked], quantity: Any) -> None:
    event = request(
        "tools/call", {"authorization": "Bearer sfk_ada"}, name="place_order", arguments={**ORDER, "quantity": quantity}
    )
    answer = json.loads(handler(event, CONTEXT)["body"])
    assert answer.get("error") or answer["result"]["isError"]
    assert asked == []


def test_on_a_local_engine_the_gateway_is_found_at_the_engine(
    asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    portfolio({"authorization": "Bearer sfk_ada"})
    assert asked[0][0] == "http://127.0.0.1:4566/_aws/execute-api/abc123/$default"


def test_what_the_api_refuses_is_an_answer_that_the_model_can_read(
    asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_query: Any) -> dict[str, Any]:
        raise ApiError(403, {"detail": "The API key lacks the scope 'read'.", "scope": "read"})

    monkeypatch.setattr(Client, "call", refuse)
    answer = portfolio({"authorization": "Bearer sfk_ada"})
    assert answer["isError"] is True
    (content,) = answer["content"]
    said = json.loads(content["text"][content["text"].index("{") :])
    assert said == {"error": "The API key lacks the scope 'read'.", "status": 403, "scope": "read"}


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "PUT"])
def test_what_would_wait_for_a_stream_is_refused_at_once(asked: list[Asked], method: str) -> None:
    event = request("ping")
    event["requestContext"]["http"]["method"] = method
    answer = handler(event, CONTEXT)
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "POST, OPTIONS")
    assert asked == []


@pytest.mark.parametrize("text", ["../users/me", "a?b=c", "a/../../auth/logout#", "é", "%2e%2e/x"])
def test_what_a_model_gives_as_a_symbol_stays_one_part_of_the_address(asked: list[Asked], text: str) -> None:
    headers = {"authorization": "Bearer sfk_ada"}
    handler(request("tools/call", headers, name="get_price", arguments={"symbol": text}), CONTEXT)
    ((_, _, _, path),) = asked
    assert path == f"/v1/market/{quote(text.replace('/', '-'), safe='')}/price"
    handler(request("tools/call", headers, name="stop_session", arguments={"session_id": text}), CONTEXT)
    assert len(asked) == 1, "an id is one, or the API is not asked"


def test_every_tool_says_what_it_is_what_it_takes_and_whether_it_changes_anything() -> None:
    answer = handler(request("tools/list", {"authorization": "Bearer sfk_ada"}), CONTEXT)
    tools = {tool["name"]: tool for tool in json.loads(answer["body"])["result"]["tools"]}
    assert all(tool["title"] and tool["description"] for tool in tools.values())
    for name, tool in tools.items():
        for argument, what in tool["inputSchema"]["properties"].items():
            assert what.get("description"), (name, argument)
        assert tool["outputSchema"]["type"] == "object", name
        assert tool["outputSchema"]["properties"], name
        assert set(tool["annotations"]) >= {"readOnlyHint", "openWorldHint"}, name
        if not tool["annotations"]["readOnlyHint"]:
            assert set(tool["annotations"]) >= {"destructiveHint", "idempotentHint"}, name
    reading = {name for name, tool in tools.items() if tool["annotations"]["readOnlyHint"]}
    assert {"portfolio", "list_orders", "list_trades", "list_bars", "preview_order", "check_strategy"} <= reading
    assert not reading & {"place_order", "cancel_order", "store_strategy", "start_session", "stop_session"}
    assert {name for name, tool in tools.items() if tool["annotations"].get("destructiveHint")} == {
        "cancel_all_orders",
        "cancel_job",
        "cancel_order",
        "close_position",
        "delete_backtest",
        "delete_price_alert",
        "stop_session",
        "unshare_backtest",
        "withdraw_session",
    }
    amounts = tools["place_order"]["inputSchema"]["properties"]
    assert amounts["quantity"]["type"] == "number"
    assert {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9} in amounts["limit_price"]["anyOf"]
