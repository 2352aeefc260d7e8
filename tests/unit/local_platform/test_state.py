"""A state folder is used by one run at a time, and a new beginning forgets what is its own."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

import psutil
import pytest
from local_platform.failures import StartError
from local_platform.state import StateFolder

WRITES = """
import itertools, os, sys
for number in itertools.count():
    os.makedirs(sys.argv[1], exist_ok=True)
    open(os.path.join(sys.argv[1], str(number % 100)), "w").close()
"""


def test_a_new_beginning_leaves_another_platform_in_it_alone(tmp_path: Path) -> None:
    first = StateFolder(tmp_path, fresh=False)
    inner = StateFolder(tmp_path / "demo", fresh=False)
    for folder in (tmp_path, inner.path):
        (folder / "postgres" / "data").mkdir(parents=True)
    kept = ("assemblies/one", "assemblies-localstack/two", "seeds/three")
    for name in kept:
        (tmp_path / name).mkdir(parents=True)
    first.close()
    again = StateFolder(tmp_path, fresh=True)
    assert not (tmp_path / "postgres").exists()
    assert again.passwords != first.passwords
    assert (inner.path / "postgres" / "data").exists()
    assert all((tmp_path / name).exists() for name in kept)
    again.close()
    inner.close()


def test_whoever_comes_second_is_told_how_to_end_the_first(tmp_path: Path) -> None:
    first = StateFolder(tmp_path, fresh=False)
    with pytest.raises(StartError, match=f"kill {os.getpid()}$"):
        StateFolder(tmp_path, fresh=False)
    first.close()


def test_a_run_that_ended_while_it_made_its_passwords_keeps_nobody_from_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, or on a full disk: nothing was made with them yet."""

    def dump(_made: object, output: TextIO) -> None:
        output.write('{"database_owner"')
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(json, "dump", dump)
        with pytest.raises((OSError, StartError)):
            StateFolder(tmp_path, fresh=False)
    StateFolder(tmp_path, fresh=False).close()


def test_what_a_killed_run_left_has_ended_before_its_folders_are_forgotten(tmp_path: Path) -> None:
    """It would write into them while they are deleted."""
    left = subprocess.Popen([sys.executable, "-c", WRITES, str(tmp_path / "engine")], start_new_session=True)
    try:
        while not (tmp_path / "engine" / "0").exists():
            assert left.poll() is None
            time.sleep(0.01)
        row = {"pid": left.pid, "began": psutil.Process(left.pid).create_time(), "signal": int(signal.SIGTERM)}
        (tmp_path / "processes.json").write_text(json.dumps([row]))
        folder = StateFolder(tmp_path, fresh=True)
        assert not (tmp_path / "engine").exists()
        assert left.poll() is not None
        folder.close()
    finally:
        left.kill()
        left.wait()
