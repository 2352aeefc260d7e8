"""The doors that every request passes before its route is looked for: `/v1` leads to the handlers of `/api`, and HEAD is GET without a body."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

VERSION = "/v1"
_HANDLERS = "/api"
# Named as lists are everywhere; the older address is `/api` and this.
_RENAMED = {"/orders": "/trade/orders"}


def public_path(path: str) -> str:
    """The address that clients are given for a handler's path.

    >>> public_path("/api/trade/orders/{order_id}"), public_path("/livez")
    ('/v1/orders/{order_id}', '/livez')
    """
    return _translated(path, _HANDLERS, VERSION, {old: new for new, old in _RENAMED.items()})


def handler_path(path: str) -> str:
    """The handler's path for an address; the older addresses are the handlers' own.

    >>> handler_path("/v1/orders/7"), handler_path("/api/trade/orders/7"), handler_path("/v10")
    ('/api/trade/orders/7', '/api/trade/orders/7', '/v10')
    """
    return _translated(path, VERSION, _HANDLERS, _RENAMED)


def _translated(path: str, before: str, after: str, names: dict[str, str]) -> str:
    if not path.startswith(before + "/"):
        return path
    rest = path[len(before) :]
    for old, new in names.items():
        if rest == old or rest.startswith(old + "/"):
            rest = new + rest[len(old) :]
            break
    return after + rest


class Doors:
    """The middleware; the outermost, since it decides which route is asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = handler_path(scope["path"])
        asked = {**scope, "path": path, "raw_path": path.encode()} if path != scope["path"] else scope
        if scope["method"] != "HEAD":
            await self._app(asked, receive, send)
            return

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**asked, "method": "GET"}, receive, headers_only)
