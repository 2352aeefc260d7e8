"""The broker's adapter: what an answer means, what is never called, and that every call ends."""

from __future__ import annotations

import ast
import http.server
import json
import threading
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from local_platform.synthesis import ROOT
from stratforge.broker import Accepted, BrokerUnavailable, Rejected, Submission, Unknown
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.broker.hardening import ForbiddenCall
from stratforge.configuration import AlpacaSecret


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Any

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.requests.append((self.command, self.path, self.rfile.read(length)))
        if self.server.delay:
            time.sleep(self.server.delay)
        status, body = self.server.answer
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that answers as told."""
    found: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    found.requests, found.answer, found.delay = [], (200, {}), 0.0
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()


@pytest.fixture
def broker(server: Any) -> AlpacaBroker:
    """The adapter, pointed at the server."""
    address = f"http://127.0.0.1:{server.server_port}"
    secret = {"key_id": "key", "secret_key": "secret", "trading_url": address, "data_url": address}
    return AlpacaBroker(AlpacaSecret.model_validate(secret))


def submit(broker: AlpacaBroker, quantity: str = "1234567.123456789") -> Submission:
    """Sends an order."""
    return broker.submit(
        client_order_id="sf-1", symbol="AAPL", side="buy", quantity=Decimal(quantity), limit_price=Decimal("187.50")
    )


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (200, {"id": "at-broker"}, Accepted("at-broker")),
        (200, {}, Unknown),
        (403, {"code": 40310000, "message": "potential wash trade detected"}, Rejected),
        (422, {"code": 40010001, "message": "qty is too large"}, Rejected),
        (
            422,
            {"code": 40010001, "message": "client_order_id must be unique"},
            Rejected("client_order_id must be unique", True),
        ),
        (429, {"message": "rate limit exceeded"}, Unknown),
        (500, {"message": "oops"}, Unknown),
        (504, {"message": "gateway timeout"}, Unknown),
    ],
)
def test_an_answer_is_accepted_rejected_or_unknown(
    server: Any, broker: AlpacaBroker, status: int, body: dict[str, Any], meaning: Any
) -> None:
    server.answer = (status, body)
    found = submit(broker)
    assert found == meaning if not isinstance(meaning, type) else isinstance(found, meaning)
    assert len(server.requests) == 1, "an order is never sent twice by itself"


def test_quantities_and_prices_arrive_to_the_last_digit(server: Any, broker: AlpacaBroker) -> None:
    submit(broker)
    sent = json.loads(server.requests[0][2])
    assert (sent["qty"], sent["limit_price"], sent["time_in_force"]) == ("1234567.123456789", "187.5", "day")


def test_a_mute_broker_leaves_the_outcome_unknown(
    server: Any, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stratforge.broker.hardening._TIMEOUT", (0.2, 0.2))
    server.delay = 1.0
    began = time.monotonic()
    assert isinstance(submit(broker), Unknown)
    assert time.monotonic() - began < 0.9


def test_a_question_that_fails_says_so(server: Any, broker: AlpacaBroker) -> None:
    server.answer = (500, {"message": "oops"})
    for question in (
        broker.positions,
        broker.now,
        lambda: broker.find_order("x"),
        lambda: broker.calendar(date.min, date.max),
    ):
        with pytest.raises(BrokerUnavailable):
            question()
    server.answer = (404, {"message": "not found"})
    assert broker.find_order("x") is None
    assert broker.asset("NOPE") is None


def test_calls_on_the_whole_account_cannot_be_made(server: Any, broker: AlpacaBroker) -> None:
    for call in (
        broker._client.cancel_orders,
        broker._client.close_all_positions,
        lambda: broker._client.close_position("AAPL"),
    ):
        with pytest.raises(ForbiddenCall):
            call()
    assert server.requests == []


def test_no_code_of_ours_names_a_call_on_the_whole_account() -> None:
    forbidden = {"cancel_orders", "close_all_positions", "close_position", "exercise_options_position"}
    for path in [*(ROOT / "layers" / "stratforge").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]:
        names = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
        }
        assert not names & forbidden, path
