"""From a pause to the first order: cold functions, as they are deployed, with Lambda's Python, on a chain of real events.

A bar goes to a fresh evaluator, which asks a fresh sandbox; a fresh executor posts the order to the simulator, and a fresh settler settles its fill.
A visitor's first page comes from a fresh API. Each is a process of its own that sees its own packages only, unpacked as Lambda unpacks the deployment's
archives, against PostgreSQL and the answers of AWS. What is measured is processor time until the handler can be called, and of the first event; the
floor is an empty handler in the same run. Lambda gives a function the share of a core that its memory pays for, so seconds there are these divided by
that share (of this machine's core; Lambda's own is taken to be as fast). While it imports Lambda gives more, which it does not promise and is not counted.
A function with a snapshot has imported already: it restores instead.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
import uvicorn
from local_platform.postgres import Postgres
from local_platform.processes import Supervisor
from local_platform.synthesis import ROOT
from psycopg.conninfo import conninfo_to_dict
from simulators.alpaca.__main__ import create_app
from simulators.alpaca.simulator import Simulator
from simulators.credentials import ALPACA_KEY_ID, ALPACA_SECRET_KEY
from stratforge.bus.messages import BarMessage, OrderUpdate, WorkReady
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.migrations import migrate, read_migrations

from infra_cdk.constructs.bundling import lambda_python
from tests.benchmarks.sizes import KINDS
from tests.support.as_deployed import build
from tests.support.ledger import add_trader

Row = tuple[str, str, str, str, str]
SYMBOL = "BTC/USD"
# Memory of a function that has one core; others have their part of it.
_CORE_MEGABYTES = 1769
# What AWS says that restoring a snapshot takes, and one call from a function to something in its network.
_RESTORE_SECONDS = 0.4
_RUNS = 3
# Bars that are there when one comes: no strategy of these rounds looks farther back.
_WINDOW = 200
# Runs in the function's own process, says its processor seconds, and the answer.
_RUNTIME = """
import importlib, json, resource, sys
from types import SimpleNamespace

def spent():
    return sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

given = json.load(sys.stdin)
module = importlib.import_module(given["module"])
context = SimpleNamespace(function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:us-east-1:1:function:f",
    aws_request_id="r", log_group_name="g", get_remaining_time_in_millis=lambda: 60_000)
imported = spent()
answer = module.handler(given["event"], context)
if hasattr(module, "_pool"):
    module._pool.close()
handled = spent()
with open(given["answer"], "w") as file:
    json.dump({"imported": imported, "handled": handled - imported, "answer": answer}, file)
"""


@dataclass(frozen=True, slots=True)
class Cold:
    """Processor seconds of a fresh environment: until the handler could be called, and of its first event; and the answer."""

    imported: float
    handled: float
    answer: Any


@dataclass(frozen=True, slots=True)
class Deployed:
    """A function as a stage has it."""

    memory: int
    snapshot: bool

    def seconds(self, cold: Cold) -> float:
        """The time on Lambda until its first event is handled, without waiting for others."""
        share = min(1.0, self.memory / _CORE_MEGABYTES)
        return _RESTORE_SECONDS + cold.handled / share if self.snapshot else (cold.imported + cold.handled) / share


class Functions:
    """Starts functions cold."""

    def __init__(self, folder: Path, python: str, environment: Mapping[str, str]) -> None:
        self._folder, self._python, self._environment = folder, python, environment
        self._packages: dict[str, Path] = {}
        (folder / "floor").mkdir()
        (folder / "floor" / "empty.py").write_text("def handler(event, context):\n    return {}\n")

    def empty(self) -> Cold:
        """The floor: an empty handler."""
        return self._start("empty", self._folder / "floor", {})

    def start(self, name: str, event: Any) -> Cold:
        """A function's first event."""
        if name not in self._packages:
            self._packages[name] = build(self._folder / name, KINDS[name], [name], self._python, platform=None)
        return self._start(f"functions.{name}.handler", self._packages[name], event)

    def _start(self, module: str, packages: Path, event: Any) -> Cold:
        answer = self._folder / "answer.json"
        done = subprocess.run(
            [self._python, "-S", "-c", _RUNTIME],
            input=json.dumps({"module": module, "event": event, "answer": str(answer)}),
            env={**self._environment, "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{module}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return Cold(**json.loads(answer.read_text()))


class Aws(http.server.ThreadingHTTPServer):
    """What functions ask of AWS, answered: secrets, messages that are kept, and the sandbox, started cold."""

    functions: Functions
    secrets: dict[str, Any]
    sandboxes: list[Cold]
    messages: list[str]


class _Aws(http.server.BaseHTTPRequestHandler):
    server: Aws

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers.get("X-Amz-Target", "")
        if "/functions/" in self.path:
            name = unquote(self.path.split("/")[3])
            cold = self.server.functions.start(name, json.loads(body))
            self.server.sandboxes.append(cold)
            answer = cold.answer
        elif target.endswith("GetSecretValue"):
            name = json.loads(body)["SecretId"]
            answer = {"ARN": name, "Name": name, "SecretString": json.dumps(self.server.secrets[name])}
        else:
            self.server.messages.append(json.loads(body)["MessageBody"])
            answer = {"MessageId": "1", "SequenceNumber": "1"}
        said = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_arguments: Any) -> None:
        """Says nothing."""


@contextmanager
def _served(simulator: Simulator) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(simulator), host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def _world(folder: Path) -> Iterator[tuple[Functions, Aws, Simulator, str]]:
    postgres = Postgres(folder / "postgres", "a password", folder / "logs")
    postgres.prepare()
    supervisor = Supervisor(lambda _text: None)
    supervisor.add(postgres.process())
    simulator = Simulator(speed=1.0, state=None)
    aws = Aws(("127.0.0.1", 0), _Aws)
    threading.Thread(target=aws.serve_forever, daemon=True).start()
    try:
        conninfo = postgres.conninfo("postgres")
        migrate(conninfo, read_migrations(ROOT / "db" / "migrations"))
        place = conninfo_to_dict(conninfo)
        database = {name: place[name] for name in ("host", "port", "dbname", "password")}
        with _served(simulator) as broker:
            alpaca = {
                "key_id": ALPACA_KEY_ID,
                "secret_key": ALPACA_SECRET_KEY,
                "trading_url": broker,
                "data_url": broker,
            }
            aws.secrets = {
                "database": {**database, "username": place["user"], "sslmode": "prefer"},
                "alpaca": alpaca,
                "tokens": {"signing_key": base64.b64encode(os.urandom(32)).decode(), "key_id": "1"},
            }
            aws.sandboxes, aws.messages = [], []
            aws.functions = Functions(folder, _python(), _environment(f"http://127.0.0.1:{aws.server_port}"))
            yield aws.functions, aws, simulator, conninfo
    finally:
        aws.shutdown()
        supervisor.stop()


def _python() -> str:
    found = lambda_python()
    if found is None:
        raise RuntimeError("cold_starts: it needs Python 3.13, which is Lambda's")
    return found


def _environment(address: str) -> dict[str, str]:
    queue = f"{address}/000000000000/queue.fifo"
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "AWS_ENDPOINT_URL": address,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "DATABASE_SECRET": "database",
        "ALPACA_SECRET": "alpaca",
        "TOKEN_SECRET": "tokens",
        "SANDBOX_FUNCTION": "sandbox",
        "REDRIVER_FUNCTION": "redriver",
        "STAGE": "dev",
        "REALTIME_URL": "wss://example.com",
        "SUBSCRIPTION_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:updates",
        **{f"{each}_QUEUE_URL": queue for each in ("SIGNALS", "JOBS", "BACKTESTS", "ORDER_UPDATES")},
    }


def _records(message: str, queue: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": "1",
                "receiptHandle": "1",
                "body": message,
                "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": "1", "SentTimestamp": "0"},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:stratforge-dev-{queue}.fifo",
            }
        ]
    }


_PAGE = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/login",
    "rawQueryString": "",
    "headers": {"host": "example.com", "accept": "text/html"},
    "requestContext": {
        "requestId": "1",
        "domainName": "example.com",
        "stage": "$default",
        "http": {"method": "GET", "path": "/login", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
    },
    "isBase64Encoded": False,
}


def _round(world: tuple[Functions, Aws, Simulator, str], minute: datetime) -> dict[str, Cold]:
    """One bar to its fill, all cold."""
    functions, aws, simulator, conninfo = world
    found = {"empty": functions.empty()}
    aws.sandboxes.clear()
    aws.messages.clear()
    price = simulator.price(SYMBOL)
    bars = [
        Bar(SYMBOL, minute - timedelta(minutes=age), price, price, price, price, Decimal(1)) for age in range(_WINDOW)
    ]
    with psycopg.connect(conninfo) as connection:
        market_data.ensure_months(connection, [each.time for each in bars])
        market_data.add_bars(connection, bars[1:])
        add_trader(connection, f"user{minute:%H%M}", SYMBOL)
    bar_message = BarMessage.of(bars[0], "bar", 0).model_dump_json()
    found["evaluator"] = functions.start("evaluator", _records(bar_message, "bars"))
    found["sandbox"] = Cold(
        max(each.imported for each in aws.sandboxes), sum(each.handled for each in aws.sandboxes), None
    )
    (woken,) = aws.messages
    assert WorkReady.model_validate_json(woken).symbol == SYMBOL
    found["executor"] = functions.start("executor", _records(woken, "signals"))
    with psycopg.connect(conninfo) as connection:
        ((order_id,),) = connection.execute("SELECT client_order_id FROM block_orders ORDER BY created_at DESC LIMIT 1")
    order = simulator.exchange.by_client_id[order_id]
    update = OrderUpdate(
        client_order_id=order_id,
        symbol=SYMBOL,
        event="fill",
        filled_quantity=order.quantity,
        filled_average_price=price,
        occurred_at=datetime.now(UTC),
        execution_id=order_id,
        price=price,
        quantity=order.quantity,
    )
    found["settler"] = functions.start("settler", _records(update.model_dump_json(), "order-updates"))
    found["api"] = functions.start("api", _PAGE)
    assert found["api"].answer["statusCode"] == 200
    for each in ("evaluator", "executor", "settler"):
        assert found[each].answer == {"batchItemFailures": []}, (each, found[each])
    return found


def _least(rounds: list[dict[str, Cold]], name: str) -> Cold:
    """The least of each figure: what others on this machine took is no part of it."""
    return Cold(min(each[name].imported for each in rounds), min(each[name].handled for each in rounds), None)


# As `stacks/functions.py` makes them; a test compares.
STAGES = {
    "prod": {
        "evaluator": Deployed(512, snapshot=True),
        "sandbox": Deployed(1769, snapshot=False),
        "executor": Deployed(512, snapshot=True),
        "settler": Deployed(1024, snapshot=False),
        "api": Deployed(1024, snapshot=True),
    },
    "dev": {
        "evaluator": Deployed(1769, snapshot=False),
        "sandbox": Deployed(1769, snapshot=False),
        "executor": Deployed(1769, snapshot=False),
        "settler": Deployed(1024, snapshot=False),
        "api": Deployed(1769, snapshot=False),
    },
}
# Of these a bar's order waits for the first three, one after the other.
_ORDER = ("evaluator", "sandbox", "executor")


def run() -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="stratforge-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _world(folder) as world:
            now = datetime.now(UTC).replace(second=0, microsecond=0)
            rounds = [_round(world, now + timedelta(minutes=number - _RUNS)) for number in range(_RUNS)]
    floor = _least(rounds, "empty").imported
    rows: list[Row] = []
    for stage, functions in STAGES.items():
        seconds = {name: deployed.seconds(_least(rounds, name)) for name, deployed in functions.items()}
        for each, deployed in functions.items():
            cold = _least(rounds, each)
            rows.append(
                (
                    f"{stage}: {each}, {deployed.memory} MB{', from a snapshot' if deployed.snapshot else ''}",
                    f"{cold.imported:.2f} s to import, {cold.handled:.2f} s the first event",
                    f"empty handler: {floor:.2f} s",
                    f"{(cold.imported + cold.handled) / floor:.0f} x",
                    f"{seconds[each]:.1f} s on Lambda",
                )
            )
        total = sum(seconds[each] for each in _ORDER)
        rows.append((f"{stage}: first bar to order after a pause", f"{total:.1f} s on Lambda", "", "", "< 2 s"))
    return rows
