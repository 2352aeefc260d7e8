"""What buckets of an earlier deployment held is taken over whole, as old as it is, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from local_platform import buckets
from local_platform.buckets import carry_over
from moto import mock_aws

# As the engine names them: the stack, the resource, and thirteen characters that differ with each deployment.
FILES, ARCHIVE = "stratforge-local-functions-files-", "stratforge-local-functions-archive-"
BEGAN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 without buckets."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield botocore.session.Session().create_client("s3", region_name="us-east-1")


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many hours pass, for the engine and for us."""
    now = [BEGAN]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now[0].astimezone(tz)

    def passes(hours: float) -> None:
        now[0] += timedelta(hours=hours)

    monkeypatch.setattr(buckets, "datetime", Clock)
    monkeypatch.setattr("moto.s3.models.utcnow", lambda: now[0].replace(tzinfo=None))
    return passes


def deployed(s3: Any, number: int) -> list[str]:
    """The buckets of a deployment: files are kept for a day, the archive for ever."""
    names = [f"{beginning}{number:013d}" for beginning in (FILES, ARCHIVE)]
    for name in names:
        s3.create_bucket(Bucket=name)
    rule = {"ID": "day", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=names[0], LifecycleConfiguration={"Rules": [rule]})
    return names


def keys(s3: Any, bucket: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_what_is_kept_for_a_day_ends_although_the_platform_is_started_more_often(
    s3: Any, wait: Callable[[float], None]
) -> None:
    files, archive = deployed(s3, 0)
    for bucket in (files, archive):
        s3.put_object(Bucket=bucket, Key="one", Body=b"content", ContentType="text/csv", Metadata={"from": "ada"})
    for number, there in ((1, ["one"]), (2, ["one"]), (3, []), (4, [])):
        wait(10)
        files, archive = names = deployed(s3, number)
        carry_over(s3, names)
        assert keys(s3, files) == there, f"{number * 10} hours old"
        assert sorted(each["Name"] for each in s3.list_buckets()["Buckets"]) == sorted(names), "nothing is left"
        if there:
            found = s3.get_object(Bucket=files, Key="one")
            assert (found["Body"].read(), found["ContentType"]) == (b"content", "text/csv")
            assert found["Metadata"]["from"] == "ada"
    assert keys(s3, archive) == ["one"]


def test_what_was_written_last_is_taken_over_when_two_deployments_left_the_same_name(
    s3: Any, wait: Callable[[float], None]
) -> None:
    """The one in the middle died before it had taken over everything, and wrote."""
    for number, content in ((0, b"old"), (1, b"new")):
        names = deployed(s3, number)
        for bucket in names:
            s3.put_object(Bucket=bucket, Key="one", Body=content)
        wait(1)
    files, archive = names = deployed(s3, 2)
    carry_over(s3, names)
    assert [s3.get_object(Bucket=each, Key="one")["Body"].read() for each in (files, archive)] == [b"new", b"new"]


def test_other_stages_and_other_resources_keep_theirs(s3: Any) -> None:
    others = [
        name + "0" * 13 for name in ("stratforge-other-functions-files-", "stratforge-local-functions-files-more-")
    ]
    for each in (*others, "files"):
        s3.create_bucket(Bucket=each)
        s3.put_object(Bucket=each, Key="one", Body=b"theirs")
    names = deployed(s3, 1)
    assert carry_over(s3, names) == 0
    assert [keys(s3, each) for each in (*others, "files")] == [["one"]] * 3
