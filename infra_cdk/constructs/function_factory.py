"""Making the functions of a stack: their layers once, and where they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import PythonFunction
from infra_cdk.constructs.packages import CERTIFICATES_ON_LAMBDA, library_layer, requirements_layer


@dataclass(frozen=True, slots=True)
class Place:
    """Where functions run, and where they find the database; all None on one machine, where secrets say it."""

    vpc: ec2.IVpc | None = None
    security_group: ec2.ISecurityGroup | None = None
    database_host: str | None = None


class FunctionFactory:
    """Makes functions in a stack."""

    def __init__(self, scope: Construct, config: StageConfig, place: Place, prefix: str = "") -> None:
        """
        Args:
            prefix: Makes the names of this stack's layers its own.
        """
        self._scope, self._config, self._place = scope, config, place
        self._prefix = config.prefix + prefix
        self._library = library_layer(scope, self._prefix)
        self._requirements: dict[str, lambda_.LayerVersion] = {}

    def function(
        self,
        name: str,
        requirements: str,
        *,
        timeout: int,
        memory: int,
        environment: Mapping[str, str],
        isolated: bool = False,
        in_network: bool = True,
        snap_start: bool = False,
    ) -> PythonFunction:
        """A function with the packages of its kind."""
        if requirements not in self._requirements:
            self._requirements[requirements] = requirements_layer(self._scope, self._prefix, requirements)
        place = self._place
        shared: dict[str, str] = {}
        # Functions without an environment of their own stay without any.
        if not isolated:
            shared["POWERTOOLS_LOG_LEVEL"] = "INFO"
        if place.database_host is not None and "DATABASE_SECRET" in environment:
            shared |= {"DATABASE_HOST": place.database_host, "DATABASE_CA": CERTIFICATES_ON_LAMBDA}
        return PythonFunction(
            self._scope,
            name.capitalize(),
            config=self._config,
            name=name,
            layers=[self._library, self._requirements[requirements]],
            timeout=timeout,
            memory=memory,
            environment={**shared, **environment},
            vpc=place.vpc if in_network else None,
            security_groups=[place.security_group] if place.security_group is not None else None,
            isolated=isolated,
            snap_start=snap_start and self._config.network is not None,
        )
