"""The account at a glance: parts add up, days follow each other, and what wants to be looked at is said."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from stratforge.application.overview import Part, concerns_of, day_profits, parts_of
from stratforge.storage.ledger.portfolio import DayEquity, PortfolioRow, PositionRow
from stratforge.storage.strategies.sessions import SessionStatus


def position(symbol: str, value: int) -> PositionRow:
    """A position of so many dollars."""
    one, none = Decimal(1), Decimal(0)
    return PositionRow(symbol, None, one, Decimal(value), Decimal(value), Decimal(value), none, none)


def test_the_parts_add_up_to_the_equity_and_a_symbol_that_two_sessions_hold_is_one() -> None:
    held = PortfolioRow(
        Decimal(300),
        Decimal(100),
        Decimal(1000),
        Decimal(0),
        (position("IBM", 100), position("AAPL", 400), position("IBM", 100)),
    )
    parts = parts_of(held)
    assert [each.name for each in parts] == ["AAPL", "IBM", "Cash"]
    assert [each.value for each in parts] == [400, 200, 400]
    assert sum(each.share for each in parts) == 1


def test_a_day_is_held_against_the_one_before_and_the_first_against_the_beginning() -> None:
    noted = [DayEquity(date(2026, 3, day), Decimal(equity)) for day, equity in ((2, 1010), (3, 909))]
    days = day_profits(noted, Decimal(1000))
    assert [each.profit for each in days] == [10, -101]
    assert [each.rate for each in days] == [pytest.approx(0.01), pytest.approx(-0.1)]


def test_one_symbol_that_is_most_of_the_equity_is_said_and_cash_is_not() -> None:
    parts = [Part("AAPL", Decimal(60), Decimal("0.6")), Part("Cash", Decimal(40), Decimal("0.9"))]
    assert [each.text for each in concerns_of([], parts)] == ["AAPL is 60% of your equity"]


@pytest.mark.parametrize(
    ("symbol", "name", "said"),
    [
        ("AAPL", "Swing", "Swing on AAPL failed: too slow"),
        ("PORTFOLIO", "Rotation", "Rotation failed: too slow"),
        ("AAPL", None, "The AAPL session failed: too slow"),
        ("PORTFOLIO", None, "The portfolio session failed: too slow"),
    ],
)
def test_a_session_is_called_by_its_strategy(symbol: str, name: str | None, said: str) -> None:
    session: Any = SimpleNamespace(
        session_id=UUID(int=1),
        symbol=symbol,
        status=SessionStatus.FAILED,
        failure_reason="too slow",
        replay_differences=None,
    )
    assert [each.text for each in concerns_of([session], [], {UUID(int=1): name} if name else {})] == [said]


def test_a_portfolio_that_ended_holds_positions_and_no_sum_of_unlike_shares() -> None:
    session: Any = SimpleNamespace(
        session_id=UUID(int=1),
        symbol="PORTFOLIO",
        status=SessionStatus.STOPPED,
        held_quantity=Decimal(12),
        settling=False,
        replay_differences=None,
    )
    said = [each.text for each in concerns_of([session], [], {UUID(int=1): "Rotation"})]
    assert said == ["Rotation has ended and still holds positions"]
