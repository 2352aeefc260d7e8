"""Commands of operators, as far as they run without an account: what they take, what they refuse, what they ask for."""

from __future__ import annotations

import argparse
import io
import json
import re
import signal
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from local_platform.synthesis import ROOT
from moto import mock_aws

from infra_cdk import audit, break_glass, concurrency, operators, preflight, restore, service_roles
from infra_cdk.configuration import Given, StageConfig, stage_config
from infra_cdk.target import Target, parse
from tests.support.assemblies import ACCOUNT, context_of


def config_of(stage: str, **context: object) -> StageConfig:
    """A stage's configuration."""
    return stage_config(Given(context_of(stage, **context)))


# Settings -----------------------------------------------------------------------------------------------------------


def test_the_region_of_the_deployment_is_that_of_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    given = ["--stage", "dev", "-c", "region=ap-northeast-1", "-c", "alarm_email=a@b.cc", "--require-approval", "never"]
    _, target = parse(argparse.ArgumentParser(), given)
    assert target.client("lambda").meta.region_name == "ap-northeast-1"
    _, target = parse(argparse.ArgumentParser(), ["--stage", "dev"])
    assert target.region == "eu-west-1"


@pytest.mark.parametrize("given", [["-c", "region=mars"], ["-c", "region"]])
def test_a_setting_that_cannot_be_is_told(given: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"-c region"):
        parse(argparse.ArgumentParser(), ["--stage", "dev", *given])


def test_every_command_of_a_stage_is_given_its_settings() -> None:
    text = (ROOT / "Makefile").read_text()
    lines = [line for line in text.splitlines() if re.search(r"-m infra_cdk\.(?!cdk|capacity)", line)]
    assert len(lines) >= 7
    for line in lines:
        assert "--stage $(STAGE) $(ARGS)" in line


# Before a deployment ------------------------------------------------------------------------------------------------


class Account:
    """An account of AWS, as far as the look before a deployment sees it."""

    def __init__(self, **changes: Any) -> None:
        self.account, self.concurrency, self.bootstrap = ACCOUNT, 1_000, "30"
        # What other applications reserve, and what the stage does, by function.
        self.others, self.reservations = 0, dict[str, int]()
        self.plan: str | None = "PAID"
        self.zones = ["us-east-1a", "us-east-1b", "us-east-1d", "us-east-1e"]
        # Zones that have what is asked for, where not all have it.
        self.machines: list[str] | None = None
        self.databases: list[str] | None = None
        self.version = "16.11"
        self.roles = ["/aws-service-role/ecs.amazonaws.com/", "/aws-service-role/rds.amazonaws.com/"]
        self.deployed, self.vpcs, self.addresses = False, 1, 0
        self.quotas = {"L-F678F1CE": 5.0, "L-0263D0A3": 5.0, "L-1216C47A": 5.0, "L-3032A538": 6.0, "L-36FBB829": 6.0}
        self.__dict__ |= changes

    def __call__(self, _service: str) -> Account:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account, "Arn": f"arn:aws:iam::{self.account}:user/eve"}

    def get_account_plan_state(self) -> dict[str, Any]:
        if self.plan is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetAccountPlanState")
        return {"accountPlanType": self.plan}

    def get_parameter(self, Name: str) -> dict[str, Any]:
        if self.bootstrap is None:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": Name}}, "GetParameter")
        return {"Parameter": {"Value": self.bootstrap}}

    def get_account_settings(self) -> dict[str, Any]:
        free = self.concurrency - self.others - sum(self.reservations.values())
        return {"AccountLimit": {"ConcurrentExecutions": self.concurrency, "UnreservedConcurrentExecutions": free}}

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:
        if not self.reservations:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": FunctionName}}, "")
        return {"ReservedConcurrentExecutions": self.reservations[FunctionName]}

    def describe_availability_zones(self, Filters: Any) -> dict[str, Any]:
        return {"AvailabilityZones": [{"ZoneName": each} for each in reversed(self.zones)]}

    def describe_instance_type_offerings(self, LocationType: str, Filters: Any) -> dict[str, Any]:
        zones = self.zones if self.machines is None else self.machines
        return {"InstanceTypeOfferings": [{"Location": each} for each in zones]}

    def get_paginator(self, _name: str) -> Account:
        return self

    def paginate(self, **_asked: Any) -> list[dict[str, Any]]:
        names = self.zones if self.databases is None else self.databases
        zones = [{"Name": each} for each in names]
        old = [{"Name": each} for each in self.zones]
        options = [
            {"EngineVersion": "15.9", "AvailabilityZones": old},
            {"EngineVersion": self.version, "AvailabilityZones": zones},
        ]
        return [{"OrderableDBInstanceOptions": [each]} for each in options]

    def list_roles(self, PathPrefix: str) -> dict[str, Any]:
        return {"Roles": [{} for each in self.roles if each == PathPrefix]}

    def create_service_linked_role(self, AWSServiceName: str) -> None:
        self.roles.append(f"/aws-service-role/{AWSServiceName}/")

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if not self.deployed:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": StackName}}, "DescribeStacks")
        return {}

    def describe_vpcs(self) -> dict[str, Any]:
        return {"Vpcs": [{}] * self.vpcs}

    def describe_addresses(self) -> dict[str, Any]:
        return {"Addresses": [{}] * self.addresses}

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:
        if QuotaCode not in self.quotas:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": QuotaCode}}, "GetServiceQuota")
        return {"Quota": {"Value": self.quotas[QuotaCode]}}


def found(config: StageConfig, account: Account, docker: str | None = None) -> list[str]:
    """What is in the way."""
    unseen: list[str] = []
    problems = list(preflight.problems(config, account, lambda: docker, unseen.append))
    assert unseen == []
    return problems


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_nothing_is_in_the_way_of_an_account_that_is_ready(stage: str) -> None:
    assert found(config_of(stage), Account()) == []
    assert found(config_of(stage), Account(plan=None)) == []
    assert found(config_of(stage), Account(deployed=True, vpcs=5, addresses=5)) == []


def test_a_new_account_with_ten_functions_takes_dev_and_is_told_about_prod() -> None:
    new = Account(concurrency=10)
    assert found(config_of("dev"), new) == []
    (problem,) = found(config_of("prod"), new)
    assert "the account may run 10 functions at a time" in problem


def test_what_others_reserve_is_told_and_what_the_stage_has_already_is_its_own() -> None:
    """Lambda refuses a reservation that leaves fewer than a hundred to everybody else."""
    prod = config_of("prod")
    wanted = sum(concurrency.share(prod, name) for name in concurrency.SHARES if name != "doorkeeper")
    fits = 1_000 - 100 - wanted
    assert found(prod, Account(others=fits)) == []
    (problem,) = found(prod, Account(others=fits + 1))
    assert f"{1_000 - fits - 1} are not reserved, the stage reserves {wanted} more" in problem
    own = {f"stratforge-prod-{name}": concurrency.share(prod, name) for name in concurrency.SHARES}
    assert found(prod, Account(reservations=own, others=1_000 - 100 - sum(own.values()))) == []


@pytest.mark.parametrize(
    ("context", "changes", "docker", "message"),
    [
        ({}, {"account": "999999999999"}, None, "the credentials are of account 999999999999"),
        ({}, {"plan": "FREE"}, None, "the account is on AWS's free plan"),
        ({}, {"bootstrap": None}, None, "is not prepared for CDK"),
        ({}, {"bootstrap": "6"}, None, "is not prepared for CDK (version 6"),
        ({}, {"zones": ["us-east-1a"]}, None, "has 1 zones for this account"),
        ({"zones": "us-east-1a,us-east-1c"}, {}, None, "there is no us-east-1c"),
        ({}, {"machines": ["us-east-1b", "us-east-1d"]}, None, "us-east-1a cannot have the NAT instance (t4g.nano)"),
        ({}, {"databases": ["us-east-1b", "us-east-1d"]}, None, "give 2 of us-east-1b, us-east-1d with -c zones="),
        ({}, {"version": "17.4"}, None, "offers no PostgreSQL 16 on db.t4g.micro"),
        ({"database": "aurora"}, {"version": "17.4"}, None, "offers no PostgreSQL 16 on db.serverless"),
        ({}, {"roles": ["/aws-service-role/rds.amazonaws.com/"]}, None, "the account has no role of ecs.amazonaws.com"),
        ({}, {"vpcs": 4}, None, "may have 5 VPCs, has 4, and the stage makes 2"),
        ({"egress": "nat-gateways"}, {"addresses": 4}, None, "may have 5 elastic addresses, has 4"),
        ({}, {"quotas": {**Account().quotas, "L-1216C47A": 1.0}}, None, "may have 1 cores of standard machines"),
        ({}, {"quotas": {**Account().quotas, "L-36FBB829": 0.0}}, None, "may have 0 cores of Fargate"),
        ({}, {}, "Docker is not installed", "Docker is not installed"),
    ],
)
def test_what_would_stop_a_deployment_is_told_before(
    context: dict[str, object], changes: dict[str, Any], docker: str | None, message: str
) -> None:
    (problem,) = found(config_of("dev", **context), Account(**changes), docker)
    assert message in problem


def test_what_may_not_be_looked_at_is_told_and_hides_nothing_else() -> None:
    unseen: list[str] = []
    account = Account(quotas={}, zones=["us-east-1a"])
    (problem,) = preflight.problems(config_of("dev"), account, lambda: None, unseen.append)
    assert "has 1 zones" in problem
    (line,) = unseen
    assert line.startswith("quotas: ")
    assert "AccessDenied" in line


def test_the_bootstrap_makes_the_roles_that_are_missing_and_no_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ECS makes its role with the first cluster, and fails that one: `Unable to assume the service linked role`."""
    new = Account(roles=["/aws-service-role/rds.amazonaws.com/"])
    monkeypatch.setattr(Target, "client", lambda _self, _service: new)
    monkeypatch.setattr("sys.argv", ["bootstrap", "--stage", "dev"])
    assert service_roles.main() == 0
    assert capsys.readouterr().out == "made the role of ecs.amazonaws.com\n"
    assert found(config_of("dev"), new) == []


# Operators and emergencies ------------------------------------------------------------------------------------------


PROD = Target("prod", "us-east-1")


class Lambda:
    """A function that answers as told."""

    def __init__(self, answer: dict[str, Any], **reply: Any) -> None:
        self.answer, self.reply = answer, reply
        self.asked: dict[str, Any] = {}

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.asked = {"function": FunctionName, **json.loads(Payload)}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **self.reply}


def test_an_operator_is_made_by_the_stages_function_in_the_callers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    function = Lambda({"done": True, "operators": ["ada@example.com"]})
    sts = argparse.Namespace(get_caller_identity=lambda: {"Arn": "arn:aws:iam::1:user/eve"})
    monkeypatch.setattr(Target, "client", lambda _self, service: {"lambda": function, "sts": sts}[service])
    told = ["operator", "grant", "--email", "ada@example.com", "--stage", "prod", "-c", "region=us-east-1"]
    monkeypatch.setattr("sys.argv", told)
    assert operators.main() == 0
    assert function.asked == {
        "function": "stratforge-prod-operators",
        "command": "grant",
        "email": "ada@example.com",
        "by": "arn:aws:iam::1:user/eve",
    }


def test_a_function_that_fails_is_told_in_its_words() -> None:
    function = Lambda({"errorMessage": "the database is away"}, FunctionError="Unhandled")
    with pytest.raises(RuntimeError, match="the database is away"):
        PROD.invoke(function, "operators", {"command": "list"})


def test_a_stage_that_is_not_there_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["audit", "--stage", "dev", "-c", "region=eu-west-1"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        assert audit.main() == 2
    assert "there is no stage dev in eu-west-1" in capsys.readouterr().err


def test_the_emergency_task_says_why_and_has_no_address_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ecs:
        given: dict[str, Any]
        # The agent that lets people in runs later than the task.
        statuses = iter(["PENDING", "RUNNING"])

        def run_task(self, **given: Any) -> dict[str, Any]:
            self.given = given
            return {"tasks": [{"taskArn": "arn:task"}]}

        def get_waiter(self, _name: str) -> Any:
            return argparse.Namespace(wait=lambda **_given: None)

        def describe_tasks(self, **_given: Any) -> dict[str, Any]:
            agents = [{"name": "ExecuteCommandAgent", "lastStatus": next(self.statuses)}]
            return {"tasks": [{"containers": [{"managedAgents": agents}]}]}

    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    names = ("BreakGlassCluster", "BreakGlassTask", "BreakGlassSubnet", "BreakGlassSecurityGroup")
    ecs = Ecs()
    assert break_glass.start(ecs, {name: name for name in names}, "incident 7: what …") == "arn:task"
    assert next(ecs.statuses, None) is None
    # Letters, numbers, hyphens, slashes and underscores are all that ECS takes.
    assert ecs.given["startedBy"] == "incident-7-what-"
    assert ecs.given["enableExecuteCommand"] is True
    assert ecs.given["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"


class Rds:
    """A service that restores at once."""

    def __init__(self) -> None:
        self.there = {"real"}
        self.full = False
        # What is deleted takes minutes, and refuses to be deleted again; so does what is still made.
        self.deleting: set[str] = set()
        self.busy: str | None = None

    def describe_db_instances(self, DBInstanceIdentifier: str) -> dict[str, Any]:
        instance = {
            "DBInstanceClass": "db.t4g.medium",
            "DBSubnetGroup": {"DBSubnetGroupName": "isolated"},
            "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}],
            "DBParameterGroups": [{"DBParameterGroupName": "ours"}],
            "Endpoint": {"Address": f"{DBInstanceIdentifier}.abc.us-east-1.rds.amazonaws.com"},
        }
        return {"DBInstances": [instance]}

    def restore_db_instance_to_point_in_time(self, **given: Any) -> None:
        assert given["PubliclyAccessible"] is False
        assert given["DBSubnetGroupName"] == "isolated"
        self.there.add(given["TargetDBInstanceIdentifier"])

    def get_waiter(self, _name: str) -> Any:
        return argparse.Namespace(wait=lambda **_given: None)

    def get_paginator(self, name: str) -> Any:
        kind, key, status = {
            "describe_db_instances": ("DBInstances", "DBInstanceIdentifier", "DBInstanceStatus"),
            "describe_db_clusters": ("DBClusters", "DBClusterIdentifier", "Status"),
        }[name]
        rows = [
            {key: each, status: "deleting" if each in self.deleting else "available"}
            for each in sorted(self.there | self.deleting)
        ]
        return argparse.Namespace(paginate=lambda: [{kind: rows}])

    def delete_db_instance(self, DBInstanceIdentifier: str, **_given: Any) -> None:
        state = "is already being deleted" if DBInstanceIdentifier in self.deleting else self.busy
        if state:
            raise ClientError({"Error": {"Code": "InvalidDBInstanceState", "Message": state}}, "DeleteDBInstance")
        if DBInstanceIdentifier not in self.there:
            raise ClientError({"Error": {"Code": "DBInstanceNotFound", "Message": "none"}}, "DeleteDBInstance")
        self.there.remove(DBInstanceIdentifier)

    # An Aurora cluster ------------------------------------------------------------------------------------------

    def describe_db_clusters(self, DBClusterIdentifier: str) -> dict[str, Any]:
        assert DBClusterIdentifier in self.there
        cluster = {
            "Engine": "aurora-postgresql",
            "DBSubnetGroup": "isolated",
            "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}],
            "DBClusterParameterGroup": "ours",
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8.0, "SecondsUntilAutoPause": 300},
            "Endpoint": f"{DBClusterIdentifier}.cluster-abc.us-east-1.rds.amazonaws.com",
        }
        return {"DBClusters": [cluster]}

    def restore_db_cluster_to_point_in_time(self, **given: Any) -> None:
        assert given["DBSubnetGroupName"] == "isolated"
        assert given["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 8.0}
        self.there.add(given["DBClusterIdentifier"])

    def create_db_instance(self, **given: Any) -> None:
        assert given["DBClusterIdentifier"] in self.there
        assert (given["DBInstanceClass"], given["PubliclyAccessible"]) == ("db.serverless", False)
        if self.full:
            raise ClientError({"Error": {"Code": "InstanceQuotaExceeded", "Message": "full"}}, "CreateDBInstance")
        self.there.add(given["DBInstanceIdentifier"])

    def delete_db_cluster(self, DBClusterIdentifier: str, **_given: Any) -> None:
        assert f"{DBClusterIdentifier}-1" not in self.there, "a cluster with instances is not deleted"
        self.there.remove(DBClusterIdentifier)


PLACES = [({"DatabaseId": "real"}, "abc"), ({"ClusterId": "real"}, "cluster-abc")]


def rehearsed(rds: Any, function: Lambda, outputs: dict[str, str]) -> dict[str, Any]:
    """A rehearsal of production."""
    _, target = parse(argparse.ArgumentParser(), ["--stage", "prod", "-c", "region=us-east-1"])
    clients = {"rds": rds, "lambda": function}
    return restore.rehearse(clients.__getitem__, target, outputs, datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize(("outputs", "domain"), PLACES)
@pytest.mark.parametrize("broken", [{}, {"no balance or position is negative": 2}])
def test_a_rehearsal_leaves_nothing_behind_and_fails_for_a_ledger_that_does_not_add_up(
    broken: dict[str, int], outputs: dict[str, str], domain: str
) -> None:
    rds, function = Rds(), Lambda({"broken": broken, "users": 3, "trades": 9})
    if broken:
        with pytest.raises(restore.RehearsalFailed, match="negative"):
            rehearsed(rds, function, outputs)
    else:
        assert rehearsed(rds, function, outputs)["users"] == 3
    assert rds.there == {"real"}
    host = f"stratforge-prod-rehearsal-202611240000.{domain}.us-east-1.rds.amazonaws.com"
    assert function.asked["host"] == host


@pytest.mark.parametrize("kind", ["instance", "aurora"])
def test_a_rehearsal_says_what_the_service_understands(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against moto, with the parameters checked by AWS's own model of the service."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        rds, ec2 = (boto3.client(each, region_name="us-east-1") for each in ("rds", "ec2"))
        vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.40.{number}.0/24", AvailabilityZone=f"us-east-1{zone}")
            for number, zone in enumerate("ab")
        ]
        ids = [each["Subnet"]["SubnetId"] for each in subnets]
        rds.create_db_subnet_group(DBSubnetGroupName="isolated", DBSubnetGroupDescription="isolated", SubnetIds=ids)
        common = {"MasterUsername": "stratforge", "MasterUserPassword": "a-password", "DBSubnetGroupName": "isolated"}
        if kind == "aurora":
            rds.create_db_cluster_parameter_group(
                DBClusterParameterGroupName="ours", DBParameterGroupFamily="aurora-postgresql16", Description="ours"
            )
            rds.create_db_cluster(
                DBClusterIdentifier="real",
                Engine="aurora-postgresql",
                DBClusterParameterGroupName="ours",
                ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 8},
                **common,
            )
            outputs = {"ClusterId": "real"}
        else:
            rds.create_db_parameter_group(
                DBParameterGroupName="ours", DBParameterGroupFamily="postgres16", Description="ours"
            )
            rds.create_db_instance(
                DBInstanceIdentifier="real",
                DBInstanceClass="db.t4g.micro",
                Engine="postgres",
                AllocatedStorage=20,
                DBParameterGroupName="ours",
                VpcSecurityGroupIds=[ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
                **common,
            )
            outputs = {"DatabaseId": "real"}
        assert rehearsed(rds, Lambda({"broken": {}, "users": 3, "trades": 9}), outputs)["users"] == 3
        left = [each["DBInstanceIdentifier"] for each in rds.describe_db_instances()["DBInstances"]]
        left += [each["DBClusterIdentifier"] for each in rds.describe_db_clusters()["DBClusters"]]
        assert left == ["real"]


def test_a_rehearsal_that_is_half_done_leaves_nothing_behind_and_tells_what_stopped_it() -> None:
    rds = Rds()
    rds.full = True
    with pytest.raises(ClientError, match="InstanceQuotaExceeded"):
        rehearsed(rds, Lambda({}), {"ClusterId": "real"})
    assert rds.there == {"real"}


@pytest.mark.parametrize(("outputs", "domain"), PLACES)
def test_what_an_earlier_rehearsal_could_not_delete_is_deleted_by_the_next(
    outputs: dict[str, str], domain: str
) -> None:
    rds = Rds()
    rds.there |= {"stratforge-prod-rehearsal-202611170000", "stratforge-dev-rehearsal-202611170000"}
    rehearsed(rds, Lambda({"broken": {}, "users": 3, "trades": 9}), outputs)
    assert rds.there == {"real", "stratforge-dev-rehearsal-202611170000"}


@pytest.mark.parametrize(("outputs", "domain"), PLACES)
def test_a_rehearsal_lets_what_is_being_deleted_be(outputs: dict[str, str], domain: str) -> None:
    rds = Rds()
    rds.deleting = {"stratforge-prod-rehearsal-202611232359", "stratforge-prod-rehearsal-202611232359-1"}
    # A cluster that is left while its instance is going already.
    rds.there |= {"stratforge-prod-rehearsal-202611232358"} if "ClusterId" in outputs else set()
    rds.deleting |= {"stratforge-prod-rehearsal-202611232358-1"}
    assert rehearsed(rds, Lambda({"broken": {}, "users": 3, "trades": 9}), outputs)["users"] == 3
    assert rds.there == {"real"}


def test_what_cannot_be_deleted_hides_no_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rds, function = Rds(), Lambda({"errorMessage": "the database is away"}, FunctionError="Unhandled")
    rds.busy = "the instance is not available"
    monkeypatch.setattr(Target, "client", lambda _self, service, **_given: {"rds": rds, "lambda": function}[service])
    monkeypatch.setattr(Target, "outputs", lambda _self, _stack: {"DatabaseId": "real"})
    monkeypatch.setattr("sys.argv", ["restore", "--stage", "prod", "-c", "region=us-east-1"])
    assert restore.main() == 1
    told = capsys.readouterr().err
    assert "the database is away" in told
    assert "could not be deleted either" in told
    assert "the instance is not available" in told


class Logs:
    """The log of sessions, in which a transcript arrives at some look."""

    def __init__(self, *looks: dict[str, str]) -> None:
        self.looks, self.now = iter(looks), dict[str, str]()

    def get_paginator(self, _name: str) -> Logs:
        return self

    def paginate(self, logGroupName: str, logStreamNamePrefix: str) -> list[dict[str, Any]]:
        assert (logGroupName, logStreamNamePrefix) == ("/log", "ecs-execute-command-")
        self.now = next(self.looks, self.now)
        return [{"logStreams": [{"logStreamName": each} for each in self.now]}]

    def get_log_events(self, logGroupName: str, logStreamName: str, limit: int) -> dict[str, Any]:
        text = self.now[logStreamName]
        return {"events": [{"message": text}] if text else []}


@pytest.mark.parametrize(
    ("looks", "code", "message"),
    [
        ([{"old": "a"}, {"old": "a"}, {"old": "a", "new": ""}, {"old": "a", "new": "SELECT"}], 0, "/log, stream new"),
        ([{"old": "a"}], 1, "NO TRANSCRIPT"),
        ([{}, {"new": 'unable to generate log data: exec: "script": executable file not found'}], 1, "NO TRANSCRIPT"),
    ],
)
def test_an_emergency_session_ends_when_its_transcript_has_come_and_says_so_if_none_did(
    looks: list[dict[str, str]],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs, done = Logs(*looks), list[str]()
    ecs = argparse.Namespace(stop_task=lambda **_given: done.append("stopped"))
    monkeypatch.setattr(Target, "client", lambda _self, service: {"ecs": ecs, "logs": logs}[service])
    outputs = {"BreakGlassLog": "/log", "BreakGlassCluster": "cluster"}
    monkeypatch.setattr(Target, "outputs", lambda _self, _stack: outputs)
    monkeypatch.setattr(break_glass, "start", lambda *_given: "arn:task")
    monkeypatch.setattr(break_glass, "session", lambda *_given: 0)
    monkeypatch.setattr("shutil.which", lambda _tool: "/bin/true")
    # The task must not end while the agent in it still writes.
    monkeypatch.setattr("time.sleep", lambda _seconds: done.append("waited"))
    monkeypatch.setattr("sys.argv", ["break-glass", "--why", "incident 7", "--stage", "prod", "-c", "region=us-east-1"])
    assert break_glass.main() == code
    told = capsys.readouterr()
    assert message in told.out + told.err
    assert done.count("stopped") == 1
    assert done[-1] == "stopped"
    assert len(done) <= 91


def test_an_interrupted_query_ends_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_given: object, **_named: object) -> argparse.Namespace:
        signal.raise_signal(signal.SIGINT)
        return argparse.Namespace(returncode=0)

    def ended(*_given: object) -> None:
        raise AssertionError("the session was ended")

    monkeypatch.setattr("subprocess.run", interrupted)
    before = signal.signal(signal.SIGINT, ended)
    try:
        assert break_glass.session(PROD, {"BreakGlassCluster": "cluster"}, "arn:task") == 0
        assert signal.getsignal(signal.SIGINT) == ended
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_task_that_cannot_start_says_why() -> None:
    class Ecs:
        def run_task(self, **_given: Any) -> dict[str, Any]:
            return {"tasks": [], "failures": [{"reason": "CAPACITY"}]}

    names = ("BreakGlassCluster", "BreakGlassTask", "BreakGlassSubnet", "BreakGlassSecurityGroup")
    with pytest.raises(RuntimeError, match="CAPACITY"):
        break_glass.start(Ecs(), {name: name for name in names}, "incident 7")
