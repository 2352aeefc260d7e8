"""Copies of our own code as it is put into functions and layers; usable without the CDK."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.md", "Dockerfile")


def stage_function(name: str, target: Path) -> None:
    """The package of one function and nothing else."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "functions" / name, target / "functions" / name, ignore=_IGNORED)
    shutil.copy(ROOT / "functions" / "__init__.py", target / "functions" / "__init__.py")
    if name == "migrator":
        shutil.copytree(ROOT / "db" / "migrations", target / "functions" / name / "migrations")


def stage_library(target: Path) -> None:
    """The library, as a layer has it."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "layers" / "stratforge", target / "python" / "stratforge", ignore=_IGNORED)


@cache
def _staging() -> Path:
    """A folder of this process alone: two syntheses side by side never see each other's half-made packages."""
    staging = Path(tempfile.mkdtemp(prefix="stratforge-packages-"))
    atexit.register(shutil.rmtree, staging, ignore_errors=True)
    return staging


@cache
def staged_function(name: str) -> Path:
    """The folder of a function's package, made once in a process and removed at its end."""
    staged = _staging() / "functions" / name
    stage_function(name, staged)
    return staged


@cache
def staged_library(certificates: Path) -> Path:
    """The folder of the library's layer, with the authorities of the database if there are any."""
    staged = _staging() / "library"
    stage_library(staged)
    if certificates.exists():
        shutil.copy(certificates, staged / "python" / certificates.name)
    return staged
