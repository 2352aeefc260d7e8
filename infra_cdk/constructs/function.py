"""A function with a role of its own that can do what it is granted and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.log import log_group
from infra_cdk.constructs.packages import ARCHITECTURE, RUNTIME, function_code
from infra_cdk.suppressions import acknowledge_wildcard, attribute


class PythonFunction(Construct):
    """A Python function."""

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
        vpc: ec2.IVpc | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        isolated: bool = False,
        snap_start: bool = False,
    ) -> None:
        """
        Args:
            name: The folder under `functions/`.
            timeout: In seconds.
            memory: In MiB.
            isolated: Gives the role nothing at all, not even its own log.
            snap_start: Starts from a snapshot of a published version, behind the alias `live`: for what imports slowly and starts often.
        """
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"{config.prefix} {name}" + (": no permission whatsoever" if isolated else ""),
        )
        function_name = f"{config.prefix}-{name}"
        log = log_group(self, "Log", config, name)
        if not isolated:
            self.role.add_to_policy(
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[f"{log.log_group_arn}:*"]
                )
            )
            acknowledge_wildcard(self, f"{attribute(log)}:*", "The streams of the function's own log.")
        in_vpc = vpc is not None and not isolated
        if in_vpc:
            # What Lambda needs to attach a function to a VPC cannot be narrowed to a resource.
            self.role.add_managed_policy(
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AWSLambdaENIManagementAccess")
            )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"functions.{name}.handler.handler",
            code=function_code(name),
            layers=list(layers),
            role=self.role,
            timeout=Duration.seconds(timeout),
            memory_size=memory,
            environment=dict(environment),
            log_group=log,
            vpc=vpc if in_vpc else None,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS) if in_vpc else None,
            security_groups=list(security_groups or []) if in_vpc else None,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )
        # What is called: the alias where there are versions.
        self.target: lambda_.IFunction = (
            lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)
            if snap_start
            else self.function
        )

    def consume(self, queue: sqs.IQueue, *, batch_size: int, max_concurrency: int | None = None) -> None:
        """Feeds the function from a queue, with partial batch failures."""
        self.target.add_event_source(
            event_sources.SqsEventSource(
                queue, batch_size=batch_size, report_batch_item_failures=True, max_concurrency=max_concurrency
            )
        )

    def may_read_secrets(self, *arns: str) -> None:
        """Lets the function read secrets."""
        self.role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=list(arns)))

    def may_send(self, *queues: sqs.IQueue) -> None:
        """Lets the function send to queues."""
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn for queue in queues])
        )
