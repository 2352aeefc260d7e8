"""Commands for emergencies: a rehearsal of a restore, and the database by hand, with what its session leaves."""

from __future__ import annotations

import argparse
import signal
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra_cdk import break_glass, restore
from infra_cdk.target import Target, parse
from tests.infrastructure.test_commands import PROD, Lambda


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
