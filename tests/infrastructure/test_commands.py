"""Commands of operators, as far as they run without an account: what they take, what they refuse, what they ask for."""

from __future__ import annotations

import argparse
import io
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_platform.synthesis import ROOT
from moto import mock_aws

from infra_cdk import (
    audit,
    concurrency,
    corporate_actions,
    operators,
    preflight,
    service_roles,
)
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


# Operators ------------------------------------------------------------------------------------------


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


_DECISION = ["--id", "by-hand-1", "--why", "not announced"]
_TERMS = "symbol=XYZ kind=split effective_on=2026-03-02 ratio=2"


@pytest.mark.parametrize(
    ("told", "done", "asked"),
    [
        (["list"], True, {"command": "actions"}),
        (["approve", *_DECISION], True, {"command": "approve", "action_id": "by-hand-1", "reason": "not announced"}),
        (["dismiss", *_DECISION], False, {"command": "dismiss", "action_id": "by-hand-1", "reason": "not announced"}),
        (
            ["enter", *_DECISION, "--terms", _TERMS],
            True,
            {
                "command": "enter",
                "action": {
                    "action_id": "by-hand-1",
                    "reason": "not announced",
                    "symbol": "XYZ",
                    "kind": "split",
                    "effective_on": "2026-03-02",
                    "ratio": "2",
                },
            },
        ),
    ],
)
def test_corporate_actions_are_decided_by_the_stages_function(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: list[str], done: bool, asked: Any
) -> None:
    waits = {"on": "2026-03-02", "action_id": "a", "words": "XYZ: split 2:1", "state": "waits", "obstacle": "at work"}
    function = Lambda({"done": done, "actions": [waits]})
    sts = argparse.Namespace(get_caller_identity=lambda: {"Arn": "arn:aws:iam::1:user/eve"})
    monkeypatch.setattr(Target, "client", lambda _self, service: {"lambda": function, "sts": sts}[service])
    monkeypatch.setattr("sys.argv", ["corporate-actions", *told, "--stage", "prod", "-c", "region=us-east-1"])
    assert corporate_actions.main() == (0 if done else 1)
    assert function.asked == {"function": "stratforge-prod-operators", "by": "arn:aws:iam::1:user/eve", **asked}
    printed = capsys.readouterr()
    assert printed.out == "2026-03-02 a  XYZ: split 2:1: waits (at work)\n"
    assert ("nothing was changed" in printed.err) is not done


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (["approve", "--id", "a"], "give ID= and WHY="),
        (["enter", *_DECISION, "--terms", "symbol=XYZ ratio"], "'ratio' is not name=value"),
        (["enter", *_DECISION, "--terms", "symbol=XYZ"], "give kind, effective_on too"),
    ],
)
def test_half_a_decision_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: list[str], words: str
) -> None:
    monkeypatch.setattr("sys.argv", ["corporate-actions", *told, "--stage", "prod", "-c", "region=us-east-1"])
    with pytest.raises(SystemExit):
        corporate_actions.main()
    assert words in capsys.readouterr().err


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
