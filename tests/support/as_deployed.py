"""Packages as Lambda has them: built as a deployment builds them, and unpacked as its archives are, where every file has the same old date."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from local_platform.synthesis import ROOT

from infra_cdk.constructs.bundling import RULES, compile_what_is_new, install
from infra_cdk.constructs.staging import stage_function, stage_library

# Byte code of what was packed before: most of a package is others' code, which is the same in the next one.
_BYTE_CODE = ROOT / ".stratforge" / "assemblies" / "byte-code"
# The date that the CDK's archives give every file.
_DATE = 315_532_800


def build(folder: Path, kind: str, functions: list[str], python: str | None, platform: str | None = RULES[-1]) -> Path:
    """The packages of functions that have the same layers.

    Args:
        kind: Of the functions; names their requirements.
        python: Makes the byte code, as at a deployment; without one there is none.
        platform: As `bundling.install` has it.

    Returns:
        The folder in which all can be imported.
    """
    target = folder / "python"
    install(ROOT / "layers" / "requirements" / f"{kind}.txt", target, platform=platform)
    stage_library(folder / "library")
    shutil.copytree(folder / "library" / "python", target, dirs_exist_ok=True)
    for function in functions:
        stage_function(function, folder / "own")
        shutil.copytree(folder / "own", target, dirs_exist_ok=True)
    if python is not None:
        compile_what_is_new(target, python, _BYTE_CODE)
    for path in target.rglob("*"):
        os.utime(path, (_DATE, _DATE))
    return target
