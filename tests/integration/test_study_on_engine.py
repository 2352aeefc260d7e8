"""The state machine of large sweeps on the local engine, as the template of one machine has it: every part once, retried, put together or given up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from local_platform.deployment import client
from local_platform.platform import Options, Platform
from local_platform.processes import Supervisor
from stratforge.bus import studies

from tests.support.assemblies import every, resources_of

_ROLE = "arn:aws:iam::000000000000:role/any"


@dataclass
class Worker:
    """The function behind the state machine: notes what it is asked, and fails the first times at some parts."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    failing: dict[int, int] = field(default_factory=dict)

    def answer(self, task: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Does a step."""
        self.asked.append(task)
        left = self.failing.get(task.get("part", -1), 0)
        if task["step"] == "part" and left:
            self.failing[task["part"]] = left - 1
            return 500, {"errorMessage": "the database went away", "errorType": "OperationalError"}
        return 200, {"wanted": True}

    def steps(self) -> list[tuple[str, int | None]]:
        """What it was asked, in order."""
        return [(each["step"], each.get("part")) for each in self.asked]


@pytest.fixture
def worker() -> Worker:
    """A function."""
    return Worker()


@pytest.fixture
def machine(worker: Worker, assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The ARN of the state machine on an engine of its own."""

    class Door(BaseHTTPRequestHandler):
        """Where the engine hands over invocations."""

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

        def do_POST(self) -> None:
            """One invocation."""
            status, answer = worker.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    Thread(target=door.serve_forever, daemon=True).start()
    platform = Platform(Options(tmp_path / "state", fresh=True), lambda _text: None)
    platform.folder.logs.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(lambda _text: None)
    try:
        supervisor.add(platform._engine_process(), 120)
        address = platform.engine_address
        function = client("lambda", address).create_function(
            FunctionName="researcher",
            Runtime="python3.13",
            Role=_ROLE,
            Handler="index.handler",
            Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
            Environment={"Variables": {"MINISTACK_LAMBDA_PROXY_URL": f"http://127.0.0.1:{door.server_address[1]}/"}},
        )
        ((_, found),) = every(resources_of(assembly), "AWS::StepFunctions::StateMachine")
        parts = found["DefinitionString"]["Fn::Join"][1]
        definition = "".join(each if isinstance(each, str) else function["FunctionArn"] for each in parts)
        # Tests wait for no pause.
        states = json.loads(definition, object_hook=lambda each: each | {"IntervalSeconds": 0} if "IntervalSeconds" in each else each)  # fmt: skip
        made = client("stepfunctions", address).create_state_machine(name="study", definition=json.dumps(states), roleArn=_ROLE)  # fmt: skip
        monkeypatch.setattr(studies, "states_client", lambda: client("stepfunctions", address))
        yield made["stateMachineArn"]
    finally:
        supervisor.stop()
        door.shutdown()
        door.server_close()


def ended(machine: str) -> str:
    """How the one execution ended."""
    states = studies.states_client()
    deadline = time.monotonic() + 120
    while True:
        (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
        if execution["status"] != "RUNNING":
            return str(execution["status"])
        assert time.monotonic() < deadline, "it never ends"
        time.sleep(0.05)


def test_every_part_is_worked_on_and_then_they_are_put_together(machine: str, worker: Worker) -> None:
    job = uuid4()
    studies.start_study(machine, job, 5)
    assert ended(machine) == "SUCCEEDED"
    assert sorted(worker.steps()[:-1]) == [("part", number) for number in range(5)]
    assert worker.steps()[-1] == ("finish", None)
    assert {each["job_id"] for each in worker.asked} == {str(job)}


@pytest.mark.long
def test_a_study_that_is_started_twice_runs_once(machine: str, worker: Worker) -> None:
    job = uuid4()
    studies.start_study(machine, job, 2)
    studies.start_study(machine, job, 2)
    assert ended(machine) == "SUCCEEDED"
    assert worker.steps().count(("finish", None)) == 1


@pytest.mark.long
def test_a_part_that_fails_is_tried_again(machine: str, worker: Worker) -> None:
    worker.failing = {1: 2}
    studies.start_study(machine, uuid4(), 3)
    assert ended(machine) == "SUCCEEDED"
    assert worker.steps().count(("part", 1)) == 3


@pytest.mark.long
def test_a_part_that_fails_again_and_again_ends_the_study_and_is_said(machine: str, worker: Worker) -> None:
    worker.failing = {1: 99}
    studies.start_study(machine, uuid4(), 3)
    ended(machine)
    assert worker.steps()[-1] == ("fail", None)
    assert ("finish", None) not in worker.steps()
