"""The functions and what they may do."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import PythonFunction
from infra_cdk.constructs.live_api import LiveApi
from infra_cdk.constructs.packages import library_layer, requirements_layer
from infra_cdk.stacks.messaging import MessagingStack
from infra_cdk.stacks.secrets import SecretsStack


class FunctionsStack(Stack):
    """Evaluator, sandbox, executor, settler, reconciler, assistant, backtester, live, notifier, mcp, api."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        messaging: MessagingStack,
        secrets: SecretsStack,
        vpc: ec2.IVpc | None = None,
        security_group: ec2.ISecurityGroup | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._vpc = vpc
        self._security_groups = [security_group] if security_group is not None else None
        self._library = library_layer(self, config.prefix)
        self._requirements: dict[str, lambda_.LayerVersion] = {}
        engine_database = secrets.name_of("database/engine")
        timeouts = config.timeouts

        self.sandbox = self._function("sandbox", "sandbox", timeout=60, memory=1769, environment={}, isolated=True)

        self.evaluator = self._function(
            "evaluator",
            "engine",
            timeout=timeouts.evaluator,
            memory=512,
            environment={
                "DATABASE_SECRET": engine_database,
                "SANDBOX_FUNCTION": self.sandbox.function.function_name,
                "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url,
            },
        )
        self.evaluator.may_read_secrets(secrets.database_engine.secret_arn)
        self.evaluator.may_send(messaging.signals.queue)
        self.evaluator.role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.sandbox.function.function_arn])
        )
        self.evaluator.consume(messaging.bars.queue, batch_size=10)

        self.executor = self._function(
            "executor",
            "broker",
            timeout=timeouts.executor,
            memory=512,
            environment={"DATABASE_SECRET": engine_database, "ALPACA_SECRET": secrets.name_of("alpaca")},
        )
        self.executor.may_read_secrets(secrets.database_engine.secret_arn, secrets.alpaca.secret_arn)
        self.executor.consume(messaging.signals.queue, batch_size=10)
        self.executor.consume(messaging.quotes.queue, batch_size=10)

        self.settler = self._function(
            "settler",
            "engine",
            timeout=timeouts.settler,
            memory=512,
            environment={"DATABASE_SECRET": engine_database, "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url},
        )
        self.settler.may_read_secrets(secrets.database_engine.secret_arn)
        self.settler.may_send(messaging.signals.queue)
        self.settler.consume(messaging.order_updates.queue, batch_size=10)

        self.reconciler = self._function(
            "reconciler",
            "broker",
            timeout=60,
            memory=512,
            environment={
                "DATABASE_SECRET": engine_database,
                "ALPACA_SECRET": secrets.name_of("alpaca"),
                "ORDER_UPDATES_QUEUE_URL": messaging.order_updates.queue.queue_url,
                "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url,
            },
        )
        self.reconciler.may_read_secrets(secrets.database_engine.secret_arn, secrets.alpaca.secret_arn)
        self.reconciler.may_send(messaging.order_updates.queue, messaging.signals.queue)
        events.Rule(
            self,
            "ReconcilerSchedule",
            description="Compares the broker with the ledger",
            schedule=events.Schedule.rate(Duration.minutes(5)),
            targets=[targets.LambdaFunction(self.reconciler.function, retry_attempts=0)],
        )
        events.Rule(
            self,
            "SnapshotSchedule",
            description="Notes everybody's equity",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[
                targets.LambdaFunction(
                    self.reconciler.function,
                    retry_attempts=0,
                    event=events.RuleTargetInput.from_object({"task": "snapshot"}),
                )
            ],
        )

        self.assistant = self._function(
            "assistant",
            "assistant",
            timeout=timeouts.assistant,
            memory=1024,
            environment={"DATABASE_SECRET": engine_database, "GEMINI_SECRET": secrets.name_of("gemini")},
        )
        self.assistant.may_read_secrets(secrets.database_engine.secret_arn, secrets.gemini.secret_arn)
        self.assistant.consume(messaging.jobs.queue, batch_size=1, max_concurrency=10)

        self.backtester = self._function(
            "backtester",
            "broker",
            timeout=timeouts.backtester,
            memory=1769,
            environment={"DATABASE_SECRET": engine_database, "ALPACA_SECRET": secrets.name_of("alpaca")},
        )
        self.backtester.may_read_secrets(secrets.database_engine.secret_arn, secrets.alpaca.secret_arn)
        self.backtester.consume(messaging.backtests.queue, batch_size=1, max_concurrency=10)

        self.live_api = LiveApi(self, "LiveApi", config=config)
        self.live = self._function(
            "live",
            "engine",
            timeout=10,
            memory=256,
            environment={
                "DATABASE_SECRET": engine_database,
                "TOKEN_SECRET": secrets.name_of("tokens"),
                "LIVE_API_ID": self.live_api.api_id,
                "LIVE_STAGE": self.live_api.stage_name,
            },
        )
        self.live.role.add_to_policy(
            iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=[self.live_api.connections_arn])
        )
        self.live.may_read_secrets(secrets.database_engine.secret_arn, secrets.tokens.secret_arn)
        self.live_api.route_to(self.live.function)

        self.notifier = self._function(
            "notifier",
            "engine",
            timeout=timeouts.notifier,
            memory=256,
            environment={
                "DATABASE_SECRET": engine_database,
                "LIVE_API_ID": self.live_api.api_id,
                "LIVE_STAGE": self.live_api.stage_name,
                "PRIVATE_WEBHOOKS": str(config.network is None).lower(),
            },
        )
        self.notifier.may_read_secrets(secrets.database_engine.secret_arn)
        self.notifier.role.add_to_policy(
            iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=[self.live_api.connections_arn])
        )
        self.notifier.consume(messaging.notifications.queue, batch_size=10)

        self.api = self._function(
            "api",
            "api",
            timeout=29,
            memory=1024,
            environment={
                "STAGE": config.name,
                "DATABASE_SECRET": secrets.name_of("database/api"),
                "TOKEN_SECRET": secrets.name_of("tokens"),
                "JOBS_QUEUE_URL": messaging.jobs.queue.queue_url,
                "BACKTESTS_QUEUE_URL": messaging.backtests.queue.queue_url,
                "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url,
                "SUBSCRIPTION_TOPIC_ARN": messaging.subscription_updates.topic_arn,
                "SIMULATED_MARKET": str(config.simulated_market).lower(),
                # On one machine the front door has everything on one host.
                "LIVE_URL": self.live_api.url if config.network is not None else "",
                "PRIVATE_WEBHOOKS": str(config.network is None).lower(),
                "REGISTRATIONS_PER_ADDRESS": "30" if config.network is not None else "100000",
            },
        )
        # It talks to the API as any program does, with the key of whoever asks, at the address it was asked at itself.
        self.mcp = self._function("mcp", "mcp", timeout=29, memory=512, environment={}, in_network=False)
        self.api.may_read_secrets(secrets.database_api.secret_arn, secrets.tokens.secret_arn)
        # Operators look at the queues and send dead letters again.
        watched = messaging.work_queues
        self.api.role.add_to_policy(
            iam.PolicyStatement(
                actions=["sqs:GetQueueUrl", "sqs:GetQueueAttributes"],
                resources=[queue.queue_arn for each in watched for queue in (each.queue, each.dead_letters)],
            )
        )
        self.api.role.add_to_policy(
            iam.PolicyStatement(
                actions=["sqs:ReceiveMessage", "sqs:DeleteMessage"],
                resources=[each.dead_letters.queue_arn for each in watched],
            )
        )
        self.api.may_send(*(each.queue for each in watched))
        self.api.role.add_to_policy(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[messaging.subscription_updates.topic_arn])
        )

    def _function(
        self,
        name: str,
        requirements: str,
        *,
        timeout: int,
        memory: int,
        environment: dict[str, str],
        isolated: bool = False,
        in_network: bool = True,
    ) -> PythonFunction:
        if requirements not in self._requirements:
            self._requirements[requirements] = requirements_layer(self, self._config.prefix, requirements)
        # Functions without an environment of their own stay without any.
        shared = {} if isolated else {"POWERTOOLS_LOG_LEVEL": "INFO"}
        return PythonFunction(
            self,
            name.capitalize(),
            config=self._config,
            name=name,
            layers=[self._library, self._requirements[requirements]],
            timeout=timeout,
            memory=memory,
            environment={**shared, **environment},
            vpc=self._vpc if in_network else None,
            security_groups=self._security_groups,
            isolated=isolated,
        )
