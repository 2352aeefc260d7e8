"""The host of the functions: a bounded number of environments, forked, replaced when they end, and nobody else hurt."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from local_platform.function_host.definitions import Definition
from local_platform.function_host.environments import EnvironmentEnded, Pool, Throttled, TimedOut
from local_platform.function_host.fork_server import _LIBRARY, _SHARED
from local_platform.function_host.host import ForkServer, Host, Invocation
from local_platform.synthesis import ROOT

Result = TypeVar("Result")

HANDLER = """
import json, os, pathlib, sys, time

ORDER = []

def handler(event, context):
    if event.get("fail"):
        raise ValueError("as asked")
    if event.get("die"):
        os._exit(3)
    if "note" in event:
        with open(event["file"], "a") as file:
            file.write(f"{event['note']}\\n")
    if "wait_for" in event:
        while not os.path.exists(event["wait_for"]):
            time.sleep(0.005)
    return {"pid": os.getpid(), "parent": os.getppid(), "variable": os.environ.get("GREETING"), "name": context.function_name,
            "left": context.get_remaining_time_in_millis(), "path": list(sys.path), "numpy": "numpy" in sys.modules}
"""


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT / "layers"), str(ROOT / "localstack"), str(ROOT)))
    server.start()
    yield server
    server.stop()


def define(folder: Path, code: str = HANDLER, timeout: float = 30.0) -> Definition:
    folder.mkdir(exist_ok=True)
    (folder / "index.py").write_text(code)
    environment = {**os.environ, "GREETING": "hello", "AWS_LAMBDA_FUNCTION_NAME": "greeter"}
    return Definition(str(folder), "greeter", "index.handler", str(folder), (), environment, timeout)


@pytest.fixture
def definition(tmp_path: Path) -> Definition:
    return define(tmp_path / "code")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


def head(seconds: float = 30.0) -> dict[str, Any]:
    return {"deadline": time.time() + seconds, "arn": "arn", "request_id": "1", "trace_id": None}


async def call(pool: Pool, event: dict[str, Any], seconds: float = 30.0, patience: float = 30.0) -> Any:
    answer, body = await pool.invoke(head(seconds), json.dumps(event).encode(), patience)
    assert answer["status"] == "ok", body
    return json.loads(body)


def test_a_handler_runs_with_its_own_environment_and_without_the_checkout(
    fork_server: ForkServer, definition: Definition
) -> None:
    answer = run(call(Pool(definition, 1, fork_server.environment), {}))
    assert (answer["variable"], answer["name"]) == ("hello", "greeter")
    assert 0 < answer["left"] <= 30_000
    assert answer["path"][0] == definition.code
    assert not {str(ROOT), str(ROOT / "layers"), str(ROOT / "localstack")} & set(answer["path"])
    # What functions share was imported before the fork.
    assert answer["numpy"]


@pytest.mark.parametrize("name", [*_SHARED, *_LIBRARY])
def test_what_is_imported_before_the_forks_exists(name: str) -> None:
    # A module that was renamed would be missed by nobody but the clock.
    assert importlib.util.find_spec(name)


def test_one_environment_answers_one_request_after_the_other(fork_server: ForkServer, definition: Definition) -> None:
    async def twice() -> tuple[Any, Any]:
        pool = Pool(definition, 4, fork_server.environment)
        return await call(pool, {}), await call(pool, {})

    first, second = run(twice())
    assert first["pid"] == second["pid"]


def test_requests_never_have_more_environments_than_the_bound_and_are_served_in_order(
    fork_server: ForkServer, definition: Definition, tmp_path: Path
) -> None:
    file, gate = tmp_path / "order", tmp_path / "gate"

    async def many() -> Pool:
        pool = Pool(definition, 1, fork_server.environment)
        calls = [asyncio.create_task(call(pool, {"wait_for": str(gate)}))]
        for note in range(20):
            calls.append(asyncio.create_task(call(pool, {"note": note, "file": str(file)})))
        await asyncio.sleep(0)
        assert pool.waiting == 20
        gate.touch()
        await asyncio.gather(*calls)
        return pool

    pool = run(many())
    assert (pool.counters.most_at_once, pool.counters.started, pool.counters.invocations) == (1, 1, 21)
    assert file.read_text().split() == [str(note) for note in range(20)]


def test_whoever_waited_too_long_is_told_and_the_others_are_not_lost(
    fork_server: ForkServer, definition: Definition, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    async def impatient() -> Any:
        pool = Pool(definition, 1, fork_server.environment)
        first = asyncio.create_task(call(pool, {"wait_for": str(gate)}))
        await asyncio.sleep(0)
        with pytest.raises(Throttled):
            await call(pool, {}, patience=0.05)
        patient = asyncio.create_task(call(pool, {}))
        gate.touch()
        await first
        return await patient

    assert run(impatient())["name"] == "greeter"


def test_a_handler_that_takes_too_long_costs_its_own_environment_alone(
    fork_server: ForkServer, definition: Definition, tmp_path: Path
) -> None:
    never = str(tmp_path / "never")

    async def slow() -> tuple[Any, Any, set[int], Pool]:
        pool = Pool(definition, 2, fork_server.environment)
        first, second = await asyncio.gather(call(pool, {}), call(pool, {}))
        with pytest.raises(TimedOut):
            await call(pool, {"wait_for": never}, seconds=0.2)
        third, fourth = await asyncio.gather(call(pool, {}), call(pool, {}))
        return first, second, {third["pid"], fourth["pid"]}, pool

    first, second, after, pool = run(slow())
    assert len({first["pid"], second["pid"]} & after) == 1
    assert (pool.counters.timed_out, pool.counters.started) == (1, 3)


def test_an_error_of_a_handler_is_an_answer_and_the_environment_goes_on(
    fork_server: ForkServer, definition: Definition
) -> None:
    async def failing() -> tuple[Any, Any, bytes, dict[str, Any]]:
        pool = Pool(definition, 1, fork_server.environment)
        first = await call(pool, {})
        answer, body = await pool.invoke(head(), b'{"fail": true}', 30)
        return first, await call(pool, {}), body, answer

    first, last, body, answer = run(failing())
    assert answer["status"] == "error"
    assert json.loads(body) == {"errorMessage": "as asked", "errorType": "ValueError"}
    assert first["pid"] == last["pid"]


def test_an_environment_that_ends_in_the_middle_is_replaced(fork_server: ForkServer, definition: Definition) -> None:
    async def dying() -> tuple[Any, Any]:
        pool = Pool(definition, 1, fork_server.environment)
        first = await call(pool, {})
        with pytest.raises(EnvironmentEnded):
            await call(pool, {"die": True})
        return first, await call(pool, {})

    first, second = run(dying())
    assert first["pid"] != second["pid"]
    assert not psutil.pid_exists(first["pid"])


@pytest.mark.parametrize(
    "generation",
    ["environment", *(pytest.param(each, marks=pytest.mark.long) for each in ("template", "library", "fork server"))],
)
def test_a_killed_generation_is_forked_anew(generation: str, definition: Definition) -> None:
    server = ForkServer()
    server.start()

    async def killing() -> tuple[Any, Any]:
        pool = Pool(definition, 1, server.environment)
        first = await call(pool, {})
        template = psutil.Process(first["parent"])
        victims = {"environment": first["pid"], "template": template.pid, "library": template.ppid()}
        victim = psutil.Process(victims.get(generation, server.pid))
        environment = psutil.Process(first["pid"])
        victim.kill()
        await asyncio.to_thread(environment.wait, 20)
        for _ in range(20):
            try:
                return first, await call(pool, {})
            except (EnvironmentEnded, OSError):
                # The death of an ancestor is noticed by what it no longer answers.
                continue
        raise AssertionError("it was not forked anew")

    try:
        first, second = run(killing())
        assert first["pid"] != second["pid"]
    finally:
        server.stop()


def test_a_handler_that_cannot_be_imported_says_why(fork_server: ForkServer, tmp_path: Path) -> None:
    broken = define(tmp_path / "broken", "import nothing_of_this_name")
    with pytest.raises(EnvironmentEnded, match="nothing_of_this_name"):
        run(call(Pool(broken, 1, fork_server.environment), {}))


def test_a_second_environment_costs_little_processor_time(fork_server: ForkServer, definition: Definition) -> None:
    async def two() -> list[float]:
        pool = Pool(definition, 2, fork_server.environment)
        answers = await asyncio.gather(call(pool, {}), call(pool, {}))
        return [sum(psutil.Process(each["pid"]).cpu_times()[:2]) for each in answers]

    assert max(run(two())) < 0.1


@pytest.mark.parametrize(("kept", "stay"), [(True, 1), (False, 0)])
def test_environments_that_nobody_needs_are_let_go_and_one_stays_if_it_is_kept(
    fork_server: ForkServer, definition: Definition, kept: bool, stay: int
) -> None:
    async def trimmed() -> tuple[int, int, dict[str, Any]]:
        pool = Pool(definition, 3, fork_server.environment, kept=kept)
        await asyncio.gather(*(call(pool, {}) for _ in range(3)))
        before = len(pool.environments)
        pool.trim(0.0)
        after = len(pool.environments)
        return before, after, await call(pool, {})

    before, after, answer = run(trimmed())
    assert (before, after) == (3, stay)
    assert answer["pid"]


def test_nothing_outlives_a_host_that_is_killed(definition: Definition) -> None:
    program = """
import asyncio, json, sys, time
from local_platform.function_host.definitions import Definition
from local_platform.function_host.environments import Pool
from local_platform.function_host.fork_server import _LIBRARY, _SHARED
from local_platform.function_host.host import ForkServer
async def main():
    server = ForkServer()
    server.start()
    fields = json.loads(sys.argv[1])
    pool = Pool(Definition(**{**fields, "layers": ()}), 1, server.environment)
    answer, body = await pool.invoke({"deadline": time.time() + 60}, b"{}", 60)
    print(json.dumps([server.pid, json.loads(body)["parent"], json.loads(body)["pid"]]), flush=True)
    # In the middle of an invocation there is nobody who would notice that the connection is gone.
    await pool.invoke({"deadline": time.time() + 600}, b'{"wait_for": "/nonexistent"}', 60)
asyncio.run(main())
"""
    host = subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(definition.message())], stdout=subprocess.PIPE, env={**os.environ}
    )
    assert host.stdout is not None
    family = [psutil.Process(pid) for pid in json.loads(host.stdout.readline())]
    host.send_signal(signal.SIGKILL)
    host.wait()
    _, alive = psutil.wait_procs(family, 20)
    assert alive == []


def host_of(
    definition: Definition, fork_server: ForkServer, bound: int = 1, given_back: list[str] | None = None
) -> Host:
    """A host that notes which messages it gave back."""
    noted = given_back if given_back is not None else []
    host = Host(
        lambda _name: definition, {}, bound, lambda messages: noted.extend(each["messageId"] for each in messages)
    )
    host.fork_server = fork_server
    return host


def invocation(event: dict[str, Any], seconds: float = 30.0) -> Invocation:
    return Invocation("greeter", "arn", "1", None, time.time() + seconds, json.dumps(event).encode())


def test_a_person_who_waited_too_long_gets_503_with_the_time_to_ask_again(
    fork_server: ForkServer, definition: Definition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, notes = tmp_path / "gate", tmp_path / "notes"

    async def crowded() -> tuple[int, Any, int, Any]:
        host = host_of(definition, fork_server)
        first = asyncio.create_task(
            host.invoke(invocation({"file": str(notes), "note": "here", "wait_for": str(gate)}))
        )
        while not notes.exists():
            await asyncio.sleep(0.01)
        monkeypatch.setattr("local_platform.function_host.host.PATIENCE_SECONDS", 0.05)
        asked = {"routeKey": "$default", "requestContext": {"http": {}}}
        status, body = await host.invoke(invocation(asked))
        queued, refused = await host.invoke(invocation({"Records": []}, seconds=0.05))
        gate.touch()
        await first
        return status, json.loads(body), queued, json.loads(refused)

    status, answer, queued, refused = run(crowded())
    # To the gateway it is an answer like any other; to a queue it is an error, so that the message stays.
    assert (status, answer["statusCode"], answer["headers"]["retry-after"]) == (200, 503, "2")
    assert (queued, refused["errorType"]) == (429, "TooManyRequestsException")


def test_after_a_new_deployment_the_new_code_runs(fork_server: ForkServer, tmp_path: Path) -> None:
    versions = [
        define(tmp_path / name, f"def handler(event, context):\n    return {name!r}\n") for name in ("old", "new")
    ]

    async def deployed() -> list[bytes]:
        host = Host(lambda _name: versions[0], {}, 1)
        host.fork_server = fork_server
        answers = [(await host.invoke(invocation({})))[1]]
        versions.reverse()
        answers.append((await host.invoke(invocation({})))[1])
        host.forget()
        return [*answers, (await host.invoke(invocation({})))[1]]

    assert run(deployed()) == [b'"old"', b'"old"', b'"new"']


def test_old_and_new_code_together_have_no_more_environments_than_the_bound(
    fork_server: ForkServer, definition: Definition, tmp_path: Path
) -> None:
    gate, notes = tmp_path / "gate", tmp_path / "notes"

    async def deployed() -> tuple[int, dict[str, Any], list[int], int]:
        host = host_of(definition, fork_server)
        first = asyncio.create_task(
            host.invoke(invocation({"file": str(notes), "note": "here", "wait_for": str(gate)}))
        )
        while not notes.exists():
            await asyncio.sleep(0.01)
        host.forget()
        refused, _ = await host.invoke(invocation({}, seconds=0.05))
        busy = host.status()["functions"]["greeter"]
        gate.touch()
        await first
        after = (await host.invoke(invocation({})))[0]
        return refused, busy, busy["environments"], after

    refused, busy, old, after = run(deployed())
    assert (refused, after) == (429, 200)
    assert (len(old), busy["busy"]) == (1, 1), "what still runs is seen"
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in old if psutil.pid_exists(pid)], 20)
    assert alive == [], "old code goes with its last invocation"


def test_an_import_that_hangs_is_ended_and_its_place_is_free(
    fork_server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "import_seconds", 0.5)
    flag = tmp_path / "goes-on"
    code = f"import os, time\nwhile not os.path.exists({str(flag)!r}):\n    time.sleep(0.01)\n{HANDLER}"
    hanging = define(tmp_path / "hanging", code)

    async def asked() -> tuple[tuple[int, bytes], int]:
        host = host_of(hanging, fork_server)
        first = await host.invoke(invocation({}))
        flag.touch()
        return first, (await host.invoke(invocation({})))[0]

    (status, answer), again = run(asked())
    assert (status, json.loads(answer)["errorType"]) == (500, "Runtime.ExitError")
    assert again == 200


def record(message: str, group: str) -> dict[str, Any]:
    return {
        "messageId": message,
        "body": "{}",
        "attributes": {"MessageGroupId": group},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:bars.fifo",
    }


GROUPS = """
import os, time

def handler(event, context):
    names = [each["messageId"] for each in event["Records"]]
    groups = {each["attributes"]["MessageGroupId"] for each in event["Records"]}
    assert len(groups) == 1
    with open(os.environ["SEEN"], "a") as file:
        file.write(" ".join(names) + "\\n")
    # The first two groups wait for each other: one after the other they would never end.
    while len(open(os.environ["SEEN"]).read().splitlines()) < 2:
        time.sleep(0.005)
    if "broken" in groups:
        raise ValueError("as asked")
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names if name.startswith("bad")]}
"""


def test_groups_of_a_batch_run_side_by_side_each_in_its_order_and_only_what_failed_is_reported(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    definition = define(tmp_path / "groups", GROUPS)
    seen = tmp_path / "seen"
    definition = replace(definition, environment={**definition.environment, "SEEN": str(seen)})
    records = [record("1", "a"), record("2", "b"), record("3", "a"), record("bad", "b"), record("4", "broken")]

    given_back: list[str] = []

    async def batch() -> tuple[int, bytes, Pool]:
        host = host_of(definition, fork_server, 2, given_back)
        status, body = await host.invoke(invocation({"Records": records}))
        await host.settled()
        return status, body, host.pools()[0]

    status, body, pool = run(batch())
    assert status == 200
    assert {each["itemIdentifier"] for each in json.loads(body)["batchItemFailures"]} == {"bad", "4"}
    assert sorted(seen.read_text().splitlines()) == ["1 3", "2 bad", "4"]
    # What a handler reports it has given back itself.
    assert given_back == ["4"]
    assert pool.counters.most_at_once == 2


def test_a_batch_that_failed_altogether_is_an_error(fork_server: ForkServer, tmp_path: Path) -> None:
    definition = define(tmp_path / "failing", "def handler(event, context):\n    raise ValueError('as asked')\n")

    async def batch() -> tuple[int, bytes]:
        host = host_of(definition, fork_server, bound=2)
        return await host.invoke(invocation({"Records": [record("1", "a"), record("2", "b")]}))

    status, body = run(batch())
    assert (status, json.loads(body)["errorMessage"]) == (500, "as asked")


def test_messages_that_nobody_works_on_any_more_are_given_back(fork_server: ForkServer, definition: Definition) -> None:
    """Of a handler that died, was ended, found no place, or was done when the engine had given up; a queue would hide them for minutes."""
    given_back: list[str] = []
    slow = "import time\ndef handler(event, context):\n    time.sleep(2.5)\n    return {'batchItemFailures': []}\n"

    async def asked() -> tuple[int, ...]:
        host = host_of(definition, fork_server, 1, given_back)
        died, _ = await host.invoke(invocation({"die": True, "Records": [record("died", "a")]}))
        await host.settled()
        done, _ = await host.invoke(invocation({"Records": [record("done", "a")]}))
        late_host = host_of(define(Path(definition.code).parent / "slow", slow), fork_server, 1, given_back)
        first = asyncio.create_task(late_host.invoke(invocation({"Records": [record("too slow", "a")]}, seconds=2.0)))
        second = asyncio.create_task(late_host.invoke(invocation({"Records": [record("no place", "a")]}, seconds=0.5)))
        answered = died, done, (await first)[0], (await second)[0]
        await late_host.settled()
        return answered

    assert run(asked()) == (500, 200, 500, 429)
    assert sorted(given_back) == ["died", "no place", "too slow"]


def test_what_an_environment_takes_to_begin_is_not_taken_from_the_handlers_time(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    """Or the first batches of a busy machine end in the middle, one after the other; the engine, which has given up, has them come again."""
    given_back: list[str] = []
    definition = define(
        tmp_path / "slow", "import time\ntime.sleep(3)\ndef handler(event, context):\n    return 'done'\n"
    )

    async def asked() -> tuple[int, bytes]:
        host = host_of(definition, fork_server, 1, given_back)
        answer = await host.invoke(invocation({"Records": [record("1", "a")]}, seconds=2.5))
        await host.settled()
        return answer

    assert run(asked()) == (200, b'"done"')
    assert given_back == ["1"]
