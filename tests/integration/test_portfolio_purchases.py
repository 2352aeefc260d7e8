"""Purchases of portfolio sessions belong to their decision and its period: none is placed later, and none with those of the next."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from psycopg.errors import UniqueViolation
from stratforge.application.rebalance import rebalance
from stratforge.application.sessions import SessionChange, change_session, stop_session
from stratforge.storage.strategies import purchases
from stratforge.storage.strategies.rebalances import RebalanceStatus, cash_of, holdings
from stratforge.storage.strategies.sessions import SessionMode, SessionStatus

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
    assert rotating.decisions(session)[0].status is RebalanceStatus.AWAITING_PRICES
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
    assert rotating.decisions(session)[0].status is RebalanceStatus.AWAITING_PRICES
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET created_at = created_at - interval '61 seconds'")
    assert rotating.decide(session).orders == 1
    assert rotating.decisions(session)[0].status is RebalanceStatus.ORDERED


ALL = EVERY_TEN_MINUTES.replace("universe.slope > 0", "universe.close > 0")


def awaiting_ibm(rotating: Rotating, source: str = ALL) -> UUID:
    """A session that has decided, and waits for the price of IBM."""
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    session = rotating.start(source).session_id
    priced(rotating, "AAPL")
    assert rotating.decide(session).decided == 1
    assert rotating.decisions(session)[0].status is RebalanceStatus.AWAITING_PRICES
    return session


def test_nobody_waits_for_the_orders_of_whoever_waits_for_prices(rotating: Rotating) -> None:
    """What others order is theirs alone then: the executor is woken for it at once."""
    awaiting_ibm(rotating)
    other = rotating.start(ALL.replace('"IBM"', '"MSFT"')).session_id
    rotating.minute(at(FIRST, 9, 39), {"MSFT": 100.0})
    woken: list[str] = []
    done = rebalance(rotating.database, rotating.sandbox, lambda symbol, _: woken.append(symbol), [other])
    assert (done.decided, done.orders) == (1, 2)
    assert woken == ["AAPL", "MSFT"]


def test_nobody_waits_for_the_decision_of_a_session_that_orders_nothing(rotating: Rotating) -> None:
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    by_hand, session = (rotating.start(ALL, mode=mode).session_id for mode in (SessionMode.MANUAL, SessionMode.PAPER))
    assert {each for message in rotating.told() for each in message.session_ids} == {by_hand, session}
    woken: list[str] = []
    rebalance(rotating.database, rotating.sandbox, lambda symbol, _: woken.append(symbol), [session])
    assert woken == ["AAPL", "IBM"]


def test_whoever_waits_for_prices_is_told_of_when_they_are_there_and_not_before(rotating: Rotating) -> None:
    session = awaiting_ibm(rotating)
    assert rotating.told(10.0) == []
    rotating.minute(at(FIRST, 9, 40), {"IBM": 99.0})
    (message,) = rotating.told(10.4)
    assert message.session_ids == (session,)
    assert rotating.decide(session).orders == 2
    assert rotating.decisions(session)[0].status is RebalanceStatus.ORDERED


def test_whoever_waits_for_prices_longest_is_told_of_first(rotating: Rotating) -> None:
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    started = [rotating.start(ALL).session_id for _ in range(5)]
    priced(rotating)
    assert rotating.decide(*started).decided == 5
    started.sort(reverse=True)
    with rotating.database.transaction() as connection:
        for age, session in enumerate(reversed(started)):
            connection.execute(
                "UPDATE rebalances SET created_at = now() - %s * interval '1 second' WHERE session_id = %s",
                (age, session),
            )
    minutes(rotating, 10, 11)
    (message,) = rotating.told(10.0)
    assert message.session_ids == tuple(started)


def test_the_executor_is_woken_once_for_the_same_orders_and_again_for_others(rotating: Rotating) -> None:
    """Whoever is told of twice has it woken for the same cause: the queue takes it once. Purchases that waited are another, within the second too."""
    session = awaiting_ibm(rotating)
    other = rotating.start(ALL.replace('"IBM"', '"MSFT"')).session_id
    rotating.minute(at(FIRST, 9, 39), {"MSFT": 100.0})
    causes: list[tuple[str, str]] = []

    def told() -> set[tuple[str, str]]:
        causes.clear()
        rebalance(rotating.database, rotating.sandbox, lambda *of: causes.append((of[0], of[1])), [session, other])
        return set(causes)

    first = told()
    assert {symbol for symbol, _ in first} == {"AAPL", "MSFT"}
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE orders SET created_at = created_at - interval '6 seconds'")
    assert told() == first
    rotating.minute(at(FIRST, 9, 40), {"IBM": 99.0})
    third = told()
    assert {symbol for symbol, _ in third - first} == {"AAPL", "IBM"}
    assert told() == third


def test_prices_are_waited_for_half_a_span_at_most(rotating: Rotating) -> None:
    """The next decision calls off what waits: with spans of a minute nothing would ever be bought beside a symbol that seldom trades."""
    session = awaiting_ibm(rotating, ALL.replace("SCHEDULE = 10", "SCHEDULE = 1"))
    rotating.clock(at(FIRST, 9, 40, 40))
    assert len(rotating.told(10.0)) == 1
    assert rotating.decide(session).orders == 1
    assert rotating.decisions(session)[0].status is RebalanceStatus.ORDERED


def test_what_waits_for_prices_is_called_off_with_the_session(rotating: Rotating) -> None:
    session = awaiting_ibm(rotating)
    stopped = stop_session(rotating.database, rotating.outbox, rotating.ada, session)
    assert not stopped.settling
    assert rotating.decisions(session)[0].status is RebalanceStatus.CALLED_OFF
    assert rotating.told(10.0) == []
    rotating.minute(at(FIRST, 9, 40), {"IBM": 99.0})
    assert rotating.decide(session).orders == 0


def test_what_waits_for_prices_in_vain_is_called_off_after_an_hour(rotating: Rotating) -> None:
    session = awaiting_ibm(rotating)
    priced(rotating)
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET created_at = created_at - interval '59 minutes'")
    assert rotating.told(10.0) == []
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET created_at = created_at - interval '2 minutes'")
    assert len(rotating.told(12.0)) == 1
    rotating.decide(session)
    assert rotating.decisions(session)[0].status is RebalanceStatus.CALLED_OFF


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
