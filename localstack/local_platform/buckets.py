"""Takes over the objects of an earlier deployment: the engine keeps them on disk, and a new deployment gives its buckets new names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

# A name that the engine makes ends in so many characters that differ with each deployment.
_SUFFIX = 13
# Where an object says since when it is kept: to the engine a copy is new.
_SINCE = "kept-since"


def carry_over(s3: Any, buckets: Iterable[str]) -> int:
    """Copies into each bucket what the bucket of the same resource held before, and deletes that one; gives how many objects.

    What the bucket keeps for so many days only, and is older, ends there. After a death in the middle the next deployment goes on.

    Args:
        s3: A client of the engine.
        buckets: The names of the buckets that were deployed.
    """
    carried = 0
    known = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    for bucket in buckets:
        oldest = datetime.now(UTC) - _kept_for(s3, bucket)
        left = {
            former: list(_objects(s3, former))
            for former in known
            if former != bucket and former[:-_SUFFIX] == bucket[:-_SUFFIX]
        }
        have = {each["Key"] for each in _objects(s3, bucket)}
        # Where several deployments left a key, the last one's is taken.
        found = [(each["LastModified"], former, each["Key"]) for former, objects in left.items() for each in objects]
        for modified, former, key in sorted(found, reverse=True):
            if key not in have and _copied(s3, former, bucket, key, modified, oldest):
                have.add(key)
                carried += 1
            s3.delete_object(Bucket=former, Key=key)
        for former in left:
            s3.delete_bucket(Bucket=former)
    return carried


def _copied(s3: Any, former: str, bucket: str, key: str, modified: datetime, oldest: datetime) -> bool:
    """Copies an object that is not too old, with the time since when it is kept."""
    head = s3.head_object(Bucket=former, Key=key)
    since = head["Metadata"].get(_SINCE, modified.isoformat())
    if datetime.fromisoformat(since) <= oldest:
        return False
    s3.copy_object(
        Bucket=bucket,
        Key=key,
        CopySource={"Bucket": former, "Key": key},
        MetadataDirective="REPLACE",
        Metadata={**head["Metadata"], _SINCE: since},
        ContentType=head["ContentType"],
    )
    return True


def keep_only(s3: Any, bucket: str, keys: set[str]) -> None:
    """Deletes from a bucket what no key names: the packages of code that was changed since."""
    for each in list(_objects(s3, bucket)):
        if each["Key"] not in keys:
            s3.delete_object(Bucket=bucket, Key=each["Key"])


def _objects(s3: Any, bucket: str) -> Iterable[dict[str, Any]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from page.get("Contents", ())


def _kept_for(s3: Any, bucket: str) -> timedelta:
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except s3.exceptions.ClientError:
        return timedelta(days=36500)
    days = [each["Expiration"]["Days"] for each in rules if "Days" in each.get("Expiration", {})]
    return timedelta(days=min(days, default=36500))
