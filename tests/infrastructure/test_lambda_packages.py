"""Packages as Lambda has them: every handler is imported with its own and no others, after what is not used was taken out of them.

With this machine's wheels that is tried whenever packages or code are others than last time. With Lambda's own (Python 3.13 on arm64; LAMBDA_PACKAGES=1) it is tried on such a machine, which a job of the test
workflow has, or under emulation (`make arm64`).
"""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest
from local_platform.synthesis import ROOT, digest
from without_docker.environment import interpreter

from infra_cdk.constructs import bundling
from tests.benchmarks.sizes import KINDS
from tests.support import arm64
from tests.support.as_deployed import build
from tests.support.assemblies import remember, remembered

on_lambda = pytest.mark.skipif(
    not os.environ.get("LAMBDA_PACKAGES"), reason="installs every package; set LAMBDA_PACKAGES=1"
)


# What packages are made of, how they are made, and how they are looked at.
_INPUTS = (
    "functions",
    "layers/stratforge",
    "layers/requirements",
    "infra_cdk/constructs",
    "tests/support/as_deployed.py",
    "tests/infrastructure/test_lambda_packages.py",
)
_FUNCTIONS: dict[str, list[str]] = {}
for _name, _kind in sorted(KINDS.items()):
    if (ROOT / "functions" / _name).is_dir():
        _FUNCTIONS.setdefault(_kind, []).append(_name)


# Imports modules and names every file that was compiled for that: on Lambda each cold start would do it again.
_IMPORT = """
import importlib, sys
from importlib.machinery import SourceFileLoader as Loader
compiled, compile_source = [], Loader.source_to_code
Loader.source_to_code = lambda self, data, path, **given: (compiled.append(path), compile_source(self, data, path, **given))[1]
for name in sys.argv[1:]:
    importlib.import_module(f"functions.{name}.handler")
print(*(path for path in compiled if path.startswith(sys.path[1])), sep="\\n")
"""


def import_all(command: list[str], packages: Path, functions: list[str]) -> list[str]:
    """Imports handlers in one process that sees nothing but their packages. Gives the files that had no byte code it could use."""
    done = subprocess.run(
        [*command, "-S", "-c", _IMPORT, *functions],
        env={
            "PYTHONPATH": str(packages),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": "us-east-1",
            "POWERTOOLS_SERVICE_NAME": "test",
        },
        cwd=packages,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


@pytest.mark.parametrize("kind", sorted(_FUNCTIONS))
def test_a_handler_is_imported_with_its_own_packages_and_no_others_and_nothing_is_compiled(
    tmp_path: Path, kind: str
) -> None:
    """The CDK's archives give all files one date, by which Python takes byte code for another source's: all of it was made anew by each cold start."""
    python = interpreter()
    if python is None:
        pytest.skip("needs Python 3.13, whose wheels are locked")
    right = remembered(digest(_INPUTS, _FUNCTIONS[kind]), "own packages", python, kind)
    if not right.exists():
        packages = build(tmp_path, kind, _FUNCTIONS[kind], python, platform=None)
        assert import_all([python], packages, _FUNCTIONS[kind]) == []
        remember(right)


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
@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("kind", sorted(_FUNCTIONS))
def test_wheels_for_lambda_are_there_and_can_be_imported_on_its_processor(tmp_path: Path, kind: str) -> None:
    packages = build(tmp_path, kind, _FUNCTIONS[kind], interpreter())
    assert [each.name for each in packages.rglob("*.so") if "x86_64" in each.name] == []
    command = arm64.python()
    if command is None:
        pytest.skip("needs Python 3.13 on arm64, or make arm64")
    import_all(command, packages, _FUNCTIONS[kind])
