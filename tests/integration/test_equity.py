"""Everybody's equity is noted every minute, part by part, and thinned when it is old."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stratforge.application import equity_snapshots
from stratforge.storage.ledger import equity
from stratforge.storage.postgres.database import Database

from tests.support.ledger import add_trader


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


def test_of_what_is_two_days_old_one_minute_in_fifteen_stays(database: Database) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        connection.execute(
            "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT u.id, date_trunc('minute', now()) - m * interval '1 minute', 1, 1 "
            "FROM users u, generate_series(0, %s) m",
            (timedelta(days=2, hours=5) // timedelta(minutes=1),),
        )
        assert 275 <= equity.thin_equity(connection) <= 285
        assert equity.thin_equity(connection) == 0
        kept = connection.execute(
            "SELECT count(*) FILTER (WHERE time >= now() - interval '2 days'), count(*) FILTER (WHERE time < now() - interval '2 days') FROM equity_snapshots"
        ).fetchone()
        assert kept is not None
        assert kept[0] in (2880, 2881)
        assert 19 <= kept[1] <= 21


def test_of_what_is_93_days_old_the_last_note_before_the_close_stays(database: Database) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        connection.execute(
            "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT u.id, date_trunc('hour', now()) - interval '94 days 5 hours' + m * interval '15 minutes', 1, 1 "
            "FROM users u, generate_series(0, 4 * 30) m"
        )
        assert equity.thin_equity(connection) > 100
        left = connection.execute(
            "SELECT to_char(time AT TIME ZONE 'America/New_York', 'HH24:MI') FROM equity_snapshots WHERE time < now() - interval '93 days'"
        ).fetchall()
    assert left in ([("15:45",)], [("15:45",)] * 2), "one a day"
