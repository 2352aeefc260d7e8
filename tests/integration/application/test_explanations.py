"""An order is explained by what is recorded of it: the bar and the rule as they were, the netting, the fill, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from html import unescape

import pytest
from stratforge.application.access import Caller
from stratforge.application.errors import NotFound
from stratforge.application.explanations import OrderExplanation, explain_order, explain_trade
from stratforge.application.session_rules import session_rules
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, TimeInForce
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.order_book import NewOrder
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.rows import fetch_value

from tests.integration.test_row_level_security import as_role
from tests.support.api import running_api
from tests.support.ledger import OPEN, add_trader
from tests.support.minutes import Minutes, add_history

# Buys on its third bar above LIMIT, counted in its state.
CODE = """
LIMIT = 100

def on_bar(bar, position, state):
    if bar.close > LIMIT:
        state["above"] = state.get("above", 0) + 1
    if state.get("above", 0) >= 3 and position.quantity == 0:
        return buy(quantity=10)
"""


class Market(Minutes):
    """Ada's session with a stop of two percent; orders are filled 5 cents above a bar's close."""

    api: Database
    beyond = Decimal("0.05")

    def explained(self, place: int) -> OrderExplanation:
        """Her trade at this place, explained."""
        return explain_trade(self.api, Caller(self.ada.user_id), self.trades()[place].trade_id)


@pytest.fixture
def market(migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    """A market in which she bought on the third bar above 100."""
    monkeypatch.setattr("tests.support.ledger.CODE", CODE)
    found = Market(migrated)
    found.api = as_role(migrated, "stratforge_api")
    found.broker.prices["AAPL"] = Decimal(100)
    with found.database.transaction() as connection:
        add_history(connection, Decimal(90))
        found.ada = add_trader(connection, "ada")
        connection.execute("UPDATE sessions SET stop_loss = 0.02")
    found.bars("99", "101", "99", "102", "103")
    yield found
    found.api.close()
    found.close()


def test_a_trade_is_explained_by_the_rule_on_the_bar_and_what_it_cost(market: Market) -> None:
    # What comes later is no part of it.
    market.bars("104")
    with market.database.transaction() as connection:
        connection.execute("UPDATE sessions SET stop_loss = 0.5, state = '{}'")
    found = market.explained(0)
    assert found.summary == "Bought 10 AAPL at $103.06 because the buy rule in line 8 of the strategy was met."
    assert found.bar is not None
    assert (found.bar.time, found.bar.close) == (OPEN + timedelta(minutes=5), 103.0)
    assert found.rule is not None
    assert found.rule.conditions[0].operands[0].value == 3.0, "as the state was on that bar"
    assert (found.decision_price, found.decided_on) == (Decimal("103.0"), "the close of the signal's bar")
    assert (found.slippage, found.slippage_cost) == (Decimal("0.06"), Decimal("0.6"))
    assert found.slippage_bps == pytest.approx(Decimal("5.825"), abs=Decimal("0.001"))
    assert [step.title for step in found.steps] == ["Bar", "Signal", "Order", "Netting", "Fill"]


def test_a_stop_says_what_it_was_set_to_then(market: Market) -> None:
    market.bars("100")
    with market.database.transaction() as connection:
        connection.execute("UPDATE sessions SET stop_loss = 0.5")
    found = market.explained(1)
    assert found.summary.startswith(
        "Sold 10 AAPL at $100.04 by the 2 % stop loss: the price reached $101.00, 2 % below"
    )
    assert (found.decision_price, found.decided_on) == (Decimal("100.9988"), "the level of the stop loss")
    assert found.slippage == Decimal("0.9588"), "it gapped through the level"
    assert found.realized_pnl == Decimal("-30.2")


def test_what_crossed_inside_is_said_and_nothing_of_whose_it_was(market: Market) -> None:
    with market.database.transaction() as connection:
        bob = add_trader(connection, "bob")
        connection.execute("UPDATE sessions SET status = 'STOPPED' WHERE user_id = %s", (bob.user_id,))
        wishes = ((market.ada.user_id, Side.BUY, None), (market.ada.user_id, Side.SELL, market.ada.session_id))
        for user_id, side, session_id in wishes:
            wish = NewOrder("AAPL", OrderTerms(side), TimeInForce.DAY, SizeKind.QUANTITY, Decimal(4), session_id)
            order_book.place_order(connection, user_id if side is Side.SELL else bob.user_id, wish)
    market.wake("AAPL", "orders")
    market.quiet()
    with market.database.transaction() as connection:
        theirs = connection.execute("SELECT id, user_id FROM orders ORDER BY created_at DESC, id LIMIT 2").fetchall()
    for order_id, user_id in theirs:
        found = explain_order(market.api, Caller(user_id), order_id)
        assert sum(fill.quantity for fill in found.fills) == 4
        netting = next(step.text for step in found.steps if step.title == "Netting")
        how, _ = netting.split(" The last price was ")
        assert "inside" in how
        assert "3" not in how, "how much of it crossed is another's trade"
        assert "bob" not in repr(found)
    with market.database.transaction() as connection:
        executions = connection.execute(
            "SELECT order_id::text, sum(quantity) FROM trades GROUP BY order_id, execution_id ORDER BY 1, 2"
        ).fetchall()
        assert fetch_value(connection, "SELECT count(*) FROM trades") > len(executions), "of one a part crossed"
        for query in (
            "SELECT data ->> 'order_id', (data ->> 'quantity')::numeric FROM events WHERE kind = 'trade' ORDER BY 1, 2",
            "SELECT order_id::text, quantity FROM told_trades ORDER BY 1, 2",
        ):
            assert connection.execute(query).fetchall() == executions, "it is told as one"


def test_a_refused_order_says_why(market: Market) -> None:
    with market.database.transaction() as connection:
        wish = NewOrder("AAPL", OrderTerms(Side.BUY), TimeInForce.DAY, SizeKind.QUANTITY, Decimal(9_999))
        order_id = order_book.place_order(connection, market.ada.user_id, wish).order_id
    market.wake("AAPL", "orders")
    market.quiet()
    found = explain_order(market.api, Caller(market.ada.user_id), order_id)
    assert found.summary.startswith("Did not buy 9,999 AAPL by hand, at the market. There is not enough free cash")
    assert (found.fills, found.slippage, found.steps[-1].title) == ([], None, "Refused")


def test_nobody_is_told_of_somebody_elses_trade(market: Market) -> None:
    (trade,) = market.trades()
    with market.database.transaction() as connection:
        bob = Caller(add_trader(connection, "bob").user_id)
    with pytest.raises(NotFound):
        explain_trade(market.api, bob, trade.trade_id)
    with pytest.raises(NotFound):
        explain_order(market.api, bob, trade.order_id)
    with market.api.reading(bob) as connection:
        assert order_book.blocks_of_order(connection, trade.order_id) == []


def test_a_past_bar_is_told_with_the_state_and_position_of_then(market: Market) -> None:
    market.bars("104", "105")
    ask = partial(session_rules, market.api, Caller(market.ada.user_id), market.ada.session_id)
    for minute, above in ((1, 0.0), (2, 1.0), (4, 2.0), (5, 3.0)):
        found = ask(OPEN + timedelta(minutes=minute))
        (rule,) = found.rules
        assert rule.conditions[0].operands[0].value == above
        assert (found.evaluated, rule.fired) == (True, minute == 5)
    found = ask(OPEN)
    assert (found.evaluated, found.rules) == (False, []), "it had not started"


def test_a_condition_says_since_when_it_stands(market: Market) -> None:
    market.bars("104", "105")
    found = session_rules(market.api, Caller(market.ada.user_id), market.ada.session_id)
    above, flat = found.rules[0].conditions
    assert (above.holds, above.since) == (True, OPEN + timedelta(minutes=5))
    assert (flat.holds, flat.since) == (False, OPEN + timedelta(minutes=6))
    assert found.closest == 0


def test_its_page_and_its_endpoint_say_the_same(market: Market, migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    market.bars("100")
    with running_api(migrated, monkeypatch) as api:
        ada = api.known(market.database, "ada")
        client = ada.client
        for trade in market.trades():
            told = ada.get(f"/api/trades/{trade.trade_id}/explanation")
            assert told == ada.get(f"/api/trade/orders/{trade.order_id}/explanation")
            for path in (f"/trades/{trade.trade_id}", f"/orders/{trade.order_id}"):
                page = client.get(path, headers={"Accept": "text/html"})
                assert told["summary"] in unescape(page.text)
        bar = int((OPEN + timedelta(minutes=5)).timestamp())
        rules = client.get(f"/sessions/{market.ada.session_id}/rules?bar={bar}").text
        assert "fires" in rules
        assert "1-minute bar of 2026-01-05 09:35 ET" in rules
        assert "had not started" in client.get(f"/sessions/{market.ada.session_id}/rules?bar={bar - 3600}").text
        unknown = client.get("/trades/999999", headers={"Accept": "text/html"})
        assert unknown.status_code == 404


def test_what_was_deleted_of_the_bars_is_missing_and_nothing_else(market: Market) -> None:
    """A company takes over a name, and the bars of its earlier owner go."""
    with market.database.transaction() as connection:
        connection.execute("DELETE FROM market_data")
        session = fetch_value(connection, "SELECT id FROM sessions", ())
    found = market.explained(0)
    assert (found.bar, found.rule) == (None, None)
    assert found.fills
    for time in (None, OPEN + timedelta(minutes=5)):
        assert session_rules(market.api, Caller(market.ada.user_id), session, time).rules == []


def test_a_block_tells_nobody_the_limit_of_others(market: Market) -> None:
    with market.database.transaction() as connection:
        connection.execute("UPDATE block_orders SET limit_price = 123.45")
    order_id = market.trades()[0].order_id
    with market.api.transaction(market.ada.user_id) as connection:
        rows = connection.execute("SELECT * FROM blocks_of_order(%s)", (order_id,)).fetchall()
    assert rows
    assert Decimal("123.45") not in rows[0]
