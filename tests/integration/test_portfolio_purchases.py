"""Purchases of portfolio sessions belong to their decision and its period: none is placed later, and none with those of the next."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from psycopg.errors import UniqueViolation
from stratforge.application.sessions import SessionChange, change_session
from stratforge.storage.strategies import purchases
from stratforge.storage.strategies.rebalances import RebalanceStatus, cash_of, holdings
from stratforge.storage.strategies.sessions import SessionStatus

from tests.support.rotating import EVERY_TEN_MINUTES, FIRST, Rotating, at, minutes

WHOLE = EVERY_TEN_MINUTES.replace(" / 2", "").replace("N = 3", "N = 1")


def turning(rotating: Rotating, source: str) -> UUID:
    """A session that holds AAPL, and after ten more minutes, in which IBM rises, has sold nothing of it yet: its decision is taken."""
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    session = rotating.start(source).session_id
    rotating.decide(session)
    rotating.settle(session)
    falling(rotating, 10, 20)
    rotating.clock(at(FIRST, 9, 50, 1))
    assert rotating.decide(session).decided == 1
    assert rotating.decisions(session)[0].status is RebalanceStatus.SELLING
    return session


def falling(rotating: Rotating, first: int, last: int) -> None:
    """Minutes in which AAPL falls and IBM rises."""
    for number in range(first, last):
        prices = {"AAPL": 100.0 - number / 100, "IBM": 100.0 + number / 100}
        rotating.minute(at(FIRST) + timedelta(minutes=number), prices)


def session_cash(rotating: Rotating, session: UUID) -> Decimal:
    """What is left of the session's capital."""
    with rotating.database.transaction() as connection:
        return cash_of(Decimal(10_000), holdings(connection, session))


def test_purchases_of_one_decision_are_not_placed_with_those_of_the_next(rotating: Rotating) -> None:
    session = turning(rotating, WHOLE)
    # The sales end only just before the next span is decided about.
    rotating.world.quiet()
    falling(rotating, 20, 30)
    rotating.clock(at(FIRST, 10, 0, 1))
    assert rotating.decide(session).decided == 1
    latest, dropped, _ = rotating.decisions(session)
    assert (latest.status, dropped.status) == (RebalanceStatus.ORDERED, RebalanceStatus.CALLED_OFF)
    rotating.settle(session)
    assert float(rotating.held(session)["IBM"]) == pytest.approx(10_000 / 100.3, rel=0.02)
    assert session_cash(rotating, session) > -100


def test_purchases_of_whoever_died_are_dropped_once_the_next_period_is_due(
    rotating: Rotating,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    session = rotating.start(WHOLE).session_id
    with monkeypatch.context() as patch:
        patch.setattr(purchases, "sold_out", lambda *_: [])
        assert rotating.decide(session).decided == 1
    # The bars of the next span are waited for still: nothing is decided, and nothing bought for the last one.
    falling(rotating, 10, 19)
    rotating.clock(at(FIRST, 9, 50, 1))
    assert rotating.decide(session).orders == 0
    assert rotating.decisions(session)[0].status is RebalanceStatus.CALLED_OFF
    falling(rotating, 19, 20)
    rotating.settle(session)
    assert rotating.decide(session).decided + len(rotating.decisions(session)) == 2
    rotating.settle(session)
    assert set(rotating.held(session)) == {"IBM"}


def test_purchases_are_dropped_an_hour_after_their_decision_and_when_the_exchange_closes(rotating: Rotating) -> None:
    for number, (later, age) in enumerate([(timedelta(0), "61 minutes"), (timedelta(hours=7), "0")]):
        rotating.clock(at(FIRST, 9, 31))
        session = rotating.start().session_id
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(purchases, "sold_out", lambda *_: [])
            assert rotating.decide(session).decided == 1, number
        with rotating.database.transaction() as connection:
            connection.execute("UPDATE rebalances SET created_at = created_at - %s::interval", (age,))
        rotating.clock(at(FIRST, 9, 31) + later)
        assert rotating.decide(session).orders == 0
        assert rotating.decisions(session)[0].status is RebalanceStatus.CALLED_OFF


def priced(rotating: Rotating, *symbols: str) -> None:
    """Leaves the latest prices of these symbols alone."""
    with rotating.database.transaction() as connection:
        connection.execute("DELETE FROM latest_prices WHERE NOT symbol = ANY(%s)", (list(symbols),))


def test_what_has_no_price_yet_is_bought_once_it_has_one(rotating: Rotating) -> None:
    """Nobody looked at these symbols before, and days are decided on before the first bar comes."""
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    session = rotating.start().session_id
    priced(rotating)
    assert rotating.decide(session).decided == 1
    assert rotating.decisions(session)[0].status is RebalanceStatus.SELLING
    minutes(rotating, 10, 11)
    assert rotating.decide(session).orders > 0
    assert rotating.decisions(session)[0].status is RebalanceStatus.ORDERED
    rotating.settle(session)
    assert rotating.held(session)


def test_one_of_several_without_a_price_is_waited_for_a_minute(rotating: Rotating) -> None:
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    session = rotating.start(EVERY_TEN_MINUTES.replace("universe.slope > 0", "universe.close > 0")).session_id
    priced(rotating, "AAPL")
    assert rotating.decide(session).decided == 1
    assert rotating.decisions(session)[0].status is RebalanceStatus.SELLING
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET created_at = created_at - interval '61 seconds'")
    assert rotating.decide(session).orders == 1
    assert rotating.decisions(session)[0].status is RebalanceStatus.ORDERED


def test_a_session_that_was_paused_between_sales_and_purchases_buys_nothing_when_it_goes_on(rotating: Rotating) -> None:
    session = turning(rotating, EVERY_TEN_MINUTES.replace("N = 3", "N = 1"))
    for status in (SessionStatus.PAUSED, SessionStatus.RUNNING):
        change_session(rotating.database, rotating.ada, session, SessionChange(status=status))
    rotating.settle(session)
    assert rotating.decisions(session)[0].status is RebalanceStatus.CALLED_OFF
    assert set(rotating.held(session)) == {"AAPL"}


def test_a_session_has_one_decision_under_way_at_most(rotating: Rotating) -> None:
    session = turning(rotating, WHOLE)
    with pytest.raises(UniqueViolation), rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET status = 'SELLING' WHERE session_id = %s", (session,))
    rotating.settle(session)
