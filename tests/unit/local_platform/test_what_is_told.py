"""What the platform says to a person is said as it is, and who cannot hear it costs nothing else."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import up
from local_platform.processes import Process, Supervisor
from rich.console import Console

# A log's last line may hold anything; a path in brackets ends a style that nobody began.
LINES = (
    "engine ended and is started again (cannot open [/home/ada/.stratforge/engine])",
    "engine ended and is started again ([ministack] no room)",
)


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("line", LINES)
def test_last_words_with_brackets_are_told_as_they_are(line: str, is_terminal: bool) -> None:
    said = io.StringIO()
    start = up.Start(Console(file=said, force_terminal=is_terminal, width=200, color_system=None))
    start.tell(line)
    assert line in said.getvalue()


def no_database(_status: up.Status) -> None:
    raise psycopg.OperationalError("away")


@pytest.mark.parametrize("line", LINES)
def test_the_screen_shows_events_as_they_are(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up.Status, "counts", no_database)
    platform = SimpleNamespace(
        address="http://127.0.0.1:1",
        folder=SimpleNamespace(passwords=SimpleNamespace(demo_account="secret")),
        simulated_alpaca=True,
        options=SimpleNamespace(speed=60.0),
        supervisor=SimpleNamespace(processes=[]),
    )
    status = up.Status(platform)  # type: ignore[arg-type]
    status.event(line)
    said = io.StringIO()
    Console(file=said, width=200).print(status.screen())
    assert line in said.getvalue()


@pytest.fixture
def unheard(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor whose words go to a file on a full disk."""

    def tell(_text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    found = Supervisor(tell, tmp_path / "processes.json")
    yield found
    found.stop()


def test_what_dies_is_started_again_although_nobody_can_be_told(unheard: Supervisor, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = Process("sleeper", command, dict(os.environ), tmp_path / "sleeper.log", stop_signal=signal.SIGKILL)
    unheard.add(process)
    unheard.watch()
    first = process.pid
    os.kill(first, signal.SIGKILL)
    while process.pid in (0, first):
        assert unheard._thread is not None
        assert unheard._thread.is_alive(), "nobody looks after anything any more"
        unheard._thread.join(0.05)
