"""What rolling up may not change: the last note before each market day's close, wherever in an hour of ours that is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from stratforge.storage.ledger import portfolio
from stratforge.storage.postgres.database import Database

from tests.integration.test_equity import note, roll_up
from tests.support.ledger import add_trader


@pytest.mark.parametrize(
    ("speed", "ahead"),
    [
        (1, timedelta(0)),
        (1, timedelta(minutes=7)),
        (1, -timedelta(seconds=3)),
        (60, timedelta(0)),
        (4, timedelta(0)),
    ],
)
@pytest.mark.parametrize("age", [7, 110])
def test_daily_equity_stays_at_any_course_of_the_markets_clock(
    database: Database, speed: int, ahead: timedelta, age: int
) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        began = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=age)
        connection.execute(
            "INSERT INTO market_clock_course (began_at, market_time, speed) VALUES (%s, %s, %s)",
            (began, began + ahead, speed),
        )
        connection.execute(
            "INSERT INTO market_days (day, opens_at, closes_at) SELECT d, (d + time '9:30') AT TIME ZONE 'America/New_York', "
            "(d + time '16:00') AT TIME ZONE 'America/New_York' FROM generate_series(%s::date, %s::date, interval '1 day') AS g (t), date(g.t) d "
            "WHERE extract(isodow FROM d) < 6",
            (began, began + 4 * timedelta(days=speed)),
        )
        # Noted a second after each minute, as a schedule that wakes somebody does.
        note(connection, began + timedelta(seconds=1), began + timedelta(days=4))
        (user,) = [row[0] for row in connection.execute("SELECT id FROM users")]
        before = portfolio.daily_equity(connection, user, 1_000)
        roll_up(connection)
        after = portfolio.daily_equity(connection, user, 1_000)
        changed = [(a.day, float(a.equity - b.equity)) for a, b in zip(before, after, strict=True) if a != b]
        assert changed == [], (len(changed), len(before))
