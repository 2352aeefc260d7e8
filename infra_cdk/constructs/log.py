"""A log group with the stage's retention; it goes with the stage, except in production."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.configuration import StageConfig

_RETENTION = {14: logs.RetentionDays.TWO_WEEKS, 30: logs.RetentionDays.ONE_MONTH, 90: logs.RetentionDays.THREE_MONTHS}


def keep(config: StageConfig) -> RemovalPolicy:
    """Returns the removal policy of what cannot be made again: kept in production, except when its very creation is
    rolled back, so that a first deployment can be repeated."""
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if config.production else RemovalPolicy.DESTROY


def log_group(scope: Construct, construct_id: str, config: StageConfig, name: str) -> logs.LogGroup:
    """Makes the log group `/stratforge/<stage>/<name>`, with the retention of the stage."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=f"/stratforge/{config.name}/{name}",
        retention=_RETENTION[config.log_retention_days],
        removal_policy=keep(config),
    )
