"""Deploying a stage's stacks one by one to an engine that knows some of AWS, and destroying them again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from local_platform import deployment
from local_platform.account import ACCOUNT, REGION
from local_platform.deployment import client

# A parameter of a template that AWS publishes, such as the newest image of a machine, under a name that nobody else may write.
_PUBLIC_PARAMETER = "/stratforge/tests/public-parameter"
_SECONDS = 120


@dataclass
class Engine:
    """An engine that answers for AWS at an address, and the stacks that were made on it, in order."""

    address: str
    order: list[str] = field(default_factory=list)

    def deploy(self, assembly: Path, *, without: Mapping[str, str], only_for: str = "") -> dict[str, str]:
        """Deploys every stack; what went wrong by stack.

        Args:
            without: Types of resources, or single ones as type/logical id, that are left out, each with the reason.
            only_for: Such a type or resource: only the stacks that have it are deployed, and those that they depend on.
        """
        folder = next(assembly.glob("assembly-*"))
        artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
        waiting = {name: each for name, each in artifacts.items() if each["type"] == "aws:cloudformation:stack"}
        if only_for:
            needed = {name for name, each in waiting.items() if _has(folder, each["properties"], only_for)}
            while (
                more := {need for name in needed for need in waiting[name].get("dependencies", [])}
                & set(waiting) - needed
            ):
                needed |= more
            waiting = {name: each for name, each in waiting.items() if name in needed}
        parameters = client("ssm", self.address)
        for name, value in (("/cdk-bootstrap/hnb659fds/version", "30"), (_PUBLIC_PARAMETER, "ami-12345678")):
            parameters.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        uploaded: dict[str, set[str]] = {}
        for each in waiting.values():
            assets = each["properties"]["templateFile"].replace(".template.", ".assets.")
            deployment._upload(client("s3", self.address), folder / assets, uploaded)
        wrong: dict[str, str] = {}
        while waiting:
            for name in [each for each in waiting if not set(waiting[each].get("dependencies", [])) & set(waiting)]:
                properties = waiting.pop(name)["properties"]
                template = json.loads((folder / properties["templateFile"]).read_text())
                problem = self._create(properties["stackName"], known_part(template, without))
                if problem:
                    wrong[properties["stackName"]] = problem
        return wrong

    def _create(self, stack: str, template: dict[str, Any]) -> str:
        """What is wrong with a stack after it was made; nothing if nothing is."""
        bucket, key = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}", f"{stack}.json"
        client("s3", self.address).put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
        cloudformation = client("cloudformation", self.address)
        published = [
            {"ParameterKey": name, "ParameterValue": _PUBLIC_PARAMETER}
            for name, each in template.get("Parameters", {}).items()
            if str(each.get("Default", "")).startswith("/aws/service/")
        ]
        self.order.append(stack)
        try:
            cloudformation.create_stack(
                StackName=stack,
                TemplateURL=f"{self.address}/{bucket}/{key}",
                Parameters=published,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            )
        except ClientError as error:
            self.order.remove(stack)
            return str(error)
        status = self._settled(stack)
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"{each['LogicalResourceId']} ({each['ResourceType']}): {each.get('ResourceStatusReason', '')}"
            for each in events
            if "FAILED" in each["ResourceStatus"] or "fallback" in each.get("ResourceStatusReason", "")
        ]
        return "" if status == "CREATE_COMPLETE" and not reasons else f"{status}: {'; '.join(reasons)}"

    def _settled(self, stack: str) -> str:
        """The status that a stack comes to; GONE when there is none any more."""
        cloudformation = client("cloudformation", self.address)
        deadline = time.monotonic() + _SECONDS
        status = "NEVER_SEEN"
        while time.monotonic() < deadline:
            try:
                status = str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
            except ClientError:
                return "GONE"
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.1)
        return status

    def destroy(self) -> dict[str, str]:
        """Deletes the stacks, the last one first; what went wrong by stack."""
        wrong = {}
        for stack in reversed(self.order):
            try:
                client("cloudformation", self.address).delete_stack(StackName=stack)
            except ClientError as error:
                wrong[stack] = str(error)
                continue
            status = self._settled(stack)
            if status not in ("GONE", "DELETE_COMPLETE"):
                wrong[stack] = status
        self.order = list(wrong)
        return wrong

    def leftovers(self) -> list[str]:
        """Everything with our name that is there, whatever made it."""
        address = self.address
        found = [
            *client("sqs", address).list_queues().get("QueueUrls", []),
            *(each["TopicArn"] for each in client("sns", address).list_topics()["Topics"]),
            *(each["Name"] for each in client("secretsmanager", address).list_secrets()["SecretList"]),
            *(each["FunctionName"] for each in client("lambda", address).list_functions()["Functions"]),
            *(each["RoleName"] for each in client("iam", address).list_roles()["Roles"]),
            *(each["AlarmName"] for each in client("cloudwatch", address).describe_alarms()["MetricAlarms"]),
            *(each["Name"] for each in client("events", address).list_rules()["Rules"]),
        ]
        return sorted(each for each in found if "stratforge" in each)


def _has(folder: Path, properties: dict[str, Any], wanted: str) -> bool:
    """Whether a stack has a type of resource, or one as type/logical id."""
    resources = json.loads((folder / properties["templateFile"]).read_text())["Resources"]
    return any(wanted in (each["Type"], f"{each['Type']}/{name}") for name, each in resources.items())


def known_part(template: dict[str, Any], unknown: Mapping[str, str]) -> dict[str, Any]:
    """A template without resources of unknown types, without what refers to them, and without outputs of either."""
    resources = dict(template["Resources"])
    gone = {name for name, each in resources.items() if {each["Type"], f"{each['Type']}/{name}"} & set(unknown)}
    while True:
        more = {name for name, each in resources.items() if name not in gone and referred(each.get("Properties"), gone)}
        if not more:
            break
        gone |= more
    kept = {name: _without_dependencies(each, gone) for name, each in resources.items() if name not in gone}
    outputs = {name: each for name, each in template.get("Outputs", {}).items() if not referred(each, gone)}
    rest = {name: each for name, each in template.items() if name not in ("Resources", "Outputs", "Rules")}
    return {**rest, "Resources": kept, **({"Outputs": outputs} if outputs else {})}


def referred(value: Any, names: set[str]) -> bool:
    """Whether a value refers to one of these resources."""
    if isinstance(value, list):
        return any(referred(each, names) for each in value)
    if not isinstance(value, dict):
        return False
    if value.get("Ref") in names or (isinstance(value.get("Fn::GetAtt"), list) and value["Fn::GetAtt"][0] in names):
        return True
    return any(referred(each, names) for each in value.values())


def _without_dependencies(resource: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    depends = resource.get("DependsOn", [])
    left = [each for each in ([depends] if isinstance(depends, str) else depends) if each not in gone]
    rest = {name: each for name, each in resource.items() if name != "DependsOn"}
    return {**rest, **({"DependsOn": left} if left else {})}
