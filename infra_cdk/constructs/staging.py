"""Copies of our own code as it is put into functions and layers; usable without the CDK."""

from __future__ import annotations

import shutil
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
