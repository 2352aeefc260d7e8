"""The whole platform: what `make up`, `make demo` and the tests bring up."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from simulators.alpaca.streams import KEY_ID, SECRET_KEY
from simulators.gemini.__main__ import API_KEY
from stratforge.configuration import DatabaseSecret
from stratforge.storage.postgres.migrations import MigrationError, migrate, read_migrations
from stratforge.storage.postgres.roles import set_role_passwords

from local_platform.deployment import ACCOUNT, REGION, client, deploy
from local_platform.failures import StartError
from local_platform.postgres import Postgres
from local_platform.processes import Process, Supervisor, free_port, listening, port_is_free
from local_platform.state import StateFolder
from local_platform.synthesis import ROOT, synthesize

STEPS = ("database", "templates", "AWS engine", "stacks", "simulators", "ingestor", "front door", "functions")
FUNCTIONS = (
    "api",
    "evaluator",
    "sandbox",
    "executor",
    "settler",
    "assistant",
    "backtester",
    "reconciler",
    "realtime",
    "notifier",
    "mcp",
)


@dataclass(frozen=True, slots=True)
class Options:
    """How to bring it up."""

    state: Path
    port: int = 0
    speed: float = 60.0
    fresh: bool = False
    assemblies: Path | None = None


class Platform:
    """Everything on one machine."""

    def __init__(self, options: Options, tell: Callable[[str], None]) -> None:
        """
        Raises:
            StartError: if it cannot come up for a reason that a person can mend.
        """
        if options.port and not port_is_free(options.port):
            raise StartError(f"port {options.port} is in use; choose another with --port")
        self.options = options
        self.tell = tell
        self.port = options.port or free_port()
        self.folder = StateFolder(options.state, fresh=options.fresh)
        self.supervisor = Supervisor(tell)
        self.postgres = Postgres(options.state / "postgres", self.folder.passwords.database_owner, self.folder.logs)
        self.engine_port = free_port()
        self.alpaca_port = free_port()
        self.gemini_port = free_port()
        self.host_port = free_port()
        self.outputs: dict[str, str] = {}
        self.simulated_alpaca = not os.environ.get("ALPACA_API_KEY")
        self.simulated_gemini = not os.environ.get("GEMINI_API_KEY")

    @property
    def address(self) -> str:
        """The one address people use."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def engine_address(self) -> str:
        """Where the AWS engine answers."""
        return f"http://127.0.0.1:{self.engine_port}"

    @property
    def alpaca_address(self) -> str:
        """Where the simulated Alpaca answers."""
        return f"http://127.0.0.1:{self.alpaca_port}"

    # Coming up -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Brings everything up; returns when it answers."""
        self._start_database()
        self.tell("templates")
        assembly = synthesize(
            self.options.assemblies or self.options.state / "assemblies", simulated=self.simulated_alpaca
        )
        self.tell("AWS engine")
        engine = self.supervisor.add(self._engine_process())
        self.supervisor.add(self._host_process())
        self.tell("stacks")
        self._deploy(assembly)
        engine.on_restarted = lambda: self._redeploy(assembly)
        self.tell("simulators")
        self._start_simulators()
        self.tell("ingestor")
        self.supervisor.add(self._ingestor_process())
        self.tell("front door")
        self.supervisor.add(self._front_door_process())
        self.tell("functions")
        self._warm_up()
        self.supervisor.watch()

    def stop(self) -> None:
        """Takes everything down."""
        self.supervisor.stop()
        self.folder.close()

    def _start_database(self) -> None:
        self.tell("database")
        self.postgres.prepare()
        self.supervisor.add(self.postgres.process())
        self.postgres.ensure_database()
        self._migrate()

    def _migrate(self) -> None:
        try:
            migrate(self.postgres.conninfo(), read_migrations(ROOT / "db" / "migrations"))
        except MigrationError as error:
            raise StartError(f"the database of an earlier run does not fit: {error}; run again with --fresh") from error
        set_role_passwords(self.postgres.conninfo(), [self._database_secret("api"), self._database_secret("engine")])

    def _database_secret(self, role: str) -> DatabaseSecret:
        password = self.folder.passwords.database_api if role == "api" else self.folder.passwords.database_engine
        return DatabaseSecret.model_validate(
            {
                "host": "127.0.0.1",
                "port": self.postgres.port,
                "username": f"stratforge_{role}",
                "password": password,
                "sslmode": "disable",
            }
        )

    def conninfo(self, role: str) -> str:
        """A connection string for a role: "api", "engine", or "owner"."""
        return self.postgres.conninfo() if role == "owner" else self._database_secret(role).conninfo()

    def _deploy(self, assembly: Path) -> None:
        self.outputs = deploy(assembly, self.engine_address)
        secrets = client("secretsmanager", self.engine_address)
        for name, value in self._secrets().items():
            secrets.put_secret_value(SecretId=f"stratforge/local/{name}", SecretString=json.dumps(value))

    def _redeploy(self, assembly: Path) -> None:
        """After the engine was lost with all its queues: deploys again; the database knows what was under way."""
        self._deploy(assembly)
        for process in self.supervisor.processes:
            if process.name in ("ingestor", "front door"):
                process.command = (
                    self._ingestor_process().command
                    if process.name == "ingestor"
                    else self._front_door_process().command
                )
                process.environment = (
                    self._ingestor_process() if process.name == "ingestor" else self._front_door_process()
                ).environment
                process.stop()
        self._warm_up()

    def _secrets(self) -> dict[str, dict[str, Any]]:
        alpaca: dict[str, Any]
        if self.simulated_alpaca:
            socket = f"ws://127.0.0.1:{self.alpaca_port}"
            alpaca = {
                "key_id": KEY_ID,
                "secret_key": SECRET_KEY,
                "trading_url": self.alpaca_address,
                "data_url": self.alpaca_address,
                "trading_stream_url": f"{socket}/stream",
                "data_stream_url": socket,
                # A minute of a market that runs faster is shorter.
                "requests_per_minute": max(200, int(200 * self.options.speed)),
            }
        else:
            alpaca = {"key_id": os.environ["ALPACA_API_KEY"], "secret_key": os.environ.get("ALPACA_SECRET_KEY", "")}
        if self.simulated_gemini:
            gemini = {
                "api_key": API_KEY,
                "base_url": f"http://127.0.0.1:{self.gemini_port}",
                "quant_model": "offline-author",
            }
        else:
            gemini = {"api_key": os.environ["GEMINI_API_KEY"]}
        databases = {}
        for role in ("api", "engine"):
            secret = self._database_secret(role)
            databases[f"database/{role}"] = {**secret.model_dump(), "password": secret.password.get_secret_value()}
        return {
            **databases,
            "alpaca": alpaca,
            "gemini": gemini,
            "tokens": {"key_id": "1", "signing_key": self.folder.passwords.signing_key},
        }

    def _environment(self, **more: str) -> dict[str, str]:
        # Keys of the real services stay with the supervisor; functions read secrets.
        hidden = ("ALPACA_", "GEMINI_", "GOOGLE_", "AWS_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return {
            **inherited,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "layers"), str(ROOT / "localstack"), str(ROOT))),
            "PYTHONUNBUFFERED": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.engine_address,
            "AWS_EC2_METADATA_DISABLED": "true",
            **more,
        }

    def _process(self, name: str, module: str, *arguments: str, port: int = 0, **environment: str) -> Process:
        return Process(
            name=name,
            command=[sys.executable, "-m", module, *arguments],
            environment=self._environment(**environment),
            log=self.folder.logs / f"{name.replace(' ', '-')}.log",
            ready=(lambda: listening(port)) if port else (lambda: True),
        )

    def _engine_process(self) -> Process:
        temporary = self.options.state.resolve() / "engine"
        temporary.mkdir(parents=True, exist_ok=True)
        process = self._process(
            "engine",
            "ministack",
            port=self.engine_port,
            GATEWAY_PORT=str(self.engine_port),
            BIND_HOST="127.0.0.1",
            MINISTACK_HOST="127.0.0.1",
            IOT_MTLS_ENABLED="0",
            SFTP_ENABLED="0",
            LOG_LEVEL="INFO",
            TMPDIR=str(temporary),
            S3_DATA_DIR=str(temporary / "s3"),
            STATE_DIR=str(temporary / "state"),
            LAMBDA_ACCOUNT_CONCURRENCY="0",
            **{
                f"MINISTACK_LAMBDA_PROXY_stratforge-local-{name}": f"http://127.0.0.1:{self.host_port}/invoke"
                for name in FUNCTIONS
            },
        )
        # Functions run below it; what it hands to them is its own environment, less where the library lies on this machine.
        process.environment = {**process.environment, "PYTHONPATH": ""}
        process.ready = lambda: listening(self.engine_port) and answers(f"{self.engine_address}/_ministack/health")
        return process

    def _host_process(self) -> Process:
        packages = self.options.state.resolve() / "engine" / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        cores = os.cpu_count() or 2
        return self._process(
            "functions",
            "local_platform.function_host",
            "--port",
            str(self.host_port),
            "--engine",
            self.engine_address,
            "--packages",
            str(packages),
            "--bound",
            str(cores),
            "--bounds",
            json.dumps({"stratforge-local-api": 4 * cores}),
            port=self.host_port,
        )

    def _start_simulators(self) -> None:
        if self.simulated_alpaca:
            self.supervisor.add(
                self._process(
                    "alpaca",
                    "simulators.alpaca",
                    "--port",
                    str(self.alpaca_port),
                    "--speed",
                    str(self.options.speed),
                    "--state",
                    str(self.options.state / "alpaca"),
                    port=self.alpaca_port,
                )
            )
        if self.simulated_gemini:
            self.supervisor.add(
                self._process("gemini", "simulators.gemini", "--port", str(self.gemini_port), port=self.gemini_port)
            )

    def _ingestor_process(self) -> Process:
        heartbeat = self.options.state / "ingestor-heartbeat"
        heartbeat.unlink(missing_ok=True)
        process = self._process(
            "ingestor",
            "functions.ingestor",
            STAGE="local",
            DATABASE_SECRET="stratforge/local/database/engine",
            ALPACA_SECRET="stratforge/local/alpaca",
            BARS_QUEUE_ARN=self.outputs["BarsQueueArn"],
            ORDER_UPDATES_QUEUE_URL=self.outputs["OrderUpdatesQueueUrl"],
            NOTIFICATIONS_QUEUE_URL=self.outputs["NotificationsQueueUrl"],
            QUOTES_QUEUE_URL=self.outputs["QuotesQueueUrl"],
            SUBSCRIPTION_QUEUE_URL=self.outputs["SubscriptionQueueUrl"],
            HEARTBEAT_FILE=str(heartbeat),
            # A market that runs 60 times as fast is mute 60 times as soon.
            MUTE_SECONDS=str(
                max(90.0 * min(1.0, 60.0 / self.options.speed / 60.0), 15.0) if self.simulated_alpaca else 90.0
            ),
            RECONCILE_SECONDS="5",
        )
        process.ready = heartbeat.exists
        return process

    def _front_door_process(self) -> Process:
        target = f"{self.engine_address}/_aws/execute-api/{self.outputs['ApiId']}/$default/"
        realtime = f"ws://127.0.0.1:{self.engine_port}/_aws/execute-api/{self.outputs['RealtimeApiId']}/realtime"
        return self._process(
            "front door",
            "local_platform.front_door",
            "--port",
            str(self.port),
            "--target",
            target,
            "--realtime",
            realtime,
            port=self.port,
        )

    def _warm_up(self) -> None:
        """Waits for the API, and has the reconciler look at what an earlier run left."""
        for _ in range(100):
            if answers(f"{self.address}/healthz"):
                break
        else:
            raise StartError(f"the API does not answer; look at {self.folder.logs / 'engine.log'}")
        # What imports slowly imports now, side by side, and not under the first bar.
        with ThreadPoolExecutor(len(FUNCTIONS)) as pool:
            list(pool.map(self._warm, FUNCTIONS))
        self.reconcile()

    def _warm(self, name: str) -> None:
        payload = b'{"bars":{},"sources":{},"strategies":[]}' if name == "sandbox" else b'{"Records":[]}'
        client("lambda", self.engine_address).invoke(FunctionName=f"stratforge-local-{name}", Payload=payload)

    def reconcile(self) -> dict[str, Any]:
        """Runs the reconciler function and gives its report."""
        reply = client("lambda", self.engine_address).invoke(FunctionName="stratforge-local-reconciler", Payload=b"{}")
        body = json.loads(reply["Payload"].read())
        if reply.get("FunctionError"):
            raise StartError(f"the reconciler failed: {body}")
        report: dict[str, Any] = body
        return report

    # Looking at it ---------------------------------------------------------------------------------------

    def function_processes(self, name: str) -> list[psutil.Process]:
        """The worker processes of a function."""
        engine = next(process for process in self.supervisor.processes if process.name == "engine")
        marker = f"ministack-lambda-stratforge-local-{name}-"
        found = []
        for child in psutil.Process(engine.pid).children(recursive=True):
            try:
                command = child.cmdline()
            except psutil.Error:
                continue
            if any(marker in part for part in command):
                found.append(child)
        return found

    def process(self, name: str) -> Process:
        """The supervised process called `name`."""
        return next(each for each in self.supervisor.processes if each.name == name)

    def simulator(self, path: str, body: dict[str, Any] | None = None, *, of: str = "alpaca") -> dict[str, Any]:
        """Asks the own interface of the simulated Alpaca, or of the simulated Gemini."""
        address = self.alpaca_address if of == "alpaca" else f"http://127.0.0.1:{self.gemini_port}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{address}/simulator/{path}", data=data, method="POST" if data is not None else "GET"
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
            answer: dict[str, Any] = json.loads(reply.read())
        return answer


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - loopback
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
