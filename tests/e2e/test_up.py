"""`make up` as a person uses it: stopped while it starts, started twice, killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from local_platform.platform import answers
from local_platform.synthesis import ROOT
from stratforge.client import ApiError, Client

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


class Up:
    """A run of the program."""

    def __init__(self, state: Path) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("layers", "localstack", "")),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "localstack/up.py", "--port", "0", "--state", str(state)],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.family: set[psutil.Process] = set()
        self.said: list[str] = []

    def hear(self, what: str) -> str:
        """The next line with these words."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line)
            if what in line:
                self.family |= set(psutil.Process(self._process.pid).children(recursive=True))
                return line
        raise AssertionError(f"it ended without {what!r}: {''.join(self.said)}")

    def signal(self, number: int) -> int:
        """Sends a signal and waits for the end; gives the exit code."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Waits for the end."""
        assert self._process.stderr is not None
        self.said += self._process.stderr.readlines()
        return self._process.wait(240)

    def survivors(self) -> list[list[str]]:
        """The command lines of its processes that are still there after a while."""
        _, alive = psutil.wait_procs(self.family, 60)
        found = []
        for each in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                if each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each.cmdline())
        return found

    def end(self) -> None:
        """Whatever happened before."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _prepared(state_folder: Path) -> Path:
    folder = state_folder / "up"
    (folder / "assemblies").mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def state(state_folder: Path) -> Path:
    return _prepared(state_folder)


@pytest.fixture
def runs() -> Iterator[list[Up]]:
    found: list[Up] = []
    yield found
    for each in found:
        each.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_ends_it_and_leaves_nothing(state: Path, runs: list[Up], number: int) -> None:
    up = Up(state)
    runs.append(up)
    up.hear("database: ")
    assert up.signal(number) == 0
    assert not any("Traceback" in line for line in up.said), up.said
    assert up.survivors() == []


def address_of(up: Up) -> str:
    """Where a run is that said it last."""
    found = re.search(r"http://[\d.:]+", up.said[-1])
    assert found is not None
    return found[0]


@pytest.fixture(scope="module")
def two(state_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, Up]]:
    """Two runs that have come up side by side and go on."""
    elsewhere = tmp_path_factory.mktemp("neighbor")
    for folder in (elsewhere, elsewhere.parent):
        folder.chmod(0o755)
    found = Up(_prepared(state_folder)), Up(elsewhere)
    for each in found:
        each.hear("ready at")
    yield found
    for each in found:
        each.end()


def test_the_login_that_it_says_is_the_operators(two: tuple[Up, Up]) -> None:
    said = two[1].said[-1]
    found = re.search(
        r"ready at (http://[\d.:]+) \(log in as (\S+), password (\S+); the operator’s pages are at /operations\)", said
    )
    assert found is not None, said
    address, email, password = found.groups()
    operator, somebody = Client(address), Client(address)
    operator.log_in(email, password)
    assert operator.call("GET", "/api/operations/queues")["items"]
    somebody.register("somebody@example.com", "a long enough password")
    with pytest.raises(ApiError):
        somebody.call("GET", "/api/operations/queues")


def test_runs_side_by_side_do_not_meet_and_a_killed_one_leaves_nothing_behind(
    state: Path, two: tuple[Up, Up], runs: list[Up]
) -> None:
    first, neighbor = two
    addresses = [address_of(each) for each in two]
    assert addresses[0] != addresses[1]
    assert not first.family & neighbor.family
    assert any("the slowest step" in line for line in first.said)
    assert all(answers(f"{address}/healthz") for address in addresses)
    second = Up(state)
    runs.append(second)
    assert second.wait() == 1
    assert "another run" in second.said[-1]
    assert first.signal(signal.SIGKILL) == -signal.SIGKILL
    assert first.survivors() == []
    assert answers(f"{addresses[1]}/healthz")
    third = Up(state)
    runs.append(third)
    third.hear("ready at")
    assert third.signal(signal.SIGTERM) == 0
    assert neighbor.signal(signal.SIGINT) == 0
