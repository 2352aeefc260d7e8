"""What stopped a first deployment to a new account, or left it dead, silent or without an operator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.assemblies import CONFIGURATIONS, EGRESS, Resources, assembly_of, every, resources_of


@pytest.fixture(scope="session")
def production(production_assembly: Path) -> dict[str, Resources]:
    """Production with everything that can be switched on."""
    return resources_of(production_assembly)


@pytest.fixture(scope="session", params=["dev", "prod"])
def stage(
    request: pytest.FixtureRequest, production_assembly: Path, development_assembly: Path
) -> dict[str, Resources]:
    """Both stages, as they come."""
    return resources_of(production_assembly if request.param == "prod" else development_assembly)


def test_the_configurations_meet_every_way_out_in_both_stages() -> None:
    met = {(stage, egress) for stage, _, egress in CONFIGURATIONS}
    assert met == {(stage, egress) for stage in ("dev", "prod") for egress in EGRESS}


@pytest.mark.parametrize(("stage", "region", "egress"), CONFIGURATIONS)
def test_every_region_synthesizes_for_a_known_account_and_asks_nobody(stage: str, region: str, egress: str) -> None:
    # cdk-nag looks at it on the way: a finding without a reason raises.
    assembly = assembly_of(stage, region=region, egress=egress)
    assert "missing" not in json.loads((assembly / "manifest.json").read_text())
    stacks = resources_of(assembly)
    for _, subnet in every(stacks, "AWS::EC2::Subnet"):
        assert "Fn::GetAZs" in json.dumps(subnet["AvailabilityZone"]), "the letters of zones differ between accounts"


@pytest.mark.parametrize("length", range(16, 21))
def test_every_network_that_the_configuration_takes_holds_the_subnets(length: int) -> None:
    stacks = resources_of(assembly_of("prod", cidr=f"10.96.0.0/{length}"))
    assert len(list(every(stacks, "AWS::EC2::Subnet"))) == 3 * 3 + 2


def test_zones_can_be_named() -> None:
    stacks = resources_of(assembly_of("dev", region="ca-central-1", zones="ca-central-1b,ca-central-1d"))
    zones = {subnet["AvailabilityZone"] for _, subnet in every(stacks, "AWS::EC2::Subnet")}
    assert zones == {"ca-central-1b", "ca-central-1d"}


def test_the_templates_are_those_of_the_command_line(production: dict[str, Resources]) -> None:
    # A flag of cdk.json: statements that could be one are one. Tests once synthesized without the flags.
    for _, policy in every(production, "AWS::IAM::Policy"):
        statements = policy["PolicyDocument"]["Statement"]
        same = [
            json.dumps([each["Effect"], each["Resource"], each.get("Condition")], sort_keys=True) for each in statements
        ]
        assert len(set(same)) == len(same)


def _statements_of(stacks: dict[str, Resources], role: str) -> list[dict[str, Any]]:
    return [
        statement
        for _, policy in every(stacks, "AWS::IAM::Policy")
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_whoever_reads_a_secret_may_have_its_key_decrypt(production: dict[str, Resources]) -> None:
    readers = 0
    for role, _ in every(production, "AWS::IAM::Role"):
        statements = _statements_of(production, role)
        actions = {action: each for each in statements for action in _listed(each["Action"])}
        if "secretsmanager:GetSecretValue" in actions:
            readers += 1
            decrypt = actions["kms:Decrypt"]
            assert "Key" in json.dumps(decrypt["Resource"])
            assert decrypt["Condition"] == {
                "StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
            }
    assert readers >= 12


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_websockets_log_can_be_written(stage: dict[str, Resources]) -> None:
    stages = [each for _, each in every(stage, "AWS::ApiGatewayV2::Stage") if "AccessLogSettings" in each]
    assert len(stages) == 2
    assert all("$context.requestId" in each["AccessLogSettings"]["Format"] for each in stages)
    accounts = {
        name: resource
        for resources in stage.values()
        for name, resource in resources.items()
        if resource["Type"] == "AWS::ApiGateway::Account"
    }
    ((account_name, account),) = accounts.items()
    # Another stage of the account may stand on the setting.
    assert account["DeletionPolicy"] == "RetainExceptOnCreate"
    (socket,) = [
        resource
        for resources in stage.values()
        for resource in resources.values()
        if resource["Type"] == "AWS::ApiGatewayV2::Stage" and resource["Properties"]["StageName"] == "realtime"
    ]
    assert account_name in socket["DependsOn"]


def test_cloudwatch_may_tell_of_alarms(stage: dict[str, Resources]) -> None:
    topic = next(name for name, each in every(stage, "AWS::SNS::Topic") if str(each["TopicName"]).endswith("-alarms"))
    allowed = [
        statement
        for _, policy in every(stage, "AWS::SNS::TopicPolicy")
        if {"Ref": topic} in policy["Topics"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    (statement,) = allowed
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_a_hung_ingestor_is_replaced_and_a_start_that_ends_is_noticed(stage: dict[str, Resources]) -> None:
    (task,) = [
        each for _, each in every(stage, "AWS::ECS::TaskDefinition") if "break-glass" not in str(each.get("Family"))
    ]
    (container,) = task["ContainerDefinitions"]
    assert "/tmp/ingestor-heartbeat" in " ".join(container["HealthCheck"]["Command"])
    (service,) = [each for _, each in every(stage, "AWS::ECS::Service")]
    assert service["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}


def test_a_failed_first_deployment_leaves_nothing_with_a_fixed_name(production: dict[str, Resources]) -> None:
    for resources in production.values():
        for name, resource in resources.items():
            # RetainExceptOnCreate goes with its creation; Snapshot is the database, whose stack does not fail for a migration.
            assert resource.get("DeletionPolicy", "Delete") != "Retain" or resource["Type"] == "AWS::Lambda::Version", (
                name
            )


def test_a_migration_that_fails_does_not_roll_a_protected_database_back(production_assembly: Path) -> None:
    stacks = resources_of(production_assembly)
    of = {
        kind: {name for name, each in stacks.items() if any(r["Type"] == kind for r in each.values())}
        for kind in ("AWS::RDS::DBInstance", "AWS::CloudFormation::CustomResource")
    }
    migrating = {
        name for name in of["AWS::CloudFormation::CustomResource"] if "Migrate" in json.dumps(list(stacks[name]))
    }
    assert migrating
    assert not migrating & of["AWS::RDS::DBInstance"]


def test_what_uses_the_schema_waits_for_its_migrations(production_assembly: Path) -> None:
    (folder,) = production_assembly.glob("assembly-*")
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    for waiting in ("functions", "realtime", "ingestor", "access"):
        (found,) = [
            each for name, each in artifacts.items() if name.startswith(f"Stratforge{waiting}") and "assets" not in name
        ]
        assert any(name.startswith("Stratforgeschema") for name in found["dependencies"]), waiting


def test_the_package_of_a_layer_depends_on_what_is_taken_out_of_it(tmp_path: Path) -> None:
    from infra_cdk.constructs import bundling
    from infra_cdk.constructs.packages import fingerprint

    before = fingerprint(bundling.RULES)
    assert before == fingerprint(bundling.RULES)
    assert before != fingerprint((*bundling.RULES, "**/docs"))


def test_an_operator_can_be_made(stage: dict[str, Resources]) -> None:
    (function,) = [
        each
        for _, each in every(stage, "AWS::Lambda::Function")
        if str(each.get("FunctionName", "")).endswith("-operators")
    ]
    assert function["VpcConfig"]
    assert function["Environment"]["Variables"]["OWNER_SECRET"].endswith("database/owner")


def test_the_first_operator_comes_with_the_deployment_that_names_him(
    production: dict[str, Resources], development_assembly: Path
) -> None:
    def named(stacks: dict[str, Resources]) -> list[str]:
        return [each["Email"] for _, each in every(stacks, "AWS::CloudFormation::CustomResource") if "Email" in each]

    assert named(production) == ["ada@example.com"]
    assert named(resources_of(development_assembly)) == []
