"""An account as a deployment leaves it: which policies count for a request, and what the engine says of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from tests.infrastructure.policies.simulator import Simulator
from tests.infrastructure.policies.templates import ACCOUNT, REGION, Deployment, Resource

_MANAGED: dict[str, Any] = (
    json.loads(aws_managed_policies_data) if isinstance(aws_managed_policies_data, str) else aws_managed_policies_data
)
Policy = dict[str, Any]
STRANGER = "999999999999"
EVERYTHING: Policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        name: The ARN of a role, or the name of a service.
        policies: What it may do by itself, by name.
        boundary: What it may do at most.
        endpoints: Policies of the endpoints that its requests pass, by service.
        context: What AWS knows of every request of it.
    """

    name: str
    policies: tuple[tuple[str, str], ...] = ()
    boundary: str | None = None
    endpoints: tuple[tuple[str, str], ...] = ()
    context: tuple[tuple[str, str], ...] = ()

    @property
    def is_service(self) -> bool:
        """Whether it is a service of AWS."""
        return not self.name.startswith("arn:")


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer: what the engine says, to which question. It is asked when somebody looks, together with all that was to be asked until then."""

    answer: Callable[[], str]
    who: str
    action: str
    resource: str
    context: str = ""

    @property
    def result(self) -> str:
        """The engine's word for it.

        Raises:
            ValueError: if the question or a policy is malformed.
        """
        return self.answer()

    @property
    def allowed(self) -> bool:
        """Whether AWS would let it happen."""
        return self.result == "Allowed"

    def __str__(self) -> str:
        return f"{self.result}: {self.who} {self.action} {self.resource} {self.context}".strip()


def service(name: str, source: str, account: str = ACCOUNT) -> Principal:
    """A service of AWS that acts for a resource.

    Args:
        name: Such as `sns.amazonaws.com`.
        source: The ARN it acts for.
        account: Whose that is.
    """
    return Principal(
        name,
        context=(
            ("aws:SourceArn", source),
            ("aws:SourceAccount", account),
            ("aws:PrincipalIsAWSService", "true"),
            ("aws:PrincipalServiceName", name),
        ),
    )


def stranger() -> Principal:
    """An administrator of somebody else's account."""
    name = f"arn:aws:iam::{STRANGER}:role/Administrator"
    return Principal(
        name,
        policies=(("everything", json.dumps(EVERYTHING)),),
        context=(("aws:PrincipalAccount", STRANGER), ("aws:PrincipalArn", name)),
    )


def bystander() -> Principal:
    """A role of the same account that nobody has granted anything."""
    name = f"arn:aws:iam::{ACCOUNT}:role/Bystander"
    return Principal(name, context=(("aws:PrincipalAccount", ACCOUNT), ("aws:PrincipalArn", name)))


@dataclass
class Account:
    """The account after the deployment."""

    deployment: Deployment
    simulator: Simulator
    _roles: dict[Resource, Principal] = field(default_factory=dict, init=False, repr=False)
    _policies: dict[str, str | None] = field(default_factory=dict, init=False, repr=False)

    # Principals ------------------------------------------------------------------------------------------------------

    def role(self, resource: Resource) -> Principal:
        """The role of a function, a task or anything else, or the role itself, with the policies that count for it."""
        if resource not in self._roles:
            self._roles[resource] = self._role(resource)
        return self._roles[resource]

    def _role(self, resource: Resource) -> Principal:
        if resource.type == "AWS::IAM::Role":
            role, network, source = resource, False, None
        elif resource.type == "AWS::Lambda::Function":
            role = self.by_arn(resource.properties["Role"])
            network, source = "VpcConfig" in resource.properties, resource.arn
        elif resource.type == "AWS::ECS::TaskDefinition":
            role, network, source = self.by_arn(resource.properties["TaskRoleArn"]), True, None
        else:
            raise LookupError(f"{resource.type} has no role")
        context = [("aws:PrincipalAccount", ACCOUNT), ("aws:PrincipalArn", role.arn)]
        if source is not None:
            context.append(("lambda:SourceFunctionArn", source))
        return Principal(
            role.arn,
            policies=tuple((name, json.dumps(policy)) for name, policy in self._identity(role)),
            boundary=self._boundary(role),
            endpoints=tuple(self._endpoints.items()) if network else (),
            context=tuple(context),
        )

    def function(self, name: str) -> Principal:
        """The role of one of our functions, by its folder's name; the ingestor's task too."""
        if name == "ingestor":
            return self.role(self.ingestor)
        return self.role(self.deployment.named("AWS::Lambda::Function", name))

    def of_platform(self, function: Resource) -> Principal:
        """The role of a function as Lambda itself uses it, to write logs and to attach to a network: no call of the function's code."""
        return self.role(self.by_arn(function.properties["Role"]))

    @property
    def ingestor(self) -> Resource:
        """The task that runs all the time: the only one with a service."""
        (service_,) = self.deployment.of_type("AWS::ECS::Service")
        return self.by_arn(service_.properties["TaskDefinition"])

    def by_arn(self, arn: str) -> Resource:
        """The resource with an ARN."""
        return self._by_arn[arn]

    @cached_property
    def _by_arn(self) -> dict[str, Resource]:
        return {
            each.arn: each for each in self.deployment if each.type != "AWS::SecretsManager::SecretTargetAttachment"
        }

    def _identity(self, role: Resource) -> Iterator[tuple[str, Policy]]:
        for each in role.properties.get("Policies", []):
            yield each["PolicyName"], each["PolicyDocument"]
        for arn in role.properties.get("ManagedPolicyArns", []):
            yield self._managed(arn)
        for each in self.deployment.of_type("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"):
            roles = each.properties.get("Roles", [each.properties.get("RoleName")])
            if role.name in roles:
                yield each.name, each.properties["PolicyDocument"]

    def _managed(self, arn: str) -> tuple[str, Policy]:
        if arn in self._by_arn:
            return arn, self._by_arn[arn].properties["PolicyDocument"]
        name = arn.rsplit("/", 1)[1]
        return name, _MANAGED[name]["Document"]

    def _boundary(self, role: Resource) -> str | None:
        arn = role.properties.get("PermissionsBoundary")
        return None if arn is None else json.dumps(self._managed(arn)[1])

    # Policies of resources ---------------------------------------------------------------------------------------------

    @cached_property
    def _endpoints(self) -> dict[str, str]:
        found = {}
        for each in self.deployment.of_type("AWS::EC2::VPCEndpoint"):
            name = str(each.properties["ServiceName"]).rsplit(".", 1)[1]
            document = each.properties.get("PolicyDocument") or {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
            }
            found[{"monitoring": "cloudwatch"}.get(name, name)] = json.dumps(document)
        return found

    @cached_property
    def _statements(self) -> dict[str, list[Policy]]:
        """Statements of the policies of resources, by ARN."""
        found: dict[str, list[Policy]] = defaultdict(list)
        for each in self.deployment:
            for arn, statements in _resource_statements(each, self.deployment):
                found[arn] += statements
        for topic in self.deployment.of_type("AWS::SNS::Topic"):
            found.setdefault(topic.arn, [_of_owner(topic.arn)])
        return found

    def _resource_policy(self, arn: str) -> Policy | None:
        """The policy of a resource, what AWS gives by itself included, or nothing."""
        if arn.startswith("aws-managed-key:"):
            return None
        statements = self._statements.get(arn)
        if statements is None and arn.startswith(f"arn:aws:sns:{REGION}:{ACCOUNT}:"):
            statements = [_of_owner(arn)]
        return None if statements is None else {"Version": "2012-10-17", "Statement": statements}

    def key(self, name: str | None) -> str | None:
        """The ARN of the key that a resource names by id, ARN or alias; None for those that AWS manages."""
        if not name or name.startswith("alias/aws/"):
            return None
        for alias in self.deployment.of_type("AWS::KMS::Alias"):
            if name.endswith(str(alias.properties["AliasName"])):
                name = str(alias.properties["TargetKeyId"])
        return next(each.arn for each in self.deployment.of_type("AWS::KMS::Key") if name in (each.arn, each.name))

    # Questions ---------------------------------------------------------------------------------------------------------

    def may(self, who: Principal, action: str, resource: str, **context: str | list[str]) -> Decision:
        """Whether `who` may do `action` to the resource with this ARN.

        Args:
            context: Further keys of the request; underscores stand for the first colon (`kms_ViaService`).
        """
        verb = action.split(":", 1)[0]
        account = resource.split(":")[4] or ACCOUNT if resource != "*" else ACCOUNT
        policy = self._policy_of(resource)
        keys = {
            "aws:SecureTransport": "true",
            "aws:RequestedRegion": REGION,
            # Only services have a source owner: roles of the account need a policy of their own.
            **({"AWS:SourceOwner": ACCOUNT} if verb == "sns" and _acts_for(who, ACCOUNT) else {}),
            **dict(who.context),
            **{name.replace("_", ":", 1): value for name, value in context.items()},
        }
        endpoint = dict(who.endpoints).get({"execute-api": "none"}.get(verb, verb))
        simulation: dict[str, Any] = {
            "request": {
                "principal": who.name,
                "action": action,
                "resource": {"resource": resource, "accountId": account},
                "contextVariables": keys,
            },
            "identityPolicies": self._told(*who.policies),
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }
        if policy is not None:
            simulation["resourcePolicy"] = self.simulator.policy(policy)
        if who.boundary is not None:
            simulation["permissionBoundaryPolicies"] = self._told(("boundary", who.boundary))
        if endpoint is not None:
            simulation["vpcEndpointPolicies"] = self._told(("endpoint", endpoint))
        return Decision(self.simulator.ask(simulation), who.name, action, resource, str(context or ""))

    def _told(self, *policies: tuple[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "policy": self.simulator.policy(text)} for name, text in policies]

    def _policy_of(self, arn: str) -> str | None:
        """The policy of a resource as text."""
        if arn not in self._policies:
            policy = self._resource_policy(arn)
            self._policies[arn] = None if policy is None else json.dumps(policy)
        return self._policies[arn]


def _acts_for(who: Principal, account: str) -> bool:
    return dict(who.context).get("aws:SourceAccount") == account


def _of_owner(arn: str) -> Policy:
    """What SNS writes into a topic that is given no policy."""
    return {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:DeleteTopic", "sns:AddPermission"],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    }


def _resource_statements(each: Resource, deployment: Deployment) -> Iterator[tuple[str, list[Policy]]]:
    """What a resource of the template says of who may use a resource: ARN and statements."""
    match each.type:
        case "AWS::SQS::QueuePolicy" | "AWS::SQS::QueueInlinePolicy":
            urls = each.properties.get("Queues") or [each.properties["Queue"]]
            arns = [queue.arn for queue in deployment.of_type("AWS::SQS::Queue") if queue.reference in urls]
        case "AWS::SNS::TopicPolicy" | "AWS::SNS::TopicInlinePolicy":
            arns = each.properties.get("Topics") or [each.properties["TopicArn"]]
        case "AWS::S3::BucketPolicy":
            arns = [f"arn:aws:s3:::{each.properties['Bucket']}"]
        case "AWS::SecretsManager::ResourcePolicy":
            arns = [each.properties["SecretId"]]
        case "AWS::KMS::Key":
            yield each.arn, each.properties["KeyPolicy"]["Statement"]
            return
        case "AWS::IAM::Role":
            yield each.arn, _on_itself(each.properties["AssumeRolePolicyDocument"]["Statement"], each.arn)
            return
        case "AWS::Lambda::Permission":
            function = str(each.properties["FunctionName"])
            if not function.startswith("arn:"):
                function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
            yield function, [_permission(each.properties, function)]
            return
        case _:
            return
    for arn in arns:
        yield arn, each.properties["PolicyDocument"]["Statement"]


def _on_itself(statements: list[Policy], arn: str) -> list[Policy]:
    return [{**each, "Resource": arn} for each in statements]


def _permission(properties: dict[str, Any], function: str) -> Policy:
    """A permission of Lambda as the statement that Lambda makes of it."""
    principal = str(properties["Principal"])
    condition: dict[str, dict[str, str]] = {}
    if "SourceArn" in properties:
        condition["ArnLike"] = {"aws:SourceArn": properties["SourceArn"]}
    if "SourceAccount" in properties:
        condition["StringEquals"] = {"aws:SourceAccount": properties["SourceAccount"]}
    return {
        "Effect": "Allow",
        "Principal": {"Service": principal} if principal.endswith(".amazonaws.com") else {"AWS": principal},
        "Action": properties["Action"],
        "Resource": function,
        **({"Condition": condition} if condition else {}),
    }
