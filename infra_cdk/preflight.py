"""`make deploy` looks first whether the deployment can succeed: every line it prints is something that would stop it half-way."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra_cdk import concurrency
from infra_cdk.configuration import ConfigurationError, Given, StageConfig, stage_config
from infra_cdk.target import Target, parse

Client = Callable[[str], Any]
# What the pinned command line wants of the bootstrap stack.
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = 21


def problems(config: StageConfig, client: Client, docker: Callable[[], str | None]) -> Iterator[str]:
    """Yields what would stop the deployment, a line each."""
    account = str(client("sts").get_caller_identity()["Account"])
    if config.account is not None and config.account != account:
        yield f"the credentials are of account {account}, not {config.account}"
    yield from _bootstrap(config, client)
    yield from _concurrency(config, client)
    yield from _zones(config, client)
    missing = docker()
    if missing:
        yield missing


def _bootstrap(config: StageConfig, client: Client) -> Iterator[str]:
    try:
        version = int(client("ssm").get_parameter(Name=_BOOTSTRAP)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        version = 0
    if version < _BOOTSTRAP_VERSION:
        yield f"{config.region} is not prepared for CDK (version {version}, wanted {_BOOTSTRAP_VERSION}); run make bootstrap"


def _concurrency(config: StageConfig, client: Client) -> Iterator[str]:
    given = int(client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    try:
        reserving = concurrency.reserved(config, "executor") is not None
    except ConfigurationError as error:
        yield str(error)
        return
    if reserving and given < config.account_concurrency:
        yield (
            f"the account may run {given} functions at a time, and the deployment reserves as if it were {config.account_concurrency}: "
            f"raise the quota (Lambda, concurrent executions), or give -c concurrency={given}"
        )


def _zones(config: StageConfig, client: Client) -> Iterator[str]:
    assert config.network is not None
    answer = client("ec2").describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    )
    there = {each["ZoneName"] for each in answer["AvailabilityZones"]}
    wanted = config.network.zone_names
    if wanted is not None and not set(wanted) <= there:
        yield f"zones: there is no {', '.join(sorted(set(wanted) - there))}; there are {', '.join(sorted(there))}"
    elif len(there) < config.network.zones:
        yield f"{config.region} has {len(there)} zones for this account; the stage needs {config.network.zones}"


def docker_builds_arm() -> str | None:
    """Returns why Docker cannot build the ingestor's image, which is one for arm64; None when it can."""
    try:
        told = subprocess.run(
            ["docker", "buildx", "inspect", "--bootstrap"], capture_output=True, text=True, timeout=120, check=False
        )
    except FileNotFoundError:
        return "Docker is not installed: the ingestor's image is built here (or deploy with the workflow, which has it)"
    except subprocess.TimeoutExpired:
        return "Docker does not answer"
    if told.returncode != 0:
        return f"Docker does not answer: {told.stderr.strip()[-200:]}"
    if "linux/arm64" not in told.stdout:
        return "Docker cannot build for arm64 here: docker run --privileged --rm tonistiigi/binfmt --install arm64"
    return None


def config_of(target: Target) -> StageConfig:
    """The configuration that the deployment would have."""
    return stage_config(Given({"stage": target.stage, "region": target.region, **target.settings}))


def main() -> int:
    """Looks; says what is in the way."""
    _, target = parse(argparse.ArgumentParser(prog="make preflight", description=__doc__))
    try:
        found = list(problems(config_of(target), target.client, docker_builds_arm))
    except (BotoCoreError, ClientError, ConfigurationError) as error:
        found = [str(error)]
    for line in found:
        print(f"make deploy: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
