"""Suppressions of cdk-nag's findings, each with its reason."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct


def _managed(policy: str) -> str:
    return f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/{policy}]"


# Rule, and why it does not hold here. For whole stages: what is so by design.
EVERYWHERE = {
    "AwsSolutions-APIG4": "The application checks every request itself: tokens, API keys, cookies with CSRF tokens; some routes are for everybody.",
    "AwsSolutions-L1": "Ours run on Python 3.13; what remains are CDK's own custom resource providers, whose runtime comes with CDK.",
    "AwsSolutions-SMG4": "Keys of Alpaca and Gemini are made by people at those services; token and role keys are rotated by the operations guide, without a rotation function "
    "that could do more than any other.",
    _managed("AWSLambdaENIManagementAccess"): "What attaching to a VPC needs; it cannot be narrowed to resources.",
    _managed("AWSLambdaBasicExecutionRole"): "The role is one of CDK's own providers.",
    _managed("AWSCodeDeployRoleForLambdaLimited"): "What CodeDeploy needs to move an alias; AWS keeps it to that.",
    _managed(
        "AmazonAPIGatewayPushToCloudWatchLogs"
    ): "The account's setting for logs of API Gateway takes this role and no other.",
    "AwsSolutions-SNS3": "Topics of symbols are made at run time too, by the ingestor, alike: it speaks TLS only, and the queue behind them refuses anything else.",
    "AwsSolutions-SQS3": "The queues it means are the dead-letter queues themselves.",
    "AwsSolutions-ECS4": "One task: its own metrics, with an alarm on its heartbeat, say more than insights at a dollar for three metrics; ECS gives processor and memory for nothing.",
    "AwsSolutions-ECS2": "The environment holds names and addresses; secrets are read from Secrets Manager.",
    "AwsSolutions-RDS11": "The port is open to one security group in private subnets only; another number hides nothing.",
}
DEVELOPMENT = {
    "AwsSolutions-RDS3": "dev has one zone: what is lost there is made again.",
    "AwsSolutions-RDS10": "dev is there to be destroyed.",
}
EDGE = {
    "AwsSolutions-CFR1": "People trade from everywhere.",
    "AwsSolutions-CFR3": "The API keeps an access log of every request that passes.",
    "AwsSolutions-CFR4": "Without a name of its own a distribution has CloudFront's certificate, whose minimum is CloudFront's.",
}


BY_STACK = {
    # Where the way out is a NAT instance.
    "network": {
        "AwsSolutions-EC26": "The NAT instance keeps nothing on its disk.",
        "AwsSolutions-EC28": "The NAT instance is cheap by intent; the alarm on the ingestor's heartbeat notices when it is gone.",
        "AwsSolutions-EC29": "The NAT instance is replaced by deploying.",
        "AwsSolutions-EC23": "The NAT instance takes traffic from the VPC's own network.",
    },
    "messaging": {
        "AwsSolutions-IAM5[Resource::*]": "The cleaner lists topics, which cannot be narrowed to names; it may delete those of the stage only."
    },
    "functions": {
        "AwsSolutions-S1": "Links to files are given by the API, which logs each; a file is gone after a day."
    },
    "database": {"AwsSolutions-IAM5[Resource::*]": "CDK's own provider sets the retention of the database's log."},
    "ingestor": {
        "AwsSolutions-IAM5[Resource::*]": "Pulling the image needs a token of the registry, which is no resource; subscriptions are listed, which cannot be narrowed to names."
    },
}


def acknowledge_wildcard(scope: IConstruct, resource: str, reason: str) -> None:
    """Gives the reason why a policy names resources that end in `*`; `resource` as cdk-nag writes it."""
    cdk.Validations.of(scope).acknowledge(
        cdk.Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{resource}]", reason=reason)
    )


def arn(scope: IConstruct, service: str, resource: str) -> str:
    """Returns an ARN of the stack's account and region as cdk-nag writes it: with their values where they are known."""
    stack = cdk.Stack.of(scope)
    region = "<AWS::Region>" if cdk.Token.is_unresolved(stack.region) else stack.region
    account = "<AWS::AccountId>" if cdk.Token.is_unresolved(stack.account) else stack.account
    return f"arn:<AWS::Partition>:{service}:{region}:{account}:{resource}"


def attribute(resource: IConstruct) -> str:
    """Returns the ARN of a resource of the same stack, as cdk-nag writes it."""
    child = resource.node.default_child
    assert isinstance(child, cdk.CfnElement)
    return f"<{cdk.Stack.of(resource).get_logical_id(child)}.Arn>"


def suppress(app: cdk.App) -> None:
    """Gives cdk-nag the reasons for which rules are not followed here."""
    for stage in app.node.children:
        if isinstance(stage, cdk.Stage):
            for stack in stage.node.children:
                if isinstance(stack, cdk.Stack):
                    production = str(stage.stage_name).endswith("-prod")
                    reasons = EVERYWHERE | ({} if production else DEVELOPMENT)
                    reasons |= EDGE if stack.node.id == "edge" else BY_STACK.get(stack.node.id, {})
                    rules = [cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items()]
                    cdk.Validations.of(stack).acknowledge(*rules)
