"""The broker's adapter: what an answer means, what is never called, and that every call ends."""

from __future__ import annotations

import ast
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from local_platform.synthesis import ROOT
from stratforge.broker import Accepted, BrokerRefusesPlatform, BrokerUnavailable, Refusal, Rejected, Submission, Unknown
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.broker.hardening import ForbiddenCall
from stratforge.broker.history import AlpacaHistory, Found
from stratforge.configuration import AlpacaSecret
from stratforge.market import Bar
from stratforge.market.sizes import Side


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Any

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.requests.append((self.command, self.path, self.rfile.read(length)))
        key = self.headers.get("APCA-API-KEY-ID")
        self.server.keys.append(key)
        self.server.speaks.wait()
        path = urlsplit(self.path).path.removeprefix("/v2").removeprefix("/v1")
        status, body = self.server.answers.get(key) or self.server.paths.get(path) or self.server.answer
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
    found.requests, found.keys, found.answer, found.answers, found.speaks = [], [], (200, {}), {}, threading.Event()
    found.speaks.set()
    found.paths = {}
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
        client_order_id="sf-1", symbol="AAPL", side=Side.BUY, quantity=Decimal(quantity), limit_price=Decimal("187.50")
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
            Rejected("HTTP 422 40010001: client_order_id must be unique", Refusal.DUPLICATE_ID),
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
    # It answers after the test: whatever is known by then, the call has ended by itself.
    server.speaks.clear()
    assert isinstance(submit(broker), Unknown)


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
        text = path.read_text(encoding="utf-8")
        if any(name in text for name in forbidden):
            names = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
            assert not names & forbidden, path


def order_row(name: str, **more: Any) -> dict[str, Any]:
    """An order in Alpaca's words."""
    row = {
        "id": name,
        "client_order_id": f"id-of-{name}",
        "symbol": "AAPL",
        "side": "buy",
        "status": "new",
        "filled_qty": "0",
    }
    return row | {"created_at": "2026-01-05T15:00:00Z", "updated_at": "2026-01-05T15:00:01Z"} | more


@pytest.fixture
def replaced(server: Any) -> Any:
    """An order of ours that the broker replaced by another, which filled on."""
    first = order_row("a", status="replaced", filled_qty="3", filled_avg_price="10", replaced_by="b")
    second = order_row("b", status="filled", filled_qty="7", filled_avg_price="12", replaces="a")
    fills = [
        {"id": f"f{index}", "order_id": name, "symbol": "AAPL", "side": "buy", "qty": quantity, "price": price,
         "transaction_time": "2026-01-05T15:00:01Z"}
        for index, (name, quantity, price) in enumerate([("a", "3", "10"), ("b", "7", "12"), ("other", "9", "9")])
    ]  # fmt: skip
    server.paths = {
        "/orders:by_client_order_id": (200, first),
        "/orders/b": (200, second),
        "/orders": (200, [first, second]),
        "/account/activities/FILL": (200, fills),
    }
    return server


def test_an_order_that_the_broker_replaced_is_followed_to_its_end(replaced: Any, broker: AlpacaBroker) -> None:
    found = broker.find_order("id-of-a")
    assert found is not None
    assert (found.client_order_id, found.broker_order_id, found.status, found.ended) == ("id-of-a", "b", "filled", True)
    assert (found.filled_quantity, found.filled_average_price) == (Decimal(10), Decimal("11.4"))
    assert broker.orders_since(datetime(2026, 1, 5, tzinfo=UTC)) == [found]


def test_an_order_is_named_as_it_was_sent_whatever_the_broker_put_in_its_place(
    replaced: Any, broker: AlpacaBroker
) -> None:
    replaced.paths["/orders/a"] = (200, replaced.paths["/orders:by_client_order_id"][1])
    replaced.paths["/orders/c"] = (404, {"message": "order not found"})
    assert [broker.name_of_order(each) for each in ("a", "b", "c")] == ["id-of-a", "id-of-a", None]


def test_positions_in_coins_are_named_by_the_list_of_assets(server: Any, broker: AlpacaBroker) -> None:
    server.paths = {
        "/positions": (200, [{"symbol": "USDTUSD", "asset_class": "crypto", "qty": "2"}, {"symbol": "BRK.B", "qty": "1"}]),
        "/assets": (200, [{"symbol": "USDT/USD"}, {"symbol": "BTC/USD"}]),
    }  # fmt: skip
    assert broker.positions() == {"USDT/USD": Decimal(2), "BRK.B": Decimal(1)}


# Keys ---------------------------------------------------------------------------------------------------------------

REFUSALS = [
    (401, {"code": 40110000, "message": "request is not authorized"}),
    (401, {}),
    (403, {"message": "forbidden."}),
    (403, {"code": 40310000, "message": "forbidden."}),
    (403, {"code": 40310000, "message": "account is restricted to liquidation only"}),
    (403, {"code": 40310000, "message": "account is not authorized to trade"}),
    (403, {"code": 40310000, "message": "account is not allowed to trade at this time"}),
    (403, {"code": 40310000, "message": "new orders are rejected by user request"}),
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
    ("status", "message", "kind"),
    [
        (403, "insufficient qty available for order (requested: 5, available: 0)", Refusal.NOT_ENOUGH_HELD),
        (403, "insufficient balance for BTC (requested: 1, available: 0)", Refusal.NOT_ENOUGH_HELD),
        (403, "potential wash trade detected. use complex orders", Refusal.OPPOSITE_ORDER),
        (403, "insufficient buying power", Refusal.BUYING_POWER),
        (403, "insufficient day trading buying power", Refusal.BUYING_POWER),
        (403, "insufficient balance for USD (requested: 12, available: 3)", Refusal.BUYING_POWER),
        (403, "asset XYZ is not fractionable", Refusal.INVALID_ORDER),
        (403, "cost basis must be >= minimal amount of order 1", Refusal.INVALID_ORDER),
        (
            422,
            "invalid limit_price: sub-penny increment does not fulfill minimum pricing criteria",
            Refusal.INVALID_ORDER,
        ),
        (403, "account is not authorized for this asset", Refusal.ASSET_CLOSED),
        (403, "account is not allowed to trade crypto", Refusal.ASSET_CLOSED),
        (403, "account not eligible to trade fractional shares", Refusal.ASSET_CLOSED),
        (422, "asset XYZ is not tradable", Refusal.ASSET_CLOSED),
        (422, "asset XYZ is not active", Refusal.ASSET_CLOSED),
        (404, "asset not found for XYZ", Refusal.ASSET_CLOSED),
        (422, 'could not find asset "XYZ"', Refusal.ASSET_CLOSED),
        (403, "asset XYZ is restricted to liquidation only", Refusal.ASSET_SELL_ONLY),
    ],
)
def test_a_refusal_of_the_order_is_none_of_the_platform(
    server: Any, broker: AlpacaBroker, status: int, message: str, kind: Refusal
) -> None:
    server.answer = (status, {"code": 40310000, "message": message})
    found = submit(broker)
    assert isinstance(found, Rejected)
    assert found.kind is kind


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
