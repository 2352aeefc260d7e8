"""The tools for language models as a function: the API is asked with the key of whoever asked, at the gateway that he came through."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from stratforge.client import ApiError, Client

from functions.mcp.handler import handler
from tests.support.lambda_context import CONTEXT

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
        return {"equity": "100000"}

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
    assert portfolio({"authorization": "Bearer sfk_ada"})["structuredContent"] == {"equity": "100000"}
    assert asked == [("https://api.example.com", "sfk_ada", "GET", "/v1/portfolio")]


def test_keys_do_not_stay_from_one_request_to_the_next(asked: list[Asked]) -> None:
    portfolio({"authorization": "Bearer sfk_ada"})
    portfolio({"Authorization": "bearer sfk_bob"})
    assert [key for _, key, _, _ in asked] == ["sfk_ada", "sfk_bob"]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic YWRhOnBhc3N3b3Jk"}, {"authorization": "Bearer "}])
def test_who_brings_no_key_is_told_how_before_anything_else(asked: list[Asked], headers: dict[str, str]) -> None:
    answer = handler(request("initialize", headers), CONTEXT)
    assert (answer["statusCode"], answer["headers"]["WWW-Authenticate"]) == (401, 'Bearer realm="stratforge"')
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


@pytest.mark.parametrize("session_id", ["../users/me", "a?b=c", "a/../../auth/logout#", "é"])
def test_what_a_model_gives_as_an_id_stays_one_part_of_the_address(asked: list[Asked], session_id: str) -> None:
    arguments = {"session_id": session_id, "flatten": True}
    handler(
        request("tools/call", {"authorization": "Bearer sfk_ada"}, name="stop_session", arguments=arguments), CONTEXT
    )
    ((_, _, method, path),) = asked
    assert method == "POST"
    assert path.removeprefix("/v1/sessions/").removesuffix("/stop") == quote(session_id, safe="")
    assert path.count("/") == 4


def test_every_tool_says_what_it_is_what_it_takes_and_whether_it_changes_anything() -> None:
    answer = handler(request("tools/list", {"authorization": "Bearer sfk_ada"}), CONTEXT)
    tools = {tool["name"]: tool for tool in json.loads(answer["body"])["result"]["tools"]}
    assert all(tool["title"] and tool["description"] for tool in tools.values())
    for name, tool in tools.items():
        for argument, what in tool["inputSchema"]["properties"].items():
            assert what.get("description"), (name, argument)
    reading = {name for name, tool in tools.items() if tool["annotations"]["readOnlyHint"]}
    assert {"portfolio", "list_orders", "list_trades", "list_bars", "preview_order", "check_strategy"} <= reading
    assert not reading & {"place_order", "cancel_order", "store_strategy", "start_session", "stop_session"}
    assert {name for name, tool in tools.items() if tool["annotations"].get("destructiveHint")} == {
        "cancel_order",
        "stop_session",
    }
