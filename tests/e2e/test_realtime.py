"""Realtime updates and webhooks through the real gateway, queues and front door."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from local_platform.platform import Platform
from stratforge.client import Client
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.support.patience import when_not_busy
from tests.support.trading import wait_for

pytestmark = pytest.mark.timeout(900)


@contextmanager
def live(platform: Platform, client: Client, cursor: str = "") -> Iterator[ClientConnection]:
    """A realtime connection of a user."""

    def connected() -> ClientConnection | None:
        # A ticket is good for one try; a busy gateway lets nobody in.
        ticket = client.call("POST", "/api/realtime/ticket")
        address = platform.address.replace("http", "ws") + ticket["url"] + f"?ticket={ticket['ticket']}"
        try:
            return connect(address + (f"&cursor={cursor}" if cursor else ""), open_timeout=60)
        except (InvalidStatus, TimeoutError):
            return None

    with when_not_busy(connected) as connection:
        yield connection


def messages_until(connection: ClientConnection, wanted: Any, seconds: float = 120.0) -> list[dict[str, Any]]:
    """Messages up to the first one that `wanted` says yes to."""
    deadline, found = time.monotonic() + seconds, []
    while time.monotonic() < deadline:
        try:
            message = json.loads(connection.recv(timeout=1.0))
        except TimeoutError:
            continue
        found.append(message)
        if wanted(message):
            return found
    raise AssertionError(f"it was not told within {seconds:g} s: {found}")


def has_order(status: str) -> Any:
    """Whether a message tells of an order with a status."""
    return lambda message: any(
        each["kind"] == "order" and each["data"]["status"] == status for each in message.get("events", [])
    )


def test_an_order_is_told_live_and_what_was_missed_is_told_after_reconnecting(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("live@example.com", "a long enough password")
    with live(platform, client) as connection:
        connection.send(json.dumps({"action": "watch", "symbols": ["AAPL"]}))
        assert messages_until(connection, lambda message: message["type"] == "watching")
        client.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"})
        told = messages_until(connection, has_order("FILLED"))
        assert messages_until(connection, lambda message: message.get("prices"))
        cursor = next(each["cursor"] for each in reversed(told) if each["type"] == "update")
    order = client.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "sell", "fraction": "1"})
    path = f"/api/trade/orders/{order['order_id']}"
    wait_for(lambda: client.call("GET", path)["status"] == "FILLED", 60, "the sale")
    with live(platform, client, cursor) as connection:
        missed = messages_until(connection, has_order("FILLED"))
    kinds = [each["kind"] for message in missed for each in message.get("events", [])]
    assert "trade" in kinds


def test_nobody_connects_without_a_ticket_of_his_own(platform: Platform) -> None:
    address = platform.address.replace("http", "ws") + "/realtime?ticket=made-up"
    with pytest.raises((InvalidStatus, WebSocketException)), connect(address, open_timeout=60) as connection:
        connection.recv(timeout=60)


def test_a_webhook_is_told_of_a_fill(platform: Platform) -> None:
    received: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    client = Client(platform.address)
    client.register("hooked@example.com", "a long enough password")
    client.call("POST", "/api/webhooks", {"url": f"http://127.0.0.1:{server.server_port}/", "kinds": ["trade"]})
    client.call("POST", "/api/trade/orders", {"symbol": "MSFT", "side": "buy", "quantity": "1"})
    wait_for(lambda: received, 60, "a call of the webhook")
    server.shutdown()
    assert (received[0]["kind"], received[0]["data"]["symbol"]) == ("trade", "MSFT")
