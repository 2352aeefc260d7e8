"""Third-party packages for Lambda: installed by uv for its platform, without what no function uses; and byte code for its Python."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

# The services that functions ask; botocore knows four hundred, in 26 MB.
_SERVICES = frozenset(("apigatewaymanagementapi", "lambda", "secretsmanager", "sns", "sqs", "stepfunctions"))
_UNUSED = (
    "**/tests",
    "**/*.pyi",
    "**/*.dist-info/RECORD",
    "boto3/data",
    "bin",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib/*.a",
    "**/__pycache__",
)
# The version whose byte code Lambda reads.
_PYTHON = "3.13"
# Packages arrive with the dates of 1980, so byte code that is held against the date of its source would be made anew by every cold start.
_INVALIDATION = "unchecked-hash"

# What decides what is in a package besides the requirements: another answer here is another package.
RULES = (*_UNUSED, *sorted(_SERVICES), _INVALIDATION, _PYTHON, "aarch64-manylinux_2_28")


def install(requirements: Path, target: Path, *, platform: str | None = RULES[-1]) -> None:
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
        "--no-compile-bytecode",
        "--target",
        str(target),
        "--python-version",
        _PYTHON,
        *(("--python-platform", platform) if platform else ()),
        "--only-binary",
        ":all:",
        "-r",
        str(requirements),
    ]
    subprocess.run(command, check=True)
    for pattern in _UNUSED:
        for path in target.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (target / "botocore" / "data").glob("*"):
        if path.is_dir() and path.name not in _SERVICES:
            shutil.rmtree(path)


def lambda_python() -> str | None:
    """A Python of this machine that makes byte code for Lambda: this one, the path's or pyenv's; None when there is none."""
    kept = sorted((str(path) for path in Path.home().glob(f".pyenv/versions/{_PYTHON}*/bin/python")), reverse=True)
    for candidate in (sys.executable, shutil.which(f"python{_PYTHON}"), *kept):
        if candidate and _version(candidate) == _PYTHON:
            return candidate
    return None


def _version(candidate: str) -> str:
    told = subprocess.run(
        [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()


def compile_all(folder: Path, python: str) -> None:
    """Makes byte code of everything in a folder, which is taken as it is wherever the folder goes."""
    _compile(python, str(folder))


def compile_what_is_new(folder: Path, python: str, kept: Path) -> None:
    """Makes byte code of everything in a folder, as `compile_all` does, but not of what was compiled before.

    Args:
        kept: A folder of byte code by what it was made of: what is there is not made again, and what is not is put there.
    """
    sources = [each for each in folder.rglob("*.py") if not _take(each, kept)]
    if not sources:
        return
    _compile(python, "-i", "-", listed="\n".join(map(str, sources)))
    kept.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if (made := _byte_code(source)).exists():
            half = _kept(source, kept).with_suffix(f".{os.getpid()}")
            shutil.copyfile(made, half)
            half.replace(_kept(source, kept))


def _compile(python: str, *given: str, listed: str = "") -> None:
    """Compiles a folder, by several processes, or files that are listed on the standard input, one by one."""
    command = [python, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", _INVALIDATION, *given]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # What does not compile (templates in packages) is nothing that could be imported.
    subprocess.run(command, env=environment, input=listed, text=True, stdout=subprocess.DEVNULL, check=False)


def _byte_code(source: Path) -> Path:
    return source.parent / "__pycache__" / f"{source.stem}.cpython-{_PYTHON.replace('.', '')}.pyc"


def _kept(source: Path, kept: Path) -> Path:
    return kept / f"{hashlib.sha256(source.read_bytes()).hexdigest()}.pyc"


def _take(source: Path, kept: Path) -> bool:
    found, made = _kept(source, kept), _byte_code(source)
    if found.exists():
        made.parent.mkdir(exist_ok=True)
        shutil.copyfile(found, made)
    return found.exists()
