"""Making the functions of a stack: their layers once, where they run, and how new versions take over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import PythonFunction
from infra_cdk.constructs.packages import CERTIFICATES_ON_LAMBDA, library_layer, requirements_layer


@dataclass(frozen=True, slots=True)
class Place:
    """The network of functions and the host of their database; all None on one machine, where secrets say it."""

    vpc: ec2.IVpc | None = None
    security_group: ec2.ISecurityGroup | None = None
    database_host: str | None = None
    sandbox_vpc: ec2.IVpc | None = None
    sandbox_group: ec2.ISecurityGroup | None = None


# MiB with which a function has one core.
CORE_MEMORY = 1769


class FunctionFactory:
    """Makes the functions of a stack, with what all of them have in common."""

    def __init__(
        self,
        scope: Construct,
        config: StageConfig,
        place: Place,
        prefix: str = "",
        alarms: sns.ITopic | None = None,
    ) -> None:
        """
        Args:
            prefix: Makes the names of this stack's layers its own.
            alarms: Whom a failing function wakes.
        """
        self._scope, self._config, self._place = scope, config, place
        self._prefix = config.prefix + prefix
        self._topic = alarms
        self._library = library_layer(scope, self._prefix)
        self._requirements: dict[str, lambda_.LayerVersion] = {}
        self._application: codedeploy.LambdaApplication | None = None
        # What wakes somebody, and what is shown, by function.
        self.alarms: list[cloudwatch.Alarm] = []
        self.watched: dict[str, lambda_.IFunction] = {}

    def function(
        self,
        name: str,
        requirements: str,
        *,
        timeout: int,
        memory: int,
        environment: Mapping[str, str],
        folder: str | None = None,
        isolated: bool = False,
        in_network: bool = True,
        snap_start: bool = False,
        deployed: bool = True,
        alarmed: bool = True,
        stopped_by: Sequence[str] = (),
    ) -> PythonFunction:
        """A function with the packages of its kind.

        Args:
            deployed: Whether it has versions behind an alias; what only a deployment calls has none.
            alarmed: Whether somebody is woken when it fails.
            stopped_by: Names of alarms, without the stage's prefix, that send a new version back besides its own failures.
        """
        config, place = self._config, self._place
        if requirements not in self._requirements:
            self._requirements[requirements] = requirements_layer(self._scope, self._prefix, requirements)
        shared: dict[str, str] = {}
        # Functions without an environment of their own stay without any.
        if not isolated:
            shared |= {"POWERTOOLS_LOG_LEVEL": "INFO", "POWERTOOLS_METRICS_NAMESPACE": config.metrics}
        if place.database_host is not None and {"DATABASE_SECRET", "OWNER_SECRET"} & set(environment):
            shared |= {"DATABASE_HOST": place.database_host, "DATABASE_CA": CERTIFICATES_ON_LAMBDA}
        on_aws = config.network is not None
        # Snapshots are paid for by the hour. A development stage has none: what may not wait gets a core, for as long as it works.
        if snap_start and on_aws and not config.production:
            snap_start, memory = False, max(memory, CORE_MEMORY)
        vpc, group = (place.sandbox_vpc, place.sandbox_group) if isolated else (place.vpc, place.security_group)
        made = PythonFunction(
            self._scope,
            "".join(part.capitalize() for part in name.split("-")),
            config=config,
            name=name,
            folder=folder,
            layers=[self._library, self._requirements[requirements]],
            timeout=timeout,
            memory=memory,
            environment={**shared, **environment},
            vpc=vpc if in_network else None,
            subnets=ec2.SubnetType.PRIVATE_ISOLATED if isolated else ec2.SubnetType.PRIVATE_WITH_EGRESS,
            security_groups=[group] if group is not None else None,
            isolated=isolated,
            aliased=on_aws and deployed,
            snap_start=snap_start and config.production,
            traced=config.production and deployed and not isolated,
        )
        self.watched[name] = made.function
        if on_aws and alarmed and self._topic is not None:
            failing = made.failing_alarm()
            failing.add_alarm_action(actions.SnsAction(self._topic))
            self.alarms.append(failing)
            if deployed:
                self._deploy(made, failing, stopped_by)
        return made

    def _deploy(self, made: PythonFunction, failing: cloudwatch.Alarm, stopped_by: Sequence[str]) -> None:
        """New versions take a tenth of the work first; an alarm sends it back to the old one, and the deployment fails."""
        if not self._config.canary or made.alias is None:
            return
        if self._application is None:
            self._application = codedeploy.LambdaApplication(self._scope, "Releases")
        stack = Stack.of(self._scope)
        codedeploy.LambdaDeploymentGroup(
            made,
            "Release",
            application=self._application,
            alias=made.alias,
            deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
            alarms=[
                failing,
                *(
                    cloudwatch.Alarm.from_alarm_arn(
                        made,
                        f"Stopped{name}",
                        f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm:{self._config.prefix}-{name}",
                    )
                    for name in stopped_by
                ),
            ],
            # The others' alarms are made after the functions: at the very first deployment they do not exist yet.
            ignore_poll_alarms_failure=True,
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
        )
