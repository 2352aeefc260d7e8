"""The ingestor as a service with 5,000 symbols: from its start until it may publish, a minute's bars, a new connection, and a start after a pause.

`python -m functions.ingestor` as its container runs it, with PostgreSQL as the engine's role, the simulated Alpaca's sockets and history, and SNS that answers after 10 ms
(`aws_answers.py`). Everything shares this machine's cores, history of 5,000 symbols and the sockets' other end too. The market runs six times as fast, from the fourth hour of a day on; the seconds
are real ones. (Two minutes after an opening a first start is bounded by the requests that Alpaca grants: the bars before are those of the day before, 390 of each symbol, and 200 pages of them.)
The last rows hold the service to the part of a core that its task has (`INGESTOR_SHARE`): it is stopped for the rest of every 20 ms.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from multiprocessing import Process
from pathlib import Path
from typing import Any

import psutil
import psycopg
import urllib3
from local_platform.ports import Ports
from local_platform.processes import start_process
from local_platform.synthesis import ROOT
from psycopg.conninfo import conninfo_to_dict
from simulators.alpaca.demo_market import MINUTES_PER_DAY
from simulators.credentials import alpaca_secret
from stratforge.strategy.lookback import EDITION

from tests.benchmarks.aws_answers import serve
from tests.benchmarks.database import migrated
from tests.conftest import ROLE_PASSWORD, let_in
from tests.support.trading import wait_for

_COUNT = int(os.environ.get("INGESTOR_SYMBOLS", "5000"))
_SHARE = float(os.environ.get("INGESTOR_SHARE", "0.5"))
SYMBOLS = [f"S{number:03}" for number in range(_COUNT)]
_QUEUE = "arn:aws:sqs:us-east-1:000000000000:bars.fifo"
_SPEED, _THREADS = 6.0, 32
# The minute of the market at which the simulator begins: four hours after the opening of its thirtieth day.
_BEGINS = 30 * MINUTES_PER_DAY + 240
_MINUTE = 60 / _SPEED
_PATIENCE = 75.0
_SLICE = 0.02
Row = tuple[str, str, str, str, str]


def _asked(address: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address, data=data), timeout=30) as reply:
        return json.load(reply)


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError):
        return _asked(address) is not None
    return False


class _Market:
    """The simulated Alpaca and the services of AWS, each a process."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        simulator, aws = Ports().any(), Ports().any()
        self._address, self.aws = f"http://127.0.0.1:{simulator}", f"http://127.0.0.1:{aws}"
        place = conninfo_to_dict(conninfo)
        database = {
            "host": place["host"],
            "port": int(place["port"] or 5432),
            "dbname": place["dbname"],
            "username": "stratforge_engine",
            "password": ROLE_PASSWORD,
            "sslmode": "disable",
        }
        secrets = {"alpaca": json.dumps(alpaca_secret(simulator)), "database": json.dumps(database)}
        self._neighbor = Process(target=serve, args=(aws, secrets, _QUEUE), daemon=True)
        self._neighbor.start()
        environment = {**os.environ, "SIMULATED_SYMBOLS": str(_COUNT), "PYTHONPATH": f"{ROOT / 'layers'}:{ROOT / 'localstack'}"}  # fmt: skip
        (folder / "clock.json").write_text(json.dumps({"position": _BEGINS}))
        self._simulator = start_process(
            [
                sys.executable,
                "-m",
                "simulators.alpaca",
                "--port",
                str(simulator),
                "--speed",
                str(_SPEED),
                "--state",
                str(folder),
            ],
            env=environment,
            cwd=ROOT,
        )
        wait_for(lambda: _answers(f"{self._address}/simulator/status"), _PATIENCE, "the simulator's answer")
        wait_for(lambda: _answers(f"{self.aws}/published"), _PATIENCE, "the answer of AWS's services")

    def sent(self) -> dict[int, float]:
        """When each minute's bars were sent, by the minute, in seconds since the epoch."""
        found = _asked(f"{self._address}/simulator/status")["bars_sent"]
        return {int(name.split("@")[1]): stamp / 1e9 for name, stamp in found.items() if name.startswith("S000@")}

    def published(self) -> dict[int, tuple[int, float]]:
        """How many bars of each minute were published, and when the last one was answered."""
        return {_seconds(name): (count, last) for name, (count, last) in _asked(f"{self.aws}/published").items()}

    def fault(self, name: str, value: float) -> None:
        """Switches a fault."""
        _asked(f"{self._address}/simulator/faults", {name: value})

    def drop(self) -> None:
        """Ends every socket."""
        _asked(f"{self._address}/simulator/drop", {})

    def minute(self) -> int:
        """The minute that runs in the market."""
        return _seconds(_asked(f"{self._address}/simulator/status")["now"]) // 60 * 60

    def whole(self, minute: int) -> float:
        """Waits until all bars of a minute are published; when the last one was."""

        def last() -> float | None:
            count, at = self.published().get(minute, (0, 0.0))
            return at if count >= _COUNT else None

        return wait_for(last, _PATIENCE, f"the publishing of the bars of {minute}")

    def stop(self) -> None:
        """Ends both."""
        self._simulator.terminate()
        self._simulator.wait(30)
        self._neighbor.kill()


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


class _Service:
    """The ingestor's process, and what it says."""

    def __init__(self, market: _Market, folder: Path, share: float = 1.0) -> None:
        queues = {f"{name}_QUEUE_URL": f"{market.aws}/000000000000/{name.lower()}.fifo" for name in ("ORDER_UPDATES", "QUOTES", "NOTIFICATIONS", "SIGNALS", "SUBSCRIPTION")}  # fmt: skip
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "layers"),
            "AWS_ENDPOINT_URL": market.aws,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "STAGE": "bench",
            "DATABASE_SECRET": "database",
            "ALPACA_SECRET": "alpaca",
            "BARS_QUEUE_ARN": _QUEUE,
            "CLOCK_SECONDS": "1",
            "HEARTBEAT_FILE": str(folder / "heartbeat"),
            **queues,
        }
        self.began = time.time()
        self.process = start_process(
            [sys.executable, "-m", "functions.ingestor"],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._said: list[tuple[float, dict[str, Any]]] = []
        threading.Thread(target=self._listen, daemon=True).start()
        if share < 1:
            threading.Thread(target=self._hold, args=(share,), daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self._said.append((time.time(), json.loads(line)))

    def _hold(self, share: float) -> None:
        """Lets it run for a part of every moment, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            while self.process.poll() is None:
                os.kill(self.process.pid, signal.SIGSTOP)
                time.sleep(_SLICE * (1 - share))
                os.kill(self.process.pid, signal.SIGCONT)
                time.sleep(_SLICE * share)

    def ready(self, history: bool) -> float:
        """Seconds from its start until every symbol is streamed, and where nothing was stored its history is."""

        def found() -> float | None:
            assert self.process.poll() is None, "the service ended"
            streaming = [at for at, said in self._said if said.get("message") == "streaming" and said["symbols"] == _COUNT]  # fmt: skip
            stored = [(at, said["symbols"]) for at, said in self._said if said.get("message") == "history stored"]
            if not streaming or (history and sum(symbols for _, symbols in stored) < _COUNT):
                return None
            return max(streaming[0], *(at for at, _ in stored)) if stored else streaming[0]

        return wait_for(found, _PATIENCE, "the service's start") - self.began

    @property
    def processor(self) -> float:
        """Seconds of the processor that it has taken."""
        return sum(psutil.Process(self.process.pid).cpu_times()[:2])

    @property
    def megabytes(self) -> float:
        """Memory that it holds."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6

    def stop(self) -> None:
        """Ends it as a deployment does."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)


def _sessions(conninfo: str) -> None:
    """A session of each symbol; none has seen a bar yet, so that none waits for one."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            """
            WITH somebody AS (
                INSERT INTO users (email, password_hash, virtual_balance, initial_balance) VALUES ('bench@example.com', 'none', 100000, 100000) RETURNING id),
            written AS (
                INSERT INTO strategies (user_id, name, symbol, python_code) SELECT id, 'bench', unnest(%(symbols)s::text[]), '' FROM somebody RETURNING id, user_id, symbol),
            versions AS (
                INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback, lookback_edition)
                SELECT id, 1, user_id, '', repeat('0', 64), 1, %(edition)s FROM written RETURNING strategy_id)
            INSERT INTO sessions (user_id, strategy_id, strategy_version, symbol, status)
            SELECT w.user_id, w.id, 1, w.symbol, 'RUNNING' FROM written w JOIN versions v ON v.strategy_id = w.id
            """,
            {"symbols": SYMBOLS, "edition": EDITION},
        )


def _floor(address: str) -> float:
    """Seconds that as many requests take, of the same size, from as many threads, when nothing else is done."""
    connections = urllib3.connection_from_url(address, maxsize=_THREADS)

    def post(_: int) -> None:
        connections.urlopen("POST", "/", body=b"Action=Publish&Text=" + b"m" * 400)

    with ThreadPoolExecutor(_THREADS) as threads:
        began = time.perf_counter()
        for _ in threads.map(post, range(_COUNT)):
            pass
        return time.perf_counter() - began


def _minutes(market: _Market, service: _Service, count: int) -> tuple[list[float], float]:
    """Seconds from the sending of each of the next minutes' bars until all were published, and those of the processor for one of them."""
    first, worked = market.minute() + 60, service.processor
    minutes = [first + 60 * each for each in range(count)]
    ends = [market.whole(minute) for minute in minutes]
    sent = market.sent()
    return [end - sent[minute] for minute, end in zip(minutes, ends, strict=True)], (service.processor - worked) / count


def _missed(market: _Market, first: int, since: float) -> tuple[int, float]:
    """How many whole minutes before now were missed from one on, and the seconds until all of them are published."""
    missed = range(first, market.minute(), 60)
    return len(missed), max(market.whole(each) for each in missed) - since


def run() -> Iterator[Row]:
    """Rows of the benchmark's table."""
    with tempfile.TemporaryDirectory(prefix="stratforge-bench-") as name, migrated() as postgres:
        conninfo = postgres.conninfo()
        let_in(conninfo, "stratforge_engine")
        _sessions(conninfo)
        market = _Market(conninfo, Path(name))
        try:
            yield from _rows(market, Path(name))
        finally:
            market.stop()


def _rows(market: _Market, folder: Path) -> Iterator[Row]:
    service = _Service(market, folder)
    try:
        ready = service.ready(history=True)
        worked = service.processor
        yield (f"a first start with {_COUNT:,} symbols, nothing stored: ready", f"{ready:.1f} s, {worked:.1f} s of the processor", "", "", "< 30 s")  # fmt: skip
        (took,), _ = _minutes(market, service, 1)
        yield ("the first minute, with a topic made for each symbol", f"{took:.1f} s", "", "", "")
        yield from _steady(market, service, "")
        # The stream says nothing for four minutes, and ends: history has them.
        market.fault("lose_bar", 1.0)
        silent = market.minute()
        time.sleep(4 * _MINUTE)
        market.fault("lose_bar", 0.0)
        since = time.time()
        market.drop()
        minutes, took = _missed(market, silent, since)
        yield (f"a new connection after {minutes} silent minutes: all that was missed is published", f"{took:.1f} s", "", "", "< 30 s")  # fmt: skip
        service.stop()
        yield from _after_a_pause(market, folder, 1.0)
        yield from _after_a_pause(market, folder, _SHARE)
    finally:
        service.stop()


def _steady(market: _Market, service: _Service, how: str) -> Iterator[Row]:
    seconds, worked = _minutes(market, service, 3)
    took, floor = statistics.median(seconds), _floor(market.aws)
    yield (
        f"a minute of {_COUNT:,} bars{how}: published after they were sent",
        f"{took:.1f} s, {worked:.1f} s of the processor, {service.megabytes:.0f} MB",
        f"as many requests and nothing else: {floor:.1f} s",
        f"{took / floor:.1f} x",
        "< 3 s",
    )


def _after_a_pause(market: _Market, folder: Path, share: float) -> Iterator[Row]:
    """A start after five minutes in which nobody listened."""
    how = "" if share == 1 else f", with {share:g} of a core"
    ended = market.minute()
    time.sleep(5 * _MINUTE)
    service = _Service(market, folder, share)
    try:
        ready = service.ready(history=False)
        minutes, took = _missed(market, ended, service.began)
        yield (
            f"a start after {minutes} minutes, history stored{how}: ready",
            f"{ready:.1f} s; all that was missed published after {took:.1f} s",
            "",
            "",
            "< 30 s",
        )
        if share < 1:
            yield from _steady(market, service, how)
    finally:
        service.stop()


if __name__ == "__main__":
    for each in run():
        print(*each, sep=" | ", flush=True)
