"""That the proofs would notice: production's templates, broken or mended in one place, and which proof changes its mind."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.policies import test_allowed as working
from tests.infrastructure.policies import test_denied as refused
from tests.infrastructure.policies.account import Account
from tests.infrastructure.policies.simulator import Simulator
from tests.infrastructure.policies.templates import Deployment

Templates = dict[str, dict[str, Any]]
Proof = Callable[[Account], None]


@pytest.fixture(scope="module")
def templates(production_assembly: Path) -> Templates:
    """Production's templates by stack."""
    return Deployment.read(production_assembly).templates


def resources(templates: Templates, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Stack, logical id and properties of the resources of a type."""
    for stack, template in templates.items():
        for name, each in template["Resources"].items():
            if each["Type"] == kind:
                yield stack, name, each["Properties"]


def role_of(templates: Templates, function: str) -> tuple[str, str]:
    """The stack and logical id of a function's role."""
    for stack, _, properties in resources(templates, "AWS::Lambda::Function"):
        if str(properties.get("FunctionName", "")).endswith(f"-{function}"):
            return stack, properties["Role"]["Fn::GetAtt"][0]
    raise LookupError(function)


def give(templates: Templates, function: str, **statement: Any) -> None:
    """Gives a function's role one more statement."""
    stack, role = role_of(templates, function)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}
    templates[stack]["Resources"]["OneMore"] = {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "one-more", "Roles": [{"Ref": role}], "PolicyDocument": document},
    }


def statements_of_queue(templates: Templates, queue: str) -> list[dict[str, Any]]:
    """The statements of a queue's policy."""
    for _, _, properties in resources(templates, "AWS::SQS::QueuePolicy"):
        if f'"{queue}Queue' in json.dumps(properties["Queues"]):
            found: list[dict[str, Any]] = properties["PolicyDocument"]["Statement"]
            return found
    raise LookupError(queue)


def free_the_sandbox(templates: Templates) -> None:
    """What refuses everything to the sandbox's code is gone: then it has what Lambda needs to attach it to its network."""
    stack, role = role_of(templates, "sandbox")
    documents = [
        each["PolicyDocument"] for each in templates[stack]["Resources"][role]["Properties"].get("Policies", [])
    ]
    for _, _, properties in resources(templates, "AWS::IAM::Policy"):
        if {"Ref": role} in properties["Roles"]:
            documents.append(properties["PolicyDocument"])
    for document in documents:
        document["Statement"] = [each for each in document["Statement"] if each["Effect"] != "Deny"]


def forget_the_topics(templates: Templates) -> None:
    """SNS may not send to the queue of bars."""
    statements = statements_of_queue(templates, "Bars")
    statements[:] = [each for each in statements if each["Effect"] == "Deny"]


def open_to_every_topic(templates: Templates) -> None:
    """SNS may send to the queue of bars for whomever it likes."""
    for each in statements_of_queue(templates, "Bars"):
        if each["Effect"] == "Allow":
            each.pop("Condition")


def forget_the_rule_s_source(templates: Templates) -> None:
    """Schedules of anybody may call."""
    for _, _, properties in resources(templates, "AWS::Lambda::Permission"):
        if properties["Principal"] == "events.amazonaws.com":
            properties.pop("SourceArn")


def call_the_function_instead_of_its_alias(templates: Templates) -> None:
    """The gateway calls the alias, the permission is the function's."""
    for _, _, properties in resources(templates, "AWS::Lambda::Permission"):
        if "http" not in json.dumps(properties["FunctionName"]) and "Live" in json.dumps(properties["FunctionName"]):
            properties["FunctionName"] = "stratforge-prod-api"


def an_endpoint_for_reading_only(templates: Templates) -> None:
    """What passes the endpoint of SQS may only receive; where there is no endpoint, one is made."""
    stack = next(stack for stack, _, _ in resources(templates, "AWS::EC2::VPC"))
    templates[stack]["Resources"]["ReadingOnly"] = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "ServiceName": "com.amazonaws.us-east-1.sqs",
            "PolicyDocument": {
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:ReceiveMessage", "Resource": "*"}]
            },
        },
    }


def a_role_for_everybody(templates: Templates) -> None:
    """Whoever wants takes the executor's role."""
    stack, role = role_of(templates, "executor")
    trust = templates[stack]["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Principal"] = {"AWS": "*"}


def no_tags(templates: Templates) -> None:
    """The ingestor may make topics but not tag them."""
    for _, _, properties in resources(templates, "AWS::IAM::Policy"):
        for each in properties["PolicyDocument"]["Statement"]:
            if "sns:TagResource" in each["Action"]:
                each["Action"] = [action for action in each["Action"] if action != "sns:TagResource"]


def plain_transport(templates: Templates) -> None:
    """A queue takes what comes without TLS."""
    statements = statements_of_queue(templates, "Signals")
    statements[:] = [each for each in statements if each["Effect"] == "Allow"]


def nobody_reads_alpaca_s_keys(templates: Templates) -> None:
    """The executor may not read its secret."""
    stack, role = role_of(templates, "executor")
    for where, _, properties in resources(templates, "AWS::IAM::Policy"):
        if where == stack and {"Ref": role} in properties["Roles"]:
            properties["PolicyDocument"]["Statement"] = [
                each
                for each in properties["PolicyDocument"]["Statement"]
                if "secretsmanager:GetSecretValue" not in each["Action"]
            ]


@pytest.mark.parametrize(
    ("damage", "proof"),
    [
        (free_the_sandbox, refused.test_the_sandbox_may_do_nothing),
        (
            lambda t: give(t, "api", Action="lambda:InvokeFunction"),
            refused.test_the_sandbox_is_called_by_the_evaluator_only,
        ),
        (
            lambda t: give(t, "api", Action="secretsmanager:GetSecretValue"),
            refused.test_secrets_are_read_by_those_who_need_them,
        ),
        (lambda t: give(t, "mcp", Action="sns:Publish"), refused.test_only_the_ingestor_publishes_bars),
        (
            lambda t: give(t, "api", Action="sqs:ReceiveMessage"),
            refused.test_a_message_is_taken_off_a_queue_by_its_consumer_only,
        ),
        (lambda t: give(t, "api", Action="iam:PassRole"), refused.test_no_program_may_make_itself_stronger),
        (
            lambda t: give(t, "api", Action="sqs:PurgeQueue"),
            refused.test_no_program_may_change_a_queue_a_secret_or_a_key,
        ),
        (
            lambda t: give(t, "executor", Action="kms:Decrypt"),
            refused.test_a_key_is_used_through_the_service_that_it_is_for,
        ),
        (
            lambda t: give(t, "executor", Action="secretsmanager:PutSecretValue"),
            refused.test_secrets_are_written_by_who_rotates_them,
        ),
        (
            lambda t: give(t, "notifier", Action="execute-api:ManageConnections"),
            refused.test_connections_of_other_gateways_are_not_reached,
        ),
        (
            lambda t: give(t, "cleaner", Action="sns:DeleteTopic"),
            refused.test_the_ingestor_reaches_the_topics_of_its_own_stage_only,
        ),
        (open_to_every_topic, refused.test_services_that_act_for_somebody_else_are_refused),
        (forget_the_rule_s_source, refused.test_services_that_act_for_somebody_else_are_refused),
        (a_role_for_everybody, refused.test_a_role_is_taken_by_services_only),
        (plain_transport, refused.test_nothing_travels_unencrypted),
        (forget_the_topics, working.test_topics_reach_the_queues_that_are_subscribed),
        (call_the_function_instead_of_its_alias, working.test_the_gateways_may_call_the_functions_behind_their_routes),
        (an_endpoint_for_reading_only, working.test_programs_may_make_every_call_that_they_make),
        (no_tags, working.test_programs_may_make_every_call_that_they_make),
        (nobody_reads_alpaca_s_keys, working.test_programs_may_make_every_call_that_they_make),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_broken_deployment_does_not_pass(
    templates: Templates, simulator: Simulator, damage: Callable[[Templates], None], proof: Proof
) -> None:
    proof(Account(Deployment(templates), simulator))
    broken = copy.deepcopy(templates)
    damage(broken)
    assert broken != templates, "nothing was broken"
    with pytest.raises(AssertionError):
        proof(Account(Deployment(broken), simulator))
