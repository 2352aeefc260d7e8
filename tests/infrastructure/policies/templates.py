"""The templates of a deployment with everything that they leave open filled in: names, ARNs, and what one stack takes from another.

CloudFormation knows an account, a region and names only when it deploys. Policies are written in terms of them, so they are made up here, in one way
for every resource: a name that the template gives is taken, any other is made of the stack's name and the logical id.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ACCOUNT, REGION = "123456789012", "us-east-1"
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")

# Type: property with the name, and the ARN. What is not here has the ARN `arn:aws:<service>:<region>:<account>:<kind>/<name>`.
_ARNS = {
    "AWS::SQS::Queue": ("QueueName", "arn:aws:sqs:{region}:{account}:{name}"),
    "AWS::SNS::Topic": ("TopicName", "arn:aws:sns:{region}:{account}:{name}"),
    "AWS::Lambda::Function": ("FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}"),
    "AWS::Lambda::LayerVersion": ("LayerName", "arn:aws:lambda:{region}:{account}:layer:{name}:1"),
    "AWS::IAM::Role": ("RoleName", "arn:aws:iam::{account}:role/{name}"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "arn:aws:iam::{account}:policy/{name}"),
    "AWS::KMS::Key": ("", "arn:aws:kms:{region}:{account}:key/{name}"),
    "AWS::SecretsManager::Secret": ("Name", "arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf"),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:aws:logs:{region}:{account}:log-group:{name}:*"),
    "AWS::SES::EmailIdentity": ("EmailIdentity", "arn:aws:ses:{region}:{account}:identity/{name}"),
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{name}"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::Events::Rule": ("Name", "arn:aws:events:{region}:{account}:rule/{name}"),
    "AWS::ECS::Cluster": ("ClusterName", "arn:aws:ecs:{region}:{account}:cluster/{name}"),
    "AWS::ECS::TaskDefinition": ("Family", "arn:aws:ecs:{region}:{account}:task-definition/{name}:1"),
    "AWS::ECR::Repository": ("RepositoryName", "arn:aws:ecr:{region}:{account}:repository/{name}"),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier", "arn:aws:rds:{region}:{account}:db:{name}"),
    "AWS::RDS::DBCluster": ("DBClusterIdentifier", "arn:aws:rds:{region}:{account}:cluster:{name}"),
    "AWS::StepFunctions::StateMachine": (
        "StateMachineName",
        "arn:aws:states:{region}:{account}:stateMachine:{name}",
    ),
}
# What a Ref gives for these is no name.
_REF_IS_ARN = {
    "AWS::SNS::Topic",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
    "AWS::IAM::ManagedPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::SecretsManager::SecretTargetAttachment",
    "AWS::ECS::TaskDefinition",
    "AWS::ECS::Service",
    "AWS::StepFunctions::StateMachine",
}


class Unresolved(ValueError):
    """A template says something that this reader does not know how to fill in."""


@dataclass(frozen=True, eq=False)
class Resource:
    """A resource of a stack; its properties are concrete values."""

    deployment: Deployment
    stack: str
    logical_id: str
    type: str
    template: dict[str, Any]

    @cached_property
    def properties(self) -> dict[str, Any]:
        """The properties with every reference filled in."""
        found: dict[str, Any] = self.deployment.resolve(self.stack, self.template.get("Properties", {}))
        return found

    @cached_property
    def name(self) -> str:
        """The name it is deployed under."""
        if self.type == "AWS::KMS::Key":
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.stack}/{self.logical_id}"))
        if self.type in ("AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi"):
            return hashlib.sha256(f"{self.stack}/{self.logical_id}".encode()).hexdigest()[:10]
        given = self.template.get("Properties", {}).get(_ARNS.get(self.type, ("Name", ""))[0])
        if given is not None:
            return str(self.deployment.resolve(self.stack, given))
        return f"{self.stack}-{self.logical_id}"[-64:]

    @cached_property
    def arn(self) -> str:
        """Its ARN."""
        raw = self.template.get("Properties", {})
        if self.type in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            function = str(self.deployment.resolve(self.stack, raw["FunctionName"]))
            if not function.startswith("arn:"):
                function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
            return f"{function}:{raw['Name'] if self.type == 'AWS::Lambda::Alias' else '1'}"
        if self.type == "AWS::SecretsManager::SecretTargetAttachment":
            return str(self.deployment.resolve(self.stack, raw["SecretId"]))
        service, kind = self.type.split("::")[1:] if self.type.count("::") == 2 else ("custom", self.type)
        pattern = _ARNS.get(
            self.type, ("", f"arn:aws:{service.lower()}:{{region}}:{{account}}:{kind.lower()}/{{name}}")
        )
        return pattern[1].format(region=REGION, account=ACCOUNT, name=self.name)

    @property
    def reference(self) -> str:
        """What `Ref` gives."""
        if self.type in _REF_IS_ARN:
            return self.arn
        if self.type == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.name}"
        return self.name

    def attribute(self, name: str) -> str:
        """What `Fn::GetAtt` gives."""
        if name in ("Arn", "TopicArn", "FunctionArn", "AlarmArn", "Id") and self.type != "AWS::WAFv2::IPSet":
            return self.arn
        if name in ("QueueName", "TopicName", "KeyId", "FunctionName"):
            return self.name
        if name == "QueueUrl":
            return self.reference
        if name == "Version":
            return "1"
        # Addresses and the like: nothing that a policy is about.
        return f"{self.logical_id.lower()}.{name.lower()}"


class Deployment:
    """All stacks of an assembly."""

    def __init__(self, templates: dict[str, dict[str, Any]]) -> None:
        """
        Args:
            templates: By the names of their stacks.
        """
        self.templates = templates
        self._of_types: dict[tuple[str, ...], list[Resource]] = {}
        self._named: dict[tuple[str, str], Resource] = {}
        self._resources = {
            (stack, logical_id): Resource(self, stack, logical_id, each["Type"], each)
            for stack, template in templates.items()
            for logical_id, each in template["Resources"].items()
        }
        self._exports = {
            self.resolve(stack, output["Export"]["Name"]): (stack, output["Value"])
            for stack, template in templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    @classmethod
    def read(cls, assembly: Path) -> Deployment:
        """The stacks of a cloud assembly's only stage."""
        (folder,) = assembly.glob("assembly-*")
        artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"].values()
        stacks = [each for each in artifacts if each["type"] == "aws:cloudformation:stack"]
        # What is synthesized for an account names it: that must be the one that is made up here.
        environments = {each["environment"] for each in stacks}
        assert environments <= {"aws://unknown-account/unknown-region", f"aws://{ACCOUNT}/{REGION}"}, environments
        return cls(
            {
                each["properties"]["stackName"]: json.loads((folder / each["properties"]["templateFile"]).read_text())
                for each in stacks
            }
        )

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources.values())

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of some types."""
        if types not in self._of_types:
            self._of_types[types] = [each for each in self if each.type in types]
        return list(self._of_types[types])

    def named(self, kind: str, name: str) -> Resource:
        """The only resource of a type whose name ends so, after the stage's own beginning.

        Raises:
            LookupError: if there is none, or several.
        """
        if (kind, name) not in self._named:
            self._named[kind, name] = self._only(kind, name)
        return self._named[kind, name]

    def _only(self, kind: str, name: str) -> Resource:
        found = [each for each in self.of_type(kind) if re.search(rf"(^|[-/]){re.escape(name)}$", each.name)]
        exact = [each for each in found if re.fullmatch(rf"stratforge[-/][a-z]+[-/]{re.escape(name)}", each.name)]
        if len(exact or found) != 1:
            raise LookupError(f"{kind} {name}: {[each.name for each in found]}")
        return (exact or found)[0]

    def resolve(self, stack: str, value: Any) -> Any:
        """A value of a stack's template with every reference filled in.

        Raises:
            Unresolved: for what cannot be.
        """
        if isinstance(value, list):
            return [each for each in (self.resolve(stack, item) for item in value) if each is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument) = next(iter(value.items()))
            if function == "Ref" or function.startswith("Fn::"):
                return self._call(stack, function, argument)
        found = {name: self.resolve(stack, each) for name, each in value.items()}
        return {name: each for name, each in found.items() if each is not None}

    def _call(self, stack: str, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._reference(stack, argument)
            case "Fn::GetAtt":
                logical_id, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                return self._resource(stack, logical_id).attribute(attribute)
            case "Fn::ImportValue":
                name = self.resolve(stack, argument)
                if name not in self._exports:
                    raise Unresolved(f"{stack} imports {name}, which no stack exports")
                return self.resolve(*self._exports[name])
            case "Fn::Join":
                return argument[0].join(str(each) for each in self.resolve(stack, argument[1]))
            case "Fn::Split":
                return str(self.resolve(stack, argument[1])).split(argument[0])
            case "Fn::Select":
                return self.resolve(stack, argument[1])[int(argument[0])]
            case "Fn::Sub":
                return self._substitute(stack, argument)
            case "Fn::GetAZs":
                return [f"{REGION}{letter}" for letter in "abc"]
        raise Unresolved(f"{stack}: {function}")

    def _substitute(self, stack: str, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in given:
                return str(self.resolve(stack, given[name]))
            if "." in name:
                return str(self._call(stack, "Fn::GetAtt", name))
            return str(self._reference(stack, name))

        return _VARIABLE.sub(value, text).replace("${!", "${")

    def _reference(self, stack: str, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": stack,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/1",
        }
        if name in pseudo:
            return pseudo[name]
        if name == "AWS::NoValue":
            return None
        parameters = self.templates[stack].get("Parameters", {})
        if name in parameters:
            return parameters[name].get("Default", f"parameter-{name}")
        return self._resource(stack, name).reference

    def _resource(self, stack: str, logical_id: str) -> Resource:
        if (stack, logical_id) not in self._resources:
            raise Unresolved(f"{stack} has no {logical_id}")
        return self._resources[stack, logical_id]
