"""Orders that came of bars which were over before: of a decision about a universe, and of days. What the market moved in between is told apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from stratforge.application.access import Caller
from stratforge.application.explanations import explain_order, explain_trade
from stratforge.market.sizes import Side
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.portfolio import LedgerFilter, TradeRow
from stratforge.storage.market import daily_bars
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.pages import NumberedPage

from tests.integration.test_row_level_security import as_role
from tests.support.api import running_api
from tests.support.ledger import OPEN, add_trader
from tests.support.minutes import Minutes
from tests.support.rotating import FIRST, FLAT, MARCH, RISING, SYMBOLS, Rotating, at, day_bars
from tests.support.world import World


@pytest.fixture
def rotating(database: Database, migrated: str, sandboxed: None) -> Iterator[Rotating]:
    """Somebody whose session has bought AAPL in February and IBM for it in March, on the days before; then the prices were others."""
    world = World(migrated)
    found = Rotating(database, world)
    session = None
    for day, best, price in ((FIRST, "AAPL", 100.0), (MARCH, "IBM", 110.0)):
        found.clock(at(day, 9, 31))
        found.days(day, {symbol: RISING if symbol == best else FLAT for symbol in SYMBOLS})
        found.minute(at(day), dict.fromkeys(SYMBOLS, price))
        session = session or found.start()
        found.decide(session.session_id)
        found.settle(session.session_id)
    yield found
    world.close()


def trades_of(rotating: Rotating) -> list[TradeRow]:
    """What it traded, the oldest first."""
    with rotating.database.transaction() as connection:
        return portfolio.list_trades(connection, rotating.ada.user_id, LedgerFilter(), NumberedPage(10))[::-1]


def test_an_order_of_a_decision_is_explained_by_what_was_wanted_and_seen(rotating: Rotating, migrated: str) -> None:
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET bought_part = 0.9321 WHERE moment >= %s", (at(MARCH, 0, 0),))
    api = as_role(migrated, "stratforge_api")
    try:
        first, sold, bought = [explain_trade(api, rotating.ada, each.trade_id) for each in trades_of(rotating)]
    finally:
        api.close()
    assert first.decision is not None
    part = first.decision.part
    assert (part.symbol, part.price, part.weight_before, part.weight) == ("AAPL", 109.0, 0.0, 0.9)
    assert part.order == pytest.approx(9_000 / 109)
    assert first.decision.equity == 10_000.0
    assert at(FIRST, 9, 31) <= first.decision.decided_at < at(FIRST, 9, 32)
    assert first.summary.endswith("because the decision of 2026-02-02 09:31 ET wanted 90 % of AAPL instead of 0 %.")
    assert [step.title for step in first.steps] == ["Decision", "Order", "Netting", "Fill"]
    decided = first.steps[0].text
    for each in ("$10,000.00", "90 % of AAPL instead of 0 %", "$109.00", "daily bar of 2026-01-30"):
        assert each in decided
    # A purchase at 100 of what was decided on at 109: the market moved in between, which is no slippage of the order.
    assert first.gap == Decimal(-9)
    assert (first.decision_price, first.slippage) == (Decimal(100), Decimal("0.01"))
    assert sold.decision is not None
    assert (sold.order.side, sold.gap) == (Side.SELL, Decimal(-10)), "sold at 110 what was decided on at 100: better"
    assert "wanted 0 % of AAPL instead of" in sold.summary
    assert "cut to 93.21 %" in bought.steps[0].text
    assert "cut to" not in sold.steps[0].text


def test_its_page_tells_the_decision_and_not_that_it_was_placed_by_hand(
    rotating: Rotating, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_api(migrated, monkeypatch) as api:
        ada = api.known(rotating.database, "rota")
        trade = trades_of(rotating)[0]
        told = ada.get(f"/api/trades/{trade.trade_id}/explanation")
        assert (told["decision"]["part"]["weight"], told["gap"]) == (0.9, "-9")
        page = unescape(ada.client.get(f"/trades/{trade.trade_id}", headers={"Accept": "text/html"}).text)
    assert told["summary"] in page
    assert "by hand" not in page
    for each in ("90.00 %", "109.00", "Gap before", "-$9.00"):
        assert each in page


# It buys ten on every day.
DAILY = """
TIMEFRAME = "1d"
def on_bar(bar, position, state):
    if bar.close > 90:
        return buy(quantity=10)
"""


class Days(Minutes):
    """A session on days; the broker's price is five cents above a minute's close, and its offer a cent above that."""

    beyond = Decimal("0.05")


def test_an_order_of_a_day_is_explained_by_that_day_and_the_night_is_no_slippage(
    migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.ledger.CODE", DAILY)
    market = Days(migrated)
    try:
        today = OPEN.date()
        friday = today - timedelta(days=3)
        known = [today - timedelta(days=number) for number in range(1, 130)]
        with market.database.transaction() as connection:
            market.ada = add_trader(connection, "ada")
            prices = {day: "100" for day in sorted(known) if day.weekday() < 5}
            daily_bars.store_days(connection, "AAPL", day_bars("AAPL", prices), today, 2_048)
        market.bars("103")
        (trade,) = market.trades()
        found = explain_trade(market.database, Caller(market.ada.user_id), trade.trade_id)
        assert found.bar is not None
        assert (found.bar.time, found.bar.minutes) == (daily_bars.begins_at("AAPL", friday), 1_440)
        assert (found.bar.close, found.rule is not None) == (100.0, True)
        decided = OPEN + timedelta(minutes=1)
        assert found.steps[0].text == f"The strategy saw the daily bar of {friday} of AAPL. It closed at $100.00."
        assert (found.steps[0].time, found.steps[1].time) == (found.bar.time, decided + timedelta(minutes=1))
        assert "from $100.00 to $103.00" in found.steps[1].text
        assert (found.decision_price, found.gap, found.gap_bps) == (Decimal("103.0"), Decimal("3.0"), Decimal(300))
        assert found.slippage == Decimal("0.06")
        with market.database.transaction() as connection:
            stored = order_book.get_order(connection, trade.order_id)
        assert stored is not None
        assert explain_order(market.database, Caller(market.ada.user_id), stored.order_id) == found
    finally:
        market.close()
