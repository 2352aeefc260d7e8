"""What the ingestor takes for 5,000 symbols: a start, a new connection, and a minute's bars, with its own pipeline on PostgreSQL.

History and SNS answer over HTTP in this process's neighbor, as fast as they are asked (SNS after 10 ms, as in a region), so that what is measured is the ingestor.
Of history every symbol has a bar every minute.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Process
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3
from local_platform.synthesis import ROOT
from stratforge.broker.history import AlpacaHistory
from stratforge.bus.topics import BarTopics
from stratforge.configuration import AlpacaSecret
from stratforge.market import Bar
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.migrations import migrate, read_migrations
from stratforge.storage.strategies.evaluations import Need, Wanted

from functions.ingestor.pipeline import BarPipeline
from tests.benchmarks.database import server

SYMBOLS = [f"S{chr(65 + n // 676)}{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}" for n in range(5_000)]
OPEN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
NOW = OPEN + timedelta(hours=4)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:bars.fifo"
_PAGE, _HISTORY, _THREADS = 10_000, 64, 32


class Neighbor(BaseHTTPRequestHandler):
    """SNS and Alpaca's history."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self, body: bytes, kind: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.wfile.write(head + body)

    def do_POST(self) -> None:
        """Answers as SNS does."""
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        action = asked["Action"][0]
        inside = ""
        if action == "ListSubscriptions":
            start = int(asked.get("NextToken", ["0"])[0])
            members = "".join(
                "<member><SubscriptionArn>s</SubscriptionArn><Owner>0</Owner><Protocol>sqs</Protocol>"
                f"<Endpoint>{QUEUE}</Endpoint><TopicArn>arn:aws:sns:us-east-1:000000000000:stratforge-dev-bars-{each}.fifo</TopicArn></member>"
                for each in SYMBOLS[start : start + 100]
            )
            following = f"<NextToken>{start + 100}</NextToken>" if start + 100 < len(SYMBOLS) else ""
            inside = f"<Subscriptions>{members}</Subscriptions>{following}"
        else:
            time.sleep(0.01)
            inside = "<MessageId>m</MessageId>"
        body = f'<{action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><{action}Result>{inside}</{action}Result></{action}Response>'
        self._answer(body.encode(), "text/xml")

    def do_GET(self) -> None:
        """Answers as history does: every symbol trades every minute of the day."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if "symbols" not in query:
            self._answer(json.dumps({"timestamp": NOW.isoformat(), "is_open": True, "next_open": NOW.isoformat(), "next_close": NOW.isoformat()}).encode(), "application/json")  # fmt: skip
            return
        start, end = (
            max(OPEN, datetime.fromisoformat(query[name].replace("Z", "+00:00"))) for name in ("start", "end")
        )
        minutes = max(0, int((end - start) / timedelta(minutes=1)))
        symbols, offset = sorted(query["symbols"].split(",")), int(query.get("page_token", 0))
        bars: dict[str, list[dict[str, Any]]] = {}
        for index in range(offset, min(offset + _PAGE, minutes * len(symbols))):
            at = start + timedelta(minutes=index % minutes)
            bars.setdefault(symbols[index // minutes], []).append(
                {"t": at.isoformat(), "o": 1.0, "h": 1.0, "l": 1.0, "c": 1.0, "v": 1, "n": 1, "vw": 1.0}
            )
        more = str(offset + _PAGE) if offset + _PAGE < minutes * len(symbols) else None
        self._answer(json.dumps({"bars": bars, "next_page_token": more}).encode(), "application/json")


class Counting(SharedBudget):
    """The shared budget, counted."""

    taken = 0

    def take(self, purpose: Any) -> bool:
        """Takes one."""
        given = super().take(purpose)
        self.taken += given
        return given


def serve(port: int) -> None:
    """Serves the neighbor."""
    ThreadingHTTPServer(("127.0.0.1", port), Neighbor).serve_forever()


def bar(symbol: str, minute: int) -> Bar:
    """A bar after the history."""
    one = Decimal(1)
    return Bar(symbol, NOW + timedelta(minutes=minute), one, one, one, one, one)


class _Service:
    """A pipeline as the ingestor runs it, and what it published, when."""

    def __init__(self, database: Database, secret: AlpacaSecret, budget: Counting, now: Callable[[], datetime]) -> None:
        self.published: list[float] = []
        self._budget = budget
        began, asked, worked = time.perf_counter(), budget.taken, time.process_time()
        topics = BarTopics("dev", QUEUE)
        assert topics.load() == len(SYMBOLS)
        self.pipeline = BarPipeline(
            topics,
            AlpacaHistory(secret, budget),
            now,
            database,
            on_fatal=lambda: os._exit(1),
            on_published=lambda _bar: self.published.append(time.perf_counter()),
        )
        for done in self.pipeline.watch(dict.fromkeys(SYMBOLS, Wanted(1, _HISTORY, Need.RUNS))):
            assert done.wait(900)
        self.ready = time.perf_counter() - began
        self.asked, self.processor = budget.taken - asked, time.process_time() - worked

    def until(self, bars: int) -> None:
        """Waits until so many bars were published."""
        while len(self.published) < bars:
            time.sleep(0.01)

    def reconnected(self, bars: int) -> tuple[float, int]:
        """Seconds, and requests, from a new connection until so many bars that were missed are published."""
        self.published.clear()
        began, asked = time.perf_counter(), self._budget.taken
        self.pipeline.reconnected(crypto=False)
        self.until(bars)
        return self.published[-1] - began, self._budget.taken - asked

    def minute(self, number: int) -> tuple[float, float]:
        """Seconds, and those of the processor, from the last of a minute's bars until all are published."""
        self.published.clear()
        worked = time.process_time()
        for symbol in SYMBOLS:
            self.pipeline.bar(bar(symbol, number), False)
        began = time.perf_counter()
        self.until(len(SYMBOLS))
        return self.published[-1] - began, time.process_time() - worked


def _floor(address: str) -> float:
    """Seconds that as many requests take, of the same size, from as many threads, when nothing else is done."""
    connections = urllib3.connection_from_url(address, maxsize=_THREADS)

    def post(_: int) -> None:
        connections.urlopen("POST", "/", body=b"Action=Publish&Message=" + b"m" * 400)

    with ThreadPoolExecutor(_THREADS) as threads:
        began = time.perf_counter()
        for _ in threads.map(post, range(len(SYMBOLS))):
            pass
        return time.perf_counter() - began


def run() -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the benchmark's table."""
    logging.disable(logging.INFO)
    port = 45_000 + secrets.randbelow(1_000)
    neighbor = Process(target=serve, args=(port,), daemon=True)
    neighbor.start()
    address = f"http://127.0.0.1:{port}"
    os.environ |= {
        "AWS_ENDPOINT_URL": address,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }
    secret = AlpacaSecret.model_validate(
        {"key_id": "k", "secret_key": "s", "trading_url": address, "data_url": address}
    )
    with server() as postgres:
        postgres.ensure_database()
        migrate(postgres.conninfo(), read_migrations(ROOT / "db" / "migrations"))
        database = Database(postgres.conninfo, application="bench")
        budget, now = Counting(database, 200), [NOW]

        def begun() -> _Service:
            return _Service(database, secret, budget, lambda: now[0])

        first = begun()
        yield (
            f"a first start with {len(SYMBOLS):,} symbols, nothing stored: ready",
            f"{first.ready:.1f} s, {first.asked} requests, {first.processor:.1f} s of the processor",
            "",
            "",
            "",
        )
        seconds = [first.minute(minute) for minute in range(3)]
        floor = _floor(address)
        took, worked = sorted(seconds)[len(seconds) // 2]
        yield (
            f"a minute of {len(SYMBOLS):,} bars: published after the last came",
            f"{took:.1f} s, {worked:.1f} s of the processor",
            f"as many requests and nothing else: {floor:.1f} s",
            f"{took / floor:.1f} x",
            "< 3 s",
        )
        now[0] = NOW + timedelta(minutes=7)
        took, asked = first.reconnected(4 * len(SYMBOLS))
        yield (
            "a new connection after four minutes: all that was missed published",
            f"{took:.1f} s, {asked} requests",
            "",
            "",
            "< 30 s",
        )
        now[0] = NOW + timedelta(minutes=12)
        again = begun()
        took, asked = again.reconnected(5 * len(SYMBOLS))
        yield (
            "a start after five minutes, history stored: ready; all that was missed published",
            f"{again.ready:.1f} s, {again.asked} requests; {took:.1f} s later, {asked} requests",
            "",
            "",
            "< 30 s",
        )
        database.close()
    neighbor.kill()
