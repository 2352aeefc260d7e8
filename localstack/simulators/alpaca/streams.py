"""The two websockets: market data in msgpack, trade updates in JSON (in binary frames, as on paper)."""

from __future__ import annotations

import json
import time
from typing import Any

import msgpack
from starlette.websockets import WebSocket, WebSocketDisconnect

from simulators.alpaca.simulator import DataConnection, Simulator


async def data_stream(socket: WebSocket) -> None:
    """WebSockets `/v2/{feed}` and `/v1beta3/crypto/us`: stream market data."""
    simulator: Simulator = socket.app.state.simulator
    await socket.accept()
    connection = DataConnection(socket)
    await connection.send([{"T": "success", "msg": "connected"}])
    try:
        if not await _authenticate(connection, simulator.keys):
            return
        # One connection per endpoint: a second one is refused.
        same = [each for each in simulator.data_connections if each.socket.url.path == socket.url.path]
        if same:
            await connection.send([{"T": "error", "code": 406, "msg": "connection limit exceeded"}])
            return
        await connection.send([{"T": "success", "msg": "authenticated"}])
        if simulator.faults.mute_data_seconds:
            connection.muted_until = time.monotonic() + simulator.faults.mute_data_seconds
            simulator.faults.mute_data_seconds = 0.0
        simulator.data_connections.add(connection)
        while True:
            await _subscription(connection, _unpack(await socket.receive()))
    except WebSocketDisconnect:
        pass
    finally:
        simulator.data_connections.discard(connection)


async def _authenticate(connection: DataConnection, keys: tuple[str, str]) -> bool:
    message = _unpack(await connection.socket.receive())
    if message.get("action") == "auth" and (message.get("key"), message.get("secret")) == keys:
        return True
    await connection.send([{"T": "error", "code": 402, "msg": "auth failed"}])
    await connection.socket.close()
    return False


async def _subscription(connection: DataConnection, message: dict[str, Any]) -> None:
    for channel, symbols in (
        ("bars", connection.bars),
        ("updatedBars", connection.updated),
        ("trades", connection.trades),
    ):
        named = set(message.get(channel, []))
        if message.get("action") == "subscribe":
            symbols |= named
        elif message.get("action") == "unsubscribe":
            symbols -= named
        else:
            await connection.send([{"T": "error", "code": 400, "msg": "invalid syntax"}])
            return
    await connection.send(
        [
            {
                "T": "subscription",
                "trades": sorted(connection.trades),
                "quotes": [],
                "bars": sorted(connection.bars),
                "updatedBars": sorted(connection.updated),
            }
        ]
    )


async def trade_updates(socket: WebSocket) -> None:
    """WebSocket `/stream`: streams updates of orders."""
    simulator: Simulator = socket.app.state.simulator
    await socket.accept()
    try:
        while True:
            message = _unpack_json(await socket.receive())
            data = message.get("data", {})
            if message.get("action") in ("authenticate", "auth"):
                given = (data.get("key_id") or message.get("key"), data.get("secret_key") or message.get("secret"))
                status = "authorized" if given == simulator.keys else "unauthorized"
                reply = {"stream": "authorization", "data": {"status": status, "action": "authenticate"}}
                await socket.send_bytes(json.dumps(reply).encode())
            elif message.get("action") == "listen":
                streams = data.get("streams", [])
                if "trade_updates" in streams:
                    simulator.trading_connections.add(socket)
                await socket.send_bytes(json.dumps({"stream": "listening", "data": {"streams": streams}}).encode())
    except WebSocketDisconnect:
        pass
    finally:
        simulator.trading_connections.discard(socket)


def _payload(event: Any) -> bytes:
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1000))
    data = event.get("bytes")
    return data if data is not None else str(event.get("text", "")).encode()


def _unpack(event: Any) -> dict[str, Any]:
    data = _payload(event)
    try:
        message = json.loads(data) if data[:1] == b"{" else msgpack.unpackb(data)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _unpack_json(event: Any) -> dict[str, Any]:
    try:
        message = json.loads(_payload(event))
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
