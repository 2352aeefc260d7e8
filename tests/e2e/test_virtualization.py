"""A thousand traders on one account, and people's own orders, through the real queues."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from local_platform.audit import audit, mark
from local_platform.platform import Platform
from stratforge.client import ApiError, Client
from stratforge.storage.ledger import halts

from tests.support.crowd import add_crowd, minutes_of, stop_crowd, unsettled
from tests.support.trading import wait_for

pytestmark = pytest.mark.timeout(900)
CROWD = 1_000


def trader(platform: Platform, name: str) -> Client:
    """A logged-in user."""
    client = Client(platform.address)
    client.register(f"{name}@example.com", "a long enough password")
    return client


def order(client: Client, order_id: str) -> dict[str, Any]:
    """An order as it is now."""
    return client.call("GET", f"/api/trade/orders/{order_id}")


def place(client: Client, **fields: Any) -> dict[str, Any]:
    """Places an order."""
    return client.call("POST", "/api/trade/orders", fields)


def ends(client: Client, order_id: str, status: str, seconds: float = 60.0) -> dict[str, Any]:
    """Waits until an order has a status."""

    def there() -> dict[str, Any] | None:
        found = order(client, order_id)
        return found if found["status"] == status else None

    found: dict[str, Any] = wait_for(there, seconds, f"order {order_id} {status}")
    return found


def price(platform: Platform, symbol: str) -> float:
    """The last price."""
    with psycopg.connect(platform.conninfo("engine")) as connection:
        row = connection.execute("SELECT price FROM latest_prices WHERE symbol = %s", (symbol,)).fetchone()
    return float(row[0]) if row else 0.0


@pytest.mark.long
def test_a_thousand_traders_meet_on_one_symbol_and_are_settled_before_the_next_bar_is_traded(
    platform: Platform,
) -> None:
    def traded() -> list[Any]:
        """Bars on which nearly the whole crowd traded; on its first bar half of it has nothing to sell."""
        return [minute for minute in minutes_of(platform, "crowd") if minute[1] == CROWD and minute[2] >= 0.95 * CROWD]

    began = mark(platform)
    platform.simulator("market", {"speed": 12})
    try:
        add_crowd(platform, "crowd", CROWD, "IBM")
        wait_for(lambda: len(traded()) >= 4, 200, "four bars on which the crowd traded")
        stop_crowd(platform, "crowd")
        wait_for(lambda: not unsettled(platform, "crowd"), 90, "everything settled")
    finally:
        platform.simulator("market", {"speed": 60})
    # However slow the machine: what a bar led to is settled before anything of a later one trades.
    for minute in traded():
        following = [other[6] for other in minutes_of(platform, "crowd") if other[0] > minute[0] and other[6]]
        assert not following or minute[7] < min(following)
    with psycopg.connect(platform.conninfo("engine")) as connection:
        # Two blocks of a symbol are never at work together: the database refuses the second. Their times do not say so on a busy machine, since
        # they are those at which the transactions began.
        unique = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'block_orders_open'").fetchone()
    assert unique is not None
    assert re.search(r"UNIQUE INDEX .* \(symbol\) WHERE \(completed_at IS NULL\)", unique[0])
    found = audit(platform, began)
    assert (found.broken, found.drift) == ({}, {})
    assert not [name for name in platform.simulator("status")["refusals"] if "opposite side" in name]


def test_people_place_change_and_cancel_orders(platform: Platform) -> None:
    client = trader(platform, "hand")
    market = place(client, symbol="MSFT", side="buy", quantity="3")
    filled = ends(client, market["order_id"], "FILLED")
    assert filled["filled_quantity"] == "3"
    assert float(filled["average_price"]) > 0
    last = price(platform, "MSFT")
    limit = place(
        client,
        symbol="MSFT",
        side="buy",
        type="limit",
        quantity="1",
        limit_price=f"{last * 0.8:.2f}",
        time_in_force="gtc",
    )
    ends(client, limit["order_id"], "RESTING")
    changed = client.call("PATCH", f"/api/trade/orders/{limit['order_id']}", {"limit_price": f"{last * 0.7:.2f}"})
    ends(client, changed["order_id"], "RESTING")
    assert order(client, limit["order_id"])["reason"] == "REPLACED"
    client.call("DELETE", f"/api/trade/orders/{changed['order_id']}")
    assert ends(client, changed["order_id"], "CANCELED")["reason"] == "CANCELED_BY_USER"
    account = client.call("GET", "/api/trade/account")
    assert account["reserved_cash"] == "0"
    assert [position["symbol"] for position in account["positions"]] == ["MSFT"]
    refused = place(client, symbol="MSFT", side="sell", quantity="99")
    said = ends(client, refused["order_id"], "REJECTED")
    assert (said["reason"], bool(said["explanation"])) == ("NO_POSITION", True)


def test_a_stop_and_a_limit_trade_when_the_price_comes(platform: Platform) -> None:
    client = trader(platform, "waiting")
    bought = place(client, symbol="AAPL", side="buy", quantity="4")
    ends(client, bought["order_id"], "FILLED")
    last = price(platform, "AAPL")
    # The market moves by more than these within minutes, one way or the other.
    stop = place(client, symbol="AAPL", side="sell", type="stop", quantity="2", stop_price=f"{last * 0.9995:.2f}")
    limit = place(client, symbol="AAPL", side="sell", type="limit", quantity="2", limit_price=f"{last * 1.0005:.2f}")

    def either() -> list[str]:
        return [each["order_id"] for each in (stop, limit) if order(client, each["order_id"])["status"] == "FILLED"]

    (done, *_) = wait_for(either, 90, "the stop or the limit")
    filled = order(client, done)
    if done == limit["order_id"]:
        assert float(filled["average_price"]) >= float(limit["limit_price"])


def test_crypto_pays_its_fee_in_coins(platform: Platform) -> None:
    began, client = mark(platform), trader(platform, "coins")
    bought = place(client, symbol="BTC/USD", side="buy", notional="5000")
    filled = ends(client, bought["order_id"], "FILLED")
    assert float(filled["fee_quantity"]) == pytest.approx(0.0025 * float(filled["filled_quantity"]), rel=1e-4)
    (position,) = client.call("GET", "/api/portfolio")["positions"]
    assert float(position["quantity"]) == pytest.approx(0.9975 * float(filled["filled_quantity"]), rel=1e-4)
    sold = place(client, symbol="BTC/USD", side="sell", fraction="1")
    assert float(ends(client, sold["order_id"], "FILLED")["fee_cash"]) > 0
    assert audit(platform, began).drift == {}


def test_wrong_orders_are_refused_at_once_with_what_to_do(platform: Platform) -> None:
    client = trader(platform, "wrong")
    for fields, message in (
        ({"symbol": "AAPL", "side": "buy"}, "exactly one of quantity, notional and fraction"),
        ({"symbol": "AAPL", "side": "buy", "quantity": "1", "type": "limit"}, "needs limit_price"),
        ({"symbol": "AAPL", "side": "buy", "quantity": "1", "limit_price": "3"}, "has no limit_price"),
        ({"symbol": "?", "side": "buy", "quantity": "1"}, "is not a symbol"),
        ({"symbol": "AAPL", "side": "buy", "quantity": "-1"}, "greater than 0"),
        ({"symbol": "AAPL", "side": "buy", "quantity": "1", "session_id": "0" * 32}, "for sales"),
        ({"symbol": "NOPE", "side": "buy", "quantity": "1"}, "no asset of this symbol"),
    ):
        with pytest.raises(ApiError, match=message) as refused:
            place(client, **fields)
        assert refused.value.status == 422


def test_limits_of_ones_own_refuse_and_a_halted_account_trades_nothing(platform: Platform) -> None:
    client = trader(platform, "careful")
    client.call("PUT", "/api/users/me/risk", {"max_position": "0.01"})
    large = place(client, symbol="MSFT", side="buy", fraction="0.5")
    assert ends(client, large["order_id"], "REJECTED")["reason"] == "MAX_POSITION"
    client.call("PUT", "/api/users/me/risk", {})
    client.call("PUT", "/api/users/me/trading-state", {"trading_state": "HALTED"})
    halted = place(client, symbol="MSFT", side="buy", quantity="1")
    assert ends(client, halted["order_id"], "REJECTED")["reason"] == "USER_HALTED"


def test_a_session_is_flattened_and_its_profit_is_final(platform: Platform) -> None:
    client = trader(platform, "flat")
    code = "def on_bar(bar, position, state):\n    return buy(quantity=1)\n"
    strategy = client.call("POST", "/api/strategies", {"name": "buyer", "symbol": "GOOG", "python_code": code})
    session = client.start_session(strategy["strategy_id"], "GOOG")["session_id"]

    def held() -> list[Any]:
        positions: list[Any] = client.call("GET", "/api/portfolio")["positions"]
        return positions

    wait_for(held, 60, "a position")
    client.call("POST", f"/api/sessions/{session}/stop", {"flatten": True})

    def settled() -> dict[str, Any] | None:
        found = client.call("GET", f"/api/sessions/{session}")
        return found if not found["settling"] and not held() else None

    final = wait_for(settled, 60, "the session to be flat")
    portfolio = client.call("GET", "/api/portfolio")
    assert float(final["final_pnl"]) == pytest.approx(float(portfolio["realized_pnl"]))
    assert float(portfolio["cash"]) == pytest.approx(100_000 + float(final["final_pnl"]))


def test_a_split_is_followed_by_the_ledger(platform: Platform) -> None:
    client = trader(platform, "split")
    bought = place(client, symbol="META", side="buy", quantity="10")
    ends(client, bought["order_id"], "FILLED")
    resting = place(
        client, symbol="META", side="buy", type="limit", quantity="1", limit_price="1.00", time_in_force="gtc"
    )
    ends(client, resting["order_id"], "RESTING")
    platform.simulator("market", {"symbol": "META", "split": "2"})
    report = platform.reconcile()
    if not report["splits"]:
        report = platform.reconcile()
    assert report["splits"] == ["META 2:1"]
    # Placed on the day of the split, it is an order at the new prices and stays as it is.
    kept = ends(client, resting["order_id"], "RESTING")
    assert (float(kept["quantity"]), float(kept["limit_price"])) == (1, 1)
    positions = {row["symbol"]: row["quantity"] for row in client.call("GET", "/api/portfolio")["positions"]}
    assert float(positions["META"]) == 20
    again = platform.reconcile()
    assert (again["splits"], again["drift"], again["clean"]) == ([], {}, True)


def client_order_id(platform: Platform, order_id: str) -> str:
    """The broker's order that an order was part of."""
    with psycopg.connect(platform.conninfo("engine")) as connection:
        row = connection.execute(
            "SELECT b.client_order_id FROM orders o JOIN block_orders b ON b.id = o.block_order_id WHERE o.id = %s",
            (order_id,),
        ).fetchone()
    assert row is not None
    return str(row[0])


def correct(platform: Platform, order_id: str, quantity: str, dollars: float) -> str:
    """Changes the last execution of an order at the broker behind our back; gives the broker's order."""
    name = client_order_id(platform, order_id)
    with psycopg.connect(platform.conninfo("engine")) as connection:
        row = connection.execute(
            "SELECT f.price FROM fills f JOIN block_orders b ON b.id = f.block_order_id WHERE b.client_order_id = %s "
            "ORDER BY f.cumulative_quantity DESC LIMIT 1",
            (name,),
        ).fetchone()
    assert row is not None
    platform.simulator("correct", {"client_order_id": name, "qty": quantity, "price": f"{float(row[0]) + dollars:.2f}"})
    return name


def test_a_correction_of_the_broker_is_followed(platform: Platform) -> None:
    platform.simulator("faults", {"partial_fill": 0.0})
    client = trader(platform, "corrected")
    bought = place(client, symbol="IBM", side="buy", quantity="5")
    ends(client, bought["order_id"], "FILLED")
    cash = float(client.call("GET", "/api/portfolio")["cash"])
    name = correct(platform, bought["order_id"], "4", -1)
    assert name in platform.reconcile()["corrected"]
    portfolio = client.call("GET", "/api/portfolio")
    assert portfolio["positions"][0]["quantity"] == "4"
    # One share less to pay, and a dollar less for each of the others.
    assert float(portfolio["cash"]) - cash == pytest.approx(price_of(client, bought) + 4, abs=0.02)
    assert platform.reconcile()["clean"]


def price_of(client: Client, placed: dict[str, Any]) -> float:
    """The average price of an order."""
    return float(order(client, placed["order_id"])["average_price"])


def test_what_cannot_be_explained_halts_the_symbol_until_it_is_looked_into(platform: Platform) -> None:
    platform.simulator("faults", {"partial_fill": 0.0})
    client = trader(platform, "drifting")
    bought = place(client, symbol="GOOG", side="buy", quantity="5")
    ends(client, bought["order_id"], "FILLED")
    sold = place(client, symbol="GOOG", side="sell", fraction="1")
    ends(client, sold["order_id"], "FILLED")
    # The broker takes back two of the shares that were sold on: nobody has them to give.
    correct(platform, bought["order_id"], "3", 0)
    report = platform.reconcile()
    assert (report["clean"], report["halted"]) == (False, ["GOOG"])
    assert report["drift"]["GOOG"]
    refused = place(client, symbol="GOOG", side="buy", quantity="1")
    assert ends(client, refused["order_id"], "REJECTED")["reason"] == "SYMBOL_HALTED"
    correct(platform, bought["order_id"], "5", 0)
    with psycopg.connect(platform.conninfo("engine")) as connection:
        halts.resume_symbol(connection, "GOOG")
    assert platform.reconcile()["clean"]
    again = place(client, symbol="GOOG", side="buy", quantity="1")
    ends(client, again["order_id"], "FILLED")
