"""The broker's adapter: what an answer means, what is never called, and that every call ends."""

from __future__ import annotations

import ast
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from local_platform.synthesis import ROOT
from stratforge.broker import Accepted, BrokerRefusesPlatform, BrokerUnavailable, Rejected, Submission, Unknown
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.broker.hardening import ForbiddenCall
from stratforge.broker.history import AlpacaHistory, Found
from stratforge.configuration import AlpacaSecret
from stratforge.market import Bar


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Any

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.requests.append((self.command, self.path, self.rfile.read(length)))
        key = self.headers.get("APCA-API-KEY-ID")
        self.server.keys.append(key)
        if self.server.delay:
            time.sleep(self.server.delay)
        status, body = self.server.answers.get(key, self.server.answer)
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
    found.requests, found.keys, found.answer, found.answers, found.delay = [], [], (200, {}), {}, 0.0
    threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
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
    server.delay = 60.0
    began = time.monotonic()
    assert isinstance(submit(broker), Unknown)
    assert time.monotonic() - began < server.delay


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
    for path in ("/orders", "/orders/", "/positions", "/positions/AAPL"):
        with pytest.raises(ForbiddenCall):
            broker._client.delete(path)
    with pytest.raises(ForbiddenCall):
        broker.cancel("")
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


# Keys ---------------------------------------------------------------------------------------------------------------

REFUSALS = [
    (401, {"code": 40110000, "message": "request is not authorized"}),
    (401, {}),
    (403, {"message": "forbidden."}),
    (403, {"code": 40310000, "message": "forbidden."}),
    (403, {"code": 40310000, "message": "account is restricted to liquidation only"}),
]


@pytest.mark.parametrize(("status", "body"), REFUSALS)
def test_a_refusal_of_the_platform_is_no_refusal_of_the_order(
    server: Any, broker: AlpacaBroker, status: int, body: dict[str, Any]
) -> None:
    server.answer = (status, body)
    with pytest.raises(BrokerRefusesPlatform):
        submit(broker)
    with pytest.raises(BrokerRefusesPlatform):
        broker.positions()


@pytest.mark.parametrize(
    "message",
    [
        "insufficient qty available for order (requested: 5, available: 0)",
        "potential wash trade detected. use complex orders",
        "asset AAPL is not fractionable",
        "cost basis must be >= minimal amount of order 1",
    ],
)
def test_a_refusal_of_the_order_is_none_of_the_platform(server: Any, broker: AlpacaBroker, message: str) -> None:
    server.answer = (403, {"code": 40310000, "message": message})
    assert isinstance(submit(broker), Rejected)


class _Turning:
    """Keys that somebody changes."""

    def __init__(self, secret: AlpacaSecret) -> None:
        self.present = self.entered = secret

    def now(self) -> AlpacaSecret:
        return self.present

    def after_refusal(self) -> AlpacaSecret:
        self.present = self.entered
        return self.present


@pytest.fixture
def turning(server: Any) -> _Turning:
    """Keys of an account at the server, which refuses all but `good`."""
    address = f"http://127.0.0.1:{server.server_port}"
    values = {"key_id": "old", "secret_key": "secret", "trading_url": address, "data_url": address}
    return _Turning(AlpacaSecret.model_validate(values))


def test_keys_that_were_changed_are_used_for_the_next_request(server: Any, turning: _Turning) -> None:
    broker = AlpacaBroker(turning)  # type: ignore[arg-type] # a stand-in for keys of Secrets Manager
    turning.present = turning.entered.model_copy(update={"key_id": "new"})
    server.answer = (200, {"id": "at-broker"})
    submit(broker)
    assert server.keys == ["new"]


def test_keys_that_are_refused_are_read_again_and_the_order_is_sent_once_with_the_others(
    server: Any, turning: _Turning
) -> None:
    broker = AlpacaBroker(turning)  # type: ignore[arg-type] # a stand-in for keys of Secrets Manager
    turning.entered = turning.present.model_copy(update={"key_id": "good"})
    server.answers = {"old": (401, {}), "good": (200, {"id": "at-broker"})}
    assert submit(broker) == Accepted("at-broker")
    assert server.keys == ["old", "good"]


def test_the_same_refused_keys_are_not_tried_twice(server: Any, turning: _Turning) -> None:
    broker = AlpacaBroker(turning)  # type: ignore[arg-type] # a stand-in for keys of Secrets Manager
    server.answer = (401, {})
    with pytest.raises(BrokerRefusesPlatform):
        submit(broker)
    assert server.keys == ["old"]


@pytest.mark.parametrize("block", ["account_blocked", "trading_blocked", "trade_suspended_by_user"])
def test_a_blocked_account_is_the_platforms_matter(server: Any, broker: AlpacaBroker, block: str) -> None:
    whole = {"account_blocked": False, "trading_blocked": False, "trade_suspended_by_user": False, "status": "ACTIVE"}
    server.answer = (200, whole)
    broker.check_account()
    server.answer = (200, {**whole, block: True})
    with pytest.raises(BrokerRefusesPlatform, match=block):
        broker.check_account()


@pytest.mark.parametrize("function", ["executor", "settler", "evaluator", "api"])
def test_what_a_bar_or_a_visitor_waits_for_loads_no_pandas(function: str) -> None:
    code = f"import sys, functions.{function}.handler; sys.exit('pandas' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/layers:{ROOT}", "AWS_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("as_traded", "adjustment"), [(False, "split"), (True, "raw")])
def test_history_is_adjusted_for_splits_unless_it_is_wanted_as_traded(
    server: Any, as_traded: bool, adjustment: str
) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    secret = {"key_id": "key", "secret_key": "secret", "trading_url": address, "data_url": address}
    server.answer = (200, {"bars": {}, "next_page_token": None})
    start = datetime(2026, 1, 5, tzinfo=UTC)
    AlpacaHistory(AlpacaSecret.model_validate(secret)).bars(
        "AAPL", start, start + timedelta(hours=1), as_traded=as_traded
    )
    ((_method, path, _body),) = server.requests
    assert parse_qs(urlsplit(path).query)["adjustment"] == [adjustment]


def test_history_of_a_symbol_that_trades_seldom_is_looked_for_further_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    one = Decimal(1)
    stored = [Bar("AAPL", now - timedelta(hours=hours), one, one, one, one, one) for hours in range(5_000, 0, -1)]

    def bars(_self: AlpacaHistory, symbols: list[str], start: datetime, end: datetime) -> Found:
        return Found({symbol: [bar for bar in stored if start <= bar.time < end] for symbol in symbols})

    monkeypatch.setattr(AlpacaHistory, "bars_of", bars)
    secret = {"key_id": "k", "secret_key": "s", "data_url": "http://127.0.0.1:9", "trading_url": "http://127.0.0.1:9"}
    history = AlpacaHistory(AlpacaSecret.model_validate(secret))
    assert history.latest("AAPL", 1_088, now) == stored[-1_088:]
    assert history.latest("AAPL", 6_000, now) == stored
