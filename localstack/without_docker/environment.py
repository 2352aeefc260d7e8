"""The environment of LocalStack: 4.14.0, the last community version, apart from ours because it pins what we have newer, and needs Python 3.13."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from local_platform.synthesis import ROOT

from infra_cdk.constructs.bundling import lambda_python

FOLDER = ROOT / ".localstack-venv"
_REQUIREMENTS = ROOT / "layers" / "requirements" / "localstack.txt"
_PLUGIN = ROOT / "localstack" / "without_docker" / "plugin"


def interpreter() -> str | None:
    """A Python 3.13 of this machine, LOCALSTACK_PYTHON's first; None when there is none."""
    return os.environ.get("LOCALSTACK_PYTHON") or lambda_python()


def python() -> Path:
    """Returns the path of LocalStack's Python interpreter."""
    return FOLDER / "bin" / "python"


def installed() -> bool:
    """Returns whether `make localstack-install` has run since the requirements changed."""
    mark = FOLDER / ".installed"
    return mark.exists() and mark.stat().st_mtime >= _REQUIREMENTS.stat().st_mtime


def install() -> None:
    """Builds it from the hashed requirements, with the plugin that runs functions as processes."""
    uv = str(Path(sys.executable).parent / "uv")
    base = interpreter()
    if base is None:
        sys.exit("localstack: it needs Python 3.13; install one, or name it with LOCALSTACK_PYTHON")
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([base, "-m", "venv", "--without-pip", str(FOLDER)], check=True)
    into = ["--quiet", "--python", str(python())]
    subprocess.run([uv, "pip", "install", *into, "--require-hashes", "-r", str(_REQUIREMENTS)], check=True)
    subprocess.run([uv, "pip", "install", *into, "--no-deps", "--no-build-isolation", str(_PLUGIN)], check=True)
    (FOLDER / ".installed").touch()


if __name__ == "__main__":
    if not installed():
        install()
    print(f"LocalStack's environment is at {FOLDER}")
