"""CloudFront with a web application firewall in front of the HTTP API, where a stage wants one.

A firewall cannot stand before an HTTP API itself. Files under `/static` are kept at the edge; everything else is passed on as it is.
"""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_wafv2 as wafv2
from aws_cdk.aws_secretsmanager import ISecret
from constructs import Construct
from stratforge.edge import EDGE_HEADER, HOST_HEADER, VISITOR_HEADER

from infra_cdk.configuration import StageConfig

# Requests of one address in five minutes.
_RATE = 3_000
_MANAGED = (
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesAmazonIpReputationList",
)

# What the visitor sent under these names is overwritten: behind the edge they are believed.
_VISITOR = f"""function handler(event) {{
  var headers = event.request.headers;
  headers['{VISITOR_HEADER}'] = {{value: event.viewer.ip}};
  headers['{HOST_HEADER}'] = {{value: headers.host.value}};
  return event.request;
}}"""


class EdgeStack(Stack):
    """The distribution of CloudFront and its firewall, in us-east-1."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, api_domain: str, key: ISecret
    ) -> None:
        super().__init__(scope, construct_id)
        firewall = wafv2.CfnWebACL(
            self,
            "Firewall",
            name=f"{config.prefix}-edge",
            scope="CLOUDFRONT",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(f"{config.prefix}-edge"),
            rules=[
                *(self._managed(name, index) for index, name in enumerate(_MANAGED)),
                wafv2.CfnWebACL.RuleProperty(
                    name="rate",
                    priority=len(_MANAGED),
                    action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                    statement=wafv2.CfnWebACL.StatementProperty(
                        rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                            limit=_RATE, aggregate_key_type="IP"
                        )
                    ),
                    visibility_config=_visibility("rate"),
                ),
            ],
        )
        origin = origins.HttpOrigin(
            api_domain,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            read_timeout=Duration.seconds(30),
            # In the template it is a reference, which CloudFormation resolves; who may read the distribution may read it.
            custom_headers={EDGE_HEADER: key.secret_value_from_json("key").unsafe_unwrap()},
        )
        visitor = [
            cloudfront.FunctionAssociation(
                function=cloudfront.Function(
                    self,
                    "Visitor",
                    code=cloudfront.FunctionCode.from_inline(_VISITOR),
                    runtime=cloudfront.FunctionRuntime.JS_2_0,
                    comment="Says who the visitor is, and by which name he came",
                ),
                event_type=cloudfront.FunctionEventType.VIEWER_REQUEST,
            )
        ]
        everything = cloudfront.BehaviorOptions(
            origin=origin,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            compress=True,
            function_associations=visitor,
        )
        certificate = (
            certificates.Certificate.from_certificate_arn(self, "Certificate", config.certificate_arn)
            if config.certificate_arn
            else None
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=config.prefix,
            default_behavior=everything,
            additional_behaviors={
                "/static/*": cloudfront.BehaviorOptions(
                    origin=origin,
                    viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                    cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                    compress=True,
                )
            },
            web_acl_id=firewall.attr_arn,
            domain_names=[config.domain] if config.domain and certificate else None,
            certificate=certificate,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
        )
        CfnOutput(self, "Address", value=f"https://{config.domain or self.distribution.distribution_domain_name}")

    def _managed(self, name: str, priority: int) -> wafv2.CfnWebACL.RuleProperty:
        # Strategy code looks like an attack to the body rules: what comes in bodies is refused by the compiler.
        overrides = (
            [
                wafv2.CfnWebACL.RuleActionOverrideProperty(
                    name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
                )
                for rule in ("SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY")
            ]
            if name == "AWSManagedRulesCommonRuleSet"
            else None
        )
        return wafv2.CfnWebACL.RuleProperty(
            name=name,
            priority=priority,
            override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                    name=name, vendor_name="AWS", rule_action_overrides=overrides
                )
            ),
            visibility_config=_visibility(name),
        )


def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
