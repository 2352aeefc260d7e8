"""A log group with the stage's retention; it goes with the stage, except in production."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.configuration import StageConfig

_RETENTION = {14: logs.RetentionDays.TWO_WEEKS, 30: logs.RetentionDays.ONE_MONTH, 90: logs.RetentionDays.THREE_MONTHS}


def log_group(scope: Construct, construct_id: str, config: StageConfig, name: str) -> logs.LogGroup:
    """The log group `/stratforge/<stage>/<name>`."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=f"/stratforge/{config.name}/{name}",
        retention=_RETENTION[config.log_retention_days],
        removal_policy=RemovalPolicy.RETAIN if config.production else RemovalPolicy.DESTROY,
    )
