"""Bars leave an Alpaca stream and end as trades in PostgreSQL, whatever is dropped, doubled, refused or killed on the way."""

from __future__ import annotations

import os
import signal
import time
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from demo import settle
from local_platform.audit import audit, mark
from local_platform.platform import Platform
from stratforge import cli
from stratforge.client import Client

from tests.support.tiers import in_short
from tests.support.trading import Traders, assert_clean, wait_for

pytestmark = pytest.mark.timeout(900)


def one(platform: Platform, query: str) -> int:
    """The one number of a query."""
    with psycopg.connect(platform.conninfo("engine")) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def replayed(platform: Platform, session: str) -> int:
    """What the command that replays a session says."""
    with patch.dict(os.environ, STRATFORGE_DATABASE=platform.conninfo("engine")):
        return cli.main(["replay", session])


def assert_replays_match(platform: Platform) -> None:
    """Every session so far, replayed over its recorded bars by the command, gives the same signals."""
    with psycopg.connect(platform.conninfo("engine")) as connection:
        rows = connection.execute("SELECT id, bars_evaluated FROM sessions WHERE first_bar_time IS NOT NULL").fetchall()
    assert len(rows) >= 10
    for session_id, _ in rows:
        assert replayed(platform, str(session_id)) == 0


def test_a_described_strategy_trades_and_the_books_agree(platform: Platform) -> None:
    traders, wanted = Traders(platform, "plain"), in_short(10, 20)
    traders.trade(wanted)
    found = traders.stop()
    assert_clean(found)
    assert found.trades >= wanted
    assert found.latency(0.5) is not None


@pytest.mark.long
def test_a_broken_stream_and_a_failing_broker_lose_and_double_nothing(platform: Platform) -> None:
    traders = Traders(platform, "faults")
    traders.trade(5)
    platform.simulator(
        "faults",
        {"partial_fill": 0.5, "duplicate_update": 0.3, "duplicate_bar": 0.3, "lose_bar": 0.2, "correct_bar": 0.2},
    )
    traders.trade(10)
    # The broker takes orders and the answer is lost: they are looked up, never sent again.
    platform.simulator("faults", {"submit_error": 504, "submit_error_count": 3, "submit_error_after": 1})
    wait_for(lambda: platform.simulator("faults")["submit_error_count"] == 0, 60, "three failing submissions")
    platform.simulator("drop", {})
    traders.trade(10, 150)
    platform.simulator("faults", {"duplicate_update": 0.0, "duplicate_bar": 0.0, "lose_bar": 0.0, "correct_bar": 0.0})
    assert_clean(traders.stop())
    assert_replays_match(platform)
    assert one(platform, "SELECT count(*) FROM block_orders WHERE error LIKE '%504%'") >= 1
    assert one(platform, "SELECT count(*) FROM market_data WHERE correction > 0") >= 1
    assert platform.simulator("status")["refusals"].get("client_order_id must be unique") is None


@pytest.mark.long
def test_lost_order_updates_are_recovered_by_the_reconciler(platform: Platform) -> None:
    recoveries = "SELECT count(*) FROM fills WHERE execution_id LIKE 'recovered:%'"
    before = one(platform, recoveries)
    platform.simulator("faults", {"partial_fill": 0.1, "lose_update": 1.0})
    traders = Traders(platform, "lost-updates")
    open_blocks = "SELECT count(*) FROM block_orders WHERE completed_at IS NULL"
    wait_for(lambda: one(platform, open_blocks) >= 3, 60, "blocks whose fills nobody told us of")
    traders.halt()
    platform.simulator("faults", {"lose_update": 0.0})
    # Young blocks are left to the stream; the reconciler looks at those that should have been done long ago.
    young = (
        "SELECT count(*) FROM block_orders WHERE completed_at IS NULL AND created_at > now() - interval '20 seconds'"
    )
    wait_for(lambda: one(platform, young) == 0, 60, "blocks to be overdue")
    # Its own schedule may have been first; whoever it was, nothing is left to find.
    platform.reconcile()
    assert_clean(traders.stop())
    assert one(platform, recoveries) - before >= 3


@pytest.mark.long
def test_processes_killed_in_the_middle_of_a_run_lose_and_double_nothing(platform: Platform) -> None:
    traders = Traders(platform, "killed")
    traders.trade(5)
    restarts = platform.process("ingestor").restarts
    os.kill(platform.process("ingestor").pid, signal.SIGKILL)
    wait_for(lambda: platform.process("ingestor").restarts > restarts, 30, "a restart of the ingestor")
    for victim in ("evaluator", "executor", "settler"):
        traders.trade(5)
        _kill_at_work(platform, victim)
    traders.trade(10, 150)
    assert_clean(traders.stop())


def _kill_at_work(platform: Platform, name: str) -> None:
    """Kills a function's worker while it holds a transaction or runs, if it can be met there; else wherever it is."""
    deadline = time.monotonic() + 20
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        while time.monotonic() < deadline:
            busy = connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND state <> 'idle'", (name,)
            ).fetchone()
            if busy:
                break
    for process in platform.function_processes(name):
        process.kill()


COINS = """
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if position.quantity > 0:
        return sell()
    return buy(fraction=0.2)
"""


def test_a_crypto_session_trades_pays_its_fees_and_stays_alive(platform: Platform) -> None:
    began = mark(platform)
    client = Client(platform.address)
    client.register("coins-session@example.com", "a long enough password")
    code = {"name": "coins", "symbol": "BTC/USD", "python_code": COINS}
    strategy = client.call("POST", "/api/strategies", code)["strategy_id"]
    session = client.start_session(strategy, "BTC/USD")["session_id"]

    def told() -> dict[str, Any]:
        found: dict[str, Any] = client.call("GET", f"/api/sessions/{session}")
        assert found["status"] == "RUNNING", found
        return found

    of_session = f"SELECT count(*) FROM trades t JOIN orders o ON o.id = t.order_id WHERE o.session_id = '{session}'"
    # A purchase pays its fee in coins, a sale in dollars; an order may be filled in several trades.
    bought, sold = f"{of_session} AND t.fee_quantity > 0", f"{of_session} AND t.fee_cash > 0"
    wait_for(
        lambda: told()["bars_evaluated"] >= 4 and one(platform, bought) >= 2 and one(platform, sold) >= 2,
        90,
        "two purchases and two sales of coins",
    )
    client.call("POST", f"/api/sessions/{session}/stop")
    settle(platform, 300.0)
    assert one(platform, f"SELECT bars_evaluated FROM sessions WHERE id = '{session}'") >= 4
    assert replayed(platform, session) == 0
    assert_clean(audit(platform, began))
