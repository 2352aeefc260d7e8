"""What must not work, whoever tries: the sandbox, a function that was taken over, somebody else's account, a service that acts for the wrong source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.infrastructure.policies import uses
from tests.infrastructure.policies.account import STRANGER, Account, Decision, Principal, bystander, service, stranger
from tests.infrastructure.policies.templates import ACCOUNT, REGION, Resource

# Who may read a secret. The migrator sets the passwords of the roles, the rotator changes them.
_READERS = {
    "database/owner": {"break-glass", "examiner", "migrator", "operators", "rotator"},
    "database/api": {"api", "api-waiting", "migrator", "rotator"},
    "database/engine": {
        "archiver",
        "assistant",
        "auditor",
        "backtester",
        "deliverer",
        "evaluator",
        "executor",
        "ingestor",
        "mailer",
        "migrator",
        "notifier",
        "realtime",
        "reconciler",
        "researcher",
        "rotator",
        "settler",
    },
    "edge": {"doorkeeper"},
    "operator": {"operators"},
    # Read by whoever deploys, when he tries what he deployed.
    "smoke": set(),
    "tokens": {"api", "api-waiting", "realtime"},
    "alpaca": {"archiver", "auditor", "backtester", "executor", "ingestor", "reconciler"},
    "gemini": {"assistant"},
}
# Who may write one.
_WRITERS = {"database/api": {"rotator"}, "database/engine": {"rotator"}}
# Who may take a message off a queue.
_RECEIVERS = {
    "bars.fifo": {"evaluator"},
    "signals.fifo": {"executor"},
    "quotes.fifo": {"executor"},
    "notifications.fifo": {"notifier"},
    "deliveries.fifo": {"deliverer"},
    "order-updates.fifo": {"settler"},
    "jobs": {"assistant"},
    "backtests": {"backtester"},
    "mails": {"mailer"},
    "subscription-updates": {"ingestor"},
}
# What would make a small hole a large one. Nobody may, but for these.
_DANGEROUS = {
    "iam:PassRole": "arn:aws:iam::{account}:role/any",
    "iam:PutRolePolicy": "arn:aws:iam::{account}:role/any",
    "iam:AttachRolePolicy": "arn:aws:iam::{account}:role/any",
    "iam:UpdateAssumeRolePolicy": "arn:aws:iam::{account}:role/any",
    "iam:CreateAccessKey": "arn:aws:iam::{account}:user/any",
    "sts:AssumeRole": "arn:aws:iam::{account}:role/cdk-hnb659fds-deploy-role-{account}-{region}",
    "lambda:UpdateFunctionCode": "arn:aws:lambda:{region}:{account}:function:{prefix}-executor",
    "lambda:UpdateFunctionConfiguration": "arn:aws:lambda:{region}:{account}:function:{prefix}-executor",
    "lambda:AddPermission": "arn:aws:lambda:{region}:{account}:function:{prefix}-executor",
    "cloudformation:DeleteStack": "arn:aws:cloudformation:{region}:{account}:stack/{prefix}-database/1",
    "rds:DeleteDBInstance": "arn:aws:rds:{region}:{account}:db:any",
    "rds:ModifyDBInstance": "arn:aws:rds:{region}:{account}:db:any",
    "ecs:RunTask": "arn:aws:ecs:{region}:{account}:task-definition/any:1",
    "logs:DeleteLogGroup": "arn:aws:logs:{region}:{account}:log-group:/stratforge/prod/api",
    "s3:GetObject": "arn:aws:s3:::cdk-hnb659fds-assets-{account}-{region}/any.zip",
    "s3:PutObject": "arn:aws:s3:::cdk-hnb659fds-assets-{account}-{region}/any.zip",
    "cloudtrail:StopLogging": "arn:aws:cloudtrail:{region}:{account}:trail/any",
}


def allowed(decisions: Iterable[Decision]) -> list[str]:
    """What is allowed, as text."""
    return [str(each) for each in decisions if each.allowed]


def secrets(account: Account) -> dict[str, Resource]:
    """The secrets by what follows the stage in their names."""
    return {each.name.split("/", 2)[2]: each for each in account.deployment.of_type("AWS::SecretsManager::Secret")}


def everything(account: Account, who: Principal, **context: str) -> Iterator[Decision]:
    """Whatever could be done to what a stage is made of."""
    verbs = {
        "AWS::SQS::Queue": (
            "sqs:SendMessage",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:PurgeQueue",
            "sqs:SetQueueAttributes",
        ),
        "AWS::SNS::Topic": ("sns:Publish", "sns:Subscribe", "sns:DeleteTopic", "sns:SetTopicAttributes"),
        "AWS::SecretsManager::Secret": (
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:DeleteSecret",
            "secretsmanager:PutResourcePolicy",
        ),
        "AWS::Lambda::Alias": ("lambda:InvokeFunction",),
        "AWS::Lambda::Function": ("lambda:InvokeFunction", "lambda:UpdateFunctionCode", "lambda:GetFunction"),
        "AWS::KMS::Key": (
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "kms:CreateGrant",
            "kms:PutKeyPolicy",
            "kms:ScheduleKeyDeletion",
        ),
        "AWS::IAM::Role": ("sts:AssumeRole", "iam:PassRole", "iam:PutRolePolicy"),
        "AWS::S3::Bucket": ("s3:ListBucket", "s3:PutBucketPolicy"),
    }
    for each in account.deployment:
        for action in verbs.get(each.type, ()):
            yield account.may(who, action, each.arn, **context)
    for topic in uses.bar_topics(account):
        yield account.may(who, "sns:Publish", topic, **context)


def test_the_sandbox_may_do_nothing(account: Account) -> None:
    who = account.function("sandbox")
    tried = list(everything(account, who))
    assert len(tried) > 150
    for action, resource in _DANGEROUS.items():
        tried.append(account.may(who, action, _filled(account, resource)))
    for through in ("secretsmanager", "sqs", "sns"):
        tried += everything(account, who, kms_ViaService=f"{through}.{REGION}.amazonaws.com")
    # Lambda attaches the function to its network with the same role; its code may not.
    interface = f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/eni-0123456789abcdef0"
    tried.append(account.may(who, "ec2:CreateNetworkInterface", interface))
    tried.append(account.may(who, "ec2:DescribeNetworkInterfaces", "*"))
    group = account.deployment.named("AWS::Lambda::Function", "sandbox").properties["LoggingConfig"]["LogGroup"]
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:x"
    tried.append(account.may(who, "logs:PutLogEvents", stream))
    tried += [
        account.may(who, action, "*") for action in ("s3:ListAllMyBuckets", "sns:ListTopics", "ec2:DescribeInstances")
    ]
    assert allowed(tried) == []


def callers(account: Account, function: str) -> set[str]:
    """The programs that may call a function, or one of its aliases."""
    called = account.deployment.named("AWS::Lambda::Function", function)
    aliases = [each.arn for each in account.deployment.of_type("AWS::Lambda::Alias")]
    return {
        name
        for name, program in uses.programs(account).items()
        for arn in [called.arn, *(each for each in aliases if each.startswith(f"{called.arn}:"))]
        if account.may(account.role(program), "lambda:InvokeFunction", arn).allowed
    }


def test_the_sandbox_is_called_by_the_evaluator_only(account: Account) -> None:
    assert callers(account, "sandbox") == {"evaluator"}


def test_secrets_are_read_by_those_who_need_them(account: Account) -> None:
    roles = {role.name: account.role(role) for role in account.deployment.of_type("AWS::IAM::Role")}
    known = {account.role(program).name: name for name, program in uses.programs(account).items()}
    known |= {
        task.properties["ExecutionRoleArn"]: "break-glass"
        for task in account.deployment.of_type("AWS::ECS::TaskDefinition")
        if task is not account.ingestor
    }
    assert set(secrets(account)) <= set(_READERS)
    for name, secret in secrets(account).items():
        readers = {
            known.get(who.name, role)
            for role, who in roles.items()
            if account.may(who, "secretsmanager:GetSecretValue", secret.arn).allowed
        }
        assert readers <= _READERS[name], name


def test_a_key_is_used_through_the_service_that_it_is_for(production_account: Account) -> None:
    account = production_account
    used = [
        account.may(account.role(program), f"kms:{action}", key.arn, **via)
        for program in uses.programs(account).values()
        for key in account.deployment.of_type("AWS::KMS::Key")
        for action in ("Decrypt", "GenerateDataKey", "Encrypt")
        for via in ({}, {"kms_ViaService": f"rds.{REGION}.amazonaws.com"})
    ]
    assert len(used) >= 14 * 6
    assert allowed(used) == []


def test_a_message_is_taken_off_a_queue_by_its_consumer_only(account: Account) -> None:
    for name, receivers in _RECEIVERS.items():
        queue = account.deployment.named("AWS::SQS::Queue", name)
        found = {
            program
            for program, resource in uses.programs(account).items()
            if account.may(account.role(resource), "sqs:ReceiveMessage", queue.arn).allowed
        }
        assert found == receivers, name


def senders(account: Account, queue: str) -> set[str]:
    """The programs that may send to a queue."""
    found = account.deployment.named("AWS::SQS::Queue", queue)
    return {
        name
        for name, program in uses.programs(account).items()
        if all(each.allowed for each in [account.may(account.role(program), "sqs:SendMessage", found.arn)])
    }


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ("bars.fifo", set()),
        ("quotes.fifo", {"ingestor"}),
        ("notifications.fifo", {"ingestor"}),
        ("deliveries.fifo", {"notifier"}),
        ("order-updates.fifo", {"ingestor", "reconciler"}),
        ("subscription-updates", set()),
    ],
)
def test_what_the_broker_and_the_market_say_is_said_by_nobody_else(
    account: Account, queue: str, expected: set[str]
) -> None:
    """Whoever may send to these could invent bars, prices and fills. The redriver repeats what failed, and takes nothing but a queue's name."""
    # Bars of a stream that could not be evaluated are put into the queue by whoever could not.
    again = {"evaluator"} if queue == "bars.fifo" and uses.bar_streams(account) else set()
    assert senders(account, queue) == expected | again | {"redriver"}


def test_dead_letters_are_sent_again_by_the_function_that_only_the_api_asks(account: Account) -> None:
    takers = {
        name
        for name, program in uses.programs(account).items()
        for dead in account.deployment.of_type("AWS::SQS::Queue")
        if "-dead" in dead.name and account.may(account.role(program), "sqs:ReceiveMessage", dead.arn).allowed
    }
    assert takers == {"redriver"}
    assert callers(account, "redriver") == {"api", "api-waiting"}


def test_only_the_ingestor_publishes_bars(account: Account) -> None:
    for topic in uses.bar_topics(account):
        found = {
            name
            for name, program in uses.programs(account).items()
            if account.may(account.role(program), "sns:Publish", topic).allowed
        }
        assert found == {"ingestor"}, topic


def test_the_ingestor_reaches_the_topics_of_its_own_stage_only(account: Account) -> None:
    ingestor = account.function("ingestor")
    # Where a stream carries bars, no topic is made, and there is nobody who deletes them.
    cleaner = account.function("cleaner") if uses.bar_topics(account) else None
    other = {"prod": "dev", "dev": "prod"}[uses.stage_of(account)]
    tried = []
    for name in (f"stratforge-{other}-bars-AAPL.fifo", "other", f"stratforge-{uses.stage_of(account)}-alarms"):
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
        tried += [account.may(ingestor, f"sns:{verb}", topic) for verb in ("CreateTopic", "Subscribe", "Publish")]
        if cleaner is not None:
            tried.append(account.may(cleaner, "sns:DeleteTopic", topic))
    assert allowed(tried) == []


def test_no_program_may_make_itself_stronger(account: Account) -> None:
    tried = [
        account.may(account.role(program), action, _filled(account, resource))
        for program in uses.programs(account).values()
        for action, resource in _DANGEROUS.items()
    ]
    assert len(tried) >= 14 * len(_DANGEROUS)
    assert allowed(tried) == []


def test_no_program_may_change_a_queue_a_secret_or_a_key(account: Account) -> None:
    verbs = {
        "AWS::SQS::Queue": ("sqs:PurgeQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue", "sqs:AddPermission"),
        "AWS::SNS::Topic": ("sns:SetTopicAttributes", "sns:AddPermission"),
        "AWS::SecretsManager::Secret": ("secretsmanager:DeleteSecret", "secretsmanager:PutResourcePolicy"),
        "AWS::KMS::Key": ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey"),
    }
    tried = [
        account.may(account.role(program), action, each.arn)
        for program in uses.programs(account).values()
        for each in account.deployment
        for action in verbs.get(each.type, ())
    ]
    assert len(tried) > 1_000
    assert allowed(tried) == []


@pytest.mark.parametrize("who", [stranger, bystander], ids=["another account", "another role of the account"])
def test_whom_nobody_has_granted_anything_may_do_nothing(account: Account, who: Callable[[], Principal]) -> None:
    tried = list(everything(account, who()))
    tried += everything(account, who(), kms_ViaService=f"secretsmanager.{REGION}.amazonaws.com")
    tried.append(account.may(who(), "execute-api:ManageConnections", uses.connections(account)))
    assert len(tried) > 300
    assert allowed(tried) == []


def test_services_that_act_for_somebody_else_are_refused(account: Account) -> None:
    """A stranger's topic, rule, API or alarm must not use ours through the service that both trust."""
    tried = []
    sources = {
        "sns.amazonaws.com": f"arn:aws:sns:{REGION}:{STRANGER}:{{}}",
        "events.amazonaws.com": f"arn:aws:events:{REGION}:{STRANGER}:rule/{{}}",
        "apigateway.amazonaws.com": f"arn:aws:execute-api:{REGION}:{STRANGER}:{{}}/prod/GET/",
        "cloudwatch.amazonaws.com": f"arn:aws:cloudwatch:{REGION}:{STRANGER}:alarm:{{}}",
        "s3.amazonaws.com": "arn:aws:s3:::{}",
        "secretsmanager.amazonaws.com": f"arn:aws:secretsmanager:{REGION}:{STRANGER}:secret:{{}}",
    }
    for name, pattern in sources.items():
        for called in ("anything", f"stratforge-{uses.stage_of(account)}-bars-AAPL.fifo"):
            tried += everything_but_roles(account, service(name, pattern.format(called), STRANGER))
    assert len(tried) > 1_000
    assert allowed(tried) == []


def everything_but_roles(account: Account, who: Principal) -> list[Decision]:
    """What a service could do to resources. Whom it takes a role for is its own affair: passing the role was checked."""
    return [each for each in everything(account, who) if ":role/" not in each.resource]


def test_a_role_is_taken_by_services_only(account: Account) -> None:
    for role in account.deployment.of_type("AWS::IAM::Role"):
        for statement in role.properties["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}, role.logical_id


def test_nothing_travels_unencrypted(account: Account) -> None:
    sent = [decision for name in uses.programs(account) for decision in plain(account, account.function(name))]
    sent += [
        account.may(service("sns.amazonaws.com", topic), "sqs:SendMessage", queue.arn, aws_SecureTransport="false")
        for topic in uses.bar_topics(account)
        for queue in account.deployment.of_type("AWS::SQS::Queue")
    ]
    assert len(sent) > 200
    assert allowed(sent) == []


def plain(account: Account, who: Principal) -> Iterator[Decision]:
    """Queues and topics of the templates, asked without TLS. Those of symbols are reached by the ingestor, which speaks TLS only."""
    for queue in account.deployment.of_type("AWS::SQS::Queue"):
        for action in ("sqs:SendMessage", "sqs:ReceiveMessage"):
            yield account.may(who, action, queue.arn, aws_SecureTransport="false")
    updates = account.deployment.named("AWS::SNS::Topic", "subscription-updates")
    yield account.may(who, "sns:Publish", updates.arn, aws_SecureTransport="false")


def test_connections_of_other_gateways_are_not_reached(account: Account) -> None:
    api = uses.connections(account).split(":")[5].split("/")[0]
    other = uses.connections(account).replace(api, "otherapi00")
    tried = [
        account.may(account.role(program), "execute-api:ManageConnections", other)
        for program in uses.programs(account).values()
    ]
    assert allowed(tried) == []


def test_secrets_are_written_by_who_rotates_them(account: Account) -> None:
    for name, secret in secrets(account).items():
        writers = {
            program
            for program, resource in uses.programs(account).items()
            if account.may(account.role(resource), "secretsmanager:PutSecretValue", secret.arn).allowed
        }
        assert writers == _WRITERS.get(name, set()), name


def _filled(account: Account, pattern: str) -> str:
    return pattern.format(account=ACCOUNT, region=REGION, prefix=f"stratforge-{uses.stage_of(account)}")
