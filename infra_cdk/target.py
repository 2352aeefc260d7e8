"""The stage a command is for: the same `-c name=value` settings that the deployment takes, so that everything looks at
one region and account."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra_cdk.configuration import REGIONS

# What AWS says of functions, secrets, clusters and stacks that are not there.
_NOT_THERE = ("ResourceNotFoundException", "ClusterNotFoundException", "ValidationError")


@dataclass(frozen=True)
class Target:
    """A stage, its settings, and the session that talks to its account."""

    stage: str
    region: str
    settings: dict[str, str] = field(default_factory=dict)

    def client(self, service: str, config: Config | None = None) -> Any:
        """A client of a service in the stage's region."""
        return boto3.client(service, region_name=self.region, config=config)  # type: ignore[call-overload]

    def invoke(self, client: Any, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Invokes a function of the stage, such as `operators`, and returns its answer; `client` is one of Lambda.

        Raises:
            RuntimeError: with what the function says, if it fails.
        """
        reply = client.invoke(FunctionName=f"stratforge-{self.stage}-{function}", Payload=json.dumps(request).encode())
        answer: dict[str, Any] = json.loads(reply["Payload"].read())
        if reply.get("FunctionError"):
            raise RuntimeError(f"the function {function} failed: {answer.get('errorMessage', answer)}")
        return answer

    def secret(self, name: str) -> dict[str, Any]:
        """Reads a secret of the stage and returns its content."""
        client = self.client("secretsmanager")
        content: dict[str, Any] = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
        return content

    def told(self, error: Exception) -> str:
        """Says what went wrong, in words for whoever typed a command: most often there is no such stage in the region."""
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in _NOT_THERE:
            return (
                f"there is no stage {self.stage} in {self.region}, or it is not whole: make deploy STAGE={self.stage}, "
                f'or say where it is with ARGS="-c region=…" ({error})'
            )
        return str(error)

    def outputs(self, stack: str) -> dict[str, str]:
        """Returns the outputs of a stack of the stage, by name."""
        found = self.client("cloudformation").describe_stacks(StackName=f"stratforge-{self.stage}-{stack}")["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--stage`, and the settings as the CDK's command line takes them; its other options are ignored."""
    parser.add_argument("--stage", required=True)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="name=value")


def target_of(options: argparse.Namespace) -> Target:
    """The target that the options name: `-c region`, else what AWS's own tools would take.

    Raises:
        SystemExit: with one line, for a setting that is none or a region that is not offered.
    """
    settings: dict[str, str] = {}
    for each in options.context:
        name, equals, value = each.partition("=")
        if not equals:
            raise SystemExit(f"-c {each}: give name=value")
        settings[name] = value
    region = settings.get("region") or _default_region()
    if region not in REGIONS:
        raise SystemExit(f"{region!r} is not a supported region; give one of {', '.join(REGIONS)} with -c region=…")
    return Target(options.stage, region, settings)


def _default_region() -> str:
    named = (os.environ.get(name) for name in ("CDK_DEFAULT_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"))
    return next((each for each in named if each), None) or boto3.Session().region_name or "us-east-1"


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> tuple[argparse.Namespace, Target]:
    """The options, and the target that they name."""
    add_arguments(parser)
    options, _others = parser.parse_known_args(arguments)
    return options, target_of(options)
