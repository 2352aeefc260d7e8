"""Everybody's equity is noted every minute, part by part, and rolled up when it is old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from stratforge.application import equity_snapshots
from stratforge.storage.ledger import equity, portfolio
from stratforge.storage.postgres.database import Connection, Database

from tests.integration.test_row_level_security import as_role
from tests.support.ledger import add_trader

EXCHANGE = ZoneInfo("America/New_York")


def test_everybody_is_noted_once_whatever_the_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.transaction() as connection:
        for name in "abcde":
            add_trader(connection, name)
    for size in (1, 2, 5, 6):
        monkeypatch.setattr(equity_snapshots, "_USERS_AT_ONCE", size)
        assert equity_snapshots.snapshot_equity(database) == 5
        with database.transaction() as connection:
            assert connection.execute("SELECT count(*), count(DISTINCT user_id) FROM equity_snapshots").fetchone() == (
                5,
                5,
            )
            connection.execute("DELETE FROM equity_snapshots")


def note(connection: Connection, begin: datetime, end: datetime, skipped: str = "false") -> None:
    """Notes a user's equity at every minute of a time, but for those of which a condition holds: a number that says when it was noted."""
    connection.execute(
        f"INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT u.id, t, 1, extract(epoch FROM t) "
        f"FROM users u, generate_series(%s, %s, interval '1 minute') t WHERE NOT ({skipped})",
        (begin, end),
    )


def roll_up(connection: Connection) -> int:
    """Rolls up all that is old enough; returns how many notes went."""
    gone = 0
    while True:
        done = equity.roll_up_equity(connection, timedelta(days=3), timedelta(days=30))
        gone += done.gone
        if not done.behind:
            return gone


def times(connection: Connection, condition: str) -> list[datetime]:
    query = f"SELECT time FROM equity_snapshots WHERE {condition} ORDER BY time"
    return [row[0] for row in connection.execute(query)]


@pytest.fixture
def hundred_days(database: Database) -> Iterator[Connection]:
    """A user whose equity was noted every minute of eight days of a hundred days ago, of which one closed early and two were a weekend's, and of the last three; nothing was rolled up meanwhile."""
    with database.transaction() as connection:
        now = connection.execute("SELECT date_trunc('minute', now())").fetchone()
        assert now is not None
        add_trader(connection, "ada")
        connection.execute(
            "INSERT INTO market_days (day, opens_at, closes_at) SELECT d, (d + time '9:30') AT TIME ZONE 'America/New_York', "
            "(d + CASE WHEN d = current_date - 96 THEN time '13:00' ELSE time '16:00' END) AT TIME ZONE 'America/New_York' "
            "FROM generate_series(current_date - 101, current_date, interval '1 day') AS g (t), date(g.t) d WHERE extract(isodow FROM d) < 6"
        )
        note(connection, now[0] - timedelta(days=100), now[0] - timedelta(days=92))
        note(connection, now[0] - timedelta(days=3), now[0])
        yield connection


def test_a_users_minutes_become_quarters_of_an_hour_and_days(hundred_days: Connection) -> None:
    assert roll_up(hundred_days) > 12_000
    assert roll_up(hundred_days) == 0
    old, older = "time < now() - interval '2 days'", "time < now() - interval '93 days'"
    assert len(times(hundred_days, f"NOT {old}")) in (2_880, 2_881)
    quarters = times(hundred_days, f"{old} AND NOT {older}")
    assert abs(len(quarters) - 2 * 96) <= 2
    assert sum(each.minute % 15 == 0 for each in quarters) >= len(quarters) - 2
    assert len(times(hundred_days, older)) in (7, 8), "one a day, and the beginning"


def test_daily_equity_is_the_same_before_and_after_it_was_rolled_up(hundred_days: Connection) -> None:
    (user,) = [row[0] for row in hundred_days.execute("SELECT id FROM users")]
    before = portfolio.daily_equity(hundred_days, user, 200)
    assert len(before) > 60
    roll_up(hundred_days)
    assert portfolio.daily_equity(hundred_days, user, 200) == before


def test_a_minute_that_was_not_noted_loses_no_day(database: Database) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=99)
        note(
            connection,
            begin,
            begin + timedelta(days=3),
            "extract(minute FROM t)::int %% 15 = 0 OR extract(hour FROM t AT TIME ZONE 'America/New_York') = 15",
        )
        roll_up(connection)
        left = [each.astimezone(EXCHANGE) for each in times(connection, "true")]
    assert [(each.hour, each.minute) for each in left[:-1]] == [(14, 59)] * (len(left) - 1)
    assert len(left) in (4, 5)


def test_what_a_pause_left_behind_is_rolled_up_afterwards(database: Database, migrated: str) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        note(connection, now - timedelta(days=2, hours=20), now - timedelta(days=2))
    engine = as_role(migrated, "stratforge_engine")
    for _ in range(30):
        equity_snapshots.roll_up(engine)
    engine.close()
    with database.transaction() as connection:
        assert 80 <= len(times(connection, "true")) <= 97
