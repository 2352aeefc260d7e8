"""The one address: what it keeps, what it lets wait, and what it says while there is nobody to ask."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from local_platform import front_door
from local_platform.front_door import Gateway, create_app


class Engine(ThreadingHTTPServer):
    """A gateway that counts what it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.asked: Counter[str] = Counter()
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()
        self.now = self.most = 0


class _Answers(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.asked[self.path] += 1
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        self.server.gate.wait(20)
        with self.server.lock:
            self.server.now -= 1
        kept = "/static/" in self.path
        content = (self.headers.get("Accept-Encoding", "") + self.path).encode()
        name = self.path.rpartition("/")[2]
        late = name == "late.js" and self.server.asked[self.path] < 3
        self.send_response(503 if late else {"crash": 502, "busy": 503}.get(name, 200))
        self.send_header("Cache-Control", "public, max-age=31536000, immutable" if kept else "no-store")
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    server = Engine()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.gate.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def gateway(engine: Engine, tmp_path: Path) -> Path:
    file = tmp_path / "gateway.json"
    target = f"http://127.0.0.1:{engine.server_port}/_aws/execute-api/abc/$default/"
    file.write_text(json.dumps({"target": target, "realtime": "ws://127.0.0.1:1/"}))
    return file


def ask(gateway: Path, *paths: str, **headers: str) -> list[httpx.Response]:
    """The answers to requests, one after the other, through the front door."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(Gateway(gateway)))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return [await client.get(path, headers=headers) for path in paths]

    return asyncio.run(run())


def test_the_path_arrives_as_it_came(engine: Engine, gateway: Path) -> None:
    ask(gateway, "/api/market/BTC%2FUSD/bars?limit=3&symbol=a%20b")
    assert list(engine.asked) == ["/_aws/execute-api/abc/$default/api/market/BTC%2FUSD/bars?limit=3&symbol=a%20b"]


def test_what_never_changes_is_asked_for_once_and_keeps_its_headers(engine: Engine, gateway: Path) -> None:
    first, second = ask(gateway, "/static/1/app.css", "/static/1/app.css")
    assert engine.asked.total() == 1
    assert second.content == first.content
    assert second.headers == first.headers
    assert second.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_file_for_which_the_platform_is_busy_is_asked_for_again_as_no_browser_does(
    engine: Engine, gateway: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_door, "_RETRY_AFTER_SECONDS", 0)
    late, again, busy, page = ask(gateway, "/static/1/late.js", "/static/1/late.js", "/static/1/busy", "/busy")
    assert (late.status_code, again.status_code) == (200, 200)
    # Within bounds; and a page is asked for again by whoever opens it.
    assert (busy.status_code, page.status_code) == (503, 503)
    assert [count for _, count in sorted(engine.asked.items())] == [1, 6, 3]


def test_what_is_kept_for_one_encoding_is_not_given_to_another(engine: Engine, gateway: Path) -> None:
    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(Gateway(gateway)))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return [
                await client.get("/static/1/a.js", headers={"Accept-Encoding": encoding})
                for encoding in ("gzip", "identity")
            ]

    compressed, plain = asyncio.run(run())
    assert compressed.content != plain.content


def test_what_changes_is_asked_for_every_time(engine: Engine, gateway: Path) -> None:
    ask(gateway, "/login", "/login")
    assert engine.asked.total() == 2


def test_who_opens_a_page_too_early_is_shown_one_that_asks_again(tmp_path: Path) -> None:
    (page,) = ask(tmp_path / "missing.json", "/login", Accept="text/html,*/*")
    assert (page.status_code, page.headers["retry-after"]) == (503, "2")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["content-type"].startswith("text/html")
    assert '<meta http-equiv="refresh" content="2">' in page.text
    headers = {"Accept": "text/html", "HX-Request": "true"}
    (part,) = ask(tmp_path / "missing.json", "/login", **headers)
    assert part.json()["code"] == "busy"


def test_a_gateway_that_is_busy_shows_people_a_page_and_programs_a_problem(engine: Engine, gateway: Path) -> None:
    (page,) = ask(gateway, "/busy", Accept="text/html")
    assert (page.status_code, "asks again by itself" in page.text) == (503, True)
    (problem,) = ask(gateway, "/busy", Accept="application/json")
    assert problem.status_code == 503
    assert problem.text.endswith("/_aws/execute-api/abc/$default/busy")


def test_a_connection_rests_for_longer_than_visitors_keep_theirs(
    monkeypatch: pytest.MonkeyPatch, gateway: Path
) -> None:
    """Who closes first must be the visitor: a request that meets the closing is lost without an answer."""
    served: dict[str, Any] = {}
    monkeypatch.setattr("uvicorn.run", lambda _app, **options: served.update(options))
    monkeypatch.setattr("sys.argv", ["front_door", "--port", "1", "--gateway", str(gateway)])
    front_door.main()
    assert served["timeout_keep_alive"] > 10 * (httpx.Limits().keepalive_expiry or 0)


def test_while_there_is_no_gateway_everybody_is_asked_to_come_again(tmp_path: Path) -> None:
    (answer,) = ask(tmp_path / "missing.json", "/login")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_a_new_gateway_is_used_at_once(engine: Engine, gateway: Path) -> None:
    described = json.loads(gateway.read_text())

    async def run() -> None:
        transport = httpx.ASGITransport(create_app(Gateway(gateway)))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            await client.get("/login")
            gateway.write_text(json.dumps({**described, "target": described["target"].replace("abc", "new")}))
            await client.get("/login")
            gateway.unlink()
            assert (await client.get("/login")).status_code == 503

    asyncio.run(run())
    assert [path.split("/")[3] for path in engine.asked] == ["abc", "new"]


def test_a_function_that_ended_in_the_middle_is_a_503_with_the_time_to_ask_again(gateway: Path) -> None:
    (answer,) = ask(gateway, "/crash")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_the_engine_is_asked_a_bounded_number_of_things_at_once(
    engine: Engine, gateway: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_door, "_AT_ONCE", 3)
    monkeypatch.setattr(front_door, "_PATIENCE_SECONDS", 0.2)
    engine.gate.clear()

    async def run() -> list[int]:
        transport = httpx.ASGITransport(create_app(Gateway(gateway)))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            calls = [asyncio.create_task(client.get(f"/{number}")) for number in range(10)]
            refused, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            assert {each.result().status_code for each in refused} == {503}
            while sum(each.done() for each in calls) < 7 or engine.now < 3:
                await asyncio.sleep(0.01)
            engine.gate.set()
            return [(await each).status_code for each in calls]

    statuses = asyncio.run(run())
    assert Counter(statuses) == {200: 3, 503: 7}
    assert engine.most == 3
