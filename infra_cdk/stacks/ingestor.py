"""The long-running ingestor on Fargate."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct
from stratforge.bus.names import bars_topic_prefix

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import read_secrets
from infra_cdk.constructs.log import log_group
from infra_cdk.constructs.packages import ROOT
from infra_cdk.stacks.messaging import MessagingStack, topics_of
from infra_cdk.stacks.network import NetworkStack
from infra_cdk.stacks.secrets import SecretsStack
from infra_cdk.suppressions import acknowledge_wildcard


class IngestorStack(Stack):
    """One task, never two: Alpaca allows one connection per endpoint, so the old task ends before the new one starts."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        network: NetworkStack,
        messaging: MessagingStack,
        secrets: SecretsStack,
        database_host: str,
    ) -> None:
        super().__init__(scope, construct_id)
        # A spot task costs a third and is taken away now and then: the gap is backfilled.
        provider = "FARGATE" if config.production else "FARGATE_SPOT"
        cluster = ecs.Cluster(self, "Cluster", vpc=network.vpc)
        providers = ecs.CfnClusterCapacityProviderAssociations(
            self,
            "Providers",
            cluster=cluster.cluster_name,
            capacity_providers=[provider],
            default_capacity_provider_strategy=[],
        )
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=config.ingestor_cpu,
            memory_limit_mib=config.ingestor_memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        task.add_container(
            "ingestor",
            image=ecs.ContainerImage.from_asset(
                str(ROOT),
                file="functions/ingestor/Dockerfile",
                platform=ecr_assets.Platform.LINUX_ARM64,
                exclude=["*", "!functions", "!layers", "!build/rds-global-bundle.pem", "**/__pycache__"],
            ),
            environment={
                "STAGE": config.name,
                "POWERTOOLS_METRICS_NAMESPACE": config.metrics,
                "DATABASE_SECRET": secrets.name_of("database/engine"),
                "ALPACA_SECRET": secrets.name_of("alpaca"),
                "DATABASE_HOST": database_host,
                "DATABASE_CA": "/app/rds-global-bundle.pem",
                "BARS_QUEUE_ARN": messaging.bars.queue.queue_arn,
                **({"BARS_STREAM": messaging.bar_stream.stream_name} if messaging.bar_stream is not None else {}),
                "ORDER_UPDATES_QUEUE_URL": messaging.order_updates.queue.queue_url,
                "QUOTES_QUEUE_URL": messaging.quotes.queue.queue_url,
                "NOTIFICATIONS_QUEUE_URL": messaging.notifications.queue.queue_url,
                "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url,
                **({"TRACED": "true"} if config.production else {}),
                "SUBSCRIPTION_QUEUE_URL": messaging.subscriptions.queue.queue_url,
            },
            logging=ecs.LogDriver.aws_logs(
                stream_prefix="ingestor",
                log_group=log_group(self, "Log", config, "ingestor"),
            ),
            stop_timeout=Duration.seconds(30),
            # The service touches the file at least every second that it works; a task that stands still is replaced. It is also what tells a start
            # that ends again from one that stays: the circuit breaker counts tasks that never became healthy.
            health_check=ecs.HealthCheck(
                command=[
                    "CMD",
                    "python",
                    "-c",
                    "import os, sys, time; sys.exit(time.time() - os.path.getmtime('/tmp/ingestor-heartbeat') > 60)",
                ],
                interval=Duration.seconds(30),
                timeout=Duration.seconds(5),
                retries=3,
                start_period=Duration.seconds(90),
            ),
        )
        topics = f"arn:{self.partition}:sns:{self.region}:{self.account}:{bars_topic_prefix(config.name)}*"
        publishing: list[tuple[list[str], list[str]]] = [
            (["sns:CreateTopic", "sns:Subscribe", "sns:Publish", "sns:TagResource"], [topics]),
            # Which topics lead to the bars queue already; a list cannot be narrowed to names.
            (["sns:ListSubscriptions"], ["*"]),
        ]
        if messaging.bar_stream is not None:
            publishing = [(["kinesis:PutRecords"], [messaging.bar_stream.stream_arn])]
        statements = [
            *publishing,
            (
                ["sqs:SendMessage"],
                [
                    messaging.order_updates.queue.queue_arn,
                    messaging.quotes.queue.queue_arn,
                    messaging.notifications.queue.queue_arn,
                    messaging.signals.queue.queue_arn,
                ],
            ),
            (
                ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
                [messaging.subscriptions.queue.queue_arn],
            ),
        ]
        if config.production:
            statements.append((["xray:PutTraceSegments"], ["*"]))
            acknowledge_wildcard(task, "*", "X-Ray takes traces for no resource in particular.")
        for actions, resources in statements:
            task.add_to_task_role_policy(iam.PolicyStatement(actions=actions, resources=resources))
        read_secrets(task.task_role, secrets.database_engine, secrets.alpaca)
        if messaging.bar_stream is None:
            acknowledge_wildcard(task, topics_of(self, config), "Topics of symbols get their names at run time.")
        service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            desired_count=1,
            min_healthy_percent=0,
            max_healthy_percent=100,
            security_groups=[network.functions],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            capacity_provider_strategies=[ecs.CapacityProviderStrategy(capacity_provider=provider, weight=1)],
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            # What a task costs is the stage's, too.
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        # ECS gives up no provider of a service that still runs, so that the service has to be deleted first.
        service.node.add_dependency(providers)
