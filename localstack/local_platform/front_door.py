"""`python -m local_platform.front_door --port N --target URL`: one short address in front of the gateway's long one."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from http.cookiejar import DefaultCookiePolicy

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length"}
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
        with contextlib.suppress(RuntimeError):
            await visitor.close()
    except (OSError, WebSocketException, WebSocketDisconnect, TimeoutError):
        with contextlib.suppress(RuntimeError):
            await visitor.close(1008)


def create_app(target: str, realtime: str) -> Starlette:
    """A reverse proxy to `target`, and for realtime connections to `realtime`."""
    # A proxy keeps no cookies: a jar would give one visitor's session to the next.
    no_cookies = httpx.Cookies()
    no_cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    client = httpx.AsyncClient(
        base_url=target,
        timeout=35.0,
        follow_redirects=False,
        cookies=no_cookies.jar,
        # What the visitor understands is passed on; nothing is asked for in his place.
        headers={"accept-encoding": "identity"},
    )

    async def forward(request: Request) -> Response:
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP]
        headers.append(("x-forwarded-proto", "http"))
        # Browsers send one header with all cookies; the gateway's payload wants it whole.
        url = httpx.URL(request.url.path.lstrip("/"), query=request.url.query.encode())
        try:
            wanted = client.build_request(request.method, url, headers=headers, content=await request.body())
            reply = await client.send(wanted, stream=True)
            # As it came: what is compressed stays so.
            content = b"".join([part async for part in reply.aiter_raw()])
            await reply.aclose()
        except httpx.HTTPError as error:
            return PlainTextResponse(f"The platform does not answer yet ({type(error).__name__}).", 502)
        answer = Response(content, reply.status_code)
        for name, value in reply.headers.multi_items():
            if name.lower() not in _HOP_BY_HOP:
                answer.headers.append(name, value)
        return answer

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    async def live_connection(visitor: WebSocket) -> None:
        await _pass_on(visitor, realtime)

    return Starlette(
        routes=[WebSocketRoute("/realtime", live_connection), Route("/{path:path}", forward, methods=_METHODS)],
        lifespan=lifespan,
    )


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="local_platform.front_door", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--realtime", required=True)
    options = parser.parse_args()
    uvicorn.run(create_app(options.target, options.realtime), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
