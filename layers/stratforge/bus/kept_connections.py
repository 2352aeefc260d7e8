"""Connections to one service that are kept between requests: a form is posted, and its answer read, for a part of the processor that a pooling client takes."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from botocore.httpsession import get_cert_path
from urllib3.util import wait_for_read

_SECONDS = 10.0
# An answer that is longer is none of a service that was told something.
_LONGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a service to a request: its status, and what it says."""

    status: int
    body: bytes


class KeptConnections:
    """Connections to a service, as many as there are requests at the same time."""

    def __init__(self, address: str, kept: int) -> None:
        """
        Args:
            address: Where the service is, such as `https://sns.us-east-1.amazonaws.com`.
            kept: Connections that are kept for later, at most.
        """
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port
        secure = parts.scheme == "https"
        self._tls = ssl.create_default_context(cafile=get_cert_path(verify=True)) if secure else None
        # Threads take from its end and put there: what was used last is the least likely to have been closed meanwhile.
        self._idle: deque[HTTPConnection] = deque(maxlen=kept)

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Posts to the service's root, once; None when no answer came that is understood, whatever became of the request."""
        connection = self._taken()
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.read(_LONGEST))
        except (OSError, HTTPException):
            connection.close()
            return None
        # It ended before it was whole, says more than anybody asked for, or does not say how much it is.
        if not (response.chunked or response.length == 0) or not response.isclosed():
            connection.close()
            return None
        if response.will_close or len(self._idle) == self._idle.maxlen:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    def _taken(self) -> HTTPConnection:
        """A connection that is kept and still open, or a new one, which opens when it is asked."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            # There is nothing to read from one that waits, other than its end.
            if not wait_for_read(connection.sock, 0):
                return connection
            connection.close()
        if self._tls is not None:
            return HTTPSConnection(self._host, self._port, timeout=_SECONDS, context=self._tls)
        return HTTPConnection(self._host, self._port, timeout=_SECONDS)
