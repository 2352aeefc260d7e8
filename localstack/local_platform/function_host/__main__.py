"""`python -m local_platform.function_host --port N --engine URL --packages FOLDER`: where the engine sends every invocation."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local_platform.function_host.definitions import forget_old_packages, read_definition
from local_platform.function_host.host import Host, Invocation

_PREFIX = "x-amzn-lambda-"


def create_app(host: Host) -> Starlette:
    """The host as the engine's proxy target for functions."""

    async def invoke(request: Request) -> Response:
        headers = request.headers
        deadline = headers.get(f"{_PREFIX}deadline-ms")
        call = Invocation(
            function=headers[f"{_PREFIX}function-name"],
            arn=headers.get(f"{_PREFIX}function-arn", ""),
            request_id=headers.get(f"{_PREFIX}request-id", ""),
            trace_id=headers.get("x-amzn-trace-id"),
            deadline=int(deadline) / 1000 if deadline else time.time() + 30,
            event=await request.body(),
        )
        status, body = await host.invoke(call)
        return Response(body, status, media_type="application/json")

    async def status(_request: Request) -> Response:
        return JSONResponse(host.status())

    async def forget(_request: Request) -> Response:
        host.forget()
        return JSONResponse({})

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        host.fork_server.start()
        trimming = asyncio.create_task(host.trim())
        yield
        trimming.cancel()
        host.fork_server.stop()

    routes = [
        Route("/invoke", invoke, methods=["POST"]),
        Route("/status", status),
        Route("/forget", forget, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    """Serves invocations of functions until a signal stops it."""
    parser = argparse.ArgumentParser(prog="local_platform.function_host", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--engine", required=True, help="address of the engine")
    parser.add_argument("--packages", type=Path, required=True, help="folder for code and layers")
    parser.add_argument("--bound", type=int, required=True, help="environments a function may have")
    parser.add_argument("--bounds", type=_json, default={}, help="environments of single functions, by name")
    parser.add_argument(
        "--kept", nargs="*", default=[], help="functions that keep an environment when nobody asks for it"
    )
    options = parser.parse_args()
    forget_old_packages(options.packages)
    host = Host(
        lambda name: read_definition(options.engine, name, options.packages),
        options.bounds,
        options.bound,
        kept=options.kept,
    )
    uvicorn.run(
        create_app(host),
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


def _json(text: str) -> Any:
    return json.loads(text)


if __name__ == "__main__":
    main()
