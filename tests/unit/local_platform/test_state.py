"""A state folder is used by one run at a time, and a new beginning forgets what is its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from local_platform.failures import StartError
from local_platform.state import StateFolder


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
