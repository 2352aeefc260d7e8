"""The operator's manual against what there is: its commands, settings, functions, secrets, migrations' tables and alarms, in both directions where that makes sense."""

from __future__ import annotations

import ast
import fnmatch
import re
import shlex
from pathlib import Path
from typing import Any

import boto3
import pytest
from local_platform.synthesis import ROOT

from tests.support.assemblies import Resources, every, resources_of

MANUAL = (ROOT / "infra_cdk" / "OPERATIONS.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
_MARKS = {"run", "local", "template", "untried"}


@pytest.fixture(scope="session")
def stages(production_assembly: Path, development_assembly: Path) -> dict[str, dict[str, Resources]]:
    """Both stages."""
    return {"prod": resources_of(production_assembly), "dev": resources_of(development_assembly)}


def commands() -> list[str]:
    """Every command line of the manual: those of its blocks, and those within its sentences."""
    lines = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", MANUAL, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    text = re.sub(r"^```.*?^```", "", MANUAL, flags=re.MULTILINE | re.DOTALL)
    lines += [each.replace("\n", " ") for each in re.findall(r"`((?:make|aws|docker|git) [^`]+)`", text)]
    return [re.sub(r"\s#.*$|\s+\[[^\]]*\]$", "", line).strip() for line in lines if line.strip()]


def test_the_manual_has_commands() -> None:
    assert len(commands()) >= 20
    assert {each.split()[0] for each in commands()} <= {"make", "aws", "docker", "git"}


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("make ")])
def test_a_target_is_there_and_uses_what_it_is_given(command: str) -> None:
    _, target, *given = shlex.split(command)
    assert target in TARGETS, f"make {target} is not there"
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
    assert recipe
    for name in (each.split("=")[0] for each in given):
        assert f"$({name})" in recipe[1] or f"$(or $({name})" in recipe[1], f"{name} is nothing to make {target}"


def _flags_of(module: str) -> set[str]:
    """What a command line of ours takes; `target.py` adds the settings of a stage to each."""
    texts = [
        (ROOT / Path(*module.split(".")).with_suffix(".py")).read_text(),
        (ROOT / "infra_cdk/target.py").read_text(),
    ]
    return {
        str(argument.value)
        for text in texts
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }


def test_a_target_gives_its_program_only_what_it_takes() -> None:
    found = 0
    for module, rest in re.findall(r"-m (infra_cdk\.[\w.]+)([^\n]*)", MAKEFILE):
        if module == "infra_cdk.cdk":
            continue
        assert (ROOT / Path(*module.split(".")).with_suffix(".py")).exists(), module
        flags = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
        assert flags <= _flags_of(module), module
        found += 1
    assert found >= 10


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("aws ")])
def test_a_command_of_aws_is_one_of_its_services_model(command: str) -> None:
    _, service, operation, *rest = shlex.split(command)
    made: Any = boto3.client
    client = made(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    names = {each.replace("_", "-"): each for each in client.meta.method_to_api_mapping}
    assert operation in names
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[names[operation]]).input_shape
    members = {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", each).lower() for each in (shape.members if shape else ())}
    for flag in (each.removeprefix("--") for each in rest if each.startswith("--")):
        assert flag in members | {"query"}, flag


# What a command does by other programs, by hand or by what another permission stands for.
_BESIDE = {
    "ecs:ExecuteCommand",
    "iam:PassRole",
    "kms:Decrypt",
    "rds:AddTagsToResource",
    "cloudformation:DetectStackDrift",
    "cloudformation:DescribeStackDriftDetectionStatus",
    "cloudformation:DescribeStackResourceDrifts",
}
# What a module of another's calls, where it is not the whole of it: making roles is the bootstrap's.
_NOT_BY = {"iam:CreateServiceLinkedRole"}


def _calls_of(*modules: str) -> set[str]:
    """The actions of IAM that the calls in modules need, found by the models of the services that they have clients of."""
    trees = [ast.parse((ROOT / "infra_cdk" / f"{each}.py").read_text()) for each in modules]
    called: set[str] = set()
    named: set[str] = set()
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        text = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
        called.add(str(text) if name in ("get_paginator", "get_waiter") else name)
        named |= {str(text)} if name == "client" else set()
    # What a target does for every command.
    through = {"outputs": "cloudformation:DescribeStacks", "secret": "secretsmanager:GetSecretValue"}
    found = {action for name, action in through.items() if name in called}
    found |= {through["secret"]} if "read" in called else set()
    made: Any = boto3.client
    for service in named:
        client = made(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        prefix, operations = client.meta.service_model.signing_name, client.meta.method_to_api_mapping
        waited = {each: client.get_waiter(each).config.operation for each in client.waiter_names if each in called}
        found |= {f"{prefix}:{operations[each]}" for each in called & set(operations)}
        found |= {f"{prefix}:{operation}" for operation in waited.values()}
    # Everybody may ask who he is.
    return {each.replace("lambda:Invoke", "lambda:InvokeFunction") for each in found} - {"sts:GetCallerIdentity"}


@pytest.mark.parametrize(
    ("passage", "modules"),
    [
        (
            r"do what `make deploy` asks beside CDK(.*?), and put its ARN",
            ("preflight", "service_roles", "secrets", "smoke"),
        ),
        (r"`WATCH_ROLE_ARN` may (.*?)\*\*\[", ("restore",)),
        (r"`make audit STAGE=prod` (.*?)\n\n", ("audit",)),
        (r"`make break-glass STAGE=prod WHY(.*?)\n\n", ("break_glass",)),
    ],
)
def test_who_has_exactly_the_permissions_of_the_manual_can_run_the_command(
    passage: str, modules: tuple[str, ...]
) -> None:
    (text,) = re.findall(passage, MANUAL, re.DOTALL)
    listed = set(re.findall(r"`([a-z0-9]+:[A-Z][A-Za-z*]+)`", text))
    asked = _calls_of(*modules) - _NOT_BY - ({"secretsmanager:PutSecretValue"} if "smoke" in modules else set())
    assert len(asked) >= 1
    assert {each for each in asked if not any(fnmatch.fnmatchcase(each, one) for one in listed)} == set(), "missing"
    idle = {one for one in listed - _BESIDE if not any(fnmatch.fnmatchcase(each, one) for each in asked)}
    assert idle == set(), "nothing asks for them"


def test_every_setting_is_in_the_table_and_every_line_of_the_table_is_one() -> None:
    table = set(re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\| (`[a-z_`, ]+`) \|", MANUAL, re.MULTILINE))))
    code = "\n".join(path.read_text() for path in (ROOT / "infra_cdk").rglob("*.py"))
    read = set(
        re.findall(r'(?:try_get_context|\b_?\w*setting|_switch|_flag|_number|_text)\((?:node, )?"([a-z_]+)"', code)
    )
    assert {name for name in table if f'"{name}"' not in code} == set()
    # What starts the local platform says these itself; nobody deploys with them.
    assert read - table == {"gateways", "simulated"} & read
    assert {"stage", "region", "canary", "egress"} <= table


@pytest.mark.parametrize("stage", ["prod", "dev"])
def test_functions_queues_secrets_and_logs_of_the_manual_are_in_the_templates(
    stages: dict[str, dict[str, Resources]], stage: str
) -> None:
    stacks = stages[stage]
    names = {
        str(properties.get(key))
        for kind, key in (
            ("AWS::Lambda::Function", "FunctionName"),
            ("AWS::SecretsManager::Secret", "Name"),
            ("AWS::Logs::LogGroup", "LogGroupName"),
        )
        for _, properties in every(stacks, kind)
    }
    text = MANUAL.replace("<stage>", stage).replace("STAGE", stage)
    said = set(re.findall(rf"`?(/?stratforge[-/]{stage}[-/][\w/-]*\w)", text))
    # Patterns, what a rehearsal makes, and the operator's secret, which a deployment has only when it was asked to.
    said = {
        each
        for each in said
        if "rehearsal" not in each
        and each not in (f"stratforge/{stage}", "stratforge/dev/operator", "stratforge/dev/edge")
    }
    assert len(said) >= 5
    assert said - names == set()


@pytest.mark.parametrize("stage", ["prod", "dev"])
def test_every_alarm_has_its_line_and_every_line_its_alarm(stages: dict[str, dict[str, Resources]], stage: str) -> None:
    lines = {name.strip() for heading in re.findall(r"^### (.+)$", MANUAL, re.MULTILINE) for name in heading.split(",")}
    anchors = set()
    for _, alarm in every(stages[stage], "AWS::CloudWatch::Alarm"):
        found = re.search(r"infra_cdk/OPERATIONS\.md#([a-z-]+)", alarm["AlarmDescription"])
        assert found, alarm["AlarmName"]
        # An alarm leads to the line of its own name, so that whoever is woken by the name finds it.
        assert str(alarm["AlarmName"]).endswith(found[1]), alarm["AlarmName"]
        anchors.add("failing" if found[1].endswith("-failing") else found[1])
    assert anchors - lines == set(), "nobody knows what they mean"
    # A development stage has no bars that are old enough for the archive.
    assert lines - anchors == ({"not-archived"} if stage == "dev" else set()), "they never ring"


def test_every_part_that_is_done_says_how_far_it_was_tried() -> None:
    marks = re.findall(r"\[(\w+)(?::[^\]]*)?\](?!\()", MANUAL)
    assert set(marks) <= _MARKS | {"local"}, set(marks) - _MARKS
    parts = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", MANUAL, re.MULTILINE | re.DOTALL))
    acted = {name for name, text in parts.items() if re.search(r"`(?:make|aws|docker) |```sh", text)}
    unmarked = {name for name in acted if not any(f"[{mark}" in parts[name] for mark in _MARKS)}
    # A meaning for each alarm, and a bill: nothing is done there that another part does not mark.
    assert unmarked <= {"Runbook"}, unmarked
