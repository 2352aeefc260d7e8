"""The processes of the platform, each with its command, environment, port and readiness check."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.credentials import GEMINI_API_KEY, alpaca_secret
from stratforge.configuration import DatabaseSecret

from local_platform.account import ACCOUNT, REGION
from local_platform.ports import Ports, listening
from local_platform.postgres import Postgres
from local_platform.processes import Process
from local_platform.state import StateFolder
from local_platform.synthesis import ROOT

# Those that are not part of the local stage are never asked for.
# A folder each, and one that has another's code.
FUNCTIONS = (*sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py")), "researcher")
CORES = os.cpu_count() or 2
# Environments that a function may have; those not named may have one for each core. Requests of people may wait in their handlers
# for jobs, and the assistant waits for a model, so they get more.
BOUNDS = {"api": 4 * CORES, "assistant": 2 * CORES}
# Those that a person or an order waits for keep an environment, as with provisioned concurrency; the others are forked anew.
_KEPT = ("api", "evaluator", "executor", "sandbox", "settler")


@dataclass(frozen=True, slots=True)
class Options:
    """Options for bringing up the platform."""

    state: Path
    # None takes the first free one from 8000; 0 takes any.
    port: int | None = 0
    speed: float = 60.0
    fresh: bool = False
    assemblies: Path | None = None
    # Whether a new platform begins with the demo account's months, on the simulated market.
    history: bool = False
    # What carries bars: a topic per symbol, or one stream.
    bars: str = "topics"


class Services:
    """The processes of one platform, before anybody starts them."""

    def __init__(self, options: Options) -> None:
        """
        Raises:
            StartError: if another run uses the state, or the port.
        """
        self.options = options
        self.state = options.state.resolve()
        self.folder = StateFolder(self.state, fresh=options.fresh)
        self.ports = Ports()
        wished = options.port
        self.port = (
            self.ports.first_free() if wished is None else self.ports.exactly(wished) if wished else self.ports.any()
        )
        self.engine_port = self.ports.any()
        self.host_port = self.ports.any()
        self.alpaca_port = self.ports.any()
        self.gemini_port = self.ports.any()
        self.postgres = Postgres(
            self.state / "postgres", self.folder.passwords.database_owner, self.folder.logs, self.ports.any()
        )
        self.outputs: dict[str, str] = {}
        self.gateway_file = self.state / "gateway.json"
        self.simulated_alpaca = not os.environ.get("ALPACA_API_KEY")
        self.simulated_gemini = not os.environ.get("GEMINI_API_KEY")

    @property
    def with_history(self) -> bool:
        """Returns whether a new platform begins with the demo account's months: only where the market is the one that they were played on."""
        return self.options.history and self.simulated_alpaca

    @property
    def address(self) -> str:
        """The one address that people use: the front door."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def engine_address(self) -> str:
        """Returns the address of the AWS engine."""
        return f"http://127.0.0.1:{self.engine_port}"

    @property
    def host_address(self) -> str:
        """Returns the address of the host of the functions."""
        return f"http://127.0.0.1:{self.host_port}"

    @property
    def alpaca_address(self) -> str:
        """Returns the address of the simulated Alpaca."""
        return f"http://127.0.0.1:{self.alpaca_port}"

    def database_secret(self, role: str) -> DatabaseSecret:
        """Returns the secret with which functions in the role "api" or "engine" connect to the database."""
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
        return self.postgres.conninfo() if role == "owner" else self.database_secret(role).conninfo()

    def _secrets(self) -> dict[str, dict[str, Any]]:
        alpaca: dict[str, Any]
        if self.simulated_alpaca:
            alpaca = {
                **alpaca_secret(self.alpaca_port),
                # As the simulator grants them. A minute of a market that runs faster is shorter.
                "requests_per_minute": int(
                    int(os.environ.get("SIMULATED_REQUESTS_A_MINUTE", "200")) * max(1.0, self.options.speed)
                ),
            }
        else:
            alpaca = {"key_id": os.environ["ALPACA_API_KEY"], "secret_key": os.environ.get("ALPACA_SECRET_KEY", "")}
        if self.simulated_gemini:
            gemini = {
                "api_key": GEMINI_API_KEY,
                "base_url": f"http://127.0.0.1:{self.gemini_port}",
                "quant_model": "offline-author",
            }
        else:
            gemini = {"api_key": os.environ["GEMINI_API_KEY"]}
        databases = {}
        for role in ("api", "engine"):
            secret = self.database_secret(role)
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
            # Whatever the environment says: processes that compile every module anew take many times as long to start.
            "PYTHONDONTWRITEBYTECODE": "",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            # One heap for all threads of a process: each of its own keeps what its thread once needed.
            "MALLOC_ARENA_MAX": "1",
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
        temporary = self.state / "engine"
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
            # What is in buckets outlives the engine.
            S3_PERSIST="1",
            S3_DATA_DIR=str(temporary / "s3"),
            STATE_DIR=str(temporary / "state"),
            LAMBDA_ACCOUNT_CONCURRENCY="0",
            **{f"MINISTACK_LAMBDA_PROXY_stratforge-local-{name}": f"{self.host_address}/invoke" for name in FUNCTIONS},
        )
        process.environment = {**process.environment, "PYTHONPATH": ""}
        process.ready = lambda: listening(self.engine_port) and answers(f"{self.engine_address}/_ministack/health")
        return process

    def _host_process(self) -> Process:
        packages = self.state / "engine" / "packages"
        packages.mkdir(parents=True, exist_ok=True)
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
            str(CORES),
            "--bounds",
            json.dumps({f"stratforge-local-{name}": bound for name, bound in BOUNDS.items()}),
            "--kept",
            *(f"stratforge-local-{name}" for name in _KEPT),
            port=self.host_port,
        )

    def _simulator_processes(self) -> list[Process]:
        processes = []
        if self.simulated_alpaca:
            processes.append(
                self._process(
                    "alpaca",
                    "simulators.alpaca",
                    "--port",
                    str(self.alpaca_port),
                    "--speed",
                    str(self.options.speed),
                    "--state",
                    str(self.state / "alpaca"),
                    port=self.alpaca_port,
                )
            )
        if self.simulated_gemini:
            processes.append(
                self._process("gemini", "simulators.gemini", "--port", str(self.gemini_port), port=self.gemini_port)
            )
        return processes

    def _ingestor_process(self) -> Process:
        heartbeat = self.state / "ingestor-heartbeat"
        process = self._process(
            "ingestor",
            "local_platform.as_shipped",
            "functions.ingestor",
            STAGE="local",
            DATABASE_SECRET="stratforge/local/database/engine",
            ALPACA_SECRET="stratforge/local/alpaca",
            BARS_QUEUE_ARN=self.outputs["BarsQueueArn"],
            BARS_STREAM=self.outputs.get("BarsStream", ""),
            ORDER_UPDATES_QUEUE_URL=self.outputs["OrderUpdatesQueueUrl"],
            NOTIFICATIONS_QUEUE_URL=self.outputs["NotificationsQueueUrl"],
            QUOTES_QUEUE_URL=self.outputs["QuotesQueueUrl"],
            SIGNALS_QUEUE_URL=self.outputs["SignalsQueueUrl"],
            SUBSCRIPTION_QUEUE_URL=self.outputs["SubscriptionQueueUrl"],
            HEARTBEAT_FILE=str(heartbeat),
            # A market that runs 60 times as fast is mute 60 times as soon.
            MUTE_SECONDS=str(
                max(90.0 * min(1.0, 60.0 / self.options.speed / 60.0), 15.0) if self.simulated_alpaca else 90.0
            ),
            RECONCILE_SECONDS="5",
            # Between two readings a replayed clock is off by what it is faster.
            CLOCK_SECONDS="1" if self.simulated_alpaca else "30",
        )
        # Of the one before it nothing is left to take for its own.
        process.before_start = lambda: heartbeat.unlink(missing_ok=True)
        process.ready = heartbeat.exists
        return process

    def _front_door_process(self) -> Process:
        return self._process(
            "front door",
            "local_platform.front_door",
            "--port",
            str(self.port),
            "--gateway",
            str(self.gateway_file),
            port=self.port,
        )


def answers(url: str) -> bool:
    """Returns whether a GET of the URL answers with status 200."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - loopback
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
