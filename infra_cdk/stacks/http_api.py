"""The front door."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.log import log_group

_BURST, _RATE = 200, 100


class HttpApiStack(Stack):
    """API Gateway's HTTP API in front of the api function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        function: lambda_.IFunction,
        mcp: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        integration = integrations.HttpLambdaIntegration("Integration", function)
        self.api = apigatewayv2.HttpApi(
            self, "Api", api_name=config.prefix, default_integration=integration, create_default_stage=False
        )
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
