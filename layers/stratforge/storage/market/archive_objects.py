"""The archive's files in S3: stored under names that are never written twice with another content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from stratforge.aws import aws_client
from stratforge.configuration import Settings

_SECONDS = 10.0
_MISSING = ("NoSuchKey", "404", "NoSuchBucket")


class ArchiveUnavailable(RuntimeError):
    """The archive does not have, or does not give, what it should: an error, so that nobody takes what is left for everything there is."""


class ArchiveSettings(Settings):
    """The environment variable of whoever reads or writes the archive; see `Settings`."""

    archive_bucket: str


@lru_cache(maxsize=1)
def s3_client() -> Any:
    """The client of S3 of this environment."""
    return aws_client("s3", read_timeout=_SECONDS, attempts=3, at_once=4)


def _bucket() -> str:
    return ArchiveSettings.from_environment().archive_bucket


def put_object(key: str, content: bytes) -> None:
    """Stores a file; the same again changes nothing.

    Raises:
        ArchiveUnavailable: if S3 does not take it.
    """
    try:
        s3_client().put_object(
            Bucket=_bucket(), Key=key, Body=content, ContentType="application/vnd.apache.parquet"
        )  # fmt: skip
    except (BotoCoreError, ClientError) as error:
        raise ArchiveUnavailable(f"{key} could not be stored in the archive: {str(error)[:200]}") from error


def get_object(key: str, sha256: str) -> bytes:
    """The bytes of a file.

    Raises:
        ArchiveUnavailable: if there is none, or other bytes than were stored, or S3 does not answer.
    """
    try:
        content = bytes(s3_client().get_object(Bucket=_bucket(), Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            raise ArchiveUnavailable(f"{key} is missing in the archive") from error
        raise ArchiveUnavailable(f"the archive does not give {key}: {str(error)[:200]}") from error
    except BotoCoreError as error:
        raise ArchiveUnavailable(f"the archive does not answer: {str(error)[:200]}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArchiveUnavailable(f"{key} is damaged in the archive")
    return content
