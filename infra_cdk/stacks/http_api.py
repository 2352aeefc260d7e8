"""The stack of the HTTP API, behind the edge."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct
from stratforge.edge import EDGE_HEADER

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function_factory import FunctionFactory, Place
from infra_cdk.constructs.log import log_group

_BURST, _RATE = 200, 100
# What takes `?wait=`: answered by a function of its own, so that who waits for a job is in nobody's way.
_MAY_WAIT = tuple(
    version + path
    for version in ("/v1", "/api")
    for path in ("/ai/{action}", "/backtests", "/sessions/{session_id}/replay")
)


class HttpApiStack(Stack):
    """API Gateway's HTTP API in front of the api function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        function: lambda_.IFunction,
        waiting: lambda_.IFunction | None,
        mcp: lambda_.IFunction,
        edge_secret: secretsmanager.ISecret | None,
        alarms: sns.ITopic | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.factory = FunctionFactory(self, config, Place(), prefix="-door", alarms=alarms) if edge_secret else None
        integration = integrations.HttpLambdaIntegration("Integration", function)
        self.api = apigatewayv2.HttpApi(
            self,
            "Api",
            api_name=config.prefix,
            default_integration=integration,
            default_authorizer=self._door(config, edge_secret) if edge_secret is not None else None,
            create_default_stage=False,
        )
        if waiting is not None:
            holding = integrations.HttpLambdaIntegration("WaitingIntegration", waiting)
            for path in _MAY_WAIT:
                self.api.add_routes(path=path, methods=[apigatewayv2.HttpMethod.POST], integration=holding)
        self.api.add_routes(
            path="/mcp",
            methods=[apigatewayv2.HttpMethod.ANY],
            integration=integrations.HttpLambdaIntegration("McpIntegration", mcp),
        )
        access_log = log_group(self, "AccessLog", config, "access")
        stage = apigatewayv2.CfnStage(
            self,
            "Stage",
            api_id=self.api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigatewayv2.CfnStage.RouteSettingsProperty(
                throttling_burst_limit=_BURST, throttling_rate_limit=_RATE
            ),
            access_log_settings=apigatewayv2.CfnStage.AccessLogSettingsProperty(
                destination_arn=access_log.log_group_arn,
                format='{"time":"$context.requestTime","ip":"$context.identity.sourceIp","route":"$context.routeKey",'
                '"path":"$context.path","status":"$context.status","latency":"$context.responseLatency",'
                '"request":"$context.requestId"}',
            ),
        )
        stage.node.add_dependency(self.api)
        if config.domain and config.certificate_arn and not config.edge:
            name = apigatewayv2.DomainName(
                self,
                "Domain",
                domain_name=config.domain,
                certificate=certificates.Certificate.from_certificate_arn(self, "Certificate", config.certificate_arn),
            )
            apigatewayv2.ApiMapping(self, "Mapping", api=self.api, domain_name=name).node.add_dependency(stage)
            CfnOutput(self, "DomainTarget", value=name.regional_domain_name)
        CfnOutput(self, "ApiId", value=self.api.api_id)
        CfnOutput(self, "ApiUrl", value=self.api.api_endpoint)

    def _door(self, config: StageConfig, edge_secret: secretsmanager.ISecret) -> authorizers.HttpLambdaAuthorizer:
        """Lets in what comes by way of the edge: the API's own address is public, and behind it there is no firewall."""
        assert self.factory is not None
        doorkeeper = self.factory.function(
            "doorkeeper",
            "engine",
            timeout=5,
            memory=256,
            in_network=False,
            environment={"EDGE_SECRET": f"stratforge/{config.name}/edge"},
        )
        doorkeeper.may_read_secrets(edge_secret)
        return authorizers.HttpLambdaAuthorizer(
            "Door",
            doorkeeper.target,
            authorizer_name="edge",
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            # A request without the header is refused by the gateway itself; with the right one nobody asks again for an hour.
            identity_source=[f"$request.header.{EDGE_HEADER}"],
            results_cache_ttl=Duration.hours(1),
        )
