"""`python -m local_platform.front_door --port N --gateway FILE`: one short address in front of the gateway's long one.

It asks the engine no more at once than the engine answers well, lets the rest wait in order, and says "busy" to who waited too long.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import html
import json
from collections.abc import AsyncIterator
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from stratforge.edge import HOST_HEADER, VISITOR_HEADER
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from local_platform import mailbox, queue_metrics

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length"}
# What the engine is asked at once, and how long who comes then waits for his turn.
_AT_ONCE = 32
_PATIENCE_SECONDS = 5.0
_RETRY_AFTER_SECONDS = 2
# A browser asks for a page's script once, and without it the page does nothing: where the platform is busy it is asked so many times more for it.
_FILE_ASKED_AGAIN = 5
_KEPT_BYTES = 32 << 20
# A connection that rests is kept for longer than visitors keep theirs: one that is closed at the moment of the next request loses it.
_KEEP_ALIVE_SECONDS = 75
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _pass_on(visitor: WebSocket, realtime: str) -> None:
    """One realtime connection: what either side says goes to the other, until one of them leaves."""
    address = f"{realtime}?{visitor.url.query}" if visitor.url.query else realtime
    try:
        async with connect(address, open_timeout=10) as gateway:
            await visitor.accept()

            async def inward() -> None:
                while True:
                    await gateway.send(await visitor.receive_text())

            async def outward() -> None:
                async for message in gateway:
                    await visitor.send_text(message if isinstance(message, str) else message.decode())

            tasks = [asyncio.create_task(inward()), asyncio.create_task(outward())]
            _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in [*tasks, *waiting]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await visitor.close()
    except (OSError, WebSocketException, WebSocketDisconnect, TimeoutError):
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await visitor.close(1008)


class Gateway:
    """The addresses of the engine's gateways, read from a file that exists only while the platform is whole."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at = 0
        self._addresses: dict[str, str] = {}

    def address(self, name: str) -> str | None:
        """The address of "target" or "realtime"; None while the platform is not whole."""
        try:
            changed_at = self._file.stat().st_mtime_ns
            if changed_at != self._read_at:
                self._addresses, self._read_at = json.loads(self._file.read_text()), changed_at
        except (OSError, ValueError):
            return None
        return self._addresses[name]


class Kept:
    """Answers that never change, as their own headers say: what a content delivery network does on AWS."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, bool], Response] = {}
        self._bytes = 0

    @staticmethod
    def _key(request: Request) -> tuple[str, bool]:
        return str(request.url), "gzip" in request.headers.get("accept-encoding", "")

    def find(self, request: Request) -> Response | None:
        """The answer to this request, if it is kept."""
        return self._answers.get(self._key(request)) if request.method == "GET" else None

    def keep(self, request: Request, answer: Response) -> None:
        """Keeps an answer if its headers let it."""
        lasting = "immutable" in answer.headers.get("cache-control", "")
        size = len(answer.body)
        if request.method == "GET" and answer.status_code == 200 and lasting and self._bytes + size <= _KEPT_BYTES:
            self._answers[self._key(request)] = answer
            self._bytes += size


_BUSY_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="refresh" content="{seconds}"><title>StratForge</title></head>
<body><main><h1>One moment</h1><p>{detail}</p><p>This page asks again by itself.</p></main></body>
</html>
"""


_BUSY_HEADERS = {
    "retry-after": str(_RETRY_AFTER_SECONDS),
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


def _busy(request: Request, detail: str = "The platform is busy; ask again in a moment.") -> Response:
    """503 with Retry-After: for a person who opens a page, a page that asks again; for everybody else, a problem document."""
    print(f"{request.method} {request.url.path}: 503 {detail}", flush=True)
    if _opens_page(request):
        page = _BUSY_PAGE.format(seconds=_RETRY_AFTER_SECONDS, detail=html.escape(detail))
        return HTMLResponse(page, 503, _BUSY_HEADERS)
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "code": "busy", "detail": detail}
    return JSONResponse(problem, 503, _BUSY_HEADERS, media_type="application/problem+json")


def _opens_page(request: Request) -> bool:
    return (
        request.method == "GET"
        and "text/html" in request.headers.get("accept", "")
        and "hx-request" not in request.headers
    )


def create_app(gateway: Gateway) -> Starlette:
    """A reverse proxy to the engine's HTTP gateway, and for realtime connections to its WebSocket gateway."""
    # A proxy keeps no cookies: a jar would give one visitor's session to the next.
    no_cookies = httpx.Cookies()
    no_cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    client = httpx.AsyncClient(
        timeout=35.0,
        follow_redirects=False,
        cookies=no_cookies.jar,
        limits=httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE),
        # What the visitor understands is passed on; nothing is asked for in his place.
        headers={"accept-encoding": "identity"},
    )
    places = asyncio.Semaphore(_AT_ONCE)
    kept = Kept()

    def engine() -> str | None:
        target = gateway.address("target")
        return None if target is None else target.partition("/_aws/")[0]

    async def forward(request: Request) -> Response:
        found = kept.find(request)
        if found is not None:
            return found
        body = await request.body()
        answer = await once(request, body)
        for _ in range(_FILE_ASKED_AGAIN if request.url.path.startswith("/static/") else 0):
            if answer.status_code != 503:
                break
            await asyncio.sleep(_RETRY_AFTER_SECONDS)
            answer = kept.find(request) or await once(request, body)
        kept.keep(request, answer)
        return answer

    async def once(request: Request, body: bytes) -> Response:
        target = gateway.address("target")
        if target is None:
            return _busy(request, "The platform is starting; ask again in a moment.")
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await places.acquire()
        except TimeoutError:
            return _busy(request)
        try:
            return await _ask(client, target, request, body)
        except httpx.HTTPError as error:
            return _busy(request, f"The platform does not answer ({type(error).__name__}); ask again in a moment.")
        finally:
            places.release()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=10.0) as beside:
            noting = asyncio.create_task(queue_metrics.publish_for_ever(beside, engine))
            yield
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)
        await client.aclose()

    async def live_connection(visitor: WebSocket) -> None:
        realtime = gateway.address("realtime")
        if realtime is None:
            await visitor.close(1013)
            return
        await _pass_on(visitor, realtime)

    async def mails(request: Request) -> Response:
        address = engine()
        if address is None:
            return _busy(request, "The platform is starting; ask again in a moment.")
        try:
            return await mailbox.show(client, address)
        except httpx.HTTPError as error:
            return _busy(request, f"The platform does not answer ({type(error).__name__}); ask again in a moment.")

    return Starlette(
        routes=[
            WebSocketRoute("/realtime", live_connection),
            Route("/mailbox", mails),
            Route("/{path:path}", forward, methods=_METHODS),
        ],
        lifespan=lifespan,
    )


async def _ask(client: httpx.AsyncClient, target: str, request: Request, body: bytes) -> Response:
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP]
    headers.append(("x-forwarded-proto", "http"))
    # What the edge says on AWS, whatever the visitor said of it.
    headers = [(name, value) for name, value in headers if name.lower() not in (HOST_HEADER, VISITOR_HEADER)]
    host, port = request.scope["server"]
    # The machine's own name is the one that passkeys can be made for.
    named = "localhost" if request.headers.get("host") == f"localhost:{port}" else host
    headers.append((HOST_HEADER, f"{named}:{port}"))
    headers.append((VISITOR_HEADER, request.client.host if request.client else "127.0.0.1"))
    base = httpx.URL(target)
    # The path as it came: decoded and encoded again, it would be another.
    path = base.raw_path.rstrip(b"/") + request.scope["raw_path"]
    query = b"?" + request.scope["query_string"] if request.scope["query_string"] else b""
    wanted = client.build_request(request.method, base.copy_with(raw_path=path + query), headers=headers, content=body)
    reply = await client.send(wanted, stream=True)
    # As it came: what is compressed stays so.
    content = b"".join([part async for part in reply.aiter_raw()])
    await reply.aclose()
    if reply.status_code == 502:
        # The gateway's word for a function that ended in the middle; what runs in its place answers the next one.
        return _busy(request, "A part of the platform ended in the middle of this request; ask again in a moment.")
    if reply.status_code == 503 and _opens_page(request) and "text/html" not in reply.headers.get("content-type", ""):
        # The gateway's own words for "busy" are not for people.
        return _busy(request)
    if reply.status_code >= 500:
        print(f"{request.method} {request.url.path}: {reply.status_code} {content[:300]!r}", flush=True)
    answer = Response(content, reply.status_code)
    for name, value in reply.headers.multi_items():
        if name.lower() not in _HOP_BY_HOP:
            answer.headers.append(name, value)
    return answer


def main() -> None:
    """Serves the one address of the platform until a signal stops it."""
    parser = argparse.ArgumentParser(prog="local_platform.front_door", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--gateway", type=Path, required=True, help="file with the addresses of the engine's gateways")
    options = parser.parse_args()
    app = create_app(Gateway(options.gateway))
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
