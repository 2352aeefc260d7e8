"""Packages as Lambda has them: every handler is imported with its own and no others, after what is not used was taken out of them.

With this machine's wheels that is tried always. With Lambda's own (Python 3.13 on arm64; LAMBDA_PACKAGES=1) it is tried on such a machine, which a job of the test
workflow has, or under emulation (`make arm64`).
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from local_platform.synthesis import ROOT
from without_docker.environment import interpreter

from infra_cdk.constructs import bundling
from infra_cdk.constructs.bundling import install
from tests.benchmarks.sizes import KINDS
from tests.support import arm64

on_lambda = pytest.mark.skipif(
    not os.environ.get("LAMBDA_PACKAGES"), reason="installs every package; set LAMBDA_PACKAGES=1"
)


_FUNCTIONS: dict[str, list[str]] = {}
for _name, _kind in sorted(KINDS.items()):
    _FUNCTIONS.setdefault(_kind, []).append(_name)


def import_all(command: list[str], layer: Path, functions: list[str], folder: Path) -> None:
    """Imports handlers in one process that sees nothing but a layer, the library and their own code."""
    own = folder / "own" / "functions"
    for function in functions:
        shutil.copytree(ROOT / "functions" / function, own / function, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "functions" / "__init__.py", own)
    # A copy, so that its byte code is of the Python that is tried.
    shutil.copytree(ROOT / "layers" / "stratforge", folder / "library" / "stratforge", dirs_exist_ok=True)
    if command[0] != (native := interpreter()) and native is not None:
        # Byte code is the same on every processor, and the emulated one takes minutes to make it.
        folders = [str(each) for each in (folder / "own", folder / "library", layer)]
        subprocess.run([native, "-m", "compileall", "-q", *folders], stdout=subprocess.DEVNULL)
    path = os.pathsep.join(map(str, (folder / "own", folder / "library", layer)))
    code = "; ".join(f"import functions.{function}.handler" for function in functions)
    done = subprocess.run(
        [*command, "-S", "-c", code],
        env={"PYTHONPATH": path, "AWS_REGION": "us-east-1", "POWERTOOLS_SERVICE_NAME": "test"},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("kind", sorted(_FUNCTIONS))
def test_a_handler_is_imported_with_its_own_packages_and_no_others(tmp_path: Path, kind: str) -> None:
    python = interpreter()
    if python is None:
        pytest.skip("needs Python 3.13, whose wheels are locked")
    layer = tmp_path / "layer"
    install(ROOT / "layers" / "requirements" / f"{kind}.txt", layer, platform=None)
    import_all([python], layer, _FUNCTIONS[kind], tmp_path)


def test_nothing_that_is_taken_out_of_packages_is_imported_by_us() -> None:
    """`numpy.typing` once was: every function that computes would have failed on Lambda, and on no other machine."""
    imported = {
        name
        for folder in ("layers/stratforge", "functions")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            if isinstance(node, ast.ImportFrom) and node.module
            else []
        )
    }
    assert {"numpy", "numpy.typing"} <= imported
    gone = {each.replace("/", ".") for each in bundling._UNUSED if "*" not in each}
    assert {name for name in imported for each in gone if name == each or name.startswith(f"{each}.")} == set()


@on_lambda
@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("kind", sorted(_FUNCTIONS))
def test_wheels_for_lambda_are_there_and_can_be_imported_on_its_processor(tmp_path: Path, kind: str) -> None:
    layer = tmp_path / "layer"
    install(ROOT / "layers" / "requirements" / f"{kind}.txt", layer)
    machine_code = [each.name for each in layer.rglob("*.so") if "x86_64" in each.name]
    assert machine_code == []
    command = arm64.python()
    if command is None:
        pytest.skip("needs Python 3.13 on arm64, or make arm64")
    import_all(command, layer, _FUNCTIONS[kind], tmp_path)
