"""What AWS refuses while deploying and neither cdk-nag nor cfn-lint says: each rule here has stopped somebody."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.concurrency import SHARES
from infra_cdk.configuration import INGESTOR_SIZES, REGIONS
from tests.infrastructure.policies.templates import Deployment, Resource
from tests.support.assemblies import CONFIGURATIONS, assembly_of

# Zones that accounts see, by region. Letters are not given in order, and some regions have zones that new accounts do not get.
_ZONES = {
    "us-east-1": "abcdef",
    "us-east-2": "abc",
    "us-west-2": "abcd",
    "ca-central-1": "abd",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-west-3": "abc",
    "eu-central-1": "abc",
    "eu-north-1": "abc",
    "ap-south-1": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
    "ap-northeast-1": "acd",
    "sa-east-1": "abc",
}
# Longest names that services take.
_LONGEST = {
    "AWS::Lambda::Function": ("FunctionName", 64, r"[A-Za-z0-9_-]+"),
    "AWS::SQS::Queue": ("QueueName", 80, r"[A-Za-z0-9_-]+(\.fifo)?"),
    "AWS::SNS::Topic": ("TopicName", 256, r"[A-Za-z0-9_-]+(\.fifo)?"),
    "AWS::IAM::Role": ("RoleName", 64, r"[\w+=,.@-]+"),
    "AWS::SecretsManager::Secret": ("Name", 512, r"[A-Za-z0-9/_+=.@-]+"),
    "AWS::Logs::LogGroup": ("LogGroupName", 512, r"[A-Za-z0-9_/.#-]+"),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255, r"[\x20-\x7e]+"),
    "AWS::Lambda::LayerVersion": ("LayerName", 64, r"[A-Za-z0-9_-]+"),
    "AWS::KMS::Alias": ("AliasName", 256, r"alias/(?!aws/)[A-Za-z0-9/_-]+"),
}
# Names that a template gives, so that a leftover of a failed deployment stands in the way of the next one.
_FIXED = {
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
}


@pytest.fixture(scope="module", params=["prod", "dev"])
def deployment(request: pytest.FixtureRequest, production_assembly: Path, development_assembly: Path) -> Deployment:
    """The stacks of a stage."""
    return Deployment.read(production_assembly if request.param == "prod" else development_assembly)


@pytest.fixture(scope="module")
def production(production_assembly: Path) -> Deployment:
    """Production's stacks."""
    return Deployment.read(production_assembly)


def logging_stages(deployment: Deployment) -> Iterator[tuple[Resource, str]]:
    """Stages of gateways with an access log, and what kind of API they are of."""
    protocols = {each.name: each.properties["ProtocolType"] for each in deployment.of_type("AWS::ApiGatewayV2::Api")}
    for stage in deployment.of_type("AWS::ApiGatewayV2::Stage"):
        if "AccessLogSettings" in stage.properties:
            yield stage, protocols[stage.properties["ApiId"]]


# API Gateway -------------------------------------------------------------------------------------------------------


def formats(deployment: Deployment, protocol: str) -> list[str]:
    """Formats of access logs."""
    return [
        stage.properties["AccessLogSettings"]["Format"]
        for stage, kind in logging_stages(deployment)
        if kind == protocol
    ]


@pytest.mark.parametrize(
    "protocol",
    [
        "HTTP",
        "WEBSOCKET",
    ],
)
def test_an_access_log_s_format_holds_the_request_s_id(deployment: Deployment, protocol: str) -> None:
    found = formats(deployment, protocol)
    assert found
    for each in found:
        assert re.search(r"\$context\.(extendedRequestId|requestId)\b", each), each


def test_an_access_log_s_format_is_one_line_of_json(deployment: Deployment) -> None:
    for stage, _ in logging_stages(deployment):
        text = stage.properties["AccessLogSettings"]["Format"]
        assert "\n" not in text
        assert len(text) <= 3_000
        assert json.loads(text), text


def test_api_gateway_has_a_role_to_log_with_before_a_websocket_stage_logs(deployment: Deployment) -> None:
    """Stages of HTTP APIs log with the deployer's permissions; those of WebSocket APIs with a role of the whole account in the region."""
    stages = [stage for stage, kind in logging_stages(deployment) if kind == "WEBSOCKET"]
    assert stages
    (settings,) = deployment.of_type("AWS::ApiGateway::Account")
    (role,) = [
        each for each in deployment.of_type("AWS::IAM::Role") if each.arn == settings.properties["CloudWatchRoleArn"]
    ]
    trusted = json.dumps(role.properties["AssumeRolePolicyDocument"])
    assert "apigateway.amazonaws.com" in trusted
    attached = role.properties.get("ManagedPolicyArns", [])
    assert any(each.endswith("AmazonAPIGatewayPushToCloudWatchLogs") for each in attached)
    for stage in stages:
        assert comes_after(stage, settings), f"{stage.logical_id} may be made before the role is set"


def comes_after(later: Resource, earlier: Resource) -> bool:
    """Whether CloudFormation makes one after the other: in the same stack because it says so."""
    if later.stack != earlier.stack:
        return True
    depends = later.template.get("DependsOn", [])
    names = [depends] if isinstance(depends, str) else depends
    return earlier.logical_id in names or f'"{earlier.logical_id}"' in json.dumps(later.template["Properties"])


# ECS ---------------------------------------------------------------------------------------------------------------


def test_a_container_that_hangs_is_found_by_the_task_s_own_check(deployment: Deployment) -> None:
    (service,) = deployment.of_type("AWS::ECS::Service")
    (task,) = [
        each
        for each in deployment.of_type("AWS::ECS::TaskDefinition")
        if each.arn == service.properties["TaskDefinition"]
    ]
    for container in task.properties["ContainerDefinitions"]:
        check = container["HealthCheck"]
        assert check["Command"][0] in ("CMD", "CMD-SHELL")
        assert 5 <= check.get("Interval", 30) <= 300
        assert 2 <= check.get("Timeout", 5) <= 60
        assert 1 <= check.get("Retries", 3) <= 10
        assert 0 <= check.get("StartPeriod", 0) <= 300


def test_fargate_takes_the_task_s_size(deployment: Deployment) -> None:
    sizes = {256: (512, 1_024, 2_048), 512: range(1_024, 4_097, 1_024), 1_024: range(2_048, 8_193, 1_024)}
    for cpu, memory in INGESTOR_SIZES.items():
        assert memory in sizes[int(cpu)]
    for task in deployment.of_type("AWS::ECS::TaskDefinition"):
        assert int(task.properties["Memory"]) in sizes[int(task.properties["Cpu"])]
        assert task.properties["NetworkMode"] == "awsvpc"


def test_an_emergency_s_image_has_what_makes_the_transcript_of_a_session(deployment: Deployment) -> None:
    """The agent of ECS Exec runs `script` and `cat` in the container, and Alpine has no `script`: sessions work there, and no line of them is logged."""
    (task,) = [
        each for each in deployment.of_type("AWS::ECS::TaskDefinition") if "break-glass" in each.properties["Family"]
    ]
    (container,) = task.properties["ContainerDefinitions"]
    assert re.search(r":16-(bookworm|trixie)(@sha256:[0-9a-f]{64})?$", container["Image"]), (
        "bsdutils is of every Debian"
    )
    assert not container.get("ReadonlyRootFilesystem"), "the agent writes what it logs"
    shell, option, command = container["Command"]
    assert (shell, option) == ("sh", "-c")
    sought = ("script", "cat")
    assert all(f"command -v {each} && " in command for each in sought)
    # As the container runs it, where both are there and where one is not.
    run = command.replace("exec sleep", "echo")
    for missing in (None, *sought):
        path = Path(tempfile.mkdtemp())
        for each in {*sought} - {missing}:
            (path / each).write_text("#!/bin/sh\n")
            (path / each).chmod(0o755)
        told = subprocess.run(["/bin/sh", "-c", run], env={"PATH": str(path)}, capture_output=True, check=False)
        assert (told.returncode == 0) == (missing is None)


def test_a_service_goes_before_its_capacity_providers_do(deployment: Deployment) -> None:
    """ECS gives up no provider that a service still uses: `The specified capacity provider is in use and cannot be removed`."""
    (service,) = deployment.of_type("AWS::ECS::Service")
    (providers,) = deployment.of_type("AWS::ECS::ClusterCapacityProviderAssociations")
    assert comes_after(service, providers)
    used = {each["CapacityProvider"] for each in service.properties["CapacityProviderStrategy"]}
    assert used <= set(providers.properties["CapacityProviders"])


# What somebody is told of ------------------------------------------------------------------------------------------


def test_the_budget_hears_everything_that_is_paid_and_a_task_is_its_stage_s(deployment: Deployment) -> None:
    """A filter by tag matches nothing until somebody activates the tag by hand, and never what has none."""
    (budget,) = deployment.of_type("AWS::Budgets::Budget")
    assert not {"CostFilters", "FilterExpression"} & set(budget.properties["Budget"])
    (service,) = deployment.of_type("AWS::ECS::Service")
    assert service.properties["PropagateTags"] == "SERVICE"


def test_alarms_hear_their_own_stage_alone(deployment: Deployment) -> None:
    """A metric without dimensions is the whole account's."""
    throttled: set[str] = set()
    for alarm in deployment.of_type("AWS::CloudWatch::Alarm"):
        stats = [each["MetricStat"]["Metric"] for each in alarm.properties.get("Metrics", []) if "MetricStat" in each]
        assert len(stats) <= 10, alarm.name
        for metric in stats or [alarm.properties]:
            if metric["Namespace"].startswith("AWS/"):
                assert metric["Dimensions"], alarm.properties["AlarmName"]
            if metric["MetricName"] == "Throttles":
                throttled.add(metric["Dimensions"][0]["Value"])
    trading = {"evaluator", "sandbox", "executor", "settler", "reconciler"}
    functions = {share_of(each): each.name for each in deployment.of_type("AWS::Lambda::Function")}
    production = "stratforge-prod-api" in functions.values()
    # The doorkeeper is asked once an hour, and by nobody who trades; mails that wait are told of by their queue's own alarm.
    # Parts of a large sweep wait their turn by intent, and of the archiver one runs at a time.
    heard = functions.keys() - {None, "archiver", "doorkeeper", "mailer", "researcher"} if production else trading
    assert heard >= trading
    assert throttled == {functions[each] for each in heard}


def share_of(function: Resource) -> str | None:
    """The name under which a function has its share of concurrency, if it has one."""
    name = str(function.properties.get("FunctionName", "")).split("-", 2)[-1]
    return name if name in SHARES else None


# Queues and topics -------------------------------------------------------------------------------------------------


def test_dead_letters_are_of_the_same_kind_and_live_longer(deployment: Deployment) -> None:
    queues = {each.arn: each for each in deployment.of_type("AWS::SQS::Queue")}
    redriven = [each for each in queues.values() if "RedrivePolicy" in each.properties]
    assert len(redriven) >= 8
    for queue in redriven:
        dead = queues[queue.properties["RedrivePolicy"]["deadLetterTargetArn"]]
        assert queue.properties.get("FifoQueue") == dead.properties.get("FifoQueue"), queue.name
        assert dead.properties["MessageRetentionPeriod"] > queue.properties["MessageRetentionPeriod"], queue.name


def test_a_queue_hides_a_message_for_longer_than_its_consumer_may_work(deployment: Deployment) -> None:
    """Lambda refuses the mapping otherwise; six times as long is what it advises, so that retries of throttled calls do not meet themselves."""
    queues = {each.arn: each for each in deployment.of_type("AWS::SQS::Queue")}
    functions = {each.name: each for each in deployment.of_type("AWS::Lambda::Function")}
    mappings = deployment.of_type("AWS::Lambda::EventSourceMapping")
    assert len(mappings) >= 7
    for mapping in mappings:
        name = re.sub(r"^arn:aws:lambda:[\w-]+:\d+:function:", "", mapping.properties["FunctionName"]).split(":")[0]
        queue = queues[mapping.properties["EventSourceArn"]]
        assert queue.properties["VisibilityTimeout"] >= functions[name].properties["Timeout"], name


def test_mappings_of_fifo_queues_ask_for_what_fifo_queues_can(deployment: Deployment) -> None:
    queues = {each.arn: each for each in deployment.of_type("AWS::SQS::Queue")}
    for mapping in deployment.of_type("AWS::Lambda::EventSourceMapping"):
        if queues[mapping.properties["EventSourceArn"]].properties.get("FifoQueue"):
            assert mapping.properties.get("BatchSize", 10) <= 10
            assert not mapping.properties.get("MaximumBatchingWindowInSeconds")
        limit = mapping.properties.get("ScalingConfig", {}).get("MaximumConcurrency", 2)
        assert 2 <= limit <= 1_000


# Names -------------------------------------------------------------------------------------------------------------


def test_names_are_short_enough_and_of_letters_that_services_take(deployment: Deployment) -> None:
    checked = 0
    for kind, (key, longest, letters) in _LONGEST.items():
        for each in deployment.of_type(kind):
            name = each.properties.get(key)
            if name is not None:
                assert len(name) <= longest, name
                assert re.fullmatch(letters, name), name
                checked += 1
    assert checked > 60


def test_no_two_resources_of_a_kind_have_the_same_name(deployment: Deployment) -> None:
    for kind, (key, _, _) in _LONGEST.items():
        names = [each.properties[key] for each in deployment.of_type(kind) if key in each.properties]
        assert len(names) == len(set(names)), kind


def test_a_secret_s_name_does_not_end_like_what_is_added_to_its_arn(deployment: Deployment) -> None:
    for secret in deployment.of_type("AWS::SecretsManager::Secret"):
        assert not re.search(r"-[A-Za-z0-9]{6}$", secret.properties["Name"]), secret.name


def test_descriptions_are_of_letters_that_ec2_takes(deployment: Deployment) -> None:
    for group in deployment.of_type("AWS::EC2::SecurityGroup"):
        rules = group.properties.get("SecurityGroupIngress", []) + group.properties.get("SecurityGroupEgress", [])
        texts = [group.properties["GroupDescription"], *(each.get("Description", "") for each in rules)]
        texts += [
            each.properties.get("Description", "") for each in deployment.of_type("AWS::EC2::SecurityGroupIngress")
        ]
        for text in texts:
            assert re.fullmatch(r"[A-Za-z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}", text), text


# What a failed deployment leaves -----------------------------------------------------------------------------------


def kept_with_a_fixed_name(deployment: Deployment) -> dict[str, str]:
    """Resources that would stay when their creation, or that of a neighbor, fails, and would be in the way of the next try."""
    return {
        f"{each.stack}/{each.logical_id}": str(each.template["DeletionPolicy"])
        for each in deployment
        if _FIXED.get(each.type, "") in each.template.get("Properties", {})
        and each.template.get("DeletionPolicy", "Delete") not in ("Delete", "Snapshot")
    }


def test_a_first_deployment_that_fails_can_be_repeated(production: Deployment) -> None:
    kept = kept_with_a_fixed_name(production)
    assert kept, "production keeps its secrets and logs"
    assert set(kept.values()) == {"RetainExceptOnCreate"}


def test_development_keeps_nothing_that_is_in_the_way(development_assembly: Path) -> None:
    assert kept_with_a_fixed_name(Deployment.read(development_assembly)) == {}


def test_what_is_kept_when_deleted_is_kept_when_replaced(production: Deployment) -> None:
    for each in production:
        policy = each.template.get("DeletionPolicy")
        if policy in ("Retain", "RetainExceptOnCreate"):
            assert each.template.get("UpdateReplacePolicy") == "Retain", each.logical_id


# Zones -------------------------------------------------------------------------------------------------------------


def network_of(stage: str, region: str, **context: str) -> tuple[dict[str, Any], int]:
    """The resources of a stage's network in a region, and how many zones it is meant to have."""
    (path,) = assembly_of(stage, region=region, **context).glob("assembly-*/*network*.template.json")
    resources: dict[str, Any] = json.loads(path.read_text())["Resources"]
    return resources, {"dev": 2, "prod": 3}[stage]


def test_zones_are_known_for_every_region_that_is_offered() -> None:
    assert set(REGIONS) <= set(_ZONES)


@pytest.mark.parametrize(("stage", "region", "egress"), CONFIGURATIONS)
def test_subnets_are_in_zones_that_the_region_has(stage: str, region: str, egress: str) -> None:
    resources, wanted = network_of(stage, region, egress=egress)
    zones = [
        each["Properties"]["AvailabilityZone"] for each in resources.values() if each["Type"] == "AWS::EC2::Subnet"
    ]
    assert len({json.dumps(each) for each in zones}) == wanted
    for zone in zones:
        if isinstance(zone, dict):
            # The account's own list, which CloudFormation asks for.
            index, asked = zone["Fn::Select"]
            assert asked == {"Fn::GetAZs": ""}
            assert int(index) < len(_ZONES[region])
        else:
            assert zone in {f"{region}{letter}" for letter in _ZONES[region]}


# Sizes -------------------------------------------------------------------------------------------------------------


def test_templates_and_policies_are_within_their_limits(deployment: Deployment, production_assembly: Path) -> None:
    for path in production_assembly.glob("assembly-*/*.template.json"):
        text = path.read_text()
        template = json.loads(text)
        assert len(text) <= 1_000_000
        assert len(template["Resources"]) <= 500
        assert len(template.get("Outputs", {})) <= 200
    inline: dict[str, int] = {}
    for policy in deployment.of_type("AWS::IAM::Policy"):
        size = len(json.dumps(policy.properties["PolicyDocument"], separators=(",", ":")))
        for role in policy.properties["Roles"]:
            inline[role] = inline.get(role, 0) + size
    assert max(inline.values()) <= 10_240
    for key in deployment.of_type("AWS::KMS::Key"):
        assert len(json.dumps(key.properties["KeyPolicy"])) <= 32_768


def test_a_function_s_environment_and_layers_are_within_their_limits(deployment: Deployment) -> None:
    for function in deployment.of_type("AWS::Lambda::Function"):
        variables = function.properties.get("Environment", {}).get("Variables", {})
        assert sum(len(name) + len(str(value)) for name, value in variables.items()) <= 4_096, function.name
        assert not set(variables) & {"AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT"}, function.name
        assert len(function.properties.get("Layers", [])) <= 5, function.name
        assert 128 <= function.properties.get("MemorySize", 128) <= 10_240
        assert function.properties.get("Timeout", 3) <= 900


def test_snapshots_are_asked_of_functions_that_can_have_them(deployment: Deployment) -> None:
    versions = json.dumps([each.template["Properties"] for each in deployment.of_type("AWS::Lambda::Version")])
    for function in deployment.of_type("AWS::Lambda::Function"):
        if "SnapStart" in function.properties:
            assert function.properties["Runtime"] in ("python3.12", "python3.13", "python3.14")
            assert function.properties.get("EphemeralStorage", {}).get("Size", 512) == 512
            assert "FileSystemConfigs" not in function.properties
            assert f'"{function.logical_id}"' in versions, f"{function.name} has no version, so no snapshot"
    for alias in deployment.of_type("AWS::Lambda::Alias"):
        name = str(alias.properties["FunctionName"]).rsplit(":", 1)[-1]
        (function,) = [each for each in deployment.of_type("AWS::Lambda::Function") if each.name == name]
        if "ProvisionedConcurrencyConfig" in alias.properties:
            assert "SnapStart" not in function.properties, "provisioned environments exclude snapshots"


def test_the_gateway_gives_up_later_than_the_function(deployment: Deployment) -> None:
    """An HTTP API waits for thirty seconds at most."""
    for name in ("api", "mcp"):
        assert deployment.named("AWS::Lambda::Function", name).properties["Timeout"] < 30


def test_a_database_s_master_has_a_name_that_is_free(deployment: Deployment) -> None:
    reserved = {"admin", "postgres", "rdsadmin", "rds_superuser", "rdsrepladmin", "user", "master", "system"}
    for database in deployment.of_type("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"):
        if "MasterUsername" in database.properties:
            assert database.properties["MasterUsername"] not in reserved
            password = str(database.properties.get("MasterUserPassword", ""))
            assert password == "" or password.startswith("{{resolve:secretsmanager:")


def test_generated_passwords_have_no_character_that_rds_refuses(deployment: Deployment) -> None:
    for secret in deployment.of_type("AWS::SecretsManager::Secret"):
        generator = secret.properties.get("GenerateSecretString", {})
        if "password" in generator.get("GenerateStringKey", ""):
            excluded = set(generator.get("ExcludeCharacters", ""))
            assert generator.get("ExcludePunctuation") or set("/@\" '") <= excluded, secret.name
