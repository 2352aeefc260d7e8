"""Third-party packages for Lambda: installed by uv for its platform, without what no function uses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

# The services that functions ask; botocore knows four hundred, in 26 MB.
_SERVICES = frozenset(("apigatewaymanagementapi", "lambda", "secretsmanager", "sns", "sqs"))
_UNUSED = (
    "**/tests",
    "**/*.pyi",
    "**/*.dist-info/RECORD",
    "boto3/data",
    "bin",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib/*.a",
)

# What decides what is in a package besides the requirements: another answer here is another package.
RULES = (*_UNUSED, *sorted(_SERVICES), "3.13", "aarch64-manylinux_2_28")


def install(
    requirements: Path,
    target: Path,
    *,
    compile_bytecode: bool = False,
    platform: str | None = RULES[-1],
) -> None:
    """Installs a hashed requirements file for Python 3.13 on arm64 and takes out what is not used.

    Args:
        platform: Another platform, as uv names them, where packages are tried elsewhere; None for this machine's.

    Raises:
        subprocess.CalledProcessError: if a package cannot be had or its hash is another.
    """
    command = [
        str(Path(sys.executable).parent / "uv"),
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--compile-bytecode" if compile_bytecode else "--no-compile-bytecode",
        "--target",
        str(target),
        "--python-version",
        RULES[-2],
        *(("--python-platform", platform) if platform else ()),
        "--only-binary",
        ":all:",
        "-r",
        str(requirements),
    ]
    subprocess.run(command, check=True)
    for pattern in (*_UNUSED, *(() if compile_bytecode else ("**/__pycache__",))):
        for path in target.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (target / "botocore" / "data").glob("*"):
        if path.is_dir() and path.name not in _SERVICES:
            shutil.rmtree(path)
