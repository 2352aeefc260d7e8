"""The two websockets: market data in msgpack, trade updates in JSON (in binary frames, as on paper)."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import msgpack
from starlette.websockets import WebSocket, WebSocketDisconnect

from simulators.alpaca.simulator import DataConnection, Simulator
from simulators.alpaca.tape import LIMITED

_AUTH_SECONDS = 10.0


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
        if same or simulator.faults.connection_limit:
            await connection.send([{"T": "error", "code": 406, "msg": "connection limit exceeded"}])
            return
        if socket.url.path == "/v2/sip" and simulator.live_channels is not None:
            await connection.send([{"T": "error", "code": 409, "msg": "insufficient subscription"}])
            return
        await connection.send([{"T": "success", "msg": "authenticated"}])
        if simulator.faults.mute_data_seconds:
            connection.muted_until = time.monotonic() + simulator.faults.mute_data_seconds
            simulator.faults.mute_data_seconds = 0.0
        simulator.data_connections.add(connection)
        while True:
            await _subscription(simulator, connection, _unpack(await socket.receive()))
    except WebSocketDisconnect:
        pass
    finally:
        simulator.data_connections.discard(connection)


async def _authenticate(connection: DataConnection, keys: tuple[str, str]) -> bool:
    try:
        message = _unpack(await asyncio.wait_for(connection.socket.receive(), _AUTH_SECONDS))
    except TimeoutError:
        message = {}
        await connection.send([{"T": "error", "code": 404, "msg": "auth timeout"}])
    else:
        if message.get("action") != "auth":
            await connection.send([{"T": "error", "code": 401, "msg": "not authenticated"}])
        elif (message.get("key"), message.get("secret")) == keys:
            return True
        else:
            await connection.send([{"T": "error", "code": 402, "msg": "auth failed"}])
    await connection.socket.close()
    return False


async def _subscription(simulator: Simulator, connection: DataConnection, message: dict[str, Any]) -> None:
    """A message is granted whole or refused whole."""
    action = message.get("action")
    channels = {name: set(symbols) for name, symbols in message.items() if isinstance(symbols, list)}
    if action == "auth":
        await connection.send([{"T": "error", "code": 403, "msg": "already authenticated"}])
    elif action not in ("subscribe", "unsubscribe") or not set(channels) <= set(connection.channels):
        await connection.send([{"T": "error", "code": 400, "msg": "invalid syntax"}])
    elif (
        any("*" in symbols for name, symbols in channels.items() if name in LIMITED)
        and simulator.live_channels is not None
    ):
        await connection.send([{"T": "error", "code": 405, "msg": "symbol limit exceeded"}])
    else:
        wanted = {
            name: symbols | channels.get(name, set()) if action == "subscribe" else symbols - channels.get(name, set())
            for name, symbols in connection.channels.items()
        }
        limit = simulator.live_channels
        if action == "subscribe" and limit is not None and sum(len(wanted[name]) for name in LIMITED) > limit:
            await connection.send([{"T": "error", "code": 405, "msg": "symbol limit exceeded"}])
            return
        connection.channels = wanted
        granted = {name: sorted(symbols) for name, symbols in wanted.items()}
        # Cancels and corrections come with trades.
        granted |= {name: granted["trades"] for name in ("corrections", "cancelErrors") if not connection.crypto}
        await connection.send([{"T": "subscription", **granted}])


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
