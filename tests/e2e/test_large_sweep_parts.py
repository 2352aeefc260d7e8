"""A sweep too large for one function, through the state machine of the platform: its parts side by side, its report, its end when it is canceled."""

from __future__ import annotations

from typing import Any

import pytest
from local_platform.platform import Platform
from stratforge.client import Client

from tests.support.trading import wait_for

pytestmark = pytest.mark.timeout(900)

CODE = """
FAST, SLOW, TOP = 3, 8, 70

def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW), "rsi": ta.rsi(bars.close, length=14)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow and bar.rsi < TOP:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
"""


def somebody(platform: Platform, name: str) -> Client:
    """Somebody who has registered."""
    client = Client(platform.address)
    client.register(f"{name}@example.com", "a long enough password")
    return client


def asked(client: Client, points: int) -> dict[str, Any]:
    """Asks for a sweep of 20 times as many points."""
    strategy = client.call("POST", "/api/strategies", {"name": "Swept", "symbol": "IBM", "python_code": CODE})
    sweep = {"FAST": [float(each) for each in range(2, 22)], "TOP": [50.0 + each / 10 for each in range(points)]}
    body = {"strategy_id": strategy["strategy_id"], "sweep": sweep, "folds": 2}
    found: dict[str, Any] = client.call("POST", "/api/backtests", body)
    return found


@pytest.mark.long
def test_a_large_sweep_is_worked_on_in_parts_and_reported(platform: Platform) -> None:
    client = somebody(platform, "researcher")
    done = client.wait(asked(client, 30), 600)
    sweep = client.call("GET", f"/api/backtests/{done['backtest_id']}")["report"]["sweep"]
    assert sweep["study"]["points"] == 600
    assert len(sweep["points"]) == 400
    assert sweep["best"] == sweep["points"][0]
    assert len(sweep["folds"]) == 2


@pytest.mark.long
def test_a_large_sweep_that_is_canceled_goes_on_with_nothing(platform: Platform) -> None:
    client = somebody(platform, "impatient")
    job = asked(client, 300)
    path = f"/api/jobs/{job['job_id']}"
    wait_for(lambda: client.call("GET", path)["status"] == "RUNNING", 60, "the study's beginning")
    client.call("DELETE", path)
    assert client.call("GET", path)["status"] == "CANCELED"
    assert client.wait(asked(client, 30), 600)["backtest_id"], "nobody waits for what was canceled"
