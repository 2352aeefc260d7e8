"""The WebSocket API: clients are told what happens, and say what they watch."""

from __future__ import annotations

from typing import Literal

from aws_cdk import CfnElement, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.log import log_group

_STAGE = "realtime"
_BURST, _RATE = 500, 200


def _logging_role(scope: Construct) -> apigateway.CfnAccount:
    """Returns the setting that lets API Gateway write logs of WebSocket and REST APIs: a setting of the whole account in
    a region, without which a stage with a log is refused.

    It stays when a stage goes, with its role: the account's other stages may stand on it.
    """
    role = iam.Role(
        scope,
        "LoggingRole",
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        description="Logs of all WebSocket and REST APIs of the account in this region",
        managed_policies=[
            iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonAPIGatewayPushToCloudWatchLogs")
        ],
    )
    role.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
    setting = apigateway.CfnAccount(scope, "LoggingSetting", cloud_watch_role_arn=role.role_arn)
    setting.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
    return setting


class WebSocketApi(Construct):
    """An API of API Gateway for WebSockets, throttled and logged."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        self._api = apigatewayv2.WebSocketApi(
            self, "Api", api_name=f"{config.prefix}-realtime", route_selection_expression="$request.body.action"
        )
        self._stage = apigatewayv2.WebSocketStage(
            self,
            "Stage",
            web_socket_api=self._api,
            stage_name=_STAGE,
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(burst_limit=_BURST, rate_limit=_RATE),
        )
        if config.network is not None:
            log = log_group(self, "AccessLog", config, "realtime-access")
            stage = self._stage.node.default_child
            assert isinstance(stage, apigatewayv2.CfnStage)
            stage.node.add_dependency(_logging_role(self))
            stage.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn,
                format='{"time":"$context.requestTime","ip":"$context.identity.sourceIp","event":"$context.eventType",'
                '"connection":"$context.connectionId","status":"$context.status","request":"$context.requestId"}',
            )
        CfnOutput(Stack.of(self), "RealtimeApiId", value=self._api.api_id)

    @property
    def api_id(self) -> str:
        """The id of the API, as in its address."""
        return self._api.api_id

    @property
    def logical_id(self) -> str:
        """Logical id of the API as cdk-nag writes it."""
        child = self._api.node.default_child
        assert isinstance(child, CfnElement)
        return f"<{Stack.of(self).get_logical_id(child)}>"

    @property
    def stage_name(self) -> str:
        """The name of the only stage that the API has."""
        return _STAGE

    @property
    def url(self) -> str:
        """The address to which clients connect, `wss://…`."""
        return self._stage.url

    def connections_arn(self, method: Literal["POST", "DELETE"]) -> str:
        """ARN of the connections to which messages may be posted (POST), or which may be closed (DELETE)."""
        return Stack.of(self).format_arn(
            service="execute-api", resource=self._api.api_id, resource_name=f"{_STAGE}/{method}/@connections/*"
        )

    def route_to(self, function: lambda_.IFunction) -> None:
        """Sends everything clients do to a function, which answers by posting."""
        for name, route in (("Connect", "$connect"), ("Disconnect", "$disconnect"), ("Default", "$default")):
            self._api.add_route(
                route, integration=integrations.WebSocketLambdaIntegration(f"{name}Integration", function)
            )
