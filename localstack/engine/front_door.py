"""`python -m engine.front_door --port N --target URL`: one short address in front of the gateway's long one."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator
from http.cookiejar import DefaultCookiePolicy

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length", "content-encoding"}
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_app(target: str) -> Starlette:
    """A reverse proxy to `target`."""
    # A proxy keeps no cookies: a jar would give one visitor's session to the next.
    no_cookies = httpx.Cookies()
    no_cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    client = httpx.AsyncClient(base_url=target, timeout=35.0, follow_redirects=False, cookies=no_cookies.jar)

    async def forward(request: Request) -> Response:
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP]
        headers.append(("x-forwarded-proto", "http"))
        # Browsers send one header with all cookies; the gateway's payload wants it whole.
        url = httpx.URL(request.url.path.lstrip("/"), query=request.url.query.encode())
        try:
            reply = await client.request(request.method, url, headers=headers, content=await request.body())
        except httpx.HTTPError as error:
            return PlainTextResponse(f"The platform does not answer yet ({type(error).__name__}).", 502)
        answer = Response(reply.content, reply.status_code)
        for name, value in reply.headers.multi_items():
            if name.lower() not in _HOP_BY_HOP:
                answer.headers.append(name, value)
        return answer

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    return Starlette(routes=[Route("/{path:path}", forward, methods=_METHODS)], lifespan=lifespan)


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="engine.front_door", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--target", required=True)
    options = parser.parse_args()
    uvicorn.run(create_app(options.target), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
