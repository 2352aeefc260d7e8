"""Packages of functions and layers: our code by copying, third-party code by uv, for Lambda's platform, without
Docker."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.constructs.bundling import RULES, install
from infra_cdk.constructs.staging import staged_function, staged_library

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64
# The authorities of RDS, fetched by `make deploy`; functions find them at this place.
CERTIFICATES = BUILD / "rds-global-bundle.pem"
CERTIFICATES_ON_LAMBDA = f"/opt/python/{CERTIFICATES.name}"
_COMPILES = sys.version_info[:2] == (3, 13)


def function_code(name: str) -> lambda_.Code:
    """The code of one function: its own package and nothing else."""
    return lambda_.Code.from_asset(str(staged_function(name)))


def library_layer(scope: Construct, prefix: str) -> lambda_.LayerVersion:
    """Makes the layer that holds our library."""
    return lambda_.LayerVersion(
        scope,
        "Library",
        layer_version_name=f"{prefix}-library",
        code=lambda_.Code.from_asset(str(staged_library(CERTIFICATES))),
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
        # Byte code is for the version that makes it; SnapStart makes its own.
        install(self._requirements, Path(output_dir) / "python", compile_bytecode=_COMPILES)
        return True


def fingerprint(rules: Sequence[str]) -> str:
    """Returns a hash of the rules of bundling; byte code is for the version of Python that makes it."""
    return hashlib.sha256("\n".join((*rules, str(_COMPILES))).encode()).hexdigest()


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
