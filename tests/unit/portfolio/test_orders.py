"""Kinds of orders, their triggers, assets' rules and market hours."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from stratforge.market.sizes import Side
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketCalendar, MarketDay
from stratforge.portfolio.orders import InvalidOrderTerms, OrderTerms, OrderType, effective_limit, trigger_of

D = Decimal


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (OrderTerms(Side.BUY, OrderType.LIMIT), "needs limit_price"),
        (OrderTerms(Side.BUY, OrderType.MARKET, limit_price=D(1)), "has no limit_price"),
        (OrderTerms(Side.BUY, OrderType.STOP_LIMIT, stop_price=D(1)), "needs limit_price"),
        (OrderTerms(Side.SELL, OrderType.OCO, limit_price=D(1)), "needs stop_price"),
        (OrderTerms(Side.SELL, OrderType.TRAILING_STOP), "needs trail_percent or trail_price"),
        (OrderTerms(Side.SELL, OrderType.TRAILING_STOP, trail_percent=D(1), trail_price=D(1)), "and not both"),
        (OrderTerms(Side.SELL, OrderType.STOP, stop_price=D(1), trail_percent=D(1)), "does not trail"),
    ],
)
def test_prices_must_go_with_the_type(terms: OrderTerms, message: str) -> None:
    with pytest.raises(InvalidOrderTerms, match=message):
        terms.check()


def test_a_trailing_stop_follows_the_best_price() -> None:
    sell = OrderTerms(Side.SELL, OrderType.TRAILING_STOP, trail_percent=D(10))
    assert trigger_of(sell, triggered=False, water_mark=D(100)).below == 90
    buy = OrderTerms(Side.BUY, OrderType.TRAILING_STOP, trail_price=D(3))
    assert trigger_of(buy, triggered=False, water_mark=D(100)).above == 103


def test_a_triggered_stop_limit_is_a_limit_order() -> None:
    terms = OrderTerms(Side.SELL, OrderType.STOP_LIMIT, stop_price=D(90), limit_price=D(89))
    assert trigger_of(terms, triggered=False).at(D(90), D(95))
    assert not trigger_of(terms, triggered=False).at(D(91), D(95))
    assert trigger_of(terms, triggered=True).at(D(89), D(89))
    assert not trigger_of(terms, triggered=True).at(D(88), D("88.99"))


@pytest.mark.parametrize(("side", "limit", "stop"), [(Side.SELL, D(101), D(99)), (Side.BUY, D(99), D(101))])
def test_a_limit_and_a_stop_beside_it_are_looked_at_on_either_side_until_the_stop_comes(
    side: Side, limit: Decimal, stop: Decimal
) -> None:
    terms = OrderTerms(side, OrderType.OCO, limit_price=limit, stop_price=stop)
    waits = trigger_of(terms, triggered=False)
    assert (waits.below, waits.above) == (D(99), D(101))
    assert effective_limit(terms, triggered=False) == limit
    assert trigger_of(terms, triggered=True).at(D(100), D(100))
    assert effective_limit(terms, triggered=True) is None


def test_prices_are_on_the_exchanges_ticks() -> None:
    stock = AssetRules("AAPL")
    assert stock.on_tick(D("10.01"))
    assert not stock.on_tick(D("10.011"))
    assert stock.on_tick(D("0.9999"))
    assert AssetRules("X/USD", crypto=True, price_increment=D("0.5")).round_limit(D("10.7"), up=True) == 11


def test_the_exchange_is_open_from_its_opening_until_its_close() -> None:
    def at(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 1, day, hour, minute, tzinfo=UTC)

    days = [MarketDay(at(day, 14, 30), at(day, 21 if day != 6 else 18), date(2026, 1, day)) for day in (5, 6, 7)]
    calendar = MarketCalendar(days)
    assert [calendar.is_open(each) for each in (at(5, 14, 29), at(5, 14, 30), at(5, 20, 59), at(5, 21))] == [
        False,
        True,
        True,
        False,
    ]
    assert calendar.next_close(at(5, 22)) == at(6, 18)
    assert not calendar.is_open(at(6, 18, 30))
    assert calendar.covers(at(6, 0))
    assert not calendar.covers(at(7, 21))
