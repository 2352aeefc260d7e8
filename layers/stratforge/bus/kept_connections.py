"""Connections to one service that are kept between requests: a form is posted, and its answer read, for a tenth of the processor that a general client takes.

It understands what services of AWS answer to a form and nothing else: an answer with its length. Whatever is not like that is no answer; whoever asks has another way.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.httpsession import get_cert_path
from urllib3.util import wait_for_read

_CONNECT_SECONDS, _READ_SECONDS = 3.0, 10.0
_CHUNK = 16_384
# An answer that is longer is none of a service that was told something.
_LONGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a service to a request: its status, and what it says."""

    status: int
    body: bytes


class _NotUnderstood(ValueError):
    """An answer that is not one of those that are understood."""


class KeptConnections:
    """Connections to a service, as many as there are requests at the same time."""

    def __init__(self, address: str, kept: int) -> None:
        """
        Args:
            address: Where the service is, such as `https://sns.us-east-1.amazonaws.com`.
            kept: Connections that are kept for later, at most.
        """
        parts = urlsplit(address)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._tls = ssl.create_default_context(cafile=get_cert_path(verify=True)) if self._secure else None
        # Threads take from its end and put there: what was used last is the least likely to have been closed meanwhile.
        self._idle: deque[socket.socket] = deque(maxlen=kept)

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Posts to the service's root, once; None when no answer came that is understood, whatever became of the request."""
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"POST / HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
        connection = None
        try:
            connection = self._taken()
            connection.sendall(request)
            answer, lasts = _read(connection)
        except (OSError, _NotUnderstood):
            if connection is not None:
                connection.close()
            return None
        if lasts and len(self._idle) < (self._idle.maxlen or 0):
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _taken(self) -> socket.socket:
        """A connection that is kept and still open, or a new one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._made()
            # There is nothing to read from one that waits, other than its end.
            if not wait_for_read(connection, 0):
                return connection
            connection.close()

    def _made(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), _CONNECT_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection = plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=self._host)
            connection.settimeout(_READ_SECONDS)
        except BaseException:
            plain.close()
            raise
        return connection


def _read(connection: socket.socket) -> tuple[Answer, bool]:
    """The answer to a request, and whether the connection stays open after it."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received = _more(connection, received)
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status, length = rest[:3], fields.get("content-length", "")
    if version != "HTTP/1.1" or not status.isdecimal() or not length.isdecimal() or "transfer-encoding" in fields:
        raise _NotUnderstood(first[:100])
    whole = end + 4 + int(length)
    if int(status) < 200 or whole > _LONGEST:
        raise _NotUnderstood(first[:100])
    while len(received) < whole:
        received = _more(connection, received)
    lasts = len(received) == whole and fields.get("connection", "").lower() != "close"
    return Answer(int(status), received[end + 4 : whole]), lasts


def _more(connection: socket.socket, received: bytes) -> bytes:
    part = connection.recv(_CHUNK)
    if not part or len(received) > _LONGEST:
        raise _NotUnderstood("the answer ends before its end")
    return received + part
