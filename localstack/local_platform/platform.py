"""The whole platform: what `make up`, `make demo` and the tests bring up."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr
from stratforge.application.passwords import hash_password
from stratforge.storage.postgres.migrations import MigrationError, migrate, read_migrations
from stratforge.storage.postgres.roles import set_role_passwords

from local_platform import history
from local_platform.deployment import client, deploy
from local_platform.failures import StartError, told_if_possible
from local_platform.hazards import NEEDED_BYTES, Clock, Disk
from local_platform.processes import Process, Supervisor
from local_platform.services import BOUNDS, CORES, Options, Services, answers
from local_platform.steps import Finished, Step, run_steps, tell_nobody
from local_platform.synthesis import ROOT, synthesize

__all__ = ["Options", "Platform", "answers"]

# Functions that are fed by a queue and may be wanted more often than they may run: the rest stays in the queue.
_QUEUED = ("assistant", "backtester")
_HEALTH_REQUEST = json.dumps(
    {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/healthz",
        "rawQueryString": "",
        "headers": {"host": "127.0.0.1"},
        "requestContext": {
            "http": {"method": "GET", "path": "/healthz", "sourceIp": "127.0.0.1"},
            "requestId": "warm-up",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
).encode()
_NO_MESSAGES = b'{"Records":[]}'
# What a person or a bar waits for, and a call of it that does nothing.
_WARMED = {
    "api": _HEALTH_REQUEST,
    "assistant": _NO_MESSAGES,
    "backtester": _NO_MESSAGES,
    "evaluator": _NO_MESSAGES,
    "executor": _NO_MESSAGES,
    "notifier": _NO_MESSAGES,
    "sandbox": b'{"bars":{},"sources":{},"strategies":[]}',
    "settler": _NO_MESSAGES,
}


class Platform(Services):
    """The whole platform on one machine: its processes, its deployment and its address."""

    def __init__(self, options: Options, tell: Callable[[str], None]) -> None:
        """
        Raises:
            StartError: if it cannot come up for a reason that a person can mend.
        """
        super().__init__(options)
        self.tell = told_if_possible(tell)
        if self.folder.ended:
            self.tell(f"{self.folder.ended} processes of a run that was killed were ended")
        self.clock = Clock()
        self.disk = Disk(self.state)
        # Whoever ends for want of room begins again when there is some.
        self.supervisor = Supervisor(self.tell, self.folder.registry, lambda: self.disk.free_bytes() < NEEDED_BYTES)
        if self.disk.free_bytes() < NEEDED_BYTES:
            raise StartError(
                f"{self.disk.free_bytes() >> 20} MB are free at {self.state}; {NEEDED_BYTES >> 20} are needed"
            )

    # Coming up -------------------------------------------------------------------------------------------

    def start(self, finished: Finished = tell_nobody) -> Mapping[str, float]:
        """Brings everything up, side by side where it can be; gives the seconds each step took when all answers.

        Args:
            finished: Told of each step that ends.
        """
        assembly: list[Path] = []
        cache = self.options.assemblies or self.state / "assemblies"
        engine = self._engine_process()
        engine.on_lost = self._close_gateway
        engine.on_restarted = lambda: self._redeploy(assembly[0])
        self._close_gateway()
        seconds = run_steps(
            [
                Step("function host", lambda: self._add(self._host_process())),
                Step("database", self._start_database),
                Step(
                    "templates",
                    lambda: assembly.append(synthesize(cache, simulated=self.simulated_alpaca, bars=self.options.bars)),
                ),
                Step("AWS engine", lambda: self._add(engine)),
                Step("simulators", self._start_simulators),
                Step("front door", lambda: self._add(self._front_door_process())),
                Step("stacks", lambda: self._deploy(assembly[0]), ("templates", "AWS engine")),
                Step("functions", self._warm_up, ("stacks", "database", "simulators", "function host")),
                Step("ingestor", self._start_ingestor, ("stacks", "database", "simulators")),
                Step("reconciliation", self._open, ("functions", "ingestor", "front door")),
            ],
            finished,
        )
        self.supervisor.watch(self._look_at_clock, self._look_at_disk)
        return seconds

    def stop(self) -> None:
        """Stops all processes of the platform and frees its ports and folder."""
        self.supervisor.stop()
        self._close_gateway()
        self.ports.close()
        self.folder.close()

    def _add(self, *processes: Process) -> None:
        for process in processes:
            self.supervisor.add(process)

    def _start_database(self) -> None:
        self.postgres.prepare()
        self._add(self.postgres.process())
        self.postgres.ensure_database()
        try:
            migrate(self.postgres.conninfo(), read_migrations(ROOT / "db" / "migrations"))
        except MigrationError as error:
            raise StartError(f"the database of an earlier run does not fit: {error}; run again with --fresh") from error
        set_role_passwords(self.postgres.conninfo(), [self.database_secret("api"), self.database_secret("engine")])
        if self.with_history and history.load_ledger(
            self.postgres.conninfo(), self.state / "alpaca", self._demo_hash()
        ):
            self.tell("the demo account has months behind it, which were played on this market beforehand")

    def _demo_hash(self) -> str:
        return hash_password(SecretStr(self.folder.passwords.demo_account))

    def _start_simulators(self) -> None:
        if self.with_history:
            history.prepare_exchange(self.state / "alpaca")
        self._add(*self._simulator_processes())

    def _start_ingestor(self) -> None:
        self._add(self._ingestor_process())

    def _deploy(self, assembly: Path) -> None:
        self.outputs = deploy(assembly, self.engine_address)
        secrets = client("secretsmanager", self.engine_address)
        for name, value in self._secrets().items():
            secrets.put_secret_value(SecretId=f"stratforge/local/{name}", SecretString=json.dumps(value))
        functions = client("lambda", self.engine_address)
        for name in _QUEUED:
            functions.put_function_concurrency(
                FunctionName=f"stratforge-local-{name}", ReservedConcurrentExecutions=BOUNDS.get(name, CORES)
            )

    def _warm_up(self) -> None:
        """Warms up side by side what a person or a bar waits for, so that slow imports do not fall under the first of them;
        one that cannot yet is told, and begins when it is needed, as all others do."""
        with ThreadPoolExecutor(len(_WARMED)) as pool:
            list(pool.map(self._warm, _WARMED, _WARMED.values()))

    def _warm(self, name: str, payload: bytes) -> None:
        try:
            client("lambda", self.engine_address).invoke(FunctionName=f"stratforge-local-{name}", Payload=payload)
        except (BotoCoreError, ClientError) as error:
            self.tell(f"{name} begins with its first request ({error})")

    def _open(self) -> None:
        """Has the reconciler look at what an earlier run, or the queues before these, left, and lets visitors in."""
        self.reconcile(queues_are_new=True)
        self._open_gateway()

    def _open_gateway(self) -> None:
        realtime = f"ws://127.0.0.1:{self.engine_port}/_aws/execute-api/{self.outputs['RealtimeApiId']}/realtime"
        target = f"{self.engine_address}/_aws/execute-api/{self.outputs['ApiId']}/$default/"
        working = self.gateway_file.with_suffix(".new")
        working.write_text(json.dumps({"target": target, "realtime": realtime}))
        working.replace(self.gateway_file)

    def _close_gateway(self) -> None:
        self.gateway_file.unlink(missing_ok=True)

    # Staying up ------------------------------------------------------------------------------------------

    def _redeploy(self, assembly: Path) -> None:
        """After the engine was lost with all its queues: deploys again. What was in them is in the database and at the exchange.

        The ingestor begins anew: it asks for the bars since the last one that was evaluated, and for the orders since the last update.
        """
        # First of all: into new queues it would send the next bar while the one before it is still missing.
        self.process("ingestor").stop()
        self._deploy(assembly)
        self._ask_host("forget", method="POST")
        self.supervisor.restart(self.process("ingestor"))
        self._warm_up()
        self._open()

    def _look_at_clock(self) -> None:
        jump = self.clock.jump()
        if jump > 0:
            self.tell(
                f"the clock jumped forward by {jump:,.0f} s (or this machine slept); broker and ledger are compared"
            )
            self.reconcile()
        elif jump < 0:
            # What the queues hide until a time that is now far ahead would stay hidden for as long.
            self.tell(f"the clock jumped back by {-jump:,.0f} s; the queues are made anew")
            # As if it had died: it is started again until all of it stands.
            self.process("engine").stop()

    def _look_at_disk(self) -> None:
        if not self.disk.changed():
            return
        if self.disk.full:
            self.tell(f"the disk is nearly full: {self.disk.free_bytes() >> 20} MB are free at {self.state}")
        else:
            self.tell("there is room on the disk again; broker and ledger are compared")
            self.reconcile()

    def reconcile(self, *, queues_are_new: bool = False) -> dict[str, Any]:
        """Runs the reconciler function and gives its report.

        Args:
            queues_are_new: Nothing is in the queues of what was sent before; jobs that are not finished are sent again.
        """
        event = {"queues": "new"} if queues_are_new else {}
        reply = client("lambda", self.engine_address).invoke(
            FunctionName="stratforge-local-reconciler", Payload=json.dumps(event).encode()
        )
        body = json.loads(reply["Payload"].read())
        if reply.get("FunctionError"):
            raise StartError(f"the reconciler failed: {body}")
        report: dict[str, Any] = body
        return report

    # Looking at it ---------------------------------------------------------------------------------------

    def functions(self) -> dict[str, dict[str, Any]]:
        """Environments and counters of each function that was asked for, by its short name."""
        found: dict[str, dict[str, Any]] = self._ask_host("status")["functions"]
        return {name.removeprefix("stratforge-local-"): each for name, each in found.items()}

    def function_processes(self, name: str) -> list[psutil.Process]:
        """Lists the running environments of a function as processes."""
        found = []
        for pid in self.functions().get(name, {}).get("environments", []):
            try:
                found.append(psutil.Process(pid))
            except psutil.NoSuchProcess:
                continue
        return found

    def process(self, name: str) -> Process:
        """Returns the supervised process that is called `name`."""
        return next(each for each in self.supervisor.processes if each.name == name)

    def simulator(self, path: str, body: dict[str, Any] | None = None, *, of: str = "alpaca") -> dict[str, Any]:
        """Asks the own interface of the simulated Alpaca, or of the simulated Gemini."""
        address = self.alpaca_address if of == "alpaca" else f"http://127.0.0.1:{self.gemini_port}"
        data = json.dumps(body).encode() if body is not None else None
        return _ask(f"{address}/simulator/{path}", "POST" if data is not None else "GET", data)

    def _ask_host(self, path: str, method: str = "GET") -> dict[str, Any]:
        return _ask(f"{self.host_address}/{path}", method, b"" if method == "POST" else None)


def _ask(address: str, method: str, data: bytes | None) -> dict[str, Any]:
    request = urllib.request.Request(address, data=data, method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
        answer: dict[str, Any] = json.loads(reply.read())
    return answer
