"""The exchange announces an early close, or a day without trading, while everything runs: whoever has read the hours sees it within a minute."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo
from stratforge.application.reference_data import CALENDAR_SECONDS, keep_calendar
from stratforge.portfolio.calendar import MarketCalendar, MarketDay
from stratforge.storage.market import clock, trading_days
from stratforge.storage.postgres.database import Connection, Database

from tests.conftest import ROLE_PASSWORD, let_in
from tests.support.ledger import OPEN, Trader, add_signal, add_trader, set_price
from tests.support.world import World

TODAY = OPEN.date()


@pytest.fixture
def world(world: World) -> World:
    """A market that has just opened, on which everything trades at 100, and whose hours the reconciler has read."""
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, OPEN, 0)
    keep_calendar(world.database, world.broker)
    return world


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets seconds pass for what is kept for a stated time."""
    passed = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + passed[0])

    def let(seconds: float) -> None:
        passed[0] += seconds

    return let


def announce(world: World, *, closes_at: datetime | None) -> None:
    """The exchange closes today earlier than it said, or stays closed."""
    known = world.broker.calendar

    def calendar(start: date, end: date) -> list[MarketDay]:
        days = [each for each in known(start, end) if each.day != TODAY]
        return sorted([*days, MarketDay(OPEN, closes_at, TODAY)]) if closes_at else days

    world.broker.calendar = calendar  # type: ignore[method-assign]


def ask(world: World, trader: Trader, minute: int) -> str:
    """A strategy buys at a bar: what became of its signal."""
    with world.database.transaction() as connection:
        add_signal(connection, trader, "buy", set_price(connection, "100", minute), quantity=1)
    world.execute("AAPL")
    world.quiet()
    with world.database.transaction() as connection:
        found = connection.execute("SELECT coalesce(reason, status::text) FROM signals ORDER BY bar_time DESC LIMIT 1")
        return str(found.fetchall()[0][0])


@pytest.mark.parametrize("closes_at", [OPEN + timedelta(minutes=5), None], ids=["it closes early", "it stays closed"])
def test_hours_that_change_during_the_day_hold_for_a_process_that_has_read_them(
    world: World, passing: Any, closes_at: datetime | None
) -> None:
    with world.database.transaction() as connection:
        ada = add_trader(connection, "ada")
    assert ask(world, ada, 1) == "EXECUTED"
    announce(world, closes_at=closes_at)
    assert keep_calendar(world.database, world.broker)
    passing(CALENDAR_SECONDS)
    assert ask(world, ada, 10) == "MARKET_CLOSED"
    # Called off again, it trades.
    del world.broker.calendar
    assert keep_calendar(world.database, world.broker)
    passing(CALENDAR_SECONDS)
    assert ask(world, ada, 20) == "EXECUTED"


def test_hours_are_read_once_a_minute_and_not_for_every_order(world: World, passing: Any) -> None:
    with world.database.transaction() as connection:
        ada = add_trader(connection, "ada")
    read: list[date] = []
    reading = trading_days.read_calendar

    def counted(connection: Connection, start: date) -> MarketCalendar:
        read.append(start)
        return reading(connection, start)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trading_days, "read_calendar", counted)
        for minute in range(1, 5):
            assert ask(world, ada, minute) == "EXECUTED"
        assert len(read) == 1
        passing(CALENDAR_SECONDS)
        assert ask(world, ada, 6) == "EXECUTED"
        assert len(read) == 2


def test_the_engine_may_take_a_day_off_the_calendar_and_nothing_is_written_that_is_known(
    migrated: str, world: World
) -> None:
    let_in(migrated, "stratforge_engine")
    conninfo = make_conninfo(migrated, user="stratforge_engine", password=ROLE_PASSWORD)
    engine = Database(lambda: conninfo, application="test")
    try:
        assert not keep_calendar(engine, world.broker)
        announce(world, closes_at=None)
        assert keep_calendar(engine, world.broker)
        with world.database.transaction() as connection:
            days = [each.day for each in trading_days.read_calendar(connection, TODAY).days]
        assert days[0] == TODAY + timedelta(days=1)
        assert len(days) > 15
    finally:
        engine.close()
