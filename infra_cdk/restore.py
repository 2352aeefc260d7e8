"""`make rehearse-restore`: restores the stage's database to its latest moment beside the real one, has the ledger examined there, and deletes it again."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra_cdk.target import Target, parse

_WAIT = {"Delay": 30, "MaxAttempts": 160}


class RehearsalFailed(RuntimeError):
    """The restored database failed a check of the rehearsal."""


def restore(rds: Any, source: str, name: str) -> str:
    """Restores to the latest moment that can be restored; returns the new instance's host."""
    (instance,) = rds.describe_db_instances(DBInstanceIdentifier=source)["DBInstances"]
    rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=source,
        TargetDBInstanceIdentifier=name,
        UseLatestRestorableTime=True,
        DBInstanceClass=instance["DBInstanceClass"],
        DBSubnetGroupName=instance["DBSubnetGroup"]["DBSubnetGroupName"],
        VpcSecurityGroupIds=[each["VpcSecurityGroupId"] for each in instance["VpcSecurityGroups"]],
        DBParameterGroupName=instance["DBParameterGroups"][0]["DBParameterGroupName"],
        PubliclyAccessible=False,
        MultiAZ=False,
        DeletionProtection=False,
        Tags=[{"Key": "purpose", "Value": "rehearsal"}],
    )
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name, WaiterConfig=_WAIT)
    (restored,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return str(restored["Endpoint"]["Address"])


def remove(rds: Any, name: str) -> None:
    """Deletes what was restored, with its backups."""
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)


def examine(client: Any, stage: str, host: str) -> dict[str, Any]:
    """Invokes the stage's examiner on the restored database and returns its findings.

    Raises:
        RehearsalFailed: if an invariant is broken, or the function fails.
    """
    reply = client.invoke(FunctionName=f"stratforge-{stage}-examiner", Payload=json.dumps({"host": host}).encode())
    found: dict[str, Any] = json.loads(reply["Payload"].read())
    if reply.get("FunctionError"):
        raise RehearsalFailed(f"the examiner failed: {found.get('errorMessage', found)}")
    if found["broken"]:
        raise RehearsalFailed(f"the restored ledger does not add up: {found['broken']}")
    return found


def rehearse(client: Callable[[str], Any], target: Target, source: str, at: datetime) -> dict[str, Any]:
    """The whole rehearsal; what it restored is deleted whatever happened."""
    name = f"stratforge-{target.stage}-rehearsal-{at:%Y%m%d%H%M}"
    rds = client("rds")
    try:
        return examine(client("lambda"), target.stage, restore(rds, source, name))
    finally:
        remove(rds, name)


def main() -> int:
    """Rehearses, and says how long it took: that is what an emergency would take."""
    _, target = parse(argparse.ArgumentParser(prog="make rehearse-restore", description=__doc__))

    def client(service: str) -> Any:
        if service != "lambda":
            return target.client(service)
        import boto3

        return boto3.client(
            "lambda", region_name=target.region, config=Config(read_timeout=320, retries={"total_max_attempts": 1})
        )

    began = datetime.now(UTC)
    try:
        found = rehearse(client, target, target.outputs("database")["DatabaseId"], began)
    except (BotoCoreError, ClientError, WaiterError, RehearsalFailed, KeyError) as error:
        print(f"make rehearse-restore: {error}", file=sys.stderr)
        return 1
    minutes = (datetime.now(UTC) - began).total_seconds() / 60
    print(f"restored in {minutes:.0f} minutes: {found['users']} users, {found['trades']} trades, every invariant holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
