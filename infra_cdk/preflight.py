"""`make deploy` looks first whether the deployment can succeed: every line it prints is something that would stop it half-way."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra_cdk import concurrency, service_roles
from infra_cdk.configuration import (
    NAT_INSTANCE,
    POSTGRES_MAJOR,
    ConfigurationError,
    Given,
    StageConfig,
    stage_config,
)
from infra_cdk.target import Target, parse

Client = Callable[[str], Any]
# What the pinned command line wants of the bootstrap stack.
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = 21


def problems(
    config: StageConfig, client: Client, docker: Callable[[], str | None], unseen: Callable[[str], None]
) -> Iterator[str]:
    """Yields what would stop the deployment, a line each.

    Args:
        unseen: Told what could not be looked at, and why; that stops no deployment.
    """
    account = str(client("sts").get_caller_identity()["Account"])
    if config.account is not None and config.account != account:
        yield f"the credentials are of account {account}, not {config.account}"
    for look in (_plan, _bootstrap, _concurrency, _roles, _zones, _quotas):
        try:
            yield from look(config, client)
        except (BotoCoreError, ClientError) as error:
            unseen(f"{look.__name__.removeprefix('_')}: {error}")
    missing = docker()
    if missing:
        yield missing


def _plan(_config: StageConfig, client: Client) -> Iterator[str]:
    try:
        plan = client("freetier").get_account_plan_state()["accountPlanType"]
    except ClientError as error:
        # An account from before there were plans.
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return
    if plan == "FREE":
        yield (
            f"the account is on AWS's free plan, which refuses machines such as {NAT_INSTANCE}; credits stay when it is "
            "upgraded: aws freetier upgrade-account-plan --account-plan-type PAID"
        )


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
    limit = client("lambda").get_account_settings()["AccountLimit"]
    given, free = int(limit["ConcurrentExecutions"]), int(limit["UnreservedConcurrentExecutions"])
    try:
        reserving = concurrency.reserved(config, "executor") is not None
    except ConfigurationError as error:
        yield str(error)
        return
    if not reserving:
        return
    if given < config.account_concurrency:
        yield (
            f"the account may run {given} functions at a time, and the deployment reserves as if it were {config.account_concurrency}: "
            f"raise the quota (Lambda, concurrent executions), or give -c concurrency={given}"
        )
        return
    functions = [name for name in concurrency.SHARES if name != "doorkeeper" or config.edge]
    wanted = sum(concurrency.share(config, name) for name in functions)
    # What the stage has reserved already is its own to give again.
    more = wanted - sum(_held(client("lambda"), f"{config.prefix}-{name}") for name in functions)
    if more > 0 and free - more < concurrency.UNRESERVED:
        yield (
            f"of the account's {given} concurrent executions {free} are not reserved, the stage reserves {more} more, and Lambda "
            f"keeps {concurrency.UNRESERVED} back: raise the quota (Lambda, concurrent executions), or reserve less elsewhere"
        )


def _held(client: Any, function: str) -> int:
    try:
        return int(client.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions", 0))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return 0


def _roles(_config: StageConfig, client: Client) -> Iterator[str]:
    for service in service_roles.missing(client("iam")):
        yield f"the account has no role of {service}, and what asks for it first fails; run make bootstrap"


def _zones(config: StageConfig, client: Client) -> Iterator[str]:
    """Not every zone has every machine: an account's us-east-1a can be the oldest zone of all."""
    assert config.network is not None
    ec2 = client("ec2")
    answer = ec2.describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    )
    there = sorted(each["ZoneName"] for each in answer["AvailabilityZones"])
    count = config.network.zones
    # CloudFormation takes the first ones by name.
    wanted = config.network.zone_names or tuple(there[:count])
    if not set(wanted) <= set(there):
        yield f"zones: there is no {', '.join(sorted(set(wanted) - set(there)))}; there are {', '.join(there)}"
        return
    if len(wanted) < count:
        yield f"{config.region} has {len(there)} zones for this account; the stage needs {count}"
        return
    offered = _database_zones(config, client("rds"))
    if not offered:
        yield f"{config.region} offers no PostgreSQL {POSTGRES_MAJOR} on {_class(config)}; give another with -c database_class=…"
        return
    what = {f"the database ({_class(config)})": offered}
    if config.network.egress == "nat-instance":
        found = ec2.describe_instance_type_offerings(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [NAT_INSTANCE]}]
        )
        what[f"the NAT instance ({NAT_INSTANCE})"] = {each["Location"] for each in found["InstanceTypeOfferings"]}
    good = [zone for zone in there if all(zone in zones for zones in what.values())]
    for name, zones in what.items():
        lacking = [zone for zone in wanted if zone not in zones]
        if lacking:
            yield f"zones: {', '.join(lacking)} cannot have {name}; give {count} of {', '.join(good)} with -c zones=…"


def _class(config: StageConfig) -> str:
    return "db.serverless" if config.database == "aurora" else f"db.{config.database_class}"


def _database_zones(config: StageConfig, rds: Any) -> set[str]:
    engine = "aurora-postgresql" if config.database == "aurora" else "postgres"
    pages = rds.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine=engine, DBInstanceClass=_class(config), Vpc=True
    )
    return {
        zone["Name"]
        for page in pages
        for each in page["OrderableDBInstanceOptions"]
        if each["EngineVersion"].partition(".")[0] == POSTGRES_MAJOR
        for zone in each["AvailabilityZones"]
    }


def _quotas(config: StageConfig, client: Client) -> Iterator[str]:
    """A first deployment makes networks, addresses and machines, of which a new account may have few."""
    assert config.network is not None
    try:
        client("cloudformation").describe_stacks(StackName=f"{config.prefix}-network")
        return
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
    ec2, quotas = client("ec2"), client("service-quotas")
    cheap = config.network.egress == "nat-instance"
    vpcs, addresses = len(ec2.describe_vpcs()["Vpcs"]), len(ec2.describe_addresses()["Addresses"])
    for what, used, more, service, code in (
        ("VPCs", vpcs, 2, "vpc", "L-F678F1CE"),
        ("elastic addresses", addresses, 0 if cheap else 2, "ec2", "L-0263D0A3"),
        # How many run is not counted: what matters is an account that may have none yet.
        ("cores of standard machines", 0, 2 if cheap else 0, "ec2", "L-1216C47A"),
        ("cores of Fargate", 0, 1, "fargate", "L-3032A538" if config.production else "L-36FBB829"),
    ):
        most = _quota(quotas, service, code)
        if used + more > most:
            yield (
                f"{config.region} may have {most} {what}, has {used}, and the stage makes {more}: raise the quota "
                f"(Service Quotas, {service}, {code}){', or delete the default VPC' if what == 'VPCs' else ''}"
            )


def _quota(quotas: Any, service: str, code: str) -> int:
    asked = {"ServiceCode": service, "QuotaCode": code}
    try:
        found = quotas.get_service_quota(**asked)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        # Nobody has changed it for this account.
        found = quotas.get_aws_default_service_quota(**asked)
    return int(found["Quota"]["Value"])


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
        if "unknown" in told.stderr:
            return "Docker has no buildx, which builds for arm64 (Debian: docker-buildx)"
        return f"Docker does not answer: {(told.stderr.strip() or 'no message').splitlines()[0][:200]}"
    if "linux/arm64" not in told.stdout:
        return "Docker cannot build for arm64 here: docker run --privileged --rm tonistiigi/binfmt --install arm64"
    return None


def config_of(target: Target) -> StageConfig:
    """The configuration that the deployment would have."""
    return stage_config(Given({"stage": target.stage, "region": target.region, **target.settings}))


def main() -> int:
    """Looks; says what is in the way."""
    _, target = parse(argparse.ArgumentParser(prog="make preflight", description=__doc__))
    unseen: list[str] = []
    try:
        found = list(problems(config_of(target), target.client, docker_builds_arm, unseen.append))
    except (BotoCoreError, ClientError, ConfigurationError) as error:
        found = [str(error)]
    for line in unseen:
        print(f"make preflight: could not look at {line}", file=sys.stderr)
    for line in found:
        print(f"make preflight: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
