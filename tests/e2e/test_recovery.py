"""What the platform does when its own parts die, hang or are flooded."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request

import psutil
import pytest
from local_platform.audit import count_trades
from local_platform.platform import Platform, answers

from tests.e2e.trading import Traders, assert_clean, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def status_of(platform: Platform, path: str = "/healthz") -> int:
    try:
        with urllib.request.urlopen(f"{platform.address}{path}", timeout=30) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        assert error.code != 503 or error.headers["Retry-After"]
        return error.code
    except OSError:
        return 0


def kill(platform: Platform, name: str) -> None:
    """Kills a process and waits until the next one of its name works."""
    process = platform.process(name)
    first = process.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: process.pid not in (0, first) and process.ready(), 60, f"a restart of {name}")


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


@pytest.mark.parametrize("victim", ["functions", "front door", "postgres", "alpaca"])
def test_a_killed_part_comes_back_and_trading_goes_on(platform: Platform, victim: str) -> None:
    traders = Traders(platform, f"killed-{victim.replace(' ', '-')}")
    traders.trade(5)
    kill(platform, victim)
    wait_for(lambda: answers(f"{platform.address}/healthz"), 60, "an answer of the platform")
    traders.trade(5, 150)
    assert_clean(traders.stop())


def test_a_killed_fork_server_is_replaced(platform: Platform) -> None:
    Traders(platform, "killed-forks").halt()
    host = psutil.Process(platform.process("functions").pid)
    server = host.children()[0]
    server.kill()
    server.wait(20)
    wait_for(lambda: answers(f"{platform.address}/healthz"), 60, "an answer of the platform")
    before = count_trades(platform)
    traders = Traders(platform, "after-forks")
    traders.trade(3)
    assert_clean(traders.stop())
    assert count_trades(platform) > before
