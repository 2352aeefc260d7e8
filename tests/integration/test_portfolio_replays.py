"""Portfolio sessions again: a replay sees what was seen, whatever was split, corrected or came too late, and notices whatever is changed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.application.replays import compare_session
from stratforge.market import Bar
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.market import market_data

from tests.support.rotating import EVERY_TEN_MINUTES, FIRST, FLAT, MARCH, RISING, Rotating, at, in_march, minutes

TUESDAY = FIRST + timedelta(days=1)


def assert_it_is_its_replay(rotating: Rotating, session_id: UUID) -> None:
    """Deciding again gives the same weights, state and orders."""
    found = compare_session(rotating.database, session_id)
    assert found is not None
    assert found.complete
    assert found.bars == len(rotating.decisions(session_id))
    assert found.differences == []


def test_a_replay_of_days_sees_what_was_seen_whatever_the_vendor_says_since(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    in_march(rotating)
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    # A split gives all days another scale, and a correction one of them another price.
    rotating.days(MARCH, {"AAPL": [each / 2 for each in reversed(RISING)], "IBM": [*FLAT[:-1], 7.0]})
    assert_it_is_its_replay(rotating, session.session_id)


def test_a_replay_of_minutes_sees_what_was_seen_whatever_comes_later(rotating: Rotating) -> None:
    minutes(rotating, 0, 9)
    rotating.clock(at(FIRST, 9, 40, 6))
    session = rotating.start(EVERY_TEN_MINUTES)
    rotating.clock(at(FIRST, 9, 40, 12))
    assert rotating.decide(session.session_id).decided == 1
    rotating.settle(session.session_id)
    # The bars that were waited for come after all, and one that was seen is corrected.
    minutes(rotating, 9, 10)
    price = Decimal("120.5")
    with rotating.database.transaction() as connection:
        assert market_data.correct_bar(connection, Bar("AAPL", at(FIRST, 9, 38), *(price,) * 4, Decimal(1)))
    minutes(rotating, 10, 20)
    rotating.clock(at(FIRST, 9, 50, 1))
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    rotating.decide(session.session_id)
    assert len(rotating.decisions(session.session_id)) == 2
    assert_it_is_its_replay(rotating, session.session_id)


@pytest.mark.parametrize(
    "change", ["weights = ARRAY[0.9, 0.1, 0]", "orders[1] = 1.0", "state_after = '{}'", "parts[1] = 0.5, held[1] = 9"]
)
def test_a_replay_notices_whatever_is_changed_in_a_decision(rotating: Rotating, change: str) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    with rotating.database.transaction() as connection:
        connection.execute(f"UPDATE rebalances SET {change}")
    found = compare_session(rotating.database, session.session_id)
    assert found is not None
    assert len(found.differences) == 1
    rotating.settle(session.session_id)


def test_a_bar_that_filled_a_hole_later_is_no_last_bar_and_keeps_nobody_from_deciding(rotating: Rotating) -> None:
    minutes(rotating, 0, 10, without="IBM")
    minutes(rotating, 0, 8, without="AAPL")
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE latest_prices SET bar_time = %s WHERE symbol = 'IBM'", (at(FIRST, 9, 39),))
        late = Bar("IBM", at(FIRST, 9, 38), *(Decimal(99),) * 4, Decimal(1))
        market_data.add_bars(connection, [late])
    rotating.clock(at(FIRST, 9, 40, 6))
    session = rotating.start(EVERY_TEN_MINUTES)
    rotating.clock(at(FIRST, 9, 40, 12))
    assert rotating.decide(session.session_id).decided == 1
    assert rotating.decisions(session.session_id)[0].last_bars == [at(FIRST, 9, 39), at(FIRST, 9, 37)]
    assert_it_is_its_replay(rotating, session.session_id)


def test_the_first_span_after_a_split_is_decided_on_the_scale_of_what_is_held(rotating: Rotating) -> None:
    session = held_over_a_split(rotating)
    decision = rotating.decisions(session)[0]
    assert decision.prices == [50.0, 100.0]
    assert decision.held[0] == pytest.approx(100.0)
    assert decision.equity == pytest.approx(10_000, rel=1e-3)
    assert decision.parts[0] == pytest.approx(0.5, rel=1e-3)
    assert decision.orders == [pytest.approx(0.0, abs=0.05), 0.0]
    rotating.settle(session)
    assert_it_is_its_replay(rotating, session)


def test_a_split_that_is_followed_after_a_decision_is_not_in_its_replay(rotating: Rotating) -> None:
    for number in range(350, 380):
        rotating.minute(at(FIRST) + timedelta(minutes=number), {"AAPL": 100.0 + number, "IBM": 100.0})
    rotating.clock(at(FIRST, 15, 50, 1))
    session = rotating.start(EVERY_TEN_MINUTES).session_id
    rotating.decide(session)
    rotating.settle(session)
    split_at_night(rotating)
    assert rotating.decisions(session)[0].prices[0] == 479.0
    assert_it_is_its_replay(rotating, session)


@pytest.mark.parametrize("before", [True, False])
def test_a_correction_of_the_last_bar_is_seen_by_decisions_after_it_and_by_no_other(
    rotating: Rotating,
    *,
    before: bool,
) -> None:
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    session = rotating.start(EVERY_TEN_MINUTES).session_id
    if before:
        corrected(rotating)
    assert rotating.decide(session).decided == 1
    if not before:
        corrected(rotating)
    rotating.settle(session)
    assert rotating.decisions(session)[0].prices[0] == (90.5 if before else 100.9)
    assert rotating.decisions(session)[0].weights == ([0.0, 0.0] if before else [0.5, 0.0])
    assert_it_is_its_replay(rotating, session)


def corrected(rotating: Rotating) -> None:
    """The last bar of AAPL has another price after all."""
    with rotating.database.transaction() as connection:
        assert market_data.correct_bar(connection, Bar("AAPL", at(FIRST, 9, 39), *(Decimal("90.5"),) * 4, Decimal(1)))


def split_at_night(rotating: Rotating) -> None:
    """AAPL is split, two for one, and the ledger follows before Tuesday's open."""
    rotating.clock(at(TUESDAY, 8, 0))
    rotating.world.broker.actions = [CorporateAction("split", "AAPL", ActionKind.SPLIT, TUESDAY, ratio=Decimal(2))]
    rotating.world.exchange.split("AAPL", Decimal(2), at(TUESDAY, 8, 0))
    rotating.world.reconciler.run()


def held_over_a_split(rotating: Rotating) -> UUID:
    """A session that keeps a half in AAPL: it has bought on Monday, and decided on Tuesday, when that is split."""
    half = EVERY_TEN_MINUTES.replace("weights.equal(universe.slope > 0) / 2", '{"AAPL": 0.5}')
    for number in range(350, 380):
        rotating.minute(at(FIRST) + timedelta(minutes=number), {"AAPL": 100.0, "IBM": 100.0})
    rotating.clock(at(FIRST, 15, 50, 1))
    session = rotating.start(half).session_id
    rotating.decide(session)
    rotating.settle(session)
    split_at_night(rotating)
    rotating.clock(at(TUESDAY))
    assert rotating.decide(session).decided == 1
    return session
