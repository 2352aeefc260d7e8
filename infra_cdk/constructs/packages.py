"""Packages of functions and layers: our code by copying, third-party code by uv, for Lambda's platform, without
Docker."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jsii
from aws_cdk import Annotations, AssetHashType, BundlingOptions, DockerImage, FileSystem, ILocalBundling, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.constructs.bundling import RULES, compile_all, install, lambda_python
from infra_cdk.constructs.staging import staged_function, staged_library

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64
# The authorities of RDS, fetched by `make deploy`; functions find them at this place.
CERTIFICATES = BUILD / "rds-global-bundle.pem"
CERTIFICATES_ON_LAMBDA = f"/opt/python/{CERTIFICATES.name}"
_SLOW = "there is no Python 3.13 here: without its byte code every first call takes two and a half times as long"


@cache
def _compiler() -> str | None:
    return lambda_python()


def function_code(scope: Construct, name: str) -> lambda_.Code:
    """The code of one function: its own package and nothing else."""
    return _our_code(scope, staged_function(name))


@cache
def _compiled(staged: Path, python: str) -> str:
    """Makes byte code beside our own code. Gives the hash of the code it is made of: byte code is not the same each time."""
    source = FileSystem.fingerprint(str(staged))
    compile_all(staged, python)
    return fingerprint((source, *RULES))


def _our_code(scope: Construct, staged: Path) -> lambda_.Code:
    python = _compiler()
    if not Stack.of(scope).bundling_required:
        return lambda_.Code.from_asset(str(staged))
    if python is None:
        Annotations.of(scope).add_warning_v2("stratforge:byte-code", _SLOW)
        return lambda_.Code.from_asset(str(staged))
    found = _compiled(staged, python)
    return lambda_.Code.from_asset(str(staged), asset_hash=found, asset_hash_type=AssetHashType.CUSTOM)


def library_layer(scope: Construct, prefix: str) -> lambda_.LayerVersion:
    """Makes the layer that holds our library."""
    return lambda_.LayerVersion(
        scope,
        "Library",
        layer_version_name=f"{prefix}-library",
        code=_our_code(scope, staged_library(CERTIFICATES)),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
        description="The stratforge library",
    )


@jsii.implements(ILocalBundling)
class _UvBundling:
    """Installs a hashed requirements file for Lambda's platform."""

    def __init__(self, requirements: Path) -> None:
        self._requirements = requirements

    def try_bundle(self, output_dir: str, *_arguments: object, **_options: object) -> bool:
        """Installs into `output_dir`; a failure stops the synthesis."""
        install(self._requirements, Path(output_dir) / "python")
        python = _compiler()
        if python is not None:
            compile_all(Path(output_dir), python)
        return True


def fingerprint(rules: Sequence[str]) -> str:
    """Returns a hash of the rules of bundling, among them whether byte code is made here."""
    return hashlib.sha256("\n".join((*rules, str(_compiler() is not None))).encode()).hexdigest()


def _keep(file: Path, text: str) -> None:
    """Writes a file unless it says this already; nobody ever sees half of it."""
    if not file.exists() or file.read_text() != text:
        half = BUILD / f"{file.parent.name}-{file.name}.{os.getpid()}"
        half.write_text(text)
        half.replace(file)


def requirements_layer(scope: Construct, prefix: str, kind: str) -> lambda_.LayerVersion:
    """The layer with the third-party packages of a kind of function."""
    # The asset's hash is that of this folder, and where nothing is bundled an assembly points at it: it stays.
    staged = BUILD / "requirements" / kind
    staged.mkdir(parents=True, exist_ok=True)
    requirements = staged / "requirements.txt"
    _keep(requirements, (ROOT / "layers" / "requirements" / f"{kind}.txt").read_text())
    _keep(staged / "rules.txt", fingerprint(RULES))
    return lambda_.LayerVersion(
        scope,
        f"{kind.capitalize()}Requirements",
        layer_version_name=f"{prefix}-{kind}-requirements",
        code=lambda_.Code.from_asset(
            str(staged),
            asset_hash_type=AssetHashType.SOURCE,
            bundling=BundlingOptions(image=DockerImage.from_registry("scratch"), local=_UvBundling(requirements)),
        ),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
        description=f"Third-party packages of the {kind} functions",
    )
