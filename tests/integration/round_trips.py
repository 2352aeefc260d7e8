"""Counting round trips by what they cost: a proxy that makes each way between client and PostgreSQL longer.

What travels together arrives together, so the time a request takes tells how often it waited for an answer.
"""

from __future__ import annotations

import queue
import socket
import threading
import time


class SlowLine:
    """Forwards connections to a server, `one_way` seconds late in each direction."""

    def __init__(self, host: str, port: int, one_way: float = 0.05) -> None:
        self._target = (host, port)
        self._one_way = one_way
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def round_trip(self) -> float:
        """Seconds there and back."""
        return 2 * self._one_way

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((client, server), (server, client)):
                line: queue.Queue[tuple[float, bytes]] = queue.Queue()
                threading.Thread(target=self._read, args=(source, line), daemon=True).start()
                threading.Thread(target=self._deliver, args=(sink, line), daemon=True).start()

    def _read(self, source: socket.socket, line: queue.Queue[tuple[float, bytes]]) -> None:
        try:
            while data := source.recv(1 << 16):
                line.put((time.monotonic() + self._one_way, data))
        except OSError:
            pass
        line.put((time.monotonic(), b""))

    def _deliver(self, sink: socket.socket, line: queue.Queue[tuple[float, bytes]]) -> None:
        while True:
            due, data = line.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    sink.close()
                    return
                sink.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        """Accepts no more."""
        self._listener.close()
