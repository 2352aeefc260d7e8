"""`python -m simulators.alpaca --port N --speed 60 --state DIR`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from simulators.alpaca.rest import ROUTES
from simulators.alpaca.simulator import Simulator
from simulators.alpaca.streams import data_stream, trade_updates


def create_app(simulator: Simulator) -> Starlette:
    """The simulator as a web application."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.get_running_loop().create_task(simulator.run())
        yield
        task.cancel()

    sockets = [
        WebSocketRoute("/v2/iex", data_stream),
        WebSocketRoute("/v2/sip", data_stream),
        WebSocketRoute("/v1beta3/crypto/us", data_stream),
        WebSocketRoute("/stream", trade_updates),
    ]
    app = Starlette(routes=[*ROUTES, *sockets], lifespan=lifespan)
    app.state.simulator = simulator
    return app


def main() -> None:
    """Serves the simulated Alpaca until a signal stops it."""
    parser = argparse.ArgumentParser(prog="simulators.alpaca", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--speed", type=float, default=60.0, help="market seconds per real second")
    parser.add_argument("--state", type=Path, help="folder that keeps orders and the clock between runs")
    options = parser.parse_args()
    if options.state:
        options.state.mkdir(parents=True, exist_ok=True)
    simulator = Simulator(speed=options.speed, state=options.state)
    # A paper account has margin.
    simulator.exchange.shorting = True
    uvicorn.run(
        create_app(simulator),
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
