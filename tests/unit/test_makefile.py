"""What a person sees who stops a command of the Makefile while it has hardly begun."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from local_platform.synthesis import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout where nothing is installed yet."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "layers" / "requirements", tmp_path / "layers" / "requirements")
    return tmp_path


def stopped(folder: Path, target: str, while_importing: str) -> list[str]:
    """What is said when Ctrl-C is pressed as soon as a module is imported."""
    # What a machine's own settings of pip have it say is not what is looked at.
    environment = {**os.environ, "LC_ALL": "C", "PYTHONPROFILEIMPORTTIME": "1", "PIP_CONFIG_FILE": os.devnull}
    for name in ("MAKEFLAGS", "MAKELEVEL"):
        environment.pop(name, None)
    process = subprocess.Popen(
        ["make", "--old-file=install", f"BIN={Path(sys.executable).parent}", f"PYTHON={sys.executable}", target],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        if line.startswith("import time:") and line.split("|")[-1].strip() == while_importing:
            os.killpg(process.pid, signal.SIGINT)
        elif not line.startswith("import time:"):
            said.append(line)
    assert process.wait(60) != 0
    # Where make was about to wait for what the signal ended before, it says so, in lines of its own.
    if said[-1:] == ["make: *** wait: No child processes.  Stop.\n"]:
        return (
            ["Interrupt, as make says it on a busy machine"]
            if all(line.startswith("make: ***") for line in said)
            else said
        )
    return said


@pytest.mark.parametrize("target", ["up", "demo"])
def test_who_stops_a_platform_that_is_still_imported_reads_one_line(target: str) -> None:
    said = stopped(ROOT, target, "psycopg")
    assert len(said) == 1, said
    assert "Interrupt" in said[0]


def test_who_stops_the_installation_reads_one_line(checkout: Path) -> None:
    said = stopped(checkout, ".venv/.installed", "venv")
    assert len(said) == 1, said
    assert "Interrupt" in said[0]
    assert not (checkout / ".venv" / ".installed").exists()
