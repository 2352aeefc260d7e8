"""Processor seconds of the local stack by who works."""

from __future__ import annotations

import contextlib
from collections import defaultdict

import psutil
from local_platform.platform import Platform

from tests.benchmarks.spans import worked

FUNCTIONS = ("evaluator", "sandbox", "executor", "settler")


class Seconds:
    """Counts them from look to look: an environment that has ended keeps those that it had when it was last looked at."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._seen: dict[str, dict[int, float]] = defaultdict(dict)

    def now(self) -> dict[str, float]:
        """The seconds so far: of each function, of `database`, PostgreSQL with its connections that have ended too, and of `rest`: the engine, the ingestor, the simulators, the functions' host
        and the front door."""
        for name in FUNCTIONS:
            for process in self._platform.function_processes(name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    family = [process, *process.children(recursive=True)]
                    self._seen[name][process.pid] = sum(sum(each.cpu_times()[:4]) for each in family)
        pids = [each.pid for each in self._platform.supervisor.processes if each.name != "postgres" and each.pid]
        return {
            **{name: sum(self._seen[name].values()) for name in FUNCTIONS},
            "database": worked(psutil.Process(self._platform.process("postgres").pid)),
            "rest": sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids),
        }
