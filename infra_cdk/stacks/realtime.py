"""The WebSocket API with the functions that hear and tell its clients, and the one that tells webhooks."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function_factory import FunctionFactory, Place
from infra_cdk.constructs.websocket_api import WebSocketApi
from infra_cdk.stacks.messaging import MessagingStack
from infra_cdk.stacks.secrets import SecretsStack
from infra_cdk.suppressions import acknowledge_wildcard, arn


class RealtimeStack(Stack):
    """realtime, notifier, the API between them and the clients, and the deliverer."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        messaging: MessagingStack,
        secrets: SecretsStack,
        place: Place,
    ) -> None:
        super().__init__(scope, construct_id)
        factory = FunctionFactory(self, config, place, prefix="-realtime", alarms=messaging.alarms)
        engine_database = secrets.name_of("database/engine")
        self.websocket_api = WebSocketApi(self, "WebSocketApi", config=config)
        self.realtime = factory.function(
            "realtime",
            "engine",
            timeout=10,
            memory=256,
            environment={
                "DATABASE_SECRET": engine_database,
                "REALTIME_API_ID": self.websocket_api.api_id,
                "REALTIME_STAGE": self.websocket_api.stage_name,
            },
        )
        answers, ends = self.websocket_api.connections_arn("POST"), self.websocket_api.connections_arn("DELETE")
        self.realtime.role.add_to_policy(
            iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=[answers])
        )
        self.realtime.may_read_secrets(secrets.database_engine)
        self.websocket_api.route_to(self.realtime.target)

        self.notifier = factory.function(
            "notifier",
            "engine",
            timeout=config.timeouts.notifier,
            # Half a core: a shard of a thousand users signs hundreds of requests to the gateway at a time.
            memory=1024,
            environment={
                "DATABASE_SECRET": engine_database,
                "REALTIME_API_ID": self.websocket_api.api_id,
                "REALTIME_STAGE": self.websocket_api.stage_name,
                "DELIVERIES_QUEUE_URL": messaging.deliveries.queue.queue_url,
            },
        )
        self.notifier.may_read_secrets(secrets.database_engine)
        self.notifier.role.add_to_policy(
            iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=[answers, ends])
        )
        self.notifier.may_send(messaging.deliveries.queue)
        # One message at a time: in a batch one shard of users would wait for another.
        self.notifier.consume(messaging.notifications.queue, batch_size=1)

        # Whoever speaks to addresses of users' choosing speaks to nothing else: no realtime connection, no queue but its own.
        self.deliverer = factory.function(
            "deliverer",
            "engine",
            timeout=config.timeouts.deliverer,
            memory=256,
            environment={
                "DATABASE_SECRET": engine_database,
                "PRIVATE_WEBHOOKS": str(config.network is None).lower(),
            },
        )
        self.deliverer.may_read_secrets(secrets.database_engine)
        self.deliverer.consume(messaging.deliveries.queue, batch_size=1)

        for function, method in ((self.realtime, "POST"), (self.notifier, "POST"), (self.notifier, "DELETE")):
            connections = arn(self, "execute-api", f"{self.websocket_api.logical_id}/realtime/{method}/@connections/*")
            acknowledge_wildcard(function, connections, "Connections get their ids at run time.")

        self.watched = factory.watched
        self.alarms = factory.alarms
