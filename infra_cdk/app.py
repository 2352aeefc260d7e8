"""The app: `cdk synth -c stage=dev`."""

from __future__ import annotations

import sys

import aws_cdk as cdk

from infra_cdk.configuration import ConfigurationError, StageConfig, stage_config
from infra_cdk.stacks.database import DatabaseStack
from infra_cdk.stacks.functions import FunctionsStack
from infra_cdk.stacks.http_api import HttpApiStack
from infra_cdk.stacks.ingestor import IngestorStack
from infra_cdk.stacks.messaging import MessagingStack
from infra_cdk.stacks.network import NetworkStack
from infra_cdk.stacks.secrets import SecretsStack


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
    network = None
    if config.network is not None:
        network = NetworkStack(stage, "network", config=config, network=config.network)
        DatabaseStack(stage, "database", config=config, network=network, secrets=secrets)
        IngestorStack(stage, "ingestor", config=config, network=network, messaging=messaging, secrets=secrets)
    functions = FunctionsStack(
        stage,
        "functions",
        config=config,
        messaging=messaging,
        secrets=secrets,
        vpc=network.vpc if network else None,
        security_group=network.functions if network else None,
    )
    HttpApiStack(stage, "http-api", config=config, function=functions.api.function, mcp=functions.mcp.function)


def main() -> None:
    """Synthesizes."""
    app = cdk.App()
    try:
        config = stage_config(app.node)
    except ConfigurationError as error:
        sys.exit(f"configuration: {error}")
    build(app, config)
    app.synth()


if __name__ == "__main__":
    main()
