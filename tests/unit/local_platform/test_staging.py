"""Packages of two syntheses side by side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STAGE = """
from pathlib import Path
from infra_cdk.constructs.staging import staged_function, staged_library
print(staged_function("migrator"), staged_library(Path("none")), flush=True)
input()
"""


@contextmanager
def synthesis() -> Iterator[dict[Path, set[Path]]]:
    """Another process that has staged packages and still needs them: its folders with all that is in them."""
    process = subprocess.Popen([sys.executable, "-c", _STAGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folders = [Path(each) for each in process.stdout.readline().split()]
    yield {folder: files_of(folder) for folder in folders}
    process.communicate("\n", timeout=60)
    assert not any(folder.exists() for folder in folders), "packages are left behind"


def files_of(folder: Path) -> set[Path]:
    return {each.relative_to(folder) for each in folder.rglob("*")}


def test_a_synthesis_that_begins_and_ends_beside_another_takes_nothing_from_it() -> None:
    with synthesis() as first:
        with synthesis() as second:
            assert not first.keys() & second.keys()
        assert {folder: files_of(folder) for folder in first} == first
    assert list(first.values()) == list(second.values())
    assert Path("functions/migrator/handler.py") in next(iter(first.values()))
