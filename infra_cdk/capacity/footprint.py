"""The resources of a stage's templates that have a price, read from what is synthesized, so that the bill is of what would be deployed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra_cdk.capacity.prices import HOURS
from infra_cdk.cdk import environment

_ROOT = Path(__file__).resolve().parents[2]
# What has lines on the bill. Everything else that a template holds must be among what is free.
BILLED = frozenset(
    {
        "AWS::ApiGatewayV2::Api",
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::Function",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::EC2::EIP",
        "AWS::EC2::FlowLog",
        "AWS::EC2::Instance",
        "AWS::EC2::NatGateway",
        "AWS::EC2::VPCEndpoint",
        "AWS::ECS::Cluster",
        "AWS::ECS::Service",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
        "AWS::StepFunctions::StateMachine",
        "AWS::WAFv2::WebACL",
    }
)
# Type, and why it costs nothing by itself.
FREE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "AWS::IAM::InstanceProfile",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::Policy",
            "AWS::IAM::Role",
            "AWS::Lambda::Permission",
            "AWS::SNS::TopicPolicy",
            "AWS::SQS::QueuePolicy",
            "AWS::S3::BucketPolicy",
            "AWS::ApiGateway::Account",
            "AWS::SES::EmailIdentity",
        ),
        "permissions",
    ),
    **dict.fromkeys(
        (
            "AWS::EC2::InternetGateway",
            "AWS::EC2::Route",
            "AWS::EC2::RouteTable",
            "AWS::EC2::SecurityGroup",
            "AWS::EC2::SecurityGroupEgress",
            "AWS::EC2::SecurityGroupIngress",
            "AWS::EC2::Subnet",
            "AWS::EC2::SubnetRouteTableAssociation",
            "AWS::EC2::VPC",
            "AWS::EC2::VPCGatewayAttachment",
            "AWS::EC2::LaunchTemplate",
        ),
        "a network is free, what stands in it is not",
    ),
    **dict.fromkeys(
        (
            "AWS::ApiGatewayV2::ApiMapping",
            "AWS::ApiGatewayV2::Authorizer",
            "AWS::ApiGatewayV2::DomainName",
            "AWS::ApiGatewayV2::Integration",
            "AWS::ApiGatewayV2::Route",
            "AWS::ApiGatewayV2::Stage",
            "AWS::CloudFront::CachePolicy",
            "AWS::CloudFront::OriginRequestPolicy",
            "AWS::CloudFront::ResponseHeadersPolicy",
        ),
        "an API is paid by request; who guards it is among the functions",
    ),
    **dict.fromkeys(
        (
            "AWS::Lambda::Alias",
            "AWS::Lambda::EventInvokeConfig",
            "AWS::Lambda::EventSourceMapping",
            "AWS::Lambda::LayerVersion",
            "AWS::CodeDeploy::Application",
            "AWS::CodeDeploy::DeploymentConfig",
            "AWS::CodeDeploy::DeploymentGroup",
        ),
        "part of a function; what a mapping asks of its queue is among the queue's requests",
    ),
    "AWS::ECS::TaskDefinition": "a task is paid by its service's hours, or for the minutes of an emergency",
    "AWS::ECS::ClusterCapacityProviderAssociations": "settings",
    "AWS::SNS::Subscription": "paid by delivery, with the topic",
    "AWS::SecretsManager::SecretTargetAttachment": "part of a secret",
    "AWS::SecretsManager::ResourcePolicy": "part of a secret",
    "AWS::SecretsManager::RotationSchedule": "a call of a function in some weeks",
    "AWS::KMS::Alias": "part of a key",
    "AWS::RDS::DBClusterParameterGroup": "settings",
    "AWS::RDS::DBParameterGroup": "settings",
    "AWS::RDS::DBSubnetGroup": "settings",
    "AWS::Events::Rule": "schedules are free; what they call is among the functions",
    "AWS::Scheduler::Schedule": "14 million calls a month are free",
    "AWS::Logs::MetricFilter": "paid by the metric that it writes",
    "AWS::Budgets::Budget": "budgets without actions are free",
    "AWS::CloudFormation::CustomResource": "a call of a function while deploying",
    "AWS::CloudFormation::WaitConditionHandle": "while deploying",
    "AWS::CDK::Metadata": "nothing at all",
    "Custom::LogRetention": "a call of a function while deploying",
}


class UnpricedResource(ValueError):
    """A template holds something that the bill knows nothing of."""


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """A function of the templates: MiB, whether snapshots of it are kept, and environments kept ready."""

    memory: int
    snap_start: bool = False
    ready: int = 0

    @property
    def gb(self) -> float:
        """Its memory in gigabytes, as Lambda bills them."""
        return self.memory / 1024

    @property
    def cores(self) -> float:
        """The part of a core that code of one thread has: Lambda gives one for 1,769 MB."""
        return min(1.0, self.memory / 1769)


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """The database of the templates.

    Attributes:
        kind: `instance` or `aurora`.
        size: The class without `db.`; for Aurora the least capacity units.
        copies: Instances that are paid.
        storage: GB that are paid from the first day.
        retention: Days of backups.
    """

    kind: str
    size: str
    copies: int
    storage: float
    retention: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """The resources of a stage that have a price: counts by type, and what the price depends on beside the count."""

    counts: Mapping[str, int]
    functions: Mapping[str, FunctionSize]
    database: DatabaseSize
    task_vcpu: float
    task_gb: float
    # Whether the task is on capacity that AWS may take back.
    spot: bool = False
    nat_instances: tuple[str, ...] = ()
    endpoint_zones: int = 0
    addresses: int = 0
    alarm_metrics: int = 0
    web_acl_rules: int = 0
    insights: bool = False
    log_retention_days: int = 30
    fifo_queues: int = 0
    standard_queues: int = 0
    # Calls of functions by schedules, in a month; and those that note everybody's equity.
    scheduled: Mapping[str, float] = field(default_factory=dict)
    snapshots: float = 0.0

    @classmethod
    def read(cls, assembly: Path) -> Footprint:
        """The footprint of a synthesized stage.

        Raises:
            UnpricedResource: naming types that are neither billed nor known to be free.
        """
        resources = {
            f"{path.name.split('.')[0]}/{logical_id}": each
            for path in sorted(assembly.glob("assembly-*/*.template.json"))
            for logical_id, each in json.loads(path.read_text())["Resources"].items()
        }
        counts = Counter(str(each["Type"]) for each in resources.values())
        unknown = set(counts) - BILLED - set(FREE)
        if unknown:
            raise UnpricedResource(
                f"{', '.join(sorted(unknown))}: give a price in capacity/prices.py and a line in cost.py, or a reason in FREE"
            )
        return _read(resources, counts)


def synthesize(stage: str) -> Footprint:
    """The footprint of a stage as it would be deployed from this code."""
    with tempfile.TemporaryDirectory() as folder:
        context = {"stage": stage, "aws:cdk:bundling-stacks": [], "alarm_email": "cost@example.com"}
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "infra_cdk.app"],
            cwd=_ROOT,
            # Nobody reads the warnings of the CDK's own validation here, which takes as long as everything else together.
            env={
                **environment(),
                "CDK_VALIDATION": "false",
                "CDK_OUTDIR": folder,
                "CDK_CONTEXT_JSON": json.dumps(context),
            },
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=300,
        )
        return Footprint.read(Path(folder))


def _of(resources: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each.get("Properties", {}) for each in resources.values() if each["Type"] == kind]


def _read(resources: Mapping[str, Any], counts: Counter[str]) -> Footprint:
    task = _task_of_the_service(resources)
    queues = _of(resources, "AWS::SQS::Queue")
    endpoints = _of(resources, "AWS::EC2::VPCEndpoint")
    scheduled, snapshots = _schedules(resources)
    cluster_settings = json.dumps(_of(resources, "AWS::ECS::Cluster"))
    fed = [queue for queue in queues if "RedrivePolicy" in queue]
    return Footprint(
        counts=dict(counts),
        functions=dict(_functions(resources)),
        database=_database(resources),
        task_vcpu=int(task["Cpu"]) / 1024,
        task_gb=int(task["Memory"]) / 1024,
        spot="FARGATE_SPOT" in json.dumps(_of(resources, "AWS::ECS::Service")),
        nat_instances=tuple(each["InstanceType"] for each in _of(resources, "AWS::EC2::Instance")),
        endpoint_zones=sum(len(each["SubnetIds"]) for each in endpoints if each.get("VpcEndpointType") == "Interface"),
        addresses=_addresses(resources, counts),
        # An alarm on an expression is paid for every metric in it.
        alarm_metrics=sum(
            max(1, sum("MetricStat" in metric for metric in each.get("Metrics", [])))
            for each in _of(resources, "AWS::CloudWatch::Alarm")
        ),
        web_acl_rules=sum(len(each["Rules"]) for each in _of(resources, "AWS::WAFv2::WebACL")),
        insights='"containerInsights", "Value": "en' in cluster_settings,
        log_retention_days=max(each.get("RetentionInDays", 3650) for each in _of(resources, "AWS::Logs::LogGroup")),
        fifo_queues=sum(bool(each.get("FifoQueue")) for each in fed),
        standard_queues=sum(not each.get("FifoQueue") for each in fed),
        scheduled=scheduled,
        snapshots=snapshots,
    )


def _task_of_the_service(resources: Mapping[str, Any]) -> dict[str, Any]:
    """The task that runs all the time."""
    (service,) = _of(resources, "AWS::ECS::Service")
    named = str(service["TaskDefinition"]["Ref"])
    found: dict[str, Any] = next(each["Properties"] for key, each in resources.items() if key.endswith(f"/{named}"))
    return found


def _functions(resources: Mapping[str, Any]) -> Iterator[tuple[str, FunctionSize]]:
    """Ours; what CDK adds runs while deploying only."""
    ready = _kept_ready(resources)
    for key, each in resources.items():
        if each["Type"] == "AWS::Lambda::Function" and str(each["Properties"].get("FunctionName", "")):
            properties = each["Properties"]
            name = str(properties["FunctionName"]).split("-", 2)[2]
            snap = properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
            yield name, FunctionSize(int(properties.get("MemorySize", 128)), snap, ready.get(key.split("/")[1], 0))


def _kept_ready(resources: Mapping[str, Any]) -> dict[str, int]:
    """Environments that are provisioned, by the function's logical id."""
    found = {}
    for each in _of(resources, "AWS::Lambda::Alias"):
        count = each.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions", 0)
        if count and isinstance(each["FunctionName"], dict):
            found[str(next(iter(each["FunctionName"].values())))] = int(count)
    return found


def _database(resources: Mapping[str, Any]) -> DatabaseSize:
    clusters = _of(resources, "AWS::RDS::DBCluster")
    instances = _of(resources, "AWS::RDS::DBInstance")
    if clusters:
        capacity = clusters[0]["ServerlessV2ScalingConfiguration"]["MinCapacity"]
        return DatabaseSize("aurora", str(capacity), len(instances), 10.0, clusters[0]["BackupRetentionPeriod"])
    (instance,) = instances
    return DatabaseSize(
        "instance",
        str(instance["DBInstanceClass"]).removeprefix("db."),
        2 if instance.get("MultiAZ") else 1,
        float(instance["AllocatedStorage"]),
        int(instance["BackupRetentionPeriod"]),
    )


def _addresses(resources: Mapping[str, Any], counts: Counter[str]) -> int:
    """Public addresses: elastic ones, and those that instances and tasks get in public subnets."""
    public = json.dumps(_of(resources, "AWS::ECS::Service")).count('"AssignPublicIp": "ENABLED"')
    return counts["AWS::EC2::EIP"] + counts["AWS::EC2::Instance"] + public


def _schedules(resources: Mapping[str, Any]) -> tuple[dict[str, float], float]:
    scheduled: dict[str, float] = {}
    snapshots = 0.0
    for each in [*_of(resources, "AWS::Events::Rule"), *_of(resources, "AWS::Scheduler::Schedule")]:
        if "ScheduleExpression" not in each or each.get("State") == "DISABLED":
            continue
        runs = runs_a_month(each["ScheduleExpression"])
        for target in each.get("Targets") or [each["Target"]]:
            name = _called(resources, target)
            scheduled[name] = scheduled.get(name, 0.0) + runs
            if "snapshot" in str(target.get("Input", "")):
                snapshots += runs
    return scheduled, snapshots


def _called(resources: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """The name of the function that a schedule calls, by itself or through an alias."""
    text = json.dumps(target["Arn"])
    for key, each in resources.items():
        if each["Type"] == "AWS::Lambda::Alias" and key.split("/")[1] in text:
            text += json.dumps(each["Properties"]["FunctionName"])
    for key, each in resources.items():
        if each["Type"] == "AWS::Lambda::Function" and f'"{key.split("/")[1]}' in text:
            return str(each["Properties"].get("FunctionName", "--other")).split("-", 2)[2]
    return "other"


def runs_a_month(expression: str) -> float:
    """Returns how often a schedule runs in an average month.

    Raises:
        ValueError: for an expression that is neither a rate nor a cron of lists, steps and ranges.
    """
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if rate:
        return HOURS * {"minute": 60, "hour": 1, "day": 1 / 24}[rate[2]] / int(rate[1])
    cron = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \S+\)", expression)
    if not cron:
        raise ValueError(f"{expression!r} is not a schedule")
    minutes, hours = _values(cron[1], 60), _values(cron[2], 24)
    weekdays = _values(cron[5], 7) / 7 if cron[5] not in ("?", "*") else 1.0
    days = _values(cron[3], 31) / 31 if cron[3] not in ("?", "*") else 1.0
    return minutes * hours * HOURS / 24 * weekdays * days


def _values(field_: str, size: int) -> int:
    """How many values a field of a cron expression has."""
    days = {name: str(number) for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
    found: set[int] = set()
    for part in re.sub(r"[A-Z]{3}", lambda name: days[name[0]], field_).split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low = 0 if first == "*" else int(first)
        high = int(last) if last else (size - 1 if first == "*" or step else low)
        found |= set(range(low, high + 1, int(step or 1)))
    return len(found)
