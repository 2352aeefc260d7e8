"""The same stacks on LocalStack 4.14.0, without Docker: bootstrap, `cdk deploy`, and a bar that becomes a trade."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from local_platform.audit import audit, open_work
from local_platform.deployment import client
from local_platform.platform import Options
from without_docker.environment import installed
from without_docker.platform import LocalStackPlatform

from tests.conftest import ASSEMBLIES
from tests.support.crowd import add_crowd, one_side, stop_crowd

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not installed(), reason="LocalStack is not installed: make localstack-install"),
]


@pytest.fixture(scope="module")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStackPlatform]:
    """The platform on LocalStack."""
    folder = tmp_path_factory.mktemp("localstack")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    found = LocalStackPlatform(
        Options(folder / "state", speed=20.0, fresh=True, assemblies=ASSEMBLIES), lambda text: print(text)
    )
    try:
        found.start()
        yield found
    finally:
        found.stop()


def test_every_stack_but_those_of_gateways_is_deployed(localstack: LocalStackPlatform) -> None:
    stacks = client("cloudformation", localstack.engine_address).describe_stacks()["Stacks"]
    names = {each["StackName"]: each["StackStatus"] for each in stacks}
    assert {name for name in names if name.startswith("stratforge")} == {
        "stratforge-local-secrets",
        "stratforge-local-messaging",
        "stratforge-local-functions",
    }
    assert set(names.values()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def test_a_bar_becomes_trades_and_nothing_is_lost(localstack: LocalStackPlatform) -> None:
    """The heartbeat: stream, SNS, SQS, evaluator, sandbox, SQS, executor, broker, SQS, settler, ledger."""
    add_crowd(localstack, "heartbeat", 4, "AAPL")
    one_side(localstack)
    deadline = time.monotonic() + 240
    while _trades(localstack) < 8:
        assert time.monotonic() < deadline, _story(localstack)
        time.sleep(1)
    stop_crowd(localstack, "heartbeat")
    while open_work(localstack):
        assert time.monotonic() < deadline + 60, "something stays at work"
        time.sleep(1)
    found = audit(localstack)
    assert found.fills >= 2, "orders went to the broker and came back"
    assert (found.lost, found.duplicated, found.invariants_ok) == ((), (), True), found


def _trades(platform: LocalStackPlatform) -> int:
    with psycopg.connect(platform.conninfo("engine")) as connection:
        row = connection.execute("SELECT count(*) FROM trades").fetchone()
        assert row is not None
        return int(row[0])


def _story(platform: LocalStackPlatform) -> str:
    logs = Path(platform.folder.logs)
    return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in sorted(logs.glob("*.log")))
