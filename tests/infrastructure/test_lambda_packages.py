"""Packages as Lambda has them: Python 3.13 on arm64. Run where that is the machine (a job of the test workflow); a wheel that is missing fails anywhere."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_platform.synthesis import ROOT

from infra_cdk.constructs.bundling import install
from tests.benchmarks.sizes import KINDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("LAMBDA_PACKAGES"), reason="installs every package; set LAMBDA_PACKAGES=1"),
]
_AS_ON_LAMBDA = platform.machine() in ("aarch64", "arm64") and sys.version_info[:2] == (3, 13)


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layers of every kind, for Lambda's platform."""
    folder = tmp_path_factory.mktemp("layers")
    for kind in sorted(set(KINDS.values())):
        install(ROOT / "layers" / "requirements" / f"{kind}.txt", folder / kind)
    return folder


def test_every_wheel_is_there(layers: Path) -> None:
    for kind in set(KINDS.values()):
        machine_code = [each for each in (layers / kind).rglob("*.so") if "x86_64" in each.name]
        assert machine_code == [], kind
        assert any((layers / kind).iterdir())


@pytest.mark.skipif(not _AS_ON_LAMBDA, reason="needs Python 3.13 on arm64")
@pytest.mark.parametrize("function", sorted(KINDS))
def test_a_handler_is_imported_with_its_own_packages_and_no_others(layers: Path, tmp_path: Path, function: str) -> None:
    own = tmp_path / "own" / "functions"
    shutil.copytree(ROOT / "functions" / function, own / function)
    shutil.copy(ROOT / "functions" / "__init__.py", own)
    path = os.pathsep.join(map(str, (tmp_path / "own", ROOT / "layers", layers / KINDS[function])))
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import functions.{function}.handler"],
        env={"PYTHONPATH": path, "AWS_REGION": "us-east-1", "POWERTOOLS_SERVICE_NAME": function},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
