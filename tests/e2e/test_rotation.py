"""Rotations of the demo market's stocks on the whole platform: days are read, minutes are waited for, decisions are traded, replayed, and sold again."""

from __future__ import annotations

from typing import Any

import pytest
from local_platform.platform import Platform
from stratforge.client import Client

from tests.support.trading import wait_for

pytestmark = pytest.mark.timeout(900)
STOCKS = ["AAPL", "GOOG", "IBM", "META", "MSFT"]
DAYS = f"""
UNIVERSE = {STOCKS}
SCHEDULE = "daily"


def indicators(bars):
    return {{"momentum": bars.close.pct_change(5)}}


def rebalance(universe, portfolio, state):
    state["decisions"] += 1
    return weights.equal(universe.momentum.top(2)) * 0.8
"""
MINUTES = DAYS.replace('"daily"', "3").replace("pct_change(5)", "pct_change(2)")


def started(client: Client, source: str, capital: str) -> str:
    """A session of a rotation, by the API."""
    strategy = client.call("POST", "/v1/strategies", {"name": "Rotates", "python_code": source})
    body = {"strategy_id": strategy["strategy_id"], "sizing_rule": "FIXED_CASH", "sizing_value": capital}
    return str(client.call("POST", "/v1/sessions", body)["session_id"])


def decisions(client: Client, session: str) -> list[dict[str, Any]]:
    """The decisions of a session, the newest first."""
    found: list[dict[str, Any]] = client.call("GET", f"/v1/sessions/{session}/decisions")["items"]
    return found


@pytest.mark.parametrize(("source", "wanted"), [(DAYS, 1), (MINUTES, 4)], ids=["days", "minutes"])
def test_a_rotation_decides_trades_is_its_replay_and_sells_everything(
    platform: Platform, source: str, wanted: int, request: pytest.FixtureRequest
) -> None:
    client = Client(platform.address)
    client.register(f"rotation-{request.node.callspec.id}@example.com", "a long enough password")
    session = started(client, source, "20000")
    wait_for(lambda: len(decisions(client, session)) >= wanted, 240, "decisions")
    latest = decisions(client, session)[0]
    assert [each["symbol"] for each in latest["symbols"]] == STOCKS
    assert sum(each["weight"] for each in latest["symbols"]) == pytest.approx(0.8)
    wait_for(lambda: len(list(client.items("/v1/trades", session_id=session))) >= 2, 120, "trades")
    stopped = client.call("POST", f"/v1/sessions/{session}/stop", {"flatten": True})
    assert stopped["status"] == "STOPPED"
    wait_for(lambda: not client.call("GET", f"/v1/sessions/{session}")["settling"], 120, "nothing is held")
    ended = client.call("GET", f"/v1/sessions/{session}")
    assert ended["held_quantity"] == "0"
    job = client.call("POST", f"/v1/sessions/{session}/replay", {})
    wait_for(lambda: client.call("GET", f"/v1/jobs/{job['job_id']}")["status"] == "SUCCEEDED", 120, "the replay")
    replayed = client.call("GET", f"/v1/jobs/{job['job_id']}")["result"]
    assert (replayed["bars"], replayed["differences"]) == (ended["bars_evaluated"], [])
