"""The engine's definition of a function: its code, its environment and its timeout."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local_platform.account import ACCOUNT, REGION

_KEPT_SECONDS = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Definition:
    """A function as it is deployed; `id` changes with everything an environment of it depends on."""

    id: str
    name: str
    handler: str
    code: str
    layers: tuple[str, ...]
    environment: Mapping[str, str]
    timeout: float

    def message(self) -> dict[str, Any]:
        """As it is sent to the fork server."""
        return asdict(self)


def read_definition(engine: str, name: str, packages: Path) -> Definition:
    """Asks the engine for a function and unpacks its code and layers, each content once.

    Args:
        engine: Address of the engine.
        packages: Folder of what was unpacked; kept between runs, so that byte code is too.
    """
    found = _answer(f"{engine}/2015-03-31/functions/{urllib.parse.quote(name, safe='')}")
    configuration = found["Configuration"]
    code = _unpack(configuration["CodeSha256"], found["Code"]["Location"], packages)
    layers = []
    for layer in configuration.get("Layers", []):
        arn = urllib.parse.quote(layer["Arn"], safe="")
        content = _answer(f"{engine}/2018-10-31/layers?find=LayerVersion&Arn={arn}")["Content"]
        folder = _unpack(content["CodeSha256"], content["Location"], packages) / "python"
        # On one machine third-party packages are those of its own environment, and their layers are empty.
        if folder.exists():
            layers.append(str(folder))
    environment = {
        **os.environ,
        **configuration.get("Environment", {}).get("Variables", {}),
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": engine,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        "LAMBDA_TASK_ROOT": str(code),
    }
    environment.pop("PYTHONPATH", None)
    parts: dict[str, Any] = {
        "name": name,
        "handler": configuration["Handler"].replace("/", "."),
        "code": str(code),
        "layers": tuple(layers),
        "environment": environment,
        "timeout": float(configuration["Timeout"]),
    }
    return Definition(id=hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16], **parts)


def forget_old_packages(packages: Path) -> None:
    """Deletes what no function had for a week; a run that is older has it in memory."""
    for folder in packages.iterdir():
        if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _answer(address: str) -> Any:
    """Lambda's own API, for two questions: the SDK would take the host half again as much memory, and the engine checks no signature."""
    with urllib.request.urlopen(address, timeout=30) as reply:  # noqa: S310 - the engine, on loopback
        return json.load(reply)


def _unpack(content_hash: str, location: str, packages: Path) -> Path:
    folder = packages / hashlib.sha256(content_hash.encode()).hexdigest()[:24]
    if not folder.exists():
        packages.mkdir(parents=True, exist_ok=True)
        # Another function may unpack the same layer at this moment, and a half of one must never be seen.
        working = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=packages))
        # Not in memory: what a thread once had, the process keeps.
        with tempfile.TemporaryFile() as archive:
            with urllib.request.urlopen(location, timeout=30) as reply:  # noqa: S310 - the engine, on loopback
                shutil.copyfileobj(reply, archive)
            zipfile.ZipFile(archive).extractall(working)
        try:
            working.rename(folder)
        except OSError:
            shutil.rmtree(working, ignore_errors=True)
    os.utime(folder)
    return folder
