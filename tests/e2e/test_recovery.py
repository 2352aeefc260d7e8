"""What the platform does when its own parts die, hang or are flooded."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from local_platform.deployment import client as engine_client
from local_platform.hazards import Clock, Disk
from local_platform.platform import Platform
from local_platform.state import OWN
from local_platform.synthesis import ROOT
from stratforge.client import Client

from tests.support.trading import Traders, assert_clean, wait_for

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def status_of(platform: Platform, path: str = "/healthz") -> int:
    try:
        with urllib.request.urlopen(f"{platform.address}{path}", timeout=30) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        assert error.code != 503 or error.headers["Retry-After"]
        return error.code
    except OSError:
        return 0


def kill(platform: Platform, *names: str) -> None:
    """Kills processes at the same moment and waits until the next ones of their names work."""
    first = {name: platform.process(name).pid for name in names}
    for pid in first.values():
        os.kill(pid, signal.SIGKILL)
    for name, pid in first.items():
        process = platform.process(name)
        wait_for(lambda: process.pid not in (0, pid) and process.ready(), 60, f"a restart of {name}")


def test_an_engine_killed_twice_in_a_row_comes_back_with_everything_and_loses_nothing(platform: Platform) -> None:
    traders = Traders(platform, "engine-killed")
    traders.trade(5)
    others = {each.name: each.pid for each in platform.supervisor.processes if each.name not in ("engine", "ingestor")}
    kill(platform, "engine")
    kill(platform, "engine")
    seen: set[int] = set()

    def answers_again() -> bool:
        seen.add(status_of(platform))
        return status_of(platform) == 200

    wait_for(answers_again, 90, "an answer of the platform")
    # Nobody is told that a page does not exist only because the engine does not know it yet.
    assert seen <= {0, 200, 503}
    traders.trade(10, 150)
    assert_clean(traders.stop())
    assert {name: platform.process(name).pid for name in others} == others


def _ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_every_part_that_is_killed_comes_back_and_trading_goes_on(platform: Platform) -> None:
    traders = Traders(platform, "killed-parts")
    traders.trade(3)
    for victim in ("functions", "front door", "postgres", "alpaca"):
        kill(platform, victim)
    server = psutil.Process(platform.process("functions").pid).children()[0]
    server.kill()
    # A busy machine may leave what has died to be collected for a while.
    wait_for(lambda: _ended(server), 60, "the end of the server")
    wait_for(lambda: status_of(platform) == 200, 60, "an answer of the platform")
    traders.trade(5, 150)
    assert_clean(traders.stop())


def contents(client: Client, job: str) -> bytes:
    """The file that a job made, from its link."""
    with urllib.request.urlopen(client.call("POST", f"/api/exports/{job}/link")["url"], timeout=30) as reply:
        found: bytes = reply.read()
    return found


def test_jobs_that_waited_when_the_engine_died_are_done_and_files_from_before_are_there(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("patient@example.com", "a long enough password")
    strategy = client.generate("Buy AAPL when the RSI falls below 30 and sell above 70")["strategy_id"]
    session = client.start_session(strategy, "AAPL")["session_id"]
    made = client.call("POST", "/api/exports", {"what": "account"})
    client.wait(made)
    before = made["job_id"]
    file = contents(client, before)
    assert json.loads(file)
    functions = engine_client("lambda", platform.engine_address)
    for name in ("assistant", "backtester"):
        functions.put_function_concurrency(FunctionName=f"stratforge-local-{name}", ReservedConcurrentExecutions=0)
    asked = [
        client.call("POST", path, body)["job_id"]
        for path, body in (
            ("/api/ai/generate", {"prompt": "Buy IBM when the RSI falls below 40 and sell above 60"}),
            ("/api/ai/research", {"question": "What did AAPL do in the last month?"}),
            ("/api/backtests", {"strategy_id": strategy}),
            ("/api/exports", {"what": "account"}),
            (f"/api/sessions/{session}/replay", {}),
        )
    ]
    assert {client.call("GET", f"/api/jobs/{job}")["status"] for job in asked} == {"QUEUED"}
    kill(platform, "engine")
    wait_for(lambda: status_of(platform) == 200, 90, "an answer of the platform")
    for job in asked:
        wait_for(
            lambda job=job: client.call("GET", f"/api/jobs/{job}")["status"] in ("SUCCEEDED", "FAILED"),  # type: ignore[misc]
            120,
            "the end of a job",
        )
    assert contents(client, before) == file, "what is in buckets outlives the engine"
    made_here = {each.name for each in platform.state.iterdir()}
    assert made_here - set(OWN) <= {"assemblies", "lock", "processes.json"}, "a new beginning forgets all of it"


def test_queues_are_made_anew_when_the_clock_jumps_back_although_the_first_try_fails(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    traders = Traders(platform, "clock")
    traders.trade(3)
    engine, ahead, deploy, failed = platform.process("engine").pid, [0.0], platform._deploy, threading.Event()

    def fails_once(assembly: Path) -> None:
        if not failed.is_set():
            failed.set()
            raise ConnectionError("the engine hung up")
        deploy(assembly)

    monkeypatch.setattr(platform, "_deploy", fails_once)
    platform.clock = Clock(lambda: time.time() + ahead[0])
    ahead[0] = -3600.0
    assert failed.wait(240)
    wait_for(lambda: platform.process("engine").pid not in (0, engine), 60, "another engine")
    wait_for(lambda: status_of(platform) == 200, 60, "an answer of the platform")
    traders.trade(3)
    assert_clean(traders.stop())


def test_room_on_the_disk_is_looked_at_and_said(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    free = [0]
    said = ""

    def heard(what: str) -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return what in said

    platform.disk = Disk(platform.state, lambda _folder: free[0])
    wait_for(lambda: heard("nearly full"), 20, "a warning")
    free[0] = 1 << 40
    wait_for(lambda: heard("there is room on the disk again"), 20, "the end of the warning")


class Crowd:
    """Client programs, each with visitors who ask for pages and through the API at once (`tests.support.flood`), and what they were answered."""

    def __init__(self, platform: Platform, name: str, people: int = 4) -> None:
        self._address = platform.address
        self._programs: list[subprocess.Popen[str]] = []
        self._told: list[Counter[str]] = []
        self._tokens = []
        for number in range(people):
            credentials = {"email": f"{name}-{number}@example.com", "password": "a long enough password"}
            self._tokens.append(Client(self._address).call("POST", "/api/auth/register", credentials)["access_token"])

    @contextmanager
    def flooding(self, programs: int, at_once: int) -> Iterator[None]:
        """Inside, so many programs ask so many times at once; at the end every one was answered."""
        readers = []
        for number in range(programs):
            command = [sys.executable, "-m", "tests.support.flood", self._address, str(at_once)]
            program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
            self._programs.append(program)
            self._told.append(Counter())
            assert program.stdin is not None
            program.stdin.write(json.dumps(self._tokens) + "\n")
            program.stdin.flush()
            readers.append(threading.Thread(target=self._listen, args=(number, program)))
            readers[-1].start()
        try:
            yield
            for program in self._programs:
                assert program.stdin is not None
                program.stdin.close()
            for reader in readers:
                reader.join(300)
                assert not reader.is_alive(), "somebody is never answered"
        finally:
            for program in self._programs:
                program.kill()
                program.wait()

    def _listen(self, number: int, program: subprocess.Popen[str]) -> None:
        assert program.stdout is not None
        for line in program.stdout:
            self._told[number] = Counter(json.loads(line))

    @property
    def told(self) -> Counter[str]:
        """How often each status was answered; 0 are connections that were cut, each with its reason besides, and -503 those without a time to ask again."""
        return sum(self._told, Counter())

    @property
    def statuses(self) -> set[str]:
        """The statuses that were answered."""
        return {each for each in self.told if each.lstrip("-").isdigit()}

    def wait_for_answers(self, count: int, *statuses: str) -> None:
        """Waits until each program was so many more times answered with one of these statuses."""
        before = [Counter(each) for each in self._told]

        def answered() -> bool:
            more = [now - then for now, then in zip(self._told, before, strict=True)]
            return all(sum(each[status] for status in statuses) >= count for each in more)

        wait_for(answered, 60, "the flood")


@contextmanager
def busy_neighbor() -> Iterator[None]:
    """Somebody else who wants all of the machine."""
    burn = [sys.executable, "-c", "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"]
    neighbors = [subprocess.Popen(burn) for _ in range(os.cpu_count() or 2)]
    try:
        yield
    finally:
        for each in neighbors:
            each.kill()
            each.wait()


def environments(platform: Platform) -> int:
    """How many environments there are in the system, whatever their host says: its fork server's library's templates' children."""
    found = [psutil.Process(platform.process("functions").pid)]
    for _generation in range(4):
        children = []
        for each in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                children += each.children()
        found = children
    return len(found)


def assert_within_bounds(platform: Platform) -> None:
    functions = platform.functions()
    for name, each in functions.items():
        assert each["most_at_once"] <= each["bound"], name
        assert len(each["environments"]) <= each["bound"], name
    assert 0 < environments(platform) <= sum(each["bound"] for each in functions.values())


def evaluated(platform: Platform) -> int:
    with psycopg.connect(platform.conninfo("engine"), connect_timeout=10) as connection:
        row = connection.execute("SELECT coalesce(sum(bars_evaluated), 0) FROM sessions").fetchone()
    assert row is not None
    return int(row[0])


def assert_normal_again(platform: Platform) -> None:
    """Within 15 seconds of the end of it all everybody is served and bars are evaluated: that is promised, so it is not given longer on a busy machine.
    What waited in queues is worked off at the speed of the machine. Sixty times as many bars as in life may be more than a busy machine ever does: meanwhile
    they come as fast as in life, so each queue is seen empty once, and not all of them at once."""
    sqs = engine_client("sqs", platform.engine_address)
    filled = {url for url in sqs.list_queues()["QueueUrls"] if "-dead" not in url}
    began = evaluated(platform)

    def served() -> bool:
        api = platform.functions()["api"]
        return api["waiting"] == 0 and api["busy"] == 0 and status_of(platform) == 200 and evaluated(platform) > began

    def worked_off() -> bool:
        for url in list(filled):
            if counted(url)["ApproximateNumberOfMessages"] == "0":
                filled.remove(url)
        return not filled

    def counted(url: str) -> dict[str, str]:
        return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])

    def still_filled() -> str:
        names = (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        )
        queues = {url.rsplit("/", 1)[-1]: [counted(url)[name] for name in names] for url in filled}
        return f"queues that are worked off ({queues} wait, are in work and come later; {platform.functions()})"

    deadline = time.monotonic() + 15
    while not served():
        assert time.monotonic() < deadline, (platform.functions()["api"], evaluated(platform) - began)
        time.sleep(0.1)
    platform.simulator("market", {"speed": 1.0})
    wait_for(worked_off, 90, still_filled)
    platform.simulator("market", {"speed": platform.options.speed})


def test_a_flood_beside_a_busy_neighbor_is_answered_trading_goes_on_and_every_part_that_is_killed_comes_back(
    platform: Platform,
) -> None:
    traders = Traders(platform, "flooded")
    crowd = Crowd(platform, "crowd")
    with busy_neighbor(), crowd.flooding(4, 50):
        crowd.wait_for_answers(20, "200")
        assert_within_bounds(platform)
        assert crowd.statuses <= {"200", "503"}, crowd.told
        traders.trade(1)
        # One by one they die in the tests above: here neighbors die at the same moment.
        for victims in (("ingestor", "alpaca", "gemini"), ("postgres", "functions"), ("engine",)):
            crowd.wait_for_answers(5, "200", "503")
            kill(platform, *victims)
        assert crowd.statuses <= {"200", "503"}, crowd.told
        # Only the front door itself can cut a connection.
        kill(platform, "front door")
        # An engine that was lost is deployed anew first; all of it comes back in the middle of the flood.
        crowd.wait_for_answers(20, "200")
        assert_within_bounds(platform)
    assert_normal_again(platform)
    assert crowd.statuses <= {"0", "200", "503"}, crowd.told
    traders.trade(1, 60)
    assert_clean(traders.stop())
