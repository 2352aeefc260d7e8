"""Every stack of a stage on AWS is deployed and destroyed on the engines that stand in for AWS here, but for what they cannot make."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_platform.account import ACCOUNT
from local_platform.platform import Options, Platform
from local_platform.processes import Supervisor
from without_docker.environment import installed
from without_docker.platform import LocalStackPlatform

from tests.support.assemblies import assembly_of, code_digest
from tests.support.stacks import Engine

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
]
# Types that an engine refuses (MiniStack) or only pretends to make (LocalStack 4.14.0), and what therefore is tried on templates alone.
_NETWORK = "no packets flow on either engine: the network is judged by its template"
_PAID = "in LocalStack's paid edition only"
UNKNOWN = {
    "MiniStack": {
        "AWS::EC2::FlowLog": _NETWORK,
        "AWS::EC2::Instance": _NETWORK,
        "AWS::EC2::SecurityGroupIngress": _NETWORK,
        "AWS::Budgets::Budget": "no bills here",
        "AWS::ECS::ClusterCapacityProviderAssociations": "no capacity is bought here",
        "AWS::SecretsManager::RotationSchedule": "rotation runs in tests/integration",
    },
    "LocalStack": {
        "AWS::ECS::ClusterCapacityProviderAssociations": _PAID,
        "AWS::ApiGatewayV2::Authorizer": _PAID,
        "AWS::Logs::MetricFilter": "the community edition makes no metrics of logs",
        "AWS::CloudFront::Function": _PAID,
        "AWS::EC2::FlowLog": _NETWORK,
        "AWS::EC2::SecurityGroupIngress": _NETWORK,
        "AWS::Budgets::Budget": "no bills here",
        "AWS::CloudFormation::CustomResource": "the community edition does not call what stands behind a custom resource",
        "Custom::LogRetention": "the community edition does not call what stands behind a custom resource",
        "AWS::RDS::DBInstance": _PAID,
        "AWS::RDS::DBParameterGroup": _PAID,
        "AWS::RDS::DBSubnetGroup": _PAID,
        "AWS::ECS::Cluster": _PAID,
        "AWS::ECS::Service": _PAID,
        "AWS::ECS::TaskDefinition": _PAID,
        "AWS::ApiGatewayV2::Api": _PAID,
        "AWS::ApiGatewayV2::Integration": _PAID,
        "AWS::ApiGatewayV2::Route": _PAID,
        "AWS::ApiGatewayV2::Stage": _PAID,
        "AWS::CloudFront::Distribution": _PAID,
        "AWS::WAFv2::WebACL": _PAID,
    },
}
# What MiniStack knows and cannot do, as a type or as type and logical id.
FAILING = {
    "AWS::CloudFormation::CustomResource/Migrate": "no server is behind the database that it makes; migrations run in tests/integration",
    "AWS::CloudWatch::Alarm/BrokerUnclear90C76B36": "alarms on expressions of metrics are not made",
    "AWS::CloudWatch::Alarm/FunctionsThrottled05FD70E0": "alarms on expressions of metrics are not made",
    "AWS::CloudWatch::Alarm/PlatformRefused8B5C770D": "alarms on expressions of metrics are not made",
    "Custom::LogRetention": "CDK's function needs the SDK of Lambda's own Node",
}


@pytest.fixture(scope="module")
def stage() -> Path:
    """Development with an edge and a budget: every stack there is, and nothing that refuses to be deleted."""
    return assembly_of("dev", edge=True, account=ACCOUNT, code=code_digest())


def running(platform: Platform) -> Iterator[Engine]:
    """A platform's engine alone, without anything on it."""
    platform.folder.logs.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(lambda _text: None)
    try:
        supervisor.add(platform._engine_process(), 120)
        yield Engine(platform.engine_address)
    finally:
        supervisor.stop()


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """A folder that other users can reach."""
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    return Options(tmp_path / "state", fresh=True)


@pytest.fixture
def ministack(options: Options) -> Iterator[Engine]:
    """MiniStack, empty."""
    yield from running(Platform(options, lambda _text: None))


@pytest.fixture
def localstack(options: Options) -> Iterator[Engine]:
    """LocalStack, empty."""
    yield from running(LocalStackPlatform(options, lambda _text: None))


def unknown_types(problems: dict[str, str]) -> set[str]:
    """The types that an engine says it does not know."""
    text = " ".join(problems.values())
    refused = re.findall(r"Unrecognized resource types: \[([^\]]+)\]", text)
    pretended = re.findall(r"Resource type (\S+) is not supported but was deployed as a fallback", text)
    return {each.strip() for part in refused for each in part.split(",")} | set(pretended)


def kept(stage: Path) -> set[str]:
    """Stack and logical id, without CDK's hash, which engines shorten, of every role that a stage's templates leave behind on purpose: what `Engine.leftovers` sees of that."""
    (folder,) = stage.glob("assembly-*")
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"].values()
    return {
        f"{stack['stackName']}-{name[:-8]}"
        for stack in (each["properties"] for each in artifacts if each["type"] == "aws:cloudformation:stack")
        for name, each in json.loads((folder / stack["templateFile"]).read_text())["Resources"].items()
        if each.get("DeletionPolicy", "Delete") != "Delete" and each["Type"] == "AWS::IAM::Role"
    }


def test_what_stays_is_the_role_with_which_api_gateway_writes_logs_for_the_whole_account(stage: Path) -> None:
    assert kept(stage) == {"stratforge-dev-realtime-WebSocketApiLoggingRole"}


def test_ministack_refuses_the_types_that_are_written_here_and_no_others(ministack: Engine, stage: Path) -> None:
    problems = ministack.deploy(stage, without={})
    assert unknown_types(problems) == set(UNKNOWN["MiniStack"])


@pytest.mark.parametrize("entry", sorted(FAILING))
def test_ministack_fails_at_what_is_written_here(ministack: Engine, stage: Path, entry: str) -> None:
    """Each by itself, with everything else that is left out left out, and with the stacks that it needs alone."""
    others = {each: why for each, why in FAILING.items() if each != entry}
    problems = ministack.deploy(stage, without=UNKNOWN["MiniStack"] | others, only_for=entry)
    kind, _, name = entry.partition("/")
    assert any(f"({kind})" in each and f"{name} (" in each for each in problems.values()), problems


def test_ministack_deploys_and_destroys_every_stack_and_nothing_is_left(ministack: Engine, stage: Path) -> None:
    assert ministack.deploy(stage, without=UNKNOWN["MiniStack"] | FAILING) == {}
    assert len(ministack.order) == len(list(stage.glob("assembly-*/*.template.json")))
    assert len(ministack.leftovers()) > 100
    assert ministack.destroy() == {}
    assert {name for name in kept(stage) for each in ministack.leftovers() if each.startswith(name)} == kept(stage)
    assert len(ministack.leftovers()) == len(kept(stage))


@pytest.mark.skipif(not installed(), reason="LocalStack is not installed: make localstack-install")
def test_localstack_deploys_and_destroys_every_stack_and_nothing_is_left(localstack: Engine, stage: Path) -> None:
    """It makes what it knows, and says of the rest that it only pretends to; nothing may fail otherwise but identities of mails, which it knows and cannot make."""
    problems = localstack.deploy(stage, without={"AWS::SES::EmailIdentity": "it fails without a word"})
    assert unknown_types(problems) == set(UNKNOWN["LocalStack"])
    for stack, problem in problems.items():
        status, reasons = problem.split(": ", 1)
        assert status == "CREATE_COMPLETE", stack
        assert all("deployed as a fallback" in each for each in reasons.split("; ")), problem
    assert len(localstack.order) == len(list(stage.glob("assembly-*/*.template.json")))
    assert len(localstack.leftovers()) > 80
    assert localstack.destroy() == {}
    # It deletes what a template keeps, too.
    assert localstack.leftovers() == []
