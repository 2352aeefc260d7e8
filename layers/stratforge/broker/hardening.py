"""Guards for alpaca-py's REST clients: timeouts, no retries of their own (one would repeat a POST of an order), and a
ban on calls that act on the whole account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

_TIMEOUT = (3.05, 8.0)
# Calls that would act on everybody's orders or positions at once; the account is shared, so nothing of ours may make them.
_FORBIDDEN = frozenset({("DELETE", "/v2/orders"), ("DELETE", "/v2/positions")})


class ForbiddenCall(RuntimeError):
    """A call that would act on the whole account."""


class GuardedAdapter(HTTPAdapter):
    """Gives every request a timeout, and lets none through that acts on the whole account."""

    def __init__(self, before: Callable[[], None] | None = None) -> None:
        """
        Args:
            before: Called before every request, pages of one answer included.
        """
        super().__init__()
        self._before = before

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends with the default timeout where none is given.

        Raises:
            ForbiddenCall: for a call on the whole account, or on a whole position.
        """
        path = urlsplit(request.url).path.rstrip("/")
        if (request.method, path) in _FORBIDDEN or (request.method == "DELETE" and path.startswith("/v2/positions/")):
            raise ForbiddenCall(f"{request.method} {path} acts on orders or positions of all users")
        if self._before is not None:
            self._before()
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = _TIMEOUT
        return super().send(request, *args, **kwargs)


def harden(client: Any, before: Callable[[], None] | None = None) -> None:
    """Gives a REST client of alpaca-py timeouts and the guard, and takes its retries away.

    Args:
        client: The client.
        before: Called before every request that it sends.
    """
    client._retry = 0
    client._session.mount("https://", GuardedAdapter(before))
    client._session.mount("http://", GuardedAdapter(before))
