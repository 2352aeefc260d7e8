"""The client of the HTTP API: what is tried again, how long, and that its key goes nowhere else."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from stratforge.client import ApiError, Client

Reply = tuple[int, dict[str, str], dict[str, Any]]


class Api(http.server.ThreadingHTTPServer):
    """A server with a list of replies; keeps what it heard."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.heard: list[tuple[str, str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives the next reply."""

    server: Api

    def reply(self) -> None:
        """Answers whatever is asked with what comes next."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.heard.append((self.command, self.path, dict(self.headers)))
        status, headers, body = self.server.replies.pop(0)
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the client makes, without making them."""
    found: list[float] = []
    monkeypatch.setattr("stratforge.client.time.sleep", found.append)
    return found


ANSWERING: Reply = (409, {"Retry-After": "1"}, {"type": "urn:stratforge:problem:in-progress"})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_change_is_tried_again_under_the_same_key(api: Api, pauses: list[float], method: str) -> None:
    api.replies = [(503, {}, {}), (200, {}, {"done": True})]
    assert Client(api.address, "sfk_1").call(method, "/api/things", {}) == {"done": True}
    keys = {headers["Idempotency-Key"] for _, _, headers in api.heard}
    assert len(keys) == 1
    assert len(pauses) == 1


def test_what_an_earlier_attempt_left_to_be_answered_is_waited_for(api: Api, pauses: list[float]) -> None:
    api.replies = [(502, {}, {}), *[ANSWERING] * 10, (201, {}, {"made": 1})]
    assert Client(api.address, "sfk_1").call("POST", "/api/things", {}) == {"made": 1}
    assert pauses[1:] == [1.0] * 10


def test_it_comes_back_when_the_api_says_so_and_not_at_all_when_that_is_long(api: Api, pauses: list[float]) -> None:
    api.replies = [(429, {"Retry-After": "7"}, {}), (200, {}, {}), (429, {"Retry-After": "900"}, {})]
    client = Client(api.address, "sfk_1")
    client.call("GET", "/api/things")
    assert 7 <= pauses[0] <= 8
    with pytest.raises(ApiError) as refused:
        client.call("GET", "/api/things")
    assert refused.value.retry_after == 900
    assert len(pauses) == 1


def test_an_address_says_truth_as_json_does_and_nothing_of_what_is_left_out(api: Api) -> None:
    api.replies = [(200, {}, {})]
    Client(api.address, "sfk_1").call("GET", "/api/things", open=True, archived=False, limit=3, cursor=None)
    assert [path for _, path, _ in api.heard] == ["/api/things?open=true&archived=false&limit=3"]


def test_the_key_is_not_sent_where_a_redirection_leads(api: Api) -> None:
    elsewhere = Api()
    api.replies = [(302, {"Location": f"{elsewhere.address}/api/portfolio"}, {})]
    with pytest.raises(ApiError) as refused:
        Client(api.address, "sfk_secret").call("GET", "/api/portfolio")
    assert refused.value.status == 302
    assert elsewhere.heard == []
    elsewhere.server_close()


def test_logging_in_makes_no_account_of_a_mistyped_address(api: Api) -> None:
    api.replies = [(401, {}, {"detail": "Address or password are wrong."})]
    with pytest.raises(ApiError):
        Client(api.address).log_in("ada@exmaple.com", "a long enough password")
    assert [path for _, path, _ in api.heard] == ["/api/auth/login"]


def test_registering_logs_in_where_the_address_has_an_account(api: Api) -> None:
    api.replies = [(409, {}, {"detail": "taken"}), (200, {}, {"access_token": "hers"}), (200, {}, {})]
    client = Client(api.address)
    client.register("ada@example.com", "a long enough password")
    client.call("GET", "/api/portfolio")
    assert api.heard[-1][2]["Authorization"] == "Bearer hers"


@pytest.mark.parametrize(("code", "sent"), [(None, {}), ("123456", {"code": "123456"})])
def test_a_login_takes_a_code_where_there_is_a_second_factor(
    monkeypatch: pytest.MonkeyPatch, code: str | None, sent: dict[str, str]
) -> None:
    bodies: list[Any] = []

    def call(_client: Client, _method: str, _path: str, body: Any = None, **_query: Any) -> dict[str, Any]:
        bodies.append(body)
        return {"access_token": "token"}

    monkeypatch.setattr(Client, "call", call)
    Client("https://stratforge.example.com").log_in("ada@example.com", "a password", code)
    assert bodies == [{"email": "ada@example.com", "password": "a password", **sent}]


def test_lists_are_followed_to_their_end_by_cursor_or_by_number(api: Api) -> None:
    pages: list[dict[str, Any]] = [{"items": [{"n": 1}, {"n": 2}], "next": "c"}, {"items": [{"n": 3}], "next": None}]
    api.replies += [(200, {}, each) for each in pages]
    assert [each["n"] for each in Client(api.address, "k").items("/v1/orders", status="FILLED")] == [1, 2, 3]
    assert [path for _, path, _ in api.heard] == ["/v1/orders?status=FILLED", "/v1/orders?cursor=c&status=FILLED"]
    versions: list[dict[str, Any]] = [
        {"items": [{"version": 12}], "next": 12},
        {"items": [{"version": 11}], "next": None},
    ]
    api.replies += [(200, {}, each) for each in versions]
    assert [each["version"] for each in Client(api.address, "k").items("/v1/strategies/s/versions")] == [12, 11]
    assert api.heard[-1][1] == "/v1/strategies/s/versions?before=12"


def test_a_list_that_does_not_move_on_is_an_error_and_no_endless_loop(api: Api) -> None:
    api.replies += [(200, {}, {"items": [{"n": 1}], "next": "same"})] * 3
    with pytest.raises(ApiError, match="does not move on"):
        list(Client(api.address, "k").items("/v1/orders"))
