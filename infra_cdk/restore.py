"""`make rehearse-restore`: restores the stage's database to its latest moment beside the real one, has the ledger examined there, and deletes it again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra_cdk.target import Target, parse

_WAIT = {"Delay": 30, "MaxAttempts": 160}
_DELETING = "deleting"
_TAGS = [{"Key": "purpose", "Value": "rehearsal"}]


class RehearsalFailed(RuntimeError):
    """The restored database failed a check of the rehearsal."""


class Instance:
    """A single instance, or a pair in two zones, which is restored as one."""

    def __init__(self, rds: Any, source: str) -> None:
        """
        Args:
            source: Identifier of the stage's instance.
        """
        self._rds, self._source = rds, source

    def restore(self, name: str) -> str:
        """Restores to the latest moment that can be restored; returns the new instance's host."""
        rds, source = self._rds, self._source
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
            Tags=_TAGS,
        )
        rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name, WaiterConfig=_WAIT)
        (restored,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        return str(restored["Endpoint"]["Address"])

    def names(self) -> list[str]:
        """The identifiers of all instances of the account and region, but those that are being deleted."""
        pages = self._rds.get_paginator("describe_db_instances").paginate()
        found = [each for page in pages for each in page["DBInstances"]]
        return [str(each["DBInstanceIdentifier"]) for each in found if each["DBInstanceStatus"] != _DELETING]

    def remove(self, name: str) -> None:
        """Deletes what was restored, with its backups."""
        _gone(
            lambda: self._rds.delete_db_instance(
                DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True
            )
        )


class Cluster:
    """An Aurora cluster, which is restored with one instance of the same kind."""

    def __init__(self, rds: Any, source: str) -> None:
        """
        Args:
            source: Identifier of the stage's cluster.
        """
        self._rds, self._source = rds, source

    def restore(self, name: str) -> str:
        """Restores to the latest moment that can be restored; returns the new cluster's host."""
        rds, source = self._rds, self._source
        (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=source)["DBClusters"]
        rds.restore_db_cluster_to_point_in_time(
            SourceDBClusterIdentifier=source,
            DBClusterIdentifier=name,
            UseLatestRestorableTime=True,
            DBSubnetGroupName=cluster["DBSubnetGroup"],
            VpcSecurityGroupIds=[each["VpcSecurityGroupId"] for each in cluster["VpcSecurityGroups"]],
            DBClusterParameterGroupName=cluster["DBClusterParameterGroup"],
            ServerlessV2ScalingConfiguration={
                bound: cluster["ServerlessV2ScalingConfiguration"][bound] for bound in ("MinCapacity", "MaxCapacity")
            },
            DeletionProtection=False,
            Tags=_TAGS,
        )
        rds.create_db_instance(
            DBInstanceIdentifier=f"{name}-1",
            DBClusterIdentifier=name,
            DBInstanceClass="db.serverless",
            Engine=cluster["Engine"],
            PubliclyAccessible=False,
            Tags=_TAGS,
        )
        rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=f"{name}-1", WaiterConfig=_WAIT)
        (restored,) = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
        return str(restored["Endpoint"])

    def names(self) -> list[str]:
        """The identifiers of all clusters of the account and region, but those that are being deleted."""
        pages = self._rds.get_paginator("describe_db_clusters").paginate()
        found = [each for page in pages for each in page["DBClusters"]]
        return [str(each["DBClusterIdentifier"]) for each in found if each["Status"] != _DELETING]

    def remove(self, name: str) -> None:
        """Deletes what was restored, with its backups."""
        rds = self._rds
        _gone(lambda: rds.delete_db_instance(DBInstanceIdentifier=f"{name}-1", SkipFinalSnapshot=True))
        _gone(
            lambda: rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
        )


def _gone(delete: Callable[[], Any]) -> None:
    """Deletes something that may never have been made (why is told by who tried), or that is being deleted already."""
    try:
        delete()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        # In the same state is what is still made, and that stays.
        on_its_way = code == "InvalidDBInstanceState" and "already being deleted" in message
        if code not in ("DBInstanceNotFound", "DBClusterNotFoundFault") and not on_its_way:
            raise


def rehearse(client: Callable[[str], Any], target: Target, outputs: Mapping[str, str], at: datetime) -> dict[str, Any]:
    """The whole rehearsal; what it restored is deleted whatever happened, and so is what an earlier one could not delete (RDS deletes nothing that it is still making).

    Args:
        outputs: Those of the database's stack, which say what it is.

    Raises:
        RehearsalFailed: if an invariant is broken.
        RuntimeError: if the examiner fails.
    """
    prefix = f"stratforge-{target.stage}-rehearsal-"
    name = f"{prefix}{at:%Y%m%d%H%M}"
    rds = client("rds")
    database = Cluster(rds, outputs["ClusterId"]) if "ClusterId" in outputs else Instance(rds, outputs["DatabaseId"])
    for left in database.names():
        if left.startswith(prefix):
            database.remove(left)
    try:
        found = target.invoke(client("lambda"), "examiner", {"host": database.restore(name)})
    except BaseException as first:
        try:
            database.remove(name)
        except (BotoCoreError, ClientError) as error:
            first.add_note(f"{name} could not be deleted either, and costs money until the next rehearsal: {error}")
        raise
    database.remove(name)
    if found["broken"]:
        raise RehearsalFailed(f"the restored ledger does not add up: {found['broken']}")
    return found


def main() -> int:
    """Rehearses, and says how long it took: that is what an emergency would take."""
    _, target = parse(argparse.ArgumentParser(prog="make rehearse-restore", description=__doc__))

    # The examiner takes its time, and is asked once.
    patient = Config(read_timeout=320, retries={"total_max_attempts": 1})
    began = datetime.now(UTC)
    try:
        found = rehearse(partial(target.client, config=patient), target, target.outputs("database"), began)
    except (BotoCoreError, ClientError, WaiterError, RuntimeError, KeyError) as error:
        print(
            "\n".join([f"make rehearse-restore: {target.told(error)}", *getattr(error, "__notes__", [])]),
            file=sys.stderr,
        )
        return 1
    minutes = (datetime.now(UTC) - began).total_seconds() / 60
    print(f"restored in {minutes:.0f} minutes: {found['users']} users, {found['trades']} trades, every invariant holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
