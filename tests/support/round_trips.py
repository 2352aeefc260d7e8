"""Counting round trips between a client and PostgreSQL: a proxy that reads the protocol.

Every Query or Sync of the client is answered by one ReadyForQuery of the server. One that is sent while the server owes nothing begins a new
round trip; one that is sent before travels with what is under way. Nothing is told by time, so a busy machine changes nothing.
"""

from __future__ import annotations

import socket
import struct
import threading

_STARTUP = 196_608
_ENDS_A_FLIGHT = (b"Q", b"S")
_READY = b"Z"


class CountingLine:
    """Forwards connections to a server and counts their round trips."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._target)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not _start_up(client, server):
            return
        # What the startup is owed.
        owed = [1]
        threading.Thread(target=self._replies, args=(server, client, owed), daemon=True).start()
        while (message := _message(client)) is not None:
            if message[:1] in _ENDS_A_FLIGHT:
                with self._lock:
                    self.round_trips += owed[0] == 0
                    owed[0] += 1
            server.sendall(message)
        server.close()

    def _replies(self, server: socket.socket, client: socket.socket, owed: list[int]) -> None:
        while (message := _message(server)) is not None:
            if message[:1] == _READY:
                with self._lock:
                    owed[0] -= 1
            try:
                client.sendall(message)
            except OSError:
                return
        client.close()

    def close(self) -> None:
        """Accepts no more."""
        self._listener.close()


def _start_up(client: socket.socket, server: socket.socket) -> bool:
    """Passes on the messages before the first with a type: requests for encryption, which a local server refuses, and the startup."""
    while True:
        length = _exactly(client, 4)
        body = _exactly(client, struct.unpack("!I", length)[0] - 4) if length is not None else None
        if length is None or body is None:
            return False
        server.sendall(length + body)
        if struct.unpack("!I", body[:4])[0] == _STARTUP:
            return True
        refused = _exactly(server, 1)
        assert refused == b"N", "the server of the tests encrypts nothing"
        client.sendall(refused)


def _message(source: socket.socket) -> bytes | None:
    head = _exactly(source, 5)
    if head is None:
        return None
    body = _exactly(source, struct.unpack("!I", head[1:])[0] - 4)
    return None if body is None else head + body


def _exactly(source: socket.socket, size: int) -> bytes | None:
    parts = b""
    while len(parts) < size:
        try:
            part = source.recv(size - len(parts))
        except OSError:
            return None
        if not part:
            return None
        parts += part
    return parts
