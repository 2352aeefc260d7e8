"""Processes that are started again when they die, and end with us."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from local_platform.failures import StartError, told_if_possible

_PR_SET_PDEATHSIG = 1
_MAX_LOG_BYTES = 20 << 20
_STOP_SECONDS = 6.0
_REPEAT_SECONDS = 60.0
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# A child hears of the death of the thread that started it, so one thread that lives as long as we do starts them all.
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="starter")


def start_process(command: Sequence[str], stop_signal: int = signal.SIGKILL, **options: Any) -> subprocess.Popen[Any]:
    """Starts a process that gets `stop_signal` when we die, however we die."""

    def die_with_parent() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, stop_signal)

    def start() -> subprocess.Popen[Any]:
        return subprocess.Popen(list(command), preexec_fn=die_with_parent, start_new_session=True, **options)

    return _STARTER.submit(start).result()


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
    before_start: Callable[[], None] = lambda: None
    on_lost: Callable[[], None] | None = None
    on_restarted: Callable[[], None] | None = None
    needed_by_others: bool = False
    restarts: int = 0
    _popen: subprocess.Popen[bytes] | None = None
    _starts: deque[float] = field(default_factory=lambda: deque(maxlen=5))

    @property
    def pid(self) -> int:
        """Process id; 0 when it does not run."""
        return self._popen.pid if self._popen is not None and self._popen.poll() is None else 0

    def start(self) -> None:
        """Starts the process, with its output appended to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.bound_log()
        self.before_start()
        self._starts.append(time.monotonic())
        with self.log.open("ab") as output:
            ownership: dict[str, Any] = (
                {} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}
            )
            self._popen = start_process(
                self.command,
                # Without us nobody insists when one that was asked to end takes its time.
                signal.SIGKILL if self.stop_signal == signal.SIGTERM else self.stop_signal,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **ownership,
            )

    def wait_until_ready(self, seconds: float, stopping: Callable[[], bool] = lambda: False) -> None:
        """Waits for it to answer.

        Raises:
            StartError: if it ends or does not answer in time, or everything stops meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not self.ready():
            if stopping():
                raise StartError(f"{self.name} was stopped while it started")
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
        """Keeps a long run's log from filling the disk: what is full is kept once, where there is room for it, and the file begins anew."""
        if self.log.exists() and self.log.stat().st_size > _MAX_LOG_BYTES:
            kept = self.log.with_suffix(".log.1")
            try:
                shutil.copyfile(self.log, kept)
            except OSError:
                kept.unlink(missing_ok=True)
            os.truncate(self.log, 0)

    def failing(self) -> bool:
        """Returns whether the process was started five times within half a minute."""
        return len(self._starts) == 5 and time.monotonic() - self._starts[0] < 30

    def ask_to_stop(self) -> None:
        """Tells the process to end, and does not wait for it."""
        if self._popen is not None and self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._popen.pid, self.stop_signal)

    def stop(self, seconds: float = 10.0) -> None:
        """Ends it and everything it started; after so many seconds, in the middle of what it does."""
        if self._popen is None:
            return
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


class Supervisor:
    """Supervises processes: starts again those that die."""

    def __init__(
        self, tell: Callable[[str], None], registry: Path | None = None, excuse: Callable[[], bool] = lambda: False
    ) -> None:
        """
        Args:
            tell: Hears a line for a person.
            registry: File that says what runs, for who comes after a run that was killed.
            excuse: Whether a process that keeps ending has a reason that passes; then it is not given up.
        """
        self.processes: list[Process] = []
        self.failed: Process | None = None
        self._tell = told_if_possible(tell)
        self._registry = registry
        self._excuse = excuse
        # What was said last of each, and when: what goes on going wrong is said once a minute.
        self._said: dict[str, tuple[str, float]] = {}
        self._stopping = threading.Event()
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._chores: list[Callable[[], None]] = []

    def add(self, process: Process, seconds: float = 30.0) -> Process:
        """Starts a process, waits until it is ready, and keeps it running."""
        self._start(process)
        process.wait_until_ready(seconds, self._stopping.is_set)
        return process

    def _start(self, process: Process) -> None:
        with self._lock:
            if self._stopping.is_set():
                raise StartError(f"{process.name} is not started: everything stops")
            process.start()
            if process not in self.processes:
                self.processes.append(process)
            if self._registry is not None:
                # It is for a run after one that was killed; without room for it this one is no worse.
                with contextlib.suppress(OSError):
                    note_processes(self._registry, self.processes)

    def watch(self, *chores: Callable[[], None]) -> None:
        """Begins to watch; each second the chores are done too."""
        self._chores = list(chores)
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        looked = 0.0
        while not self._stopping.wait(0.1):
            for process in list(self.processes):
                self._guard(process.name, functools.partial(self._look_after, process))
            if time.monotonic() - looked >= 1.0:
                looked = time.monotonic()
                for chore in self._chores:
                    self._guard("supervision", chore)

    def _guard(self, name: str, action: Callable[[], None]) -> None:
        """Whatever goes wrong is said, and the supervisor lives on."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a supervisor that dies of an error leaves everything without one
            text = f"{type(error).__name__}: {str(error)[:300]}"
            before, at = self._said.get(name, ("", 0.0))
            if not self._stopping.is_set() and (text != before or time.monotonic() - at > _REPEAT_SECONDS):
                self._said[name] = (text, time.monotonic())
                self._tell(f"{name}: {text}")

    def _look_after(self, process: Process) -> None:
        if process.pid == 0 and not self._stopping.is_set():
            self._restart(process)
        process.bound_log()

    def _restart(self, process: Process) -> None:
        if process.failing():
            # Until the first of the five is half a minute ago it is left alone.
            if not self._excuse():
                self.failed = process
            return
        if process.on_lost is not None:
            process.on_lost()
        process.restarts += 1
        self._tell(f"{process.name} ended and is started again ({process.last_words()[:120]})")
        try:
            self._start(process)
            process.wait_until_ready(30.0, self._stopping.is_set)
            if process.on_restarted is not None:
                process.on_restarted()
        except Exception:
            # Half of a restart is none: it is ended, and the next look starts it again.
            process.stop(2.0)
            raise
        self._tell(f"{process.name} runs again")

    def restart(self, process: Process) -> None:
        """Ends a process and starts it anew, with what its command and environment are now."""
        process.stop()
        self._start(process)
        process.wait_until_ready(30.0, self._stopping.is_set)

    def stop(self) -> None:
        """Stops all processes, those that others need to end well last."""
        with self._lock:
            self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2)
        # All at once, but for what the others still need to end well.
        for last in (False, True):
            leaving = [process for process in self.processes if process.needed_by_others is last]
            for process in leaving:
                process.ask_to_stop()
            deadline = time.monotonic() + _STOP_SECONDS
            for process in leaving:
                process.stop(max(0.0, deadline - time.monotonic()))
        if self._registry is not None:
            self._registry.unlink(missing_ok=True)


def note_processes(registry: Path, processes: Sequence[Process]) -> None:
    """Writes down what runs: ids are given again, so each with the time it was started."""
    rows = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.pid:
                began = psutil.Process(process.pid).create_time()
                rows.append({"pid": process.pid, "began": began, "signal": int(process.stop_signal)})
    working = registry.with_suffix(".new")
    working.write_text(json.dumps(rows))
    working.replace(registry)


def end_leftovers(registry: Path) -> int:
    """Ends what a run that was killed left behind; gives how many processes that were."""
    try:
        rows = json.loads(registry.read_text())
    except (OSError, ValueError):
        return 0
    ended = 0
    for row in rows:
        with contextlib.suppress(psutil.Error, OSError):
            leftover = psutil.Process(row["pid"])
            if abs(leftover.create_time() - row["began"]) < 0.5:
                ended += 1
                leftover.send_signal(row["signal"])
                with contextlib.suppress(psutil.TimeoutExpired):
                    leftover.wait(5)
                # Each was started in a session of its own, with whatever it started.
                os.killpg(row["pid"], signal.SIGKILL)
    registry.unlink(missing_ok=True)
    return ended
