"""A session that goes short on the whole platform: it sells what it does not hold, buys it back, is its own replay, and the books agree."""

from __future__ import annotations

import os
from decimal import Decimal
from unittest.mock import patch

import psycopg
import pytest
from demo import settle
from local_platform.audit import audit, mark
from local_platform.platform import Platform
from stratforge import cli
from stratforge.client import ApiError, Client

from tests.support.trading import assert_clean, wait_for

pytestmark = pytest.mark.timeout(900)
# Short for two bars, flat for one, and what it sees of its position is in what it decides.
BEAR = """
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if position.quantity == 0:
        return short(quantity=20 + state["n"] % 3, stop_loss=0.5)
    if position.bars_held >= 2 and position.quantity < 0:
        return cover(fraction=1.0)
"""


def count(platform: Platform, query: str) -> int:
    """The one number of a query."""
    with psycopg.connect(platform.conninfo("engine")) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_a_short_session_trades_is_its_own_replay_is_covered_and_the_books_agree(platform: Platform) -> None:
    began = mark(platform)
    client = Client(platform.address)
    client.register("bear@example.com", "a long enough password")
    strategy = client.call("POST", "/api/strategies", {"name": "Bear", "symbol": "IBM", "python_code": BEAR})
    # Long only is where an account begins.
    with pytest.raises(ApiError, match="Enable short selling"):
        client.start_session(strategy["strategy_id"], "IBM")
    client.call("PUT", "/api/users/me/short-selling", {"short_selling": True})
    session = client.start_session(strategy["strategy_id"], "IBM")["session_id"]
    of_session = (
        f"SELECT count(*) FROM trades t JOIN orders o ON o.id = t.order_id WHERE o.short AND o.session_id = '{session}'"
    )
    wait_for(
        lambda: (
            count(platform, f"{of_session} AND t.side = 'sell'") >= 2
            and count(platform, f"{of_session} AND t.side = 'buy'") >= 1
        ),
        120,
        "two short sales and a cover",
    )
    owed = "SELECT count(*) FROM positions WHERE quantity < 0"
    wait_for(lambda: count(platform, owed) == 1, 120, "another short position")
    # While it is short the account cannot be long only; stopped with its position it buys back what it owes.
    with pytest.raises(ApiError, match="Buy back what is short first"):
        client.call("PUT", "/api/users/me/short-selling", {"short_selling": False})
    client.call("POST", f"/api/sessions/{session}/stop", {"flatten": True})
    wait_for(lambda: count(platform, owed) == 0, 120, "the cover of all")
    settle(platform, 300.0)
    told = client.call("GET", f"/api/sessions/{session}")
    assert told["status"] == "STOPPED"
    assert Decimal(told["held_quantity"]) == 0
    with patch.dict(os.environ, STRATFORGE_DATABASE=platform.conninfo("engine")):
        assert cli.main(["replay", session]) == 0
    # A split that is told late would find what was owed.
    with pytest.raises(ApiError, match="settled for a day"):
        client.call("PUT", "/api/users/me/short-selling", {"short_selling": False})
    assert_clean(audit(platform, began))
