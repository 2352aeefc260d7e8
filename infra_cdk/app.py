"""The app: `cdk synth -c stage=dev`."""

from __future__ import annotations

import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra_cdk.concurrency import check_connections
from infra_cdk.configuration import ConfigurationError, StageConfig, stage_config
from infra_cdk.constructs.function_factory import Place
from infra_cdk.stacks.access import AccessStack
from infra_cdk.stacks.database import DatabaseStack
from infra_cdk.stacks.edge import EdgeStack
from infra_cdk.stacks.functions import FunctionsStack
from infra_cdk.stacks.http_api import HttpApiStack
from infra_cdk.stacks.ingestor import IngestorStack
from infra_cdk.stacks.messaging import MessagingStack
from infra_cdk.stacks.network import NetworkStack
from infra_cdk.stacks.observability import ObservabilityStack
from infra_cdk.stacks.realtime import RealtimeStack
from infra_cdk.stacks.schema import SchemaStack
from infra_cdk.stacks.secrets import SecretsStack
from infra_cdk.suppressions import suppress


def build(app: cdk.App, config: StageConfig) -> None:
    """Composes the stacks of a stage.

    Locally there is no network to build, PostgreSQL and the ingestor run as processes, and what RDS would write into the
    secrets is written by what starts them; every other stack is the same.
    """
    environment = cdk.Environment(account=config.account, region=config.region) if config.account else None
    stage = cdk.Stage(app, "Stratforge", env=environment, stage_name=config.prefix)
    cdk.Tags.of(stage).add("project", "stratforge")
    cdk.Tags.of(stage).add("stage", config.name)
    secrets = SecretsStack(stage, "secrets", config=config)
    messaging = MessagingStack(stage, "messaging", config=config)
    place, network, database = Place(), None, None
    built: list[cdk.Stack] = []
    if config.network is not None:
        check_connections(config)
        network = NetworkStack(stage, "network", config=config, network=config.network)
        database = DatabaseStack(stage, "database", config=config, network=network, secrets=secrets)
        place = Place(network.vpc, network.functions, database.host, network.sandbox_vpc, network.sandbox)
        schema = SchemaStack(stage, "schema", config=config, secrets=secrets, place=place)
        schema.add_dependency(database)
        access = AccessStack(stage, "access", config=config, secrets=secrets, place=place, network=network)
        ingestor = IngestorStack(
            stage,
            "ingestor",
            config=config,
            network=network,
            messaging=messaging,
            secrets=secrets,
            database_host=database.host,
        )
        built += [access, ingestor]
    realtime = None
    if config.gateways:
        realtime = RealtimeStack(stage, "realtime", config=config, messaging=messaging, secrets=secrets, place=place)
        built.append(realtime)
    functions = FunctionsStack(
        stage,
        "functions",
        config=config,
        messaging=messaging,
        secrets=secrets,
        place=place,
        # On one machine the front door has everything on one host.
        realtime_url=realtime.websocket_api.url if realtime is not None and network is not None else "",
    )
    if network is not None:
        for stack in (*built, functions):
            # Nothing runs on a schema that it was not written for.
            stack.add_dependency(schema)
    if realtime is None:
        return
    api = HttpApiStack(
        stage,
        "http-api",
        config=config,
        function=functions.api.target,
        waiting=functions.waiting.target if functions.waiting is not None else None,
        mcp=functions.mcp.target,
        edge_secret=secrets.edge,
        alarms=messaging.alarms,
    )
    if network is not None and database is not None and messaging.alarms is not None:
        ObservabilityStack(
            stage,
            "observability",
            config=config,
            topic=messaging.alarms,
            queues=messaging.work_queues,
            functions={**functions.watched, **realtime.watched},
            function_alarms=[*functions.alarms, *realtime.alarms],
            api_id=api.api.api_id,
            database=database.database,
            sandbox_flows=network.sandbox_flows,
        )
    if secrets.edge is not None:
        EdgeStack(
            stage,
            "edge",
            config=config,
            api_domain=f"{api.api.api_id}.execute-api.{config.region}.amazonaws.com",
            key=secrets.edge,
        )


def check(app: cdk.App) -> None:
    """Has cdk-nag look at everything; what it finds stops the synthesis unless there is a reason for it in `suppressions`."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    suppress(app)


def main() -> None:
    """Synthesizes the stacks of the configured stage; a wrong configuration ends it with one line."""
    app = cdk.App()
    try:
        config = stage_config(app.node)
        build(app, config)
    except ConfigurationError as error:
        sys.exit(f"configuration: {error}")
    if config.network is not None:
        check(app)
    app.synth()


if __name__ == "__main__":
    main()
