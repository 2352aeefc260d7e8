"""The wire format of host, fork server and environments: a head of JSON and a body of bytes, each with its length
before it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

_LENGTHS = struct.Struct("<II")
Head = dict[str, Any]


def pack(head: Mapping[str, Any], body: bytes = b"") -> bytes:
    """A message as it is sent."""
    encoded = json.dumps(head).encode()
    return b"".join((_LENGTHS.pack(len(encoded), len(body)), encoded, body))


def receive(connection: socket.socket) -> tuple[Head, bytes] | None:
    """The next message; None when the other side is gone."""
    lengths = _exactly(connection, _LENGTHS.size)
    return None if lengths is None else _rest(connection, lengths)


def send_with_descriptor(connection: socket.socket, head: Mapping[str, Any], descriptor: int) -> None:
    """Sends a message that hands over an open file.

    Raises:
        OSError: if the other side is gone.
    """
    data = pack(head)
    sent = socket.send_fds(connection, [data], [descriptor])
    connection.sendall(data[sent:])


def receive_with_descriptor(connection: socket.socket) -> tuple[Head, int | None] | None:
    """The next message and the open file that came with it; None when the other side is gone."""
    lengths, descriptors, _, _ = socket.recv_fds(connection, _LENGTHS.size, 1)
    if not lengths:
        return None
    while len(lengths) < _LENGTHS.size:
        more = connection.recv(_LENGTHS.size - len(lengths))
        if not more:
            return None
        lengths += more
    message = _rest(connection, lengths)
    return None if message is None else (message[0], descriptors[0] if descriptors else None)


async def read(reader: asyncio.StreamReader) -> tuple[Head, bytes]:
    """The next message, for the side that waits for many.

    Raises:
        asyncio.IncompleteReadError: if the other side is gone.
    """
    head_length, body_length = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    return json.loads(await reader.readexactly(head_length)), await reader.readexactly(body_length)


def _rest(connection: socket.socket, lengths: bytes) -> tuple[Head, bytes] | None:
    head_length, body_length = _LENGTHS.unpack(lengths)
    head, body = _exactly(connection, head_length), _exactly(connection, body_length)
    return None if head is None or body is None else (json.loads(head), body)


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
