"""What is told about a platform that does not trade: from its processes, its ledger and its dead letters."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local_platform import obstacles
from local_platform.processes import Process
from moto import mock_aws
from stratforge import aws
from stratforge.storage.ledger import halts
from stratforge.storage.postgres.database import Database

from tests.support.ledger import add_trader


@pytest.fixture
def platform(migrated: str, tmp_path: Path) -> Any:
    """What is asked of a platform."""
    return SimpleNamespace(
        conninfo=lambda _role: migrated,
        engine_address="http://127.0.0.1:1",
        supervisor=SimpleNamespace(processes=[Process("engine", [], {}, tmp_path / "engine.log")], failed=None),
    )


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The queues."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        found = aws.aws_client("sqs")
        monkeypatch.setattr(obstacles, "client", lambda _service, _address: found)
        yield found


def test_nothing_stands_in_the_way_of_a_platform_that_is_well(platform: Any, sqs: Any) -> None:
    sqs.create_queue(QueueName="stratforge-local-jobs-dead")
    assert obstacles.obstacles(platform) == []


def test_whatever_stands_in_the_way_is_told_with_its_reason(platform: Any, sqs: Any, database: Database) -> None:
    (engine,) = platform.supervisor.processes
    engine.log.write_text("starting\nno room\n")
    platform.supervisor.failed = engine
    name = "stratforge-local-bars-dead.fifo"
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="x", MessageDeduplicationId="x")
    with database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute(
            "UPDATE sessions SET status = 'FAILED', failure_reason = 'it divided by zero', ended_at = now() WHERE id = %s",
            (trader.session_id,),
        )
        halts.halt_symbol(connection, "IBM", "DRIFT", "two shares are missing")
    assert obstacles.obstacles(platform) == [
        f"engine keeps ending; its last words: no room (log: {engine.log})",
        "the session of AAPL failed: it divided by zero",
        "IBM is halted: DRIFT: two shares are missing",
        f"1 messages that nobody could handle are in {name}",
    ]


def test_what_cannot_be_asked_is_told_too(platform: Any, sqs: Any) -> None:
    platform.conninfo = lambda _role: "host=127.0.0.1 port=1 dbname=none"
    platform.supervisor.processes[0].restarts = 2
    restarted, unread = obstacles.obstacles(platform)
    assert restarted.startswith("engine ended 2 times and was started again")
    assert unread.startswith("ledger cannot be read: ")
