"""Deploying a cloud assembly: assets to their bucket, then every stack, in order, by CloudFormation."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.session import Session

from local_platform.account import ACCOUNT, REGION
from local_platform.buckets import carry_over, keep_only
from local_platform.failures import StartError

_CONFIG = Config(
    connect_timeout=3, read_timeout=60, max_pool_connections=20, retries={"mode": "standard", "total_max_attempts": 3}
)


# Clients can be shared between threads; making one cannot, and takes a tenth of a second.
_MAKING = threading.Lock()
_SESSION = Session()
_CLIENTS: dict[tuple[str, str], Any] = {}


def client(service: str, endpoint: str) -> Any:
    """A client of the local engine, the same for everybody."""
    with _MAKING:
        if (service, endpoint) not in _CLIENTS:
            _CLIENTS[service, endpoint] = _SESSION.create_client(
                service,
                endpoint_url=endpoint,
                region_name=REGION,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="local",
                config=_CONFIG,
            )
        return _CLIENTS[service, endpoint]


def deploy(assembly: Path, endpoint: str) -> dict[str, str]:
    """Deploys all stacks of an assembly and gives their outputs by name.

    Raises:
        StartError: if a stack fails, with the engine's reason.
    """
    folder = next(assembly.glob("assembly-*"))
    manifest = json.loads((folder / "manifest.json").read_text())
    stacks = {name: each for name, each in manifest["artifacts"].items() if each["type"] == "aws:cloudformation:stack"}
    client("ssm", endpoint).put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
    )
    s3 = client("s3", endpoint)
    assets: dict[str, set[str]] = {}
    for file in folder.glob("*.assets.json"):
        _upload(s3, file, assets)
    for bucket, keys in assets.items():
        keep_only(s3, bucket, keys)
    cloudformation = client("cloudformation", endpoint)
    outputs: dict[str, str] = {}
    done: set[str] = set()
    while len(done) < len(stacks):
        ready = [
            name
            for name, each in stacks.items()
            if name not in done and all(need in done or need not in stacks for need in each.get("dependencies", []))
        ]
        for name in ready:
            properties = stacks[name]["properties"]
            outputs |= _create(cloudformation, properties["stackName"], _template_address(properties, endpoint))
            done.add(name)
    _order_topics(client("sns", endpoint))
    carry_over(s3, _buckets_of(cloudformation, [each["properties"]["stackName"] for each in stacks.values()]))
    return outputs


def _order_topics(sns: Any) -> None:
    """Makes FIFO topics of those that the templates say are: the engine's CloudFormation makes standard ones, which lose the groups and the deduplication of messages that are published together."""
    for page in sns.get_paginator("list_topics").paginate():
        for each in page["Topics"]:
            if each["TopicArn"].endswith(".fifo"):
                for name, value in (("FifoTopic", "true"), ("ContentBasedDeduplication", "false")):
                    sns.set_topic_attributes(TopicArn=each["TopicArn"], AttributeName=name, AttributeValue=value)


def _buckets_of(cloudformation: Any, stacks: Iterable[str]) -> list[str]:
    return [
        each["PhysicalResourceId"]
        for stack in stacks
        for each in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        if each["ResourceType"] == "AWS::S3::Bucket"
    ]


def _upload(s3: Any, assets: Path, uploaded: dict[str, set[str]]) -> None:
    """Uploads what a file of assets names, to buckets that are there or are made, and notes the keys by bucket."""
    for asset in json.loads(assets.read_text())["files"].values():
        source = assets.parent / asset["source"]["path"]
        for destination in asset["destinations"].values():
            bucket = destination["bucketName"].replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)
            if bucket not in uploaded:
                if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
                    s3.create_bucket(Bucket=bucket)
                uploaded[bucket] = set()
            uploaded[bucket].add(destination["objectKey"])
            body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            # A fixed date: the same content is the same package.
            info = zipfile.ZipInfo(str(file.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            archive.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _template_address(properties: dict[str, Any], endpoint: str) -> str:
    """Returns the address of the uploaded template: one that is large cannot be sent along."""
    bucket, _, key = properties["stackTemplateAssetObjectUrl"].removeprefix("s3://").partition("/")
    return f"{endpoint}/{bucket}/{key}".replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _create(cloudformation: Any, name: str, template_address: str) -> dict[str, str]:
    cloudformation.create_stack(
        StackName=name, TemplateURL=template_address, Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
    )
    for _ in range(600):
        if cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] != "CREATE_IN_PROGRESS":
            break
        time.sleep(0.1)
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [
        f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}"
        for each in events
        if "FAILED" in each["ResourceStatus"] or "fallback" in each.get("ResourceStatusReason", "")
    ]
    if stack["StackStatus"] != "CREATE_COMPLETE" or reasons:
        raise StartError(f"the stack {name} was not deployed ({stack['StackStatus']}): {'; '.join(reasons)[:400]}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
