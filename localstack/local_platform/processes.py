"""Processes that are started again when they die, and end with us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_platform.failures import StartError

_PR_SET_PDEATHSIG = 1
_MAX_LOG_BYTES = 20 << 20
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent(stop_signal: int) -> Callable[[], None]:
    def set_signal() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, stop_signal)

    return set_signal


@dataclass(slots=True)
class Process:
    """One supervised process. Its output goes to `log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    uid: int | None = None
    stop_signal: int = signal.SIGTERM
    ready: Callable[[], bool] = lambda: True
    on_restarted: Callable[[], None] | None = None
    restarts: int = 0
    _popen: subprocess.Popen[bytes] | None = None
    _starts: deque[float] = field(default_factory=lambda: deque(maxlen=5))

    @property
    def pid(self) -> int:
        """Process id; 0 when it does not run."""
        return self._popen.pid if self._popen is not None and self._popen.poll() is None else 0

    def start(self) -> None:
        """Starts it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.bound_log()
        self._starts.append(time.monotonic())
        with self.log.open("ab") as output:
            ownership: dict[str, Any] = (
                {} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}
            )
            self._popen = subprocess.Popen(
                list(self.command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(self.stop_signal),
                **ownership,
            )

    def wait_until_ready(self, seconds: float) -> None:
        """Waits for it to answer.

        Raises:
            StartError: if it ends or does not answer in time.
        """
        deadline = time.monotonic() + seconds
        while not self.ready():
            if self.pid == 0:
                raise StartError(
                    f"{self.name} ended while starting; its last words: {self.last_words()} (log: {self.log})"
                )
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} did not answer within {seconds:g} s; look at {self.log}")
            time.sleep(0.03)

    def last_words(self) -> str:
        """The last line of its log."""
        try:
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        except OSError:
            return "none"
        return lines[-1][-300:] if lines else "none"

    def bound_log(self) -> None:
        """Keeps a long run's log from filling the disk: what is full is kept once, and the file begins anew."""
        if self.log.exists() and self.log.stat().st_size > _MAX_LOG_BYTES:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    def failing(self) -> bool:
        """Whether it died five times within half a minute."""
        return len(self._starts) == 5 and time.monotonic() - self._starts[0] < 30

    def stop(self, seconds: float = 10.0) -> None:
        """Ends it and everything it started."""
        if self._popen is None:
            return
        for step in (self.stop_signal, signal.SIGKILL):
            if self._popen.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    if step == signal.SIGKILL:
                        os.killpg(self._popen.pid, step)
                    else:
                        os.kill(self._popen.pid, step)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._popen.wait(seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)


class Supervisor:
    """Starts what dies."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.processes: list[Process] = []
        self.failed: Process | None = None
        self._tell = tell
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, process: Process, seconds: float = 30.0) -> Process:
        """Starts a process, waits until it is ready, and keeps it running."""
        process.start()
        with self._lock:
            self.processes.append(process)
        process.wait_until_ready(seconds)
        return process

    def watch(self) -> None:
        """Begins to watch."""
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(0.1):
            for process in list(self.processes):
                process.bound_log()
                if process.pid == 0 and not self._stopping.is_set():
                    self._restart(process)

    def _restart(self, process: Process) -> None:
        if process.failing():
            self.failed = process
            return
        process.restarts += 1
        self._tell(f"{process.name} ended and is started again ({process.last_words()[:120]})")
        process.start()
        try:
            process.wait_until_ready(30.0)
            if process.on_restarted is not None:
                process.on_restarted()
        except StartError as error:
            self._tell(str(error))

    def stop(self) -> None:
        """Ends everything, the last started first."""
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(35)
        for process in reversed(self.processes):
            process.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def listening(port: int) -> bool:
    """Whether somebody answers on a port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
