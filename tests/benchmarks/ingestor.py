"""What the ingestor takes for 5,000 symbols: a start, a new connection, and a minute's bars, with its own pipeline on PostgreSQL.

History and SNS answer over HTTP in this process's neighbor, as fast as they are asked (SNS after 10 ms, as in a region), so that what is measured is the ingestor.
Run as `python -m tests.benchmarks.ingestor`.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Process
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from local_platform.postgres import Postgres
from local_platform.processes import Supervisor
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

SYMBOLS = [f"S{chr(65 + n // 676)}{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}" for n in range(5_000)]
OPEN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
NOW = OPEN + timedelta(hours=4)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:bars.fifo"
_PAGE = 10_000


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
            max(OPEN, min(datetime.fromisoformat(query[name].replace("Z", "+00:00")), NOW)) for name in ("start", "end")
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


def main() -> None:
    """Measures and prints."""
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
    folder = Path(tempfile.mkdtemp(prefix="stratforge-ingestor-"))
    folder.chmod(0o755)
    server = Postgres(folder / "postgres", secrets.token_urlsafe(16), folder / "logs")
    server.prepare()
    supervisor = Supervisor(lambda _text: None)
    supervisor.add(server.process())
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")
    migrate(server.conninfo("bench"), read_migrations(ROOT / "db" / "migrations"))
    database = Database(lambda: server.conninfo("bench"), application="bench")
    secret = AlpacaSecret.model_validate(
        {"key_id": "k", "secret_key": "s", "trading_url": address, "data_url": address}
    )
    budget = Counting(database, 200)
    published: list[tuple[str, float]] = []
    now = [NOW]

    def begin(symbols: list[str], history: int) -> BarPipeline:
        topics = BarTopics("dev", QUEUE)
        began = time.perf_counter()
        assert topics.load() == len(SYMBOLS)
        listed = time.perf_counter() - began
        pipeline = BarPipeline(
            topics,
            AlpacaHistory(secret, budget),
            lambda: now[0],
            database,
            on_fatal=lambda: os._exit(1),
            on_published=lambda each: published.append((each.symbol, time.perf_counter())),
        )
        taken, began, worked = budget.taken, time.perf_counter(), time.process_time()
        for done in pipeline.watch(dict.fromkeys(symbols, Wanted(1, history, Need.RUNS))):
            assert done.wait(900)
        took, spent = time.perf_counter() - began, time.process_time() - worked
        asked = budget.taken - taken
        print(f"  topics listed in {listed:.1f} s, {len(symbols):,} symbols ready {took:.1f} s later: {asked} requests, {spent:.1f} s of processor")  # fmt: skip
        return pipeline

    print("a start with nothing to ask of history:", flush=True)
    pipeline = begin(SYMBOLS, 0)
    for minute in (0, 1):
        published.clear()
        began, worked = time.perf_counter(), time.process_time()
        for symbol in SYMBOLS:
            pipeline.bar(bar(symbol, minute), False)
        while len(published) < len(SYMBOLS):
            time.sleep(0.01)
        took, spent = published[-1][1] - began, time.process_time() - worked
        print(f"a minute of {len(SYMBOLS):,} bars: published in {took:.1f} s, {spent:.1f} s of processor", flush=True)
    now[0] = NOW + timedelta(minutes=4)
    taken, began = budget.taken, time.perf_counter()
    pipeline.reconnected(crypto=False)
    for done in pipeline.watch(dict.fromkeys(SYMBOLS, Wanted(1, 0, Need.RUNS))):
        done.wait(600)
    took = time.perf_counter() - began
    print(f"a new connection: every symbol joined after {took:.1f} s, {budget.taken - taken} requests", flush=True)
    print("a first start of 1,000 symbols, nothing stored:", flush=True)
    begin([f"N{each[1:]}" for each in SYMBOLS[:1_000]], 64)
    database.close()
    supervisor.stop()
    neighbor.kill()


if __name__ == "__main__":
    main()
