"""Commands of operators, as far as they run without an account: what they take, what they refuse, what they ask for."""

from __future__ import annotations

import argparse
import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import aws_cdk as cdk
import pytest
from botocore.exceptions import ClientError
from local_platform.synthesis import ROOT

from infra_cdk import break_glass, operators, preflight, restore
from infra_cdk.configuration import StageConfig, stage_config
from infra_cdk.target import parse
from tests.support.assemblies import ACCOUNT, context_of


def config_of(stage: str, **context: object) -> StageConfig:
    """A stage's configuration."""
    return stage_config(cdk.App(context=context_of(stage, **context)).node)


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
        self.zones = ["us-east-1a", "us-east-1b", "us-east-1d"]
        self.__dict__ |= changes

    def __call__(self, _service: str) -> Account:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account, "Arn": f"arn:aws:iam::{self.account}:user/eve"}

    def get_parameter(self, Name: str) -> dict[str, Any]:
        if self.bootstrap is None:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": Name}}, "GetParameter")
        return {"Parameter": {"Value": self.bootstrap}}

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"ConcurrentExecutions": self.concurrency}}

    def describe_availability_zones(self, Filters: Any) -> dict[str, Any]:
        return {"AvailabilityZones": [{"ZoneName": each} for each in self.zones]}


def found(config: StageConfig, account: Account, docker: str | None = None) -> list[str]:
    """What is in the way."""
    return list(preflight.problems(config, account, lambda: docker))


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_nothing_is_in_the_way_of_an_account_that_is_ready(stage: str) -> None:
    assert found(config_of(stage), Account()) == []


def test_a_new_account_with_ten_functions_takes_dev_and_is_told_about_prod() -> None:
    new = Account(concurrency=10)
    assert found(config_of("dev"), new) == []
    (problem,) = found(config_of("prod"), new)
    assert "the account may run 10 functions at a time" in problem


@pytest.mark.parametrize(
    ("context", "changes", "docker", "message"),
    [
        ({}, {"account": "999999999999"}, None, "the credentials are of account 999999999999"),
        ({}, {"bootstrap": None}, None, "is not prepared for CDK"),
        ({}, {"bootstrap": "6"}, None, "is not prepared for CDK (version 6"),
        ({}, {"zones": ["us-east-1a"]}, None, "has 1 zones for this account"),
        ({"zones": "us-east-1a,us-east-1c"}, {}, None, "there is no us-east-1c"),
        ({}, {}, "Docker is not installed", "Docker is not installed"),
    ],
)
def test_what_would_stop_a_deployment_is_told_before(
    context: dict[str, object], changes: dict[str, Any], docker: str | None, message: str
) -> None:
    (problem,) = found(config_of("dev", **context), Account(**changes), docker)
    assert message in problem


# Operators and emergencies ------------------------------------------------------------------------------------------


class Lambda:
    """A function that answers as told."""

    def __init__(self, answer: dict[str, Any], **reply: Any) -> None:
        self.answer, self.reply = answer, reply
        self.asked: dict[str, Any] = {}

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.asked = {"function": FunctionName, **json.loads(Payload)}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **self.reply}


def test_an_operator_is_made_by_the_stages_function_in_the_callers_name() -> None:
    function = Lambda({"done": True, "operators": ["ada@example.com"]})
    operators.ask(function, "prod", "grant", "ada@example.com", "arn:aws:iam::1:user/eve")
    assert function.asked == {
        "function": "stratforge-prod-operators",
        "command": "grant",
        "email": "ada@example.com",
        "by": "arn:aws:iam::1:user/eve",
    }


def test_a_function_that_fails_is_told_in_its_words() -> None:
    function = Lambda({"errorMessage": "the database is away"}, FunctionError="Unhandled")
    with pytest.raises(RuntimeError, match="the database is away"):
        operators.ask(function, "prod", "list", "", "arn")


def test_the_emergency_task_says_why_and_has_no_address_of_its_own() -> None:
    class Ecs:
        given: dict[str, Any]

        def run_task(self, **given: Any) -> dict[str, Any]:
            self.given = given
            return {"tasks": [{"taskArn": "arn:task"}]}

        def get_waiter(self, _name: str) -> Any:
            return argparse.Namespace(wait=lambda **_given: None)

    names = ("BreakGlassCluster", "BreakGlassTask", "BreakGlassSubnet", "BreakGlassSecurityGroup")
    ecs = Ecs()
    assert break_glass.start(ecs, {name: name for name in names}, "incident 7") == "arn:task"
    assert ecs.given["startedBy"] == "incident 7"
    assert ecs.given["enableExecuteCommand"] is True
    assert ecs.given["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"


class Rds:
    """A service that restores at once."""

    def __init__(self) -> None:
        self.there = {"real"}

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

    def delete_db_instance(self, DBInstanceIdentifier: str, **_given: Any) -> None:
        self.there.remove(DBInstanceIdentifier)


@pytest.mark.parametrize("broken", [{}, {"no balance or position is negative": 2}])
def test_a_rehearsal_leaves_nothing_behind_and_fails_for_a_ledger_that_does_not_add_up(broken: dict[str, int]) -> None:
    rds, function = Rds(), Lambda({"broken": broken, "users": 3, "trades": 9})
    clients = {"rds": rds, "lambda": function}
    _, target = parse(argparse.ArgumentParser(), ["--stage", "prod", "-c", "region=us-east-1"])
    at = datetime(2026, 11, 24, tzinfo=UTC)
    if broken:
        with pytest.raises(restore.RehearsalFailed, match="negative"):
            restore.rehearse(clients.__getitem__, target, "real", at)
    else:
        assert restore.rehearse(clients.__getitem__, target, "real", at)["users"] == 3
    assert rds.there == {"real"}
    assert function.asked["host"] == "stratforge-prod-rehearsal-202611240000.abc.us-east-1.rds.amazonaws.com"


def test_a_task_that_cannot_start_says_why() -> None:
    class Ecs:
        def run_task(self, **_given: Any) -> dict[str, Any]:
            return {"tasks": [], "failures": [{"reason": "CAPACITY"}]}

    names = ("BreakGlassCluster", "BreakGlassTask", "BreakGlassSubnet", "BreakGlassSecurityGroup")
    with pytest.raises(RuntimeError, match="CAPACITY"):
        break_glass.start(Ecs(), {name: name for name in names}, "incident 7")
