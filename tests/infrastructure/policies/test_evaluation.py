"""The reader of templates and the engine, on templates small enough to decide by hand from AWS's documentation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infrastructure.policies import operations
from tests.infrastructure.policies.account import Account, bystander, service, stranger
from tests.infrastructure.policies.simulator import Simulator
from tests.infrastructure.policies.templates import ACCOUNT, Deployment, Unresolved

_TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
_ROOT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """A policy."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def a_role(*statements: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """A role of Lambda with an inline policy."""
    policies = [{"PolicyName": "own", "PolicyDocument": document(*statements)}] if statements else []
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": "worker", "AssumeRolePolicyDocument": _TRUST, "Policies": policies, **properties},
    }


def a_queue(**properties: Any) -> dict[str, Any]:
    """A queue."""
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "work", **properties}}


def a_policy_of_the_queue(*statements: dict[str, Any]) -> dict[str, Any]:
    """The queue's policy."""
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": document(*statements)},
    }


def a_key(*statements: dict[str, Any]) -> dict[str, Any]:
    """A key."""
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": document(*statements)}}


def account_of(simulator: Simulator, **resources: dict[str, Any]) -> Account:
    """The account with one stack."""
    return Account(Deployment({"stack": {"Resources": resources}}), simulator)


def role_in(account: Account) -> Any:
    """The account's only role."""
    (role,) = account.deployment.of_type("AWS::IAM::Role")
    return account.role(role)


def queue_in(account: Account) -> Any:
    """The account's only queue."""
    (queue,) = account.deployment.of_type("AWS::SQS::Queue")
    return queue


def test_nothing_is_allowed_that_nobody_allows(simulator: Simulator) -> None:
    account = account_of(simulator, Role=a_role(), Queue=a_queue())
    assert account.may(role_in(account), "sqs:SendMessage", queue_in(account).arn).result == "ImplicitlyDenied"


def test_an_identity_policy_is_enough_in_the_same_account(simulator: Simulator) -> None:
    role = a_role(allow("sqs:SendMessage", resource={"Fn::GetAtt": ["Queue", "Arn"]}))
    account = account_of(simulator, Role=role, Queue=a_queue())
    assert account.may(role_in(account), "sqs:SendMessage", queue_in(account).arn).allowed
    assert not account.may(role_in(account), "sqs:SendMessage", queue_in(account).arn + "-dead").allowed


def test_a_policy_of_its_own_resource_counts_for_a_role(simulator: Simulator) -> None:
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "p",
            "Roles": [{"Ref": "Role"}],
            "PolicyDocument": document(allow("sqs:SendMessage")),
        },
    }
    account = account_of(simulator, Role=a_role(), Policy=policy, Queue=a_queue())
    assert account.may(role_in(account), "sqs:SendMessage", queue_in(account).arn).allowed


def test_a_policy_that_aws_manages_counts_for_a_role(simulator: Simulator) -> None:
    managed = ["arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"]
    account = account_of(simulator, Role=a_role(ManagedPolicyArns=managed), Queue=a_queue())
    assert account.may(role_in(account), "sqs:ReceiveMessage", queue_in(account).arn).allowed
    assert not account.may(role_in(account), "sqs:SendMessage", queue_in(account).arn).allowed


def test_an_explicit_refusal_of_the_resource_wins_over_every_permission(simulator: Simulator) -> None:
    plain = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    account = account_of(simulator, Role=a_role(allow("sqs:*")), Queue=a_queue(), Policy=a_policy_of_the_queue(plain))
    who, queue = role_in(account), queue_in(account).arn
    assert account.may(who, "sqs:SendMessage", queue).allowed
    assert account.may(who, "sqs:SendMessage", queue, aws_SecureTransport="false").result == "ExplicitlyDenied"


def test_a_boundary_is_the_most_that_a_role_may_do(simulator: Simulator) -> None:
    boundary = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": document(allow("sqs:ReceiveMessage"))},
    }
    role = a_role(allow("sqs:*"), PermissionsBoundary={"Ref": "Boundary"})
    account = account_of(simulator, Role=role, Boundary=boundary, Queue=a_queue())
    assert account.may(role_in(account), "sqs:ReceiveMessage", queue_in(account).arn).allowed
    assert not account.may(role_in(account), "sqs:SendMessage", queue_in(account).arn).allowed


def test_a_service_needs_the_resource_to_allow_it_for_the_source_it_acts_for(simulator: Simulator) -> None:
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:news"
    grant = allow(
        "sqs:SendMessage",
        Principal={"Service": "sns.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": topic}},
    )
    account = account_of(simulator, Queue=a_queue(), Policy=a_policy_of_the_queue(grant))
    queue = queue_in(account)
    assert all(each.allowed for each in operations.deliver(account, topic, queue))
    assert not all(each.allowed for each in operations.deliver(account, topic + "2", queue))
    assert not account.may(service("events.amazonaws.com", topic), "sqs:SendMessage", queue.arn).allowed


def test_a_policy_that_only_refuses_lets_no_service_in(simulator: Simulator) -> None:
    refusal = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alarms"}}
    policy = {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": document(refusal)},
    }
    alarm = service("cloudwatch.amazonaws.com", f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:a")
    untouched = account_of(simulator, Topic=topic)
    (found,) = untouched.deployment.of_type("AWS::SNS::Topic")
    assert untouched.may(alarm, "sns:Publish", found.arn).allowed
    assert not untouched.may(bystander(), "sns:Publish", found.arn).allowed
    assert not account_of(simulator, Topic=topic, Policy=policy).may(alarm, "sns:Publish", found.arn).allowed


def test_another_account_needs_both_sides(simulator: Simulator) -> None:
    closed = account_of(simulator, Queue=a_queue())
    queue = queue_in(closed).arn
    assert not closed.may(stranger(), "sqs:SendMessage", queue).allowed
    opened = account_of(
        simulator,
        Queue=a_queue(),
        Policy=a_policy_of_the_queue(allow("sqs:SendMessage", Principal={"AWS": stranger().name})),
    )
    assert opened.may(stranger(), "sqs:SendMessage", queue).allowed


def test_a_key_that_does_not_trust_the_account_ignores_identity_policies(simulator: Simulator) -> None:
    alone = account_of(
        simulator,
        Role=a_role(allow("kms:Decrypt")),
        Key=a_key(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/keeper"})),
    )
    (key,) = alone.deployment.of_type("AWS::KMS::Key")
    assert not alone.may(role_in(alone), "kms:Decrypt", key.arn).allowed
    trusting = account_of(simulator, Role=a_role(allow("kms:Decrypt")), Key=a_key(allow("kms:*", Principal=_ROOT)))
    assert trusting.may(role_in(trusting), "kms:Decrypt", key.arn).allowed


def test_a_key_that_trusts_the_account_still_needs_an_identity_policy(simulator: Simulator) -> None:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "keys", "KmsKeyId": {"Ref": "Key"}}}
    reading = allow("secretsmanager:GetSecretValue", resource={"Ref": "Secret"})
    account = account_of(simulator, Role=a_role(reading), Secret=secret, Key=a_key(allow("kms:*", Principal=_ROOT)))
    (found,) = account.deployment.of_type("AWS::SecretsManager::Secret")
    got, decrypted = operations.read_secret(account, role_in(account), found)
    assert got.allowed
    assert not decrypted.allowed


def test_a_condition_on_the_service_in_between_is_looked_at(simulator: Simulator) -> None:
    through = allow(
        "kms:Decrypt", Condition={"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    )
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "keys", "KmsKeyId": {"Ref": "Key"}}}
    account = account_of(
        simulator,
        Role=a_role(through, allow("secretsmanager:GetSecretValue")),
        Secret=secret,
        Key=a_key(allow("kms:*", Principal=_ROOT)),
    )
    (key,) = account.deployment.of_type("AWS::KMS::Key")
    (found,) = account.deployment.of_type("AWS::SecretsManager::Secret")
    assert all(each.allowed for each in operations.read_secret(account, role_in(account), found))
    assert not account.may(role_in(account), "kms:Decrypt", key.arn).allowed


def test_a_topic_cannot_fill_a_queue_whose_key_does_not_know_it(simulator: Simulator) -> None:
    grant = allow("sqs:SendMessage", Principal={"Service": "sns.amazonaws.com"})
    queue = a_queue(KmsMasterKeyId={"Fn::GetAtt": ["Key", "Arn"]})
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:news"
    resources = {"Queue": queue, "Policy": a_policy_of_the_queue(grant)}
    mute = account_of(simulator, **resources, Key=a_key(allow("kms:*", Principal=_ROOT)))
    assert [each.allowed for each in operations.deliver(mute, topic, queue_in(mute))] == [True, False, False]
    use = allow("kms:GenerateDataKey*", "kms:Decrypt", Principal={"Service": "sns.amazonaws.com"})
    telling = account_of(simulator, **resources, Key=a_key(allow("kms:*", Principal=_ROOT), use))
    assert all(each.allowed for each in operations.deliver(telling, topic, queue_in(telling)))


def test_a_topic_cannot_fill_a_queue_with_the_key_that_aws_manages(simulator: Simulator) -> None:
    grant = allow("sqs:SendMessage", Principal={"Service": "sns.amazonaws.com"})
    account = account_of(simulator, Queue=a_queue(KmsMasterKeyId="alias/aws/sqs"), Policy=a_policy_of_the_queue(grant))
    delivered = list(operations.deliver(account, f"arn:aws:sns:us-east-1:{ACCOUNT}:news", queue_in(account)))
    assert not all(each.allowed for each in delivered)


def test_what_runs_in_the_network_passes_the_policy_of_its_endpoint(simulator: Simulator) -> None:
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "f",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "VpcConfig": {"SubnetIds": ["subnet-1"]},
        },
    }
    endpoint = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "ServiceName": {"Fn::Join": ["", ["com.amazonaws.", {"Ref": "AWS::Region"}, ".sqs"]]},
            "PolicyDocument": document(allow("sqs:ReceiveMessage", Principal="*")),
        },
    }
    account = account_of(simulator, Role=a_role(allow("sqs:*")), Queue=a_queue(), Function=function, Endpoint=endpoint)
    (found,) = account.deployment.of_type("AWS::Lambda::Function")
    queue = queue_in(account).arn
    assert account.may(account.role(found), "sqs:ReceiveMessage", queue).allowed
    assert not account.may(account.role(found), "sqs:SendMessage", queue).allowed
    assert account.may(role_in(account), "sqs:SendMessage", queue).allowed


def test_a_refusal_may_name_the_function_that_asks(simulator: Simulator) -> None:
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    refusal = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": arn}},
    }
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"FunctionName": "f", "Role": {"Fn::GetAtt": ["Role", "Arn"]}},
    }
    account = account_of(simulator, Role=a_role(allow("sqs:*"), refusal), Queue=a_queue(), Function=function)
    (found,) = account.deployment.of_type("AWS::Lambda::Function")
    queue = queue_in(account).arn
    assert account.may(role_in(account), "sqs:SendMessage", queue).allowed
    assert not account.may(account.role(found), "sqs:SendMessage", queue).allowed


def test_what_one_stack_takes_from_another_is_followed(simulator: Simulator) -> None:
    exporting = {
        "Resources": {"Queue": a_queue()},
        "Outputs": {"Q": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}, "Export": {"Name": "messaging:queue"}}},
    }
    importing = {
        "Resources": {"Role": a_role(allow("sqs:SendMessage", resource={"Fn::ImportValue": "messaging:queue"}))}
    }
    account = Account(Deployment({"messaging": exporting, "functions": importing}), simulator)
    assert account.may(role_in(account), "sqs:SendMessage", queue_in(account).arn).allowed


def test_what_cannot_be_filled_in_is_told() -> None:
    lost = {"Resources": {"Role": a_role(allow("sqs:SendMessage", resource={"Fn::ImportValue": "nobody:exports"}))}}
    (role,) = Deployment({"functions": lost}).of_type("AWS::IAM::Role")
    with pytest.raises(Unresolved, match="nobody:exports"):
        _ = role.properties


def test_an_action_that_does_not_exist_is_told(simulator: Simulator) -> None:
    account = account_of(simulator, Role=a_role(allow("sqs:*")), Queue=a_queue())
    with pytest.raises(ValueError, match="action"):
        account.may(role_in(account), "sqs:SendMesage", queue_in(account).arn).result
