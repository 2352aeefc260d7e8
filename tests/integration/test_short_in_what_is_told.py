"""A short position in words: a session sells short, pays for what it borrows and covers, and everything that tells of it says so."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from html import unescape

import pytest
from stratforge.application.access import Caller
from stratforge.application.explanations import explain_order, explain_trade
from stratforge.application.notices import latest_notices
from stratforge.storage.ledger import borrowing
from stratforge.storage.ledger.portfolio import LedgerFilter
from stratforge.storage.users import bulk

from functions.api.contract.streams import EVENTS
from tests.support.api import running_api
from tests.support.ledger import OPEN, add_trader
from tests.support.minutes import Minutes, add_history
from tests.support.pages import HTML

# Short below LIMIT, and covered above it.
CODE = """
LIMIT = 100

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close < LIMIT:
        return short(quantity=10)
    if position.quantity < 0 and bar.close > LIMIT:
        return cover()
"""


@pytest.fixture
def market(migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Minutes]:
    """A market in which she sold short at 99, paid a night's fee and covered at 101."""
    monkeypatch.setattr("tests.support.ledger.CODE", CODE)
    found = Minutes(migrated)
    found.exchange.shorting = True
    executable_at = found.exchange.executable_at
    monkeypatch.setattr(
        found.exchange, "executable_at", lambda order, price, _: executable_at(order, price, Decimal(0))
    )
    found.broker.prices["AAPL"] = Decimal(100)
    with found.database.transaction() as connection:
        add_history(connection, Decimal(100))
        found.ada = add_trader(connection, "ada", cash=10_000)
        connection.execute("UPDATE users SET short_selling = true WHERE id = %s", (found.ada.user_id,))
    found.bars("99")
    owed = borrowing.Borrowed(found.ada.user_id, found.ada.session_id, "AAPL", OPEN.date(), 1, Decimal(10), Decimal(99))
    with found.database.transaction() as connection:
        borrowing.charge(connection, [(owed, Decimal("0.07"))])
    found.bars("101")
    yield found
    found.close()


def test_a_trade_says_that_it_sold_short_or_covered(market: Minutes) -> None:
    assert [(each.side, each.short, each.action.done) for each in market.trades()] == [
        ("sell", True, "sold short"),
        ("buy", True, "covered"),
    ]
    assert [each.realized_pnl for each in market.trades()] == [0, -20]
    assert len(market.trades(LedgerFilter(short=True))) == 2
    assert market.trades(LedgerFilter(short=False)) == []


def test_events_and_notices_say_so(market: Minutes) -> None:
    with market.database.transaction() as connection:
        told = connection.execute("SELECT kind, data FROM events WHERE kind IN ('order', 'trade', 'signal')").fetchall()
        said = [each.text for each in latest_notices(connection, market.ada.user_id)]
    assert {kind for kind, _ in told} == {"order", "trade", "signal"}
    for kind, data in told:
        assert data["short"] is True, (kind, data)
        EVENTS[kind].model_validate(data)
    assert "test: sold short 10 AAPL at 99.00" in said
    assert "test: covered 10 AAPL at 101.00: -$20.00" in said


def test_an_explanation_says_so(market: Minutes) -> None:
    sold, covered = (
        explain_trade(market.database, Caller(market.ada.user_id), each.trade_id) for each in market.trades()
    )
    assert sold.summary == "Sold short 10 AAPL at $99.00 because the short rule in line 6 of the strategy was met."
    assert sold.realized_pnl is None
    assert [step.text for step in sold.steps if step.title == "Order"] == ["Accepted: short 10 AAPL at the market."]
    assert [step.text for step in sold.steps if step.title == "Signal"] == [
        "Short, confidence 1.00 by the rule in line 6."
    ]
    assert covered.summary == "Covered 10 AAPL at $101.00 because the cover rule in line 8 of the strategy was met."
    assert covered.realized_pnl == -20
    assert covered.slippage == 0


@pytest.mark.parametrize(
    ("short", "side", "said"), [(True, "sell", "Did not short AAPL"), (True, "buy", "Did not cover AAPL")]
)
def test_an_order_that_came_to_nothing_says_what_it_was_to_do(
    market: Minutes, short: bool, side: str, said: str
) -> None:
    query = """
        INSERT INTO orders (user_id, symbol, side, short, origin, type, time_in_force, size_kind, size, status, completed_at)
        VALUES (%s, 'AAPL', %s, %s, 'SIGNAL', 'market', 'day', 'fraction', 1, 'EXPIRED', now()) RETURNING id"""
    with market.database.transaction() as connection:
        row = connection.execute(query, (market.ada.user_id, side, short)).fetchone()
        assert row is not None
    assert explain_order(market.database, Caller(market.ada.user_id), row[0]).summary.startswith(said)


def test_files_say_what_a_trade_and_an_order_did(market: Minutes) -> None:
    with market.database.transaction() as connection:
        for columns, read in ((bulk.TRADES, bulk.trades), (bulk.ORDERS, bulk.orders)):
            rows = [row for rows in read(connection, market.ada.user_id, None, None, None) for row in rows]
            place = [each.name for each in columns].index("action")
            assert [row[place] for row in rows] == ["short", "cover"]
            assert {len(row) for row in rows} == {len(columns)}


def test_pages_and_the_api_say_so(market: Minutes, migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_api(migrated, monkeypatch) as api:
        ada = api.known(market.database, "ada")

        def page(path: str) -> str:
            answer = ada.client.get(path, headers=HTML)
            assert answer.status_code == 200, path
            return unescape(answer.text)

        assert [(each["side"], each["short"]) for each in ada.get("/v1/trades")["items"]] == [
            ("buy", True),
            ("sell", True),
        ]
        assert ada.get("/v1/trades?short=false")["items"] == []
        assert len(ada.get("/v1/trades?short=true&side=sell")["items"]) == 1
        assert len(ada.get("/v1/signals?short=true&side=buy")["items"]) == 1
        table = ada.client.get("/v1/trades", headers={"Accept": "text/csv", **dict(ada.client.headers)}).text
        assert [row["short"] for row in csv.DictReader(io.StringIO(table))] == ["True", "True"]
        assert ada.get("/v1/portfolio")["short_selling"] is True

        session = page(f"/sessions/{market.ada.session_id}")
        assert "borrow fee: -$0.07" in session
        assert "short, confidence 1.00: executed" in session
        assert "cover market (signal): filled" in session
        for path in ("/", "/trades", "/orders", "/market/AAPL", f"/sessions/{market.ada.session_id}"):
            shown = page(path)
            assert '<span class="side short"' in shown, path
            assert '<span class="side cover"' in shown, path
        # What is opened has made nothing yet.
        assert page("/trades").count("-$20.00") == 1
        assert page("/trades").count("$0.00") == 0
        assert 'class="side cover"' not in page("/trades?side=short")
        assert 'class="side short"' in page("/trades?side=short")
        for side in ("buy", "sell"):
            assert "No trades yet" in page(f"/trades?side={side}")
        sold, covered = market.trades()
        assert "Short AAPL: why" in page(f"/trades/{sold.trade_id}")
        assert "Cover AAPL: why" in page(f"/trades/{covered.trade_id}")
        assert "test: covered 10 AAPL at 101.00: -$20.00" in page("/notices")


def test_buying_power_on_pages_is_less_what_a_short_position_holds_back(
    market: Minutes, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.bars("99")
    with running_api(migrated, monkeypatch) as api:
        ada = api.known(market.database, "ada")
        told = ada.get("/v1/portfolio")
        # Ten are owed at 99: their value and half of it hold cash back, and less than 30 % of it would be a margin call.
        assert Decimal(told["cash"]) - Decimal(told["buying_power"]) == 1485
        assert Decimal(told["margin_needed"]) == 297
        assert Decimal(told["exposure"]) == Decimal(990) / Decimal(told["equity"])
        shown = f"${Decimal(told['buying_power']):,.2f}"
        for path in ("/", "/portfolio"):
            assert f'<dt>Buying power</dt><dd class="">{shown}</dd>' in ada.client.get(path, headers=HTML).text, path
        page = ada.client.get("/portfolio", headers=HTML).text
        assert "Maintenance margin" in page
        assert "Buy back the 10 AAPL of this session now?" in page
        session = ada.client.get(f"/sessions/{market.ada.session_id}", headers=HTML).text
        assert "Stop and cover" in session
        assert "Stop the session and buy back what it is short of?" in session
        assert "margin needed $297.00" in session
        market_page = ada.client.get("/market/AAPL", headers=HTML).text
        assert "Margin needed" in market_page


def test_the_accounts_log_says_who_enabled_it(market: Minutes, migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_api(migrated, monkeypatch) as api:
        ada = api.known(market.database, "ada")
        for enabled in (False, True, True):
            answer = ada.call("PUT", "/api/users/me/short-selling", {"short_selling": enabled})
            assert answer.status_code == 200, answer.text
        kinds = [each["kind"] for each in ada.get("/v1/users/me/events")["items"]]
        assert [each for each in kinds if "SHORT" in each] == [
            "SHORT_SELLING_ENABLED",
            "SHORT_SELLING_DISABLED",
            "SHORT_SELLING_ENABLED",
        ]
        assert "Short selling disabled" in ada.client.get("/account", headers=HTML).text
