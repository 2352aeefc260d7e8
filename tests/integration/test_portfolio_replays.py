"""Portfolio sessions again: a replay sees what was seen, whatever was split, corrected or came too late, and notices whatever is changed."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.application.replays import compare_session
from stratforge.market import Bar
from stratforge.storage.market import market_data

from tests.integration.test_portfolio_sessions import (  # noqa: F401 - fixtures
    EVERY_TEN_MINUTES,
    FIRST,
    FLAT,
    MARCH,
    RISING,
    _sandbox,
    in_march,
    minutes,
    rotating,
)
from tests.support.rotating import Rotating, at


def assert_it_is_its_replay(rotating: Rotating, session_id: UUID) -> None:  # noqa: F811
    """Deciding again gives the same weights, state and orders."""
    found = compare_session(rotating.database, session_id)
    assert found is not None
    assert found.complete
    assert found.bars == len(rotating.decisions(session_id))
    assert found.differences == []


def test_a_replay_of_days_sees_what_was_seen_whatever_the_vendor_says_since(rotating: Rotating) -> None:  # noqa: F811
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    in_march(rotating)
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    # A split gives all days another scale, and a correction one of them another price.
    rotating.days(MARCH, {"AAPL": [each / 2 for each in reversed(RISING)], "IBM": [*FLAT[:-1], 7.0]})
    assert_it_is_its_replay(rotating, session.session_id)


def test_a_replay_of_minutes_sees_what_was_seen_whatever_comes_later(rotating: Rotating) -> None:  # noqa: F811
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
def test_a_replay_notices_whatever_is_changed_in_a_decision(rotating: Rotating, change: str) -> None:  # noqa: F811
    session = rotating.start()
    rotating.decide(session.session_id)
    with rotating.database.transaction() as connection:
        connection.execute(f"UPDATE rebalances SET {change}")
    found = compare_session(rotating.database, session.session_id)
    assert found is not None
    assert len(found.differences) == 1
    rotating.settle(session.session_id)


def test_a_bar_that_filled_a_hole_later_is_no_last_bar_and_keeps_nobody_from_deciding(rotating: Rotating) -> None:  # noqa: F811
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
