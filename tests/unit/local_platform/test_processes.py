"""Processes that are started again, and end with us."""

from __future__ import annotations

import errno
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from local_platform import processes
from local_platform.failures import StartError
from local_platform.processes import Process, Supervisor, end_leftovers, note_processes, start_process

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def told() -> queue.Queue[str]:
    return queue.Queue()


@pytest.fixture
def supervisor(told: queue.Queue[str], tmp_path: Path) -> Iterator[Supervisor]:
    found = Supervisor(told.put, tmp_path / "processes.json")
    yield found
    found.stop()


def sleeper(tmp_path: Path, name: str = "sleeper") -> Process:
    return Process(name, SLEEP, dict(os.environ), tmp_path / f"{name}.log", stop_signal=signal.SIGKILL)


def hear(told: queue.Queue[str], what: str) -> str:
    """The next line with these words."""
    while True:
        line = told.get(timeout=20)
        if what in line:
            return line


def test_what_dies_is_started_again(supervisor: Supervisor, told: queue.Queue[str], tmp_path: Path) -> None:
    process = supervisor.add(sleeper(tmp_path))
    supervisor.watch()
    first = process.pid
    os.kill(first, signal.SIGKILL)
    hear(told, "runs again")
    assert process.pid not in (0, first)


def test_the_supervisor_survives_any_error_and_the_others_do_not_die_of_it(
    supervisor: Supervisor, told: queue.Queue[str], tmp_path: Path
) -> None:
    process, other = sleeper(tmp_path), sleeper(tmp_path, "other")
    failures = iter([KeyError("a stack"), ConnectionError("refused")])

    def on_restarted() -> None:
        error = next(failures, None)
        if error is not None:
            raise error

    process.on_restarted = on_restarted
    supervisor.add(process)
    supervisor.add(other)
    supervisor.watch()
    os.kill(process.pid, signal.SIGKILL)
    hear(told, "KeyError")
    hear(told, "ConnectionError")
    # Both restarts were half of one; the third is whole.
    hear(told, "runs again")
    assert process.restarts == 3
    assert other.pid
    assert other.restarts == 0


def test_a_process_lives_longer_than_the_thread_that_asked_for_it() -> None:
    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: started.append(start_process(SLEEP)))
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        started[0].wait(0.3)
    started[0].kill()
    started[0].wait()


def test_a_process_is_given_up_while_it_starts_when_everything_stops(supervisor: Supervisor, tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    waiting = threading.Event()

    def never() -> bool:
        waiting.set()
        return False

    process.ready = never
    raised: list[BaseException] = []

    def add() -> None:
        try:
            supervisor.add(process, 600)
        except StartError as error:
            raised.append(error)

    thread = threading.Thread(target=add)
    thread.start()
    assert waiting.wait(20)
    supervisor.stop()
    thread.join(20)
    assert len(raised) == 1
    assert process.pid == 0


def test_what_a_killed_run_left_is_ended_with_all_it_started(tmp_path: Path) -> None:
    family = [sys.executable, "-c", f"import subprocess; subprocess.run({SLEEP!r})"]
    process = Process("family", family, dict(os.environ), tmp_path / "log", stop_signal=signal.SIGTERM)
    process.start()
    parent = psutil.Process(process.pid)
    while not (children := parent.children()):
        assert parent.is_running()
    registry = tmp_path / "processes.json"
    note_processes(registry, [process])
    # Whoever is reaped by nobody would stay a zombie of this test.
    threading.Thread(target=process._popen.wait, daemon=True).start()  # type: ignore[union-attr]
    assert end_leftovers(registry) == 1
    _, alive = psutil.wait_procs([parent, *children], 20)
    assert alive == []
    assert not registry.exists()


def test_an_id_that_is_another_process_now_is_left_alone(tmp_path: Path) -> None:
    registry = tmp_path / "processes.json"
    registry.write_text(json.dumps([{"pid": os.getpid(), "began": 1.0, "signal": int(signal.SIGKILL)}]))
    assert end_leftovers(registry) == 0


def test_on_a_full_disk_a_log_that_is_full_is_dropped_and_what_died_is_started(
    supervisor: Supervisor, told: queue.Queue[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    process = supervisor.add(sleeper(tmp_path))
    monkeypatch.setattr(processes, "_MAX_LOG_BYTES", 10)
    monkeypatch.setattr("shutil.copyfile", full)
    monkeypatch.setattr(processes, "note_processes", full)
    process.log.write_text("much more than ten bytes")
    first = process.pid
    os.kill(first, signal.SIGKILL)
    supervisor.watch()
    hear(told, "runs again")
    assert process.pid not in (0, first)
    assert process.log.stat().st_size == 0
    assert process.restarts == 1


@pytest.mark.parametrize("excused", [True, False])
def test_what_keeps_ending_for_want_of_room_is_not_given_up(
    told: queue.Queue[str], tmp_path: Path, *, excused: bool
) -> None:
    looked = threading.Event()

    def excuse() -> bool:
        looked.set()
        return excused

    supervisor = Supervisor(told.put, tmp_path / "processes.json", excuse)
    process = Process("dying", [sys.executable, "-c", ""], dict(os.environ), tmp_path / "log")
    supervisor.add(process)
    supervisor.watch()
    assert looked.wait(60)
    supervisor.stop()
    assert (supervisor.failed is None) is excused


def test_what_goes_on_going_wrong_is_said_once(supervisor: Supervisor, told: queue.Queue[str]) -> None:
    def wrong() -> None:
        raise OSError("No space left on device")

    for name in ("a log", "a log", "another", "a log"):
        supervisor._guard(name, wrong)
    assert [told.get_nowait().partition(":")[0] for _ in range(told.qsize())] == ["a log", "another"]


def test_of_the_process_before_it_nothing_is_taken_for_its_own(supervisor: Supervisor, tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    process = Process(
        "beating",
        [sys.executable, "-c", f"open({str(heartbeat)!r}, 'w').close(); import time; time.sleep(600)"],
        dict(os.environ),
        tmp_path / "log",
        stop_signal=signal.SIGKILL,
        ready=heartbeat.exists,
        before_start=lambda: heartbeat.unlink(missing_ok=True),
    )
    supervisor.add(process)
    process.stop()
    process.command = SLEEP
    supervisor._start(process)
    assert not process.ready()
