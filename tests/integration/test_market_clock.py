"""Whether the market is open and how old a signal is go by the exchange's clock, not by the last print."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.portfolio.reasons import Reason
from stratforge.storage.market import clock

from tests.support.ledger import OPEN, Trader, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def trader(world: World) -> Trader:
    """A user with a running session."""
    with world.database.transaction() as connection:
        return add_trader(connection, "ada")


def place(world: World, trader: Trader, terms: str) -> None:
    """Places an order by hand."""
    with world.database.transaction() as connection:
        connection.execute(
            "INSERT INTO orders (user_id, symbol, side, origin, size_kind, size, type, limit_price, time_in_force) "
            f"VALUES (%s, 'AAPL', 'buy', 'MANUAL', 'quantity', 1, {terms})",
            (trader.user_id,),
        )


def at(world: World, now: datetime) -> None:
    """Sets the exchange's clock."""
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, now)


def the_order(world: World) -> tuple[Any, ...]:
    """The one order."""
    with world.database.transaction() as connection:
        (row,) = connection.execute("SELECT status::text, reason, expires_at FROM orders").fetchall()
    return tuple(row)


CLOSE = OPEN + timedelta(hours=6, minutes=30)


def test_a_last_print_two_minutes_before_the_close_opens_no_market_at_night(world: World, trader: Trader) -> None:
    with world.database.transaction() as connection:
        set_price(connection, "100", minute=387)
    at(world, CLOSE + timedelta(hours=5))
    place(world, trader, "'market', NULL, 'day'")
    place(world, trader, "'limit', 110, 'day'")
    world.executor.execute("AAPL")
    assert world.exchange.orders == {}
    with world.database.transaction() as connection:
        rows = connection.execute(
            "SELECT type::text, status::text, expires_at FROM orders ORDER BY type::text DESC"
        ).fetchall()
    assert rows == [("market", "PENDING", None), ("limit", "RESTING", CLOSE + timedelta(days=1))]


def test_a_day_order_ends_at_the_close_although_nothing_trades(world: World, trader: Trader) -> None:
    with world.database.transaction() as connection:
        set_price(connection, "100", minute=387)
    at(world, CLOSE - timedelta(minutes=2))
    place(world, trader, "'limit', 90, 'day'")
    world.executor.execute("AAPL")
    assert the_order(world) == ("RESTING", None, CLOSE)
    at(world, CLOSE + timedelta(seconds=1))
    world.executor.execute("AAPL")
    assert the_order(world)[:2] == ("EXPIRED", Reason.EXPIRED)


@pytest.mark.parametrize(("minutes", "status"), [(3, "EXECUTED"), (4, "EXPIRED"), (225, "EXPIRED")])
def test_a_signals_age_is_measured_by_the_exchanges_clock(
    world: World, trader: Trader, minutes: int, status: str
) -> None:
    """The bar of the signal is the last that is known, as after a gap in the stream."""
    with world.database.transaction() as connection:
        time = set_price(connection, "100")
        add_signal(connection, trader, "buy", time)
    at(world, OPEN + timedelta(minutes=minutes, seconds=-30))
    world.executor.execute("AAPL")
    with world.database.transaction() as connection:
        rows = connection.execute("SELECT status::text FROM signals").fetchall()
    assert rows == [(status,)]


def test_while_its_clock_was_never_read_the_last_price_tells_the_time(world: World, trader: Trader) -> None:
    with world.database.transaction() as connection:
        time = set_price(connection, str(Decimal(100)))
        add_signal(connection, trader, "buy", time)
    world.executor.execute("AAPL")
    assert len(world.exchange.orders) == 1


def shown(world: World, ours: datetime) -> tuple[datetime, datetime]:
    """The market's time at a time of ours, and ours at that time of the market."""
    with world.database.transaction() as connection:
        (row,) = connection.execute("SELECT market_at(%s), ours_at(market_at(%s))", (ours, ours)).fetchall()
    return row[0], row[1]


def test_what_was_noted_by_our_clock_has_a_time_of_a_replayed_market_also_across_a_skipped_night(world: World) -> None:
    began = datetime(2026, 3, 2, 12, tzinfo=UTC)
    with world.database.transaction() as connection:
        connection.cursor().executemany(
            "INSERT INTO market_clock_course VALUES (%s, %s, %s)",
            [
                (began, OPEN, 60),
                (began + timedelta(seconds=390), OPEN + timedelta(days=1), 60),
                (began + timedelta(seconds=400), OPEN + timedelta(days=1, minutes=10), 0),
            ],
        )
    second = timedelta(seconds=1)
    assert shown(world, began + 10 * second) == (OPEN + timedelta(minutes=10), began + 10 * second)
    assert shown(world, began + 395 * second) == (OPEN + timedelta(days=1, minutes=5), began + 395 * second)
    assert shown(world, began + 900 * second)[0] == OPEN + timedelta(days=1, minutes=10)
    with world.database.transaction() as connection:
        night = connection.execute("SELECT ours_at(%s)", (CLOSE + timedelta(hours=5),)).fetchall()[0][0]
    assert night == began + timedelta(seconds=390)


def test_readings_make_a_new_course_only_where_the_market_jumps_or_changes_its_speed(world: World) -> None:
    def courses(market: timedelta, speed: float) -> int:
        with world.database.transaction() as connection:
            clock.set_market_clock(connection, datetime.now(UTC) + market, speed)
            return len(connection.execute("SELECT FROM market_clock_course").fetchall())

    hour = timedelta(hours=1)
    assert [courses(timedelta(0), 1), courses(hour, 1), courses(hour, 1), courses(hour, 0), courses(2 * hour, 1)] == [
        0,
        1,
        1,
        2,
        3,
    ]


def test_a_wanted_speed_is_asked_of_a_replay_until_it_runs_so(world: World) -> None:
    with world.database.transaction() as connection:
        assert clock.set_market_clock(connection, OPEN, 60) is None
        connection.execute("UPDATE market_clock SET wanted_speed = 10")
        assert clock.set_market_clock(connection, OPEN, 60) == 10
        assert clock.set_market_clock(connection, OPEN, 10) is None
        assert clock.set_market_clock(connection, OPEN, 60) is None, "what was reached is not wanted any more"
