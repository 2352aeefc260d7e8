"""`python -m tests.support.flood ADDRESS AT_ONCE`: so many visitors who ask for pages and through the API without a pause, until stdin ends.

Their access tokens come in the first line of stdin; what they were answered so far goes to stdout, a JSON object a line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter

import httpx

# Pages are asked for as a browser does, with a cookie; the API as programs do.
PAGES = ("/", "/sessions", "/strategies", "/portfolio", "/login", "/static/x/app.css")
RESOURCES = ("/api/portfolio", "/api/sessions", "/healthz", "/api/trades")
_TELL_SECONDS = 0.2


async def flood(address: str, tokens: list[str], at_once: int, enough: threading.Event) -> None:
    """Asks, until it is enough and each request was answered; a 503 without a time to ask again counts as -503."""
    told: Counter[str] = Counter()
    paths = (*PAGES, *RESOURCES)

    async def visitor(client: httpx.AsyncClient, number: int) -> None:
        token, path = tokens[number % len(tokens)], paths[number % len(paths)]
        headers = {"Cookie": f"stratforge_access={token}"} if path in PAGES else {"Authorization": f"Bearer {token}"}
        while not enough.is_set():
            try:
                reply = await client.get(path, headers=headers)
            except httpx.TransportError as error:
                told["0"] += 1
                told[f"{type(error).__name__}: {error}"] += 1
            else:
                silent = reply.status_code == 503 and not reply.headers.get("Retry-After")
                told["-503" if silent else str(reply.status_code)] += 1

    async def tell() -> None:
        while not enough.is_set():
            await asyncio.sleep(_TELL_SECONDS)
            print(json.dumps(told), flush=True)

    limits = httpx.Limits(max_connections=at_once)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        await asyncio.gather(tell(), *(visitor(client, number) for number in range(at_once)))
    print(json.dumps(told), flush=True)


def main() -> None:
    """Runs until stdin ends."""
    tokens, enough = json.loads(sys.stdin.readline()), threading.Event()

    def wait() -> None:
        sys.stdin.read()
        enough.set()

    threading.Thread(target=wait, daemon=True).start()
    asyncio.run(flood(sys.argv[1], tokens, int(sys.argv[2]), enough))


if __name__ == "__main__":
    main()
