"""Who may have how much: concurrency, connections, the sandbox's nothing, the edge's door, and how new versions take over."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from local_platform.synthesis import ROOT
from stratforge.edge import EDGE_HEADER, HOST_HEADER, VISITOR_HEADER, seen_from_the_edge

from infra_cdk import concurrency
from infra_cdk.capacity.stage import MEMORY
from infra_cdk.capacity.stage import production as modeled
from infra_cdk.configuration import ConfigurationError, Given, StageConfig, stage_config
from tests.support.assemblies import Resources, assembly_of, context_of, every, resources_of


@pytest.fixture(scope="session")
def production(production_assembly: Path) -> dict[str, Resources]:
    """Production with everything that can be switched on."""
    return resources_of(production_assembly)


@pytest.fixture(scope="session")
def development(development_assembly: Path) -> dict[str, Resources]:
    """Development as it comes."""
    return resources_of(development_assembly)


def config_of(stage: str, **context: object) -> StageConfig:
    """A stage's configuration."""
    return stage_config(Given(context_of(stage, **context)))


def functions_of(stacks: dict[str, Resources], stage: str) -> dict[str, dict[str, Any]]:
    """Our functions by name."""
    prefix = f"stratforge-{stage}-"
    return {
        str(each["FunctionName"]).removeprefix(prefix): each
        for _, each in every(stacks, "AWS::Lambda::Function")
        if str(each.get("FunctionName", "")).startswith(prefix)
    }


# Concurrency ------------------------------------------------------------------------------------------------------

# What a deployment or an operator calls, one at a time.
_BY_HAND = {"cleaner", "examiner", "migrator", "operators", "rotator"}


def test_every_function_has_its_share(production: dict[str, Resources]) -> None:
    found = functions_of(production, "prod")
    assert set(found) - _BY_HAND == set(concurrency.SHARES)
    for name, row in concurrency.SHARES.items():
        assert found[name]["ReservedConcurrentExecutions"] == row.production, name
        assert len(row.reason) > 20


def test_the_model_of_capacity_knows_what_functions_have(production: dict[str, Resources]) -> None:
    found = functions_of(production, "prod")
    for name, (memory, snapshot) in MEMORY.items():
        assert found[name]["MemorySize"] == memory, name
        assert (found[name].get("SnapStart", {}).get("ApplyOn") == "PublishedVersions") == snapshot, name
    tasks = [each for _, each in every(production, "AWS::ECS::TaskDefinition")]
    assert str(modeled().ingestor_cpu) in {each["Cpu"] for each in tasks if "ingestor" in json.dumps(each)}
    assert config_of("prod", ingestor_cpu="1024").ingestor_memory == 2_048


def test_a_new_account_reserves_nothing_and_still_deploys(development: dict[str, Resources]) -> None:
    for name, each in functions_of(development, "dev").items():
        assert "ReservedConcurrentExecutions" not in each, name


def test_production_is_refused_where_trading_could_be_starved() -> None:
    small = config_of("prod", concurrency="400")
    with pytest.raises(ConfigurationError, match="needs an account quota of"):
        concurrency.reserved(small, "executor")


def test_operators_are_told_the_quota_that_production_needs() -> None:
    needed = sum(row.production for row in concurrency.SHARES.values()) + concurrency.UNRESERVED
    assert concurrency.reserved(config_of("prod", concurrency=str(needed)), "executor") is not None
    with pytest.raises(ConfigurationError, match=f"quota of {needed}"):
        concurrency.reserved(config_of("prod", concurrency=str(needed - 1)), "executor")
    assert f"an account quota of {needed} concurrent" in (ROOT / "infra_cdk" / "OPERATIONS.md").read_text()


def test_queues_never_ask_for_more_of_a_function_than_it_has(
    production: dict[str, Resources], development: dict[str, Resources]
) -> None:
    for stage, stacks in (("prod", production), ("dev", development)):
        asked: dict[str, int] = {}
        for _, mapping in every(stacks, "AWS::Lambda::EventSourceMapping"):
            named = json.dumps(mapping["FunctionName"])
            (alias,) = [name for name, _ in every(stacks, "AWS::Lambda::Alias") if f'"{name}"' in named]
            function = dict(every(stacks, "AWS::Lambda::Alias"))[alias]["FunctionName"]["Ref"]
            name = str(dict(every(stacks, "AWS::Lambda::Function"))[function]["FunctionName"])
            name = name.removeprefix(f"stratforge-{stage}-")
            asked[name] = asked.get(name, 0) + mapping["ScalingConfig"]["MaximumConcurrency"]
        config = config_of(stage)
        assert asked
        for name, most in asked.items():
            assert most <= concurrency.share(config, name), name


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_database_takes_every_connection_that_functions_may_open(stage: str) -> None:
    config = config_of(stage)
    assert concurrency.connections(config) <= config.connections
    concurrency.check_connections(config)


def test_a_database_too_small_for_the_table_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"t4g\.micro takes 80 connections"):
        concurrency.check_connections(config_of("prod", database_class="t4g.micro"))


def test_functions_that_reach_the_database_are_counted(production: dict[str, Resources]) -> None:
    for name, each in functions_of(production, "prod").items():
        if name not in _BY_HAND:
            connects = "DATABASE_SECRET" in each.get("Environment", {}).get("Variables", {})
            assert concurrency.SHARES[name].connections == int(connects), name


def test_pollers_of_its_own_take_the_place_of_the_limit() -> None:
    stacks = resources_of(assembly_of("prod", provisioned_pollers=True))
    for _, mapping in every(stacks, "AWS::Lambda::EventSourceMapping"):
        assert "ScalingConfig" not in mapping, "AWS takes one of the two"
        assert mapping["ProvisionedPollerConfig"]["MinimumPollers"] == 2


def test_whoever_waits_for_a_job_holds_no_environment_of_the_pages(production: dict[str, Resources]) -> None:
    routes = {each["RouteKey"]: json.dumps(each["Target"]) for _, each in every(production, "AWS::ApiGatewayV2::Route")}
    integrations = dict(every(production, "AWS::ApiGatewayV2::Integration"))

    def answers(route: str) -> str:
        (name,) = [name for name in integrations if f'"{name}"' in routes[route]]
        return json.dumps(integrations[name])

    waiting = {route for route in routes if "Waiting" in answers(route)}
    paths = ("ai/{action}", "backtests", "sessions/{session_id}/replay")
    assert waiting == {f"POST /{version}/{path}" for version in ("v1", "api") for path in paths}


def test_every_route_that_takes_wait_is_one_of_those() -> None:
    document = json.loads((Path("functions/api/openapi.json")).read_text())
    taking = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if any(each["name"] == "wait" for each in operation.get("parameters", []))
    }
    assert taking == {"/v1/ai/research", "/v1/ai/generate", "/v1/backtests", "/v1/sessions/{session_id}/replay"}


# The sandbox ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["dev", "prod"])
def stage(
    request: pytest.FixtureRequest, production: dict[str, Resources], development: dict[str, Resources]
) -> tuple[str, dict[str, Resources]]:
    """Both stages."""
    return request.param, production if request.param == "prod" else development


def test_the_sandboxs_code_may_ask_aws_for_nothing(stage: tuple[str, dict[str, Resources]]) -> None:
    name, stacks = stage
    sandbox = functions_of(stacks, name)["sandbox"]
    assert "Environment" not in sandbox
    assert "Layers" in sandbox
    role = sandbox["Role"]["Fn::GetAtt"][0]
    managed = json.dumps(dict(every(stacks, "AWS::IAM::Role"))[role].get("ManagedPolicyArns"))
    # What Lambda itself needs to attach it to its network; its code is refused that too.
    assert managed.count("policy/") == 1
    assert "AWSLambdaENIManagementAccess" in managed
    statements = [
        statement
        for _, policy in every(stacks, "AWS::IAM::Policy")
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    (deny,) = statements
    assert (deny["Effect"], deny["Action"], deny["Resource"]) == ("Deny", "*", "*")
    sources = json.dumps(deny["Condition"]["ArnLike"]["lambda:SourceFunctionArn"])
    assert sources.count(f"function:stratforge-{name}-sandbox") == 2


def test_the_sandboxs_network_leads_nowhere(stage: tuple[str, dict[str, Resources]]) -> None:
    name, stacks = stage
    network = next(each for stack, each in stacks.items() if stack.startswith("Stratforgenetwork"))
    sandbox = functions_of(stacks, name)["sandbox"]
    vpcs = {each: resource["Properties"] for each, resource in network.items() if resource["Type"] == "AWS::EC2::VPC"}
    (vpc,) = [each for each, properties in vpcs.items() if each.startswith("SandboxVpc")]
    assert vpcs[vpc]["EnableDnsSupport"] is False
    exported = json.dumps(sandbox["VpcConfig"])
    assert "SandboxVpc" in exported
    assert "Functions" not in exported
    of_it = [resource for resource in network.values() if f'"Ref": "{vpc}"' in json.dumps(resource)]
    assert {resource["Type"] for resource in of_it} == {
        "AWS::EC2::Subnet",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::FlowLog",
    }
    tables = [each for each, resource in network.items() if resource in of_it and "RouteTable" in resource["Type"]]
    for resource in network.values():
        if resource["Type"] == "AWS::EC2::Route":
            assert resource["Properties"]["RouteTableId"]["Ref"] not in tables
    (group,) = [resource for resource in of_it if resource["Type"] == "AWS::EC2::SecurityGroup"]
    assert "SecurityGroupIngress" not in group["Properties"]
    (egress,) = group["Properties"]["SecurityGroupEgress"]
    # CDK's way to write "nothing": a rule that no packet fits.
    assert egress["CidrIp"] == "255.255.255.255/32"


def test_traffic_in_the_sandboxs_network_wakes_somebody(production: dict[str, Resources]) -> None:
    (pattern,) = [each["FilterPattern"] for _, each in every(production, "AWS::Logs::MetricFilter")]
    assert 'status="OK"' in pattern
    names = {each["AlarmName"] for _, each in every(production, "AWS::CloudWatch::Alarm")}
    assert "stratforge-prod-sandbox-traffic" in names


# The edge ---------------------------------------------------------------------------------------------------------


def test_nothing_passes_by_the_edge(production: dict[str, Resources]) -> None:
    routes = [each for _, each in every(production, "AWS::ApiGatewayV2::Route") if "Waiting" not in str(each)]
    http = next(name for name, each in every(production, "AWS::ApiGatewayV2::Api") if each["ProtocolType"] == "HTTP")
    of_http = [each for _, each in every(production, "AWS::ApiGatewayV2::Route") if each["ApiId"] == {"Ref": http}]
    assert len(of_http) == 8
    assert routes
    assert all(each["AuthorizationType"] == "CUSTOM" for each in of_http)
    (authorizer,) = [each for _, each in every(production, "AWS::ApiGatewayV2::Authorizer")]
    # Without the header API Gateway refuses by itself.
    assert authorizer["IdentitySource"] == [f"$request.header.{EDGE_HEADER}"]
    (distribution,) = [each["DistributionConfig"] for _, each in every(production, "AWS::CloudFront::Distribution")]
    (origin,) = distribution["Origins"]
    (header,) = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == EDGE_HEADER
    assert "{{resolve:secretsmanager:" in json.dumps(header["HeaderValue"])


def test_the_edge_overwrites_what_is_believed_behind_it(production: dict[str, Resources]) -> None:
    (function,) = [each for _, each in every(production, "AWS::CloudFront::Function")]
    for header in (VISITOR_HEADER, HOST_HEADER):
        assert f"headers['{header}'] = " in function["FunctionCode"]
    (distribution,) = [each["DistributionConfig"] for _, each in every(production, "AWS::CloudFront::Distribution")]
    (association,) = distribution["DefaultCacheBehavior"]["FunctionAssociations"]
    assert association["EventType"] == "viewer-request"


def test_behind_the_edge_limits_see_the_visitor() -> None:
    context: dict[str, Any] = {
        "domainName": "abc.execute-api.us-east-1.amazonaws.com",
        "http": {"sourceIp": "64.252.0.1", "path": "/"},
    }
    event = {"requestContext": context, "headers": {VISITOR_HEADER: "203.0.113.9", HOST_HEADER: "trade.example.com"}}
    seen = seen_from_the_edge(event)["requestContext"]
    assert seen["http"] == {"sourceIp": "203.0.113.9", "path": "/"}
    assert seen["domainName"] == "trade.example.com"
    assert context["http"]["sourceIp"] == "64.252.0.1"
    assert seen_from_the_edge({"requestContext": context, "headers": {}})["requestContext"] == context


# Releases ---------------------------------------------------------------------------------------------------------


def test_new_versions_take_a_tenth_first_and_alarms_send_them_back(production: dict[str, Resources]) -> None:
    groups = [each for _, each in every(production, "AWS::CodeDeploy::DeploymentGroup")]
    aliases = {
        name: resource
        for resources in production.values()
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Alias"
    }
    assert len(groups) == len(aliases) == len(concurrency.SHARES)
    for group in groups:
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert set(group["AutoRollbackConfiguration"]["Events"]) == {
            "DEPLOYMENT_FAILURE",
            "DEPLOYMENT_STOP_ON_REQUEST",
            "DEPLOYMENT_STOP_ON_ALARM",
        }
        assert group["AlarmConfiguration"]["Enabled"] is True
    assert all("CodeDeployLambdaAliasUpdate" in each["UpdatePolicy"] for each in aliases.values())
    stopping = json.dumps(groups)
    alarms = {each["AlarmName"] for _, each in every(production, "AWS::CloudWatch::Alarm")}
    for name in ("bar-to-order", "blocks-rejected", "ledger-broken", "gateway-errors"):
        assert f"stratforge-prod-{name}" in stopping
        assert f"stratforge-prod-{name}" in alarms, "an alarm that nobody made stops nothing"


def test_replaced_versions_are_kept(production: dict[str, Resources]) -> None:
    versions = [
        resource
        for resources in production.values()
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Version"
    ]
    assert versions
    assert all(each["DeletionPolicy"] == "Retain" for each in versions)


def test_a_hotfix_can_go_out_while_an_alarm_rings() -> None:
    stacks = resources_of(assembly_of("prod", canary="false"))
    assert list(every(stacks, "AWS::CodeDeploy::DeploymentGroup")) == []


# The bill ---------------------------------------------------------------------------------------------------------


def test_development_stands_on_the_smallest_of_everything(development: dict[str, Resources]) -> None:
    (database,) = [each for _, each in every(development, "AWS::RDS::DBInstance")]
    assert (database["DBInstanceClass"], database["AllocatedStorage"], database["MultiAZ"]) == (
        "db.t4g.micro",
        "20",
        False,
    )
    assert list(every(development, "AWS::EC2::NatGateway")) == []
    assert [each["InstanceType"] for _, each in every(development, "AWS::EC2::Instance")] == ["t4g.nano"]
    assert all("SnapStart" not in each for _, each in every(development, "AWS::Lambda::Function"))
    (service,) = [each for _, each in every(development, "AWS::ECS::Service")]
    assert service["CapacityProviderStrategy"][0]["CapacityProvider"] == "FARGATE_SPOT"


def test_endpoints_are_paid_for_only_where_they_are_asked_for(
    production: dict[str, Resources], development: dict[str, Resources]
) -> None:
    def kinds(stacks: dict[str, Resources]) -> list[str]:
        return [each.get("VpcEndpointType", "Gateway") for _, each in every(stacks, "AWS::EC2::VPCEndpoint")]

    assert kinds(production) == kinds(development) == ["Gateway"]
    private = resources_of(assembly_of("prod", egress="nat-gateways-and-endpoints"))
    assert sorted(kinds(private)) == ["Gateway"] + ["Interface"] * 5
    for stacks in (production, private):
        assert len(list(every(stacks, "AWS::EC2::NatGateway"))) == 2


def test_production_survives_a_zone(production: dict[str, Resources]) -> None:
    (database,) = [each for _, each in every(production, "AWS::RDS::DBInstance")]
    assert (database["DBInstanceClass"], database["MultiAZ"]) == ("db.t4g.medium", True)


def test_a_stage_says_how_many_connections_its_database_takes(production: dict[str, Resources]) -> None:
    (parameters,) = [each["Parameters"] for _, each in every(production, "AWS::RDS::DBParameterGroup")]
    assert parameters["max_connections"] == str(config_of("prod").connections)
    assert dataclasses.replace(config_of("prod"), database="aurora").connections == 400
