"""What has to work: every call that a program of ours makes, and every call that AWS makes between what the stacks join."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest

from tests.infrastructure.policies import operations, uses
from tests.infrastructure.policies.account import Account, Decision, service
from tests.infrastructure.policies.templates import ACCOUNT, REGION, Resource
from tests.infrastructure.test_production import _called_by


def refused(decisions: Iterable[Decision]) -> list[str]:
    """What is not allowed, as text."""
    return [str(each) for each in decisions if not each.allowed]


def asked_by_programs(account: Account) -> list[Decision]:
    """Everything that our programs ask for."""
    return [each for name in uses.programs(account) for each in uses.of_program(account, name)]


def test_programs_may_make_every_call_that_they_make(account: Account) -> None:
    asked = [each for each in asked_by_programs(account) if not each.action.startswith("kms:")]
    assert len(asked) > 80
    assert refused(asked) == []


def test_programs_may_use_the_keys_of_what_they_read_and_send(production_account: Account) -> None:
    asked = [each for each in asked_by_programs(production_account) if each.action.startswith("kms:")]
    assert len(asked) > 10
    assert refused(asked) == []


@pytest.mark.parametrize(
    "function",
    [
        "api",
        "archiver",
        "assistant",
        "auditor",
        "backtester",
        "cleaner",
        "deliverer",
        "doorkeeper",
        "evaluator",
        "examiner",
        "executor",
        "ingestor",
        "mailer",
        "mcp",
        "migrator",
        "notifier",
        "operators",
        "realtime",
        "redriver",
        "reconciler",
        "rotator",
        "sandbox",
        "settler",
    ],
)
def test_what_code_calls_is_among_what_was_asked(production_account: Account, function: str) -> None:
    assert _called_by(function) <= {each.action for each in uses.of_program(production_account, function)}


def test_every_address_in_an_environment_is_one_of_the_deployment(account: Account) -> None:
    for name, program in uses.programs(account).items():
        for variable, value in uses.environment(program).items():
            if re.search(r"_(SECRET|QUEUE_URL|QUEUE_ARN|TOPIC_ARN|FUNCTION)$", variable):
                assert uses.addressed(account, value) is not None, f"{name}: {variable} is {value}"


def test_lambda_may_empty_the_queues_for_their_consumers(account: Account) -> None:
    polled = [
        decision
        for function in account.deployment.of_type("AWS::Lambda::Function")
        for queue in uses.queues_of(account, function)
        for decision in operations.poll(account, account.role(function), queue)
    ]
    assert len(polled) >= 7 * 3
    assert refused(polled) == []


def subscriptions(account: Account) -> Iterator[tuple[str, Resource]]:
    """Topics and the queues that are subscribed to them, by the templates or at run time."""
    for each in account.deployment.of_type("AWS::SNS::Subscription"):
        if each.properties["Protocol"] == "sqs":
            yield each.properties["TopicArn"], account.by_arn(each.properties["Endpoint"])
    bars = account.deployment.named("AWS::SQS::Queue", "bars.fifo")
    for topic in uses.bar_topics(account):
        yield topic, bars


def test_topics_reach_the_queues_that_are_subscribed(account: Account) -> None:
    delivered = [
        decision for topic, queue in subscriptions(account) for decision in operations.deliver(account, topic, queue)
    ]
    assert len(delivered) >= (9 if uses.bar_topics(account) else 1)
    assert refused(delivered) == []


def test_every_alarm_may_publish_to_the_topics_it_names(account: Account) -> None:
    published = [
        decision
        for alarm in account.deployment.of_type("AWS::CloudWatch::Alarm")
        for topic in alarm.properties["AlarmActions"]
        for decision in operations.publish(
            account, service("cloudwatch.amazonaws.com", alarm.arn), account.by_arn(topic)
        )
    ]
    assert len(published) >= 35
    assert refused(published) == []


def test_schedules_may_call_what_they_start(account: Account) -> None:
    started = [
        account.may(service("events.amazonaws.com", rule.arn), "lambda:InvokeFunction", target["Arn"])
        for rule in account.deployment.of_type("AWS::Events::Rule")
        for target in rule.properties["Targets"]
        if ":lambda:" in target["Arn"]
    ]
    assert len(started) >= 2
    assert refused(started) == []


def test_the_gateways_may_call_the_functions_behind_their_routes(account: Account) -> None:
    integrations = {
        each.reference: str(each.properties["IntegrationUri"])
        for each in account.deployment.of_type("AWS::ApiGatewayV2::Integration")
    }
    called = []
    for route in account.deployment.of_type("AWS::ApiGatewayV2::Route"):
        uri = integrations[str(route.properties["Target"]).removeprefix("integrations/")]
        found = re.search(r"arn:aws:lambda:[\w-]+:\d+:function:[\w-]+(:\w+)?", uri)
        assert found, uri
        key = str(route.properties["RouteKey"])
        for source in sources_of(account, route.properties["ApiId"], key):
            called.append(account.may(service("apigateway.amazonaws.com", source), "lambda:InvokeFunction", found[0]))
    assert len(called) >= 5
    assert refused(called) == []


def sources_of(account: Account, api: str, key: str) -> Iterator[str]:
    """What API Gateway says it acts for when somebody asks for a route: stage, method and path, or the route's key."""
    for stage in account.deployment.of_type("AWS::ApiGatewayV2::Stage"):
        if stage.properties["ApiId"] == api:
            name = stage.properties["StageName"]
            method, _, path = key.partition(" ")
            asked = f"{'GET' if method == 'ANY' else method}{path}" if path else key
            # What takes everything else of an HTTP API has the same name for method and path.
            last = "$default/$default" if (name, key) == ("$default", "$default") else asked
            yield f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{name}/{last}"


def test_programs_may_write_their_logs(account: Account) -> None:
    written = []
    for name, program in uses.programs(account).items():
        if program.type != "AWS::Lambda::Function" or name == "sandbox":
            continue
        group = program.properties["LoggingConfig"]["LogGroup"]
        stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:2026/11/24"
        written += [
            account.may(account.of_platform(program), f"logs:{verb}", stream)
            for verb in ("CreateLogStream", "PutLogEvents")
        ]
    task = account.ingestor
    execution = account.role(account.by_arn(task.properties["ExecutionRoleArn"]))
    for container in task.properties["ContainerDefinitions"]:
        group = container["LogConfiguration"]["Options"]["awslogs-group"]
        stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:ingestor/1"
        written += [account.may(execution, f"logs:{verb}", stream) for verb in ("CreateLogStream", "PutLogEvents")]
    assert len(written) >= 20
    assert refused(written) == []


def test_the_image_of_the_task_may_be_pulled(account: Account) -> None:
    task = account.ingestor
    execution = account.role(account.by_arn(task.properties["ExecutionRoleArn"]))
    pulled = [account.may(execution, "ecr:GetAuthorizationToken", "*")]
    for container in task.properties["ContainerDefinitions"]:
        repository = re.fullmatch(r"\d+\.dkr\.ecr\.[\w-]+\.amazonaws\.com/([\w./-]+)[:@].+", container["Image"])
        assert repository, container["Image"]
        arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository[1]}"
        for action in ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage"):
            pulled.append(account.may(execution, f"ecr:{action}", arn))
    assert refused(pulled) == []


def test_functions_in_the_network_may_attach_themselves_to_it(account: Account) -> None:
    attached = []
    for function in account.deployment.of_type("AWS::Lambda::Function"):
        if "VpcConfig" in function.properties:
            who = account.of_platform(function)
            interface = f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/eni-0123456789abcdef0"
            attached += [
                account.may(who, "ec2:CreateNetworkInterface", interface),
                account.may(who, "ec2:DeleteNetworkInterface", interface),
                account.may(who, "ec2:DescribeNetworkInterfaces", "*"),
            ]
    assert len(attached) >= 24
    assert refused(attached) == []


def test_every_role_is_taken_by_the_service_that_needs_it(account: Account) -> None:
    takers: list[tuple[str, str]] = []
    for each in account.deployment:
        match each.type:
            case "AWS::Lambda::Function":
                takers.append(("lambda.amazonaws.com", each.properties["Role"]))
            case "AWS::ECS::TaskDefinition":
                takers.append(("ecs-tasks.amazonaws.com", each.properties["TaskRoleArn"]))
                takers.append(("ecs-tasks.amazonaws.com", each.properties["ExecutionRoleArn"]))
            case "AWS::EC2::FlowLog":
                takers.append(("vpc-flow-logs.amazonaws.com", each.properties["DeliverLogsPermissionArn"]))
            case "AWS::ApiGateway::Account":
                takers.append(("apigateway.amazonaws.com", each.properties["CloudWatchRoleArn"]))
    decisions = [
        account.may(service(name, f"arn:aws:{name.split('.')[0]}:{REGION}:{ACCOUNT}:x"), "sts:AssumeRole", role)
        for name, role in takers
    ]
    assert len(decisions) >= 18
    assert refused(decisions) == []


def test_what_is_asked_of_custom_resources_reaches_their_functions(account: Account) -> None:
    providers = [
        each
        for each in account.deployment.of_type("AWS::Lambda::Function")
        if "USER_ON_EVENT_FUNCTION_ARN" in uses.environment(each)
    ]
    # Of the schema, and of topics where there are some.
    assert len(providers) >= 1 + bool(uses.bar_topics(account))
    for provider in providers:
        asked = list(uses.of_environment(account, account.role(provider), uses.environment(provider)))
        assert asked
        assert refused(asked) == []


def test_moto_is_of_the_same_opinion(account: Account) -> None:
    """moto knows identity policies only, and no conditions: where neither matters, both must agree."""
    from moto.iam.access_control import IAMPolicy, PermissionResult

    compared = 0
    everybody = uses.programs(account)
    questions = {
        (each.action, each.resource) for each in asked_by_programs(account) if not each.action.startswith("kms:")
    }
    ours = {
        (name, *each): account.may(account.role(program), *each)
        for name, program in everybody.items()
        for each in sorted(questions)
    }
    for name, program in everybody.items():
        policies = [IAMPolicy(text) for _, text in account.role(program).policies]
        for action, resource in sorted(questions):
            found = {each.is_action_permitted(action, resource) for each in policies}
            theirs = PermissionResult.PERMITTED in found and PermissionResult.DENIED not in found
            assert ours[name, action, resource].allowed == theirs, f"{name} {action} {resource}"
            compared += 1
    assert compared > 1_000


def test_what_a_container_is_started_with_may_be_read_for_it(account: Account) -> None:
    read: list[Decision] = []
    for task in account.deployment.of_type("AWS::ECS::TaskDefinition"):
        execution = account.role(account.by_arn(task.properties["ExecutionRoleArn"]))
        for container in task.properties["ContainerDefinitions"]:
            for each in container.get("Secrets", []):
                secret = account.by_arn(":".join(each["ValueFrom"].split(":")[:7]))
                read += operations.read_secret(account, execution, secret)
    assert len(read) >= 2
    assert refused(read) == []


def test_secrets_manager_may_call_who_rotates(account: Account) -> None:
    schedules = account.deployment.of_type("AWS::SecretsManager::RotationSchedule")
    called = [
        account.may(
            service("secretsmanager.amazonaws.com", each.properties["SecretId"]),
            "lambda:InvokeFunction",
            each.properties["RotationLambdaARN"],
        )
        for each in schedules
    ]
    assert len(called) >= 2
    assert refused(called) == []
