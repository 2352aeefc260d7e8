"""Processor seconds of the local stack by who works."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from types import TracebackType

import psutil
import psycopg
from local_platform.platform import Platform

from tests.benchmarks.spans import worked

FUNCTIONS = ("evaluator", "sandbox", "executor", "settler")
# Whose questions the database is asked by every bar and order, and the name of their part of its seconds.
ASKING = {name: f"database for the {name}" for name in ("evaluator", "executor", "settler")}


class Seconds:
    """Counts them from look to look: an environment that has ended keeps those that it had when it was last looked at. What looking takes of the database is not counted as its work."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._seen: dict[str, dict[int, float]] = defaultdict(dict)
        self._connection = psycopg.connect(platform.conninfo("owner"), autocommit=True)

    def __enter__(self) -> Seconds:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def now(self) -> dict[str, float]:
        """The seconds so far: of each function; of `database`, PostgreSQL with its connections that have ended too, and of it what each function's questions took (see `ASKING`; the rest of it is of
        other functions and of its own upkeep); and of `rest`: the engine, the ingestor, the simulators, the functions' host and the front door."""
        for name in FUNCTIONS:
            for process in self._platform.function_processes(name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    family = [process, *process.children(recursive=True)]
                    self._seen[name][process.pid] = sum(sum(each.cpu_times()[:4]) for each in family)
        connected = self._connection.execute(
            "SELECT pid, application_name FROM pg_stat_activity WHERE application_name = ANY(%s)", (list(ASKING),)
        )
        for pid, name in connected:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._seen[ASKING[name]][pid] = sum(psutil.Process(pid).cpu_times()[:2])
        mine = sum(psutil.Process(self._connection.info.backend_pid).cpu_times()[:2])
        pids = [each.pid for each in self._platform.supervisor.processes if each.name != "postgres" and each.pid]
        return {
            **{name: sum(self._seen[name].values()) for name in FUNCTIONS},
            "database": worked(psutil.Process(self._platform.process("postgres").pid)) - mine,
            **{part: sum(self._seen[part].values()) for part in ASKING.values()},
            "rest": sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids),
        }
