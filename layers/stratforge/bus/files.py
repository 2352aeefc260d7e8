"""Files that somebody fetches once: kept in S3 for a day, and given by links that are good for minutes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, BinaryIO
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from stratforge.aws import aws_client
from stratforge.observability import logger

log = logger("files")
# A file of some hundred megabytes.
_UPLOAD_SECONDS = 120.0


@lru_cache(maxsize=1)
def s3_client() -> Any:
    """The client of S3 of this environment."""
    return aws_client("s3", read_timeout=_UPLOAD_SECONDS, attempts=3)


def put_file(bucket: str, key: str, content: BinaryIO, media_type: str) -> None:
    """Stores a file; the same key again replaces it."""
    s3_client().put_object(Bucket=bucket, Key=key, Body=content, ContentType=media_type)


def delete_files(bucket: str, keys: Sequence[str]) -> None:
    """Deletes files; of keys without one nothing is said. What cannot be deleted now goes by itself within a day."""
    if not keys:
        return
    try:
        s3_client().delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": each} for each in keys], "Quiet": True})
    except (BotoCoreError, ClientError) as error:
        log.warning("files were not deleted", count=len(keys), error=str(error)[:200])


def link_to(bucket: str, key: str, name: str, seconds: int) -> str:
    """A link to a file for so many seconds, under which a browser saves it with a name."""
    saved = f"attachment; filename*=UTF-8''{quote(name)}"
    asked = {"Bucket": bucket, "Key": key, "ResponseContentDisposition": saved}
    return str(s3_client().generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))
