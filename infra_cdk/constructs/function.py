"""A function with a role of its own that can do what it is granted and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk import concurrency
from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.log import log_group
from infra_cdk.constructs.packages import ARCHITECTURE, RUNTIME, function_code
from infra_cdk.constructs.queue import RUNBOOK
from infra_cdk.suppressions import acknowledge_wildcard, attribute

ALIAS = "live"


class PythonFunction(Construct):
    """A Lambda function in Python, with a role of its own, and an alias where versions are kept."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        name: str,
        layers: Sequence[lambda_.ILayerVersion],
        timeout: int,
        memory: int,
        environment: Mapping[str, str],
        folder: str | None = None,
        vpc: ec2.IVpc | None = None,
        subnets: ec2.SubnetType = ec2.SubnetType.PRIVATE_WITH_EGRESS,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        isolated: bool = False,
        aliased: bool = False,
        snap_start: bool = False,
        traced: bool = False,
    ) -> None:
        """
        Args:
            name: What it is called; also the folder under `functions/`, unless `folder` names another.
            timeout: In seconds.
            memory: In MiB.
            isolated: Gives the role nothing at all, not even its own log: its code may ask AWS for nothing.
            aliased: Publishes versions behind the alias `live`, which is what is called; versions stay when they are replaced.
            snap_start: Starts from a snapshot of a version: for what imports slowly and must not wait.
            traced: Tells X-Ray of some requests, and passes the trace on with what it sends.
        """
        super().__init__(scope, construct_id)
        self.name = name
        self._config = config
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"{config.prefix} {name}" + (": no permission whatsoever" if isolated else ""),
        )
        log = log_group(self, "Log", config, name)
        if not isolated:
            self.role.add_to_policy(
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[f"{log.log_group_arn}:*"]
                )
            )
            acknowledge_wildcard(self, f"{attribute(log)}:*", "The streams of the function's own log.")
        function_name = f"{config.prefix}-{name}"
        if vpc is not None:
            # What Lambda needs to attach a function to a VPC cannot be narrowed to a resource.
            self.role.add_managed_policy(
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AWSLambdaENIManagementAccess")
            )
            if isolated:
                self._forbid_everything(function_name)
        if traced:
            acknowledge_wildcard(self, "*", "X-Ray takes traces for no resource in particular.")
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"functions.{folder or name}.handler.handler",
            code=function_code(self, folder or name),
            layers=list(layers),
            role=self.role,
            timeout=Duration.seconds(timeout),
            memory_size=memory,
            environment=dict(environment),
            log_group=log,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=subnets) if vpc is not None else None,
            security_groups=list(security_groups or []) if vpc is not None else None,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            reserved_concurrent_executions=(concurrency.reserved(config, name) if name in concurrency.SHARES else None),
            tracing=lambda_.Tracing.ACTIVE if traced else None,
            # A version that was replaced stays, so that going back is pointing at it.
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
        )
        # What is called: the alias where there are versions.
        self.alias = (
            lambda_.Alias(self, "Live", alias_name=ALIAS, version=self.function.current_version) if aliased else None
        )
        self.target: lambda_.IFunction = self.alias or self.function

    @property
    def target_name(self) -> str:
        """Name by which the function is invoked, with its alias if it has one."""
        return f"{self.function.function_name}:{ALIAS}" if self.alias is not None else self.function.function_name

    @property
    def target_arn(self) -> str:
        """The ARN of what is called."""
        return f"{self.function.function_arn}:{ALIAS}" if self.alias is not None else self.function.function_arn

    def _forbid_everything(self, function_name: str) -> None:
        """Denies the role everything that the function's code asks for; what Lambda itself does with the role carries
        no `lambda:SourceFunctionArn`."""
        stack = Stack.of(self)
        arn = f"arn:{stack.partition}:lambda:{stack.region}:{stack.account}:function:{function_name}"
        self.role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=["*"],
                resources=["*"],
                conditions={"ArnLike": {"lambda:SourceFunctionArn": [arn, f"{arn}:*"]}},
            )
        )

    def failing_alarm(self) -> cloudwatch.Alarm:
        """An alarm for when it fails more than three times in five minutes, of all its versions together."""
        return cloudwatch.Alarm(
            self,
            "Failing",
            alarm_name=f"{self._config.prefix}-{self.name}-failing",
            alarm_description=f"The {self.name} function failed more than three times in five minutes. Runbook: {RUNBOOK}#{self.name}-failing",
            metric=self.function.metric_errors(period=Duration.minutes(5)),
            threshold=3,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def consume(self, queue: sqs.IQueue, *, batch_size: int, share: str | None = None) -> None:
        """Feeds the function from a queue, with partial batch failures.

        Args:
            share: Which of the queue shares it is, where a function has several queues.
        """
        config = self._config
        limited = config.network is not None
        provisioned = limited and config.provisioned_pollers
        most = concurrency.queue_share(config, self.name, share)
        pollers = concurrency.pollers(config, self.name, share)
        self.target.add_event_source(
            event_sources.SqsEventSource(
                queue,
                batch_size=batch_size,
                report_batch_item_failures=True,
                max_concurrency=most if limited and not provisioned else None,
                provisioned_poller_config=(
                    lambda_.ProvisionedPollerConfig(minimum_pollers=2, maximum_pollers=pollers) if provisioned else None
                ),
            )
        )

    def consume_stream(self, stream: kinesis.IStream, *, batch_size: int) -> None:
        """Feeds the function from a stream, in order within each partition key; ten keys of a shard side by side.

        The function hands what fails to a queue of its own accord: a batch comes again only when nothing could be done with it.
        """
        self.target.add_event_source(
            event_sources.KinesisEventSource(
                stream,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=batch_size,
                parallelization_factor=10,
                report_batch_item_failures=True,
            )
        )

    def may_read_secrets(self, *secrets: secretsmanager.ISecret) -> None:
        """Lets the function read secrets, and have the key decrypt them where they have one of ours."""
        read_secrets(self.role, *secrets)

    def allow(self, actions: Sequence[str], resources: Sequence[str]) -> None:
        """Lets the function do something to something."""
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))

    def may_send(self, *queues: sqs.IQueue) -> None:
        """Lets the function send to queues."""
        self.allow(["sqs:SendMessage"], [queue.queue_arn for queue in queues])


def read_secrets(role: iam.IRole, *secrets: secretsmanager.ISecret) -> None:
    """Lets a role read secrets; with a key of ours `GetSecretValue` alone is refused."""
    arns = [secret.secret_arn for secret in secrets]
    role.add_to_principal_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=arns))
    use_key(role, ["kms:Decrypt"], *secrets)


def use_key(role: iam.IRole, actions: Sequence[str], *secrets: secretsmanager.ISecret) -> None:
    """Lets a role use the key of these secrets, by way of Secrets Manager only."""
    keys = {secret.encryption_key.key_arn for secret in secrets if secret.encryption_key is not None}
    if keys:
        service = f"secretsmanager.{Stack.of(role).region}.amazonaws.com"
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=list(actions),
                resources=sorted(keys),
                conditions={"StringEquals": {"kms:ViaService": service}},
            )
        )
