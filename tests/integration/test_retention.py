"""Every table has its word on how long its rows are kept; what is older is forgotten, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from local_platform.synthesis import ROOT
from stratforge.application import equity_snapshots
from stratforge.application.equity_snapshots import forget_old
from stratforge.application.replays import compare_session
from stratforge.storage import retention
from stratforge.storage.market import clock
from stratforge.storage.postgres.database import Database
from stratforge.storage.retention import Forgotten
from stratforge.storage.users import accounts

from tests.integration.test_erasure import columns_of, fill
from tests.integration.test_row_level_security import as_role

FORGOTTEN = {table: word for table, word in retention.WORDS.items() if isinstance(word, Forgotten)}
# Of nobody, so that `fill` writes none.
OF_NOBODY = {
    "login_attempts": "INSERT INTO login_attempts (bucket, failures, blocked_until, last_at) VALUES ('\\x01', 1, now(), now())",
    "rate_limits": "INSERT INTO rate_limits (bucket, tokens, updated_at) VALUES ('b', 1, now())",
    "internal_requests": "INSERT INTO internal_requests (nonce) VALUES (repeat('n', 32))",
    "reconciliations": "INSERT INTO reconciliations (started_at, clean, report) VALUES (now(), true, '{}')",
    "vital_signs": "INSERT INTO vital_signs (at, session_lag, signal_age, order_age, block_age, job_age, delivery_age) VALUES (now(), 0, 0, 0, 0, 0, 0)",
}


@pytest.fixture
def ada(database: Database) -> UUID:
    """A user with a row in every table of which rows are forgotten."""
    with database.transaction() as connection:
        clock.set_market_clock(connection, datetime.now(UTC))
        found = accounts.register_user(connection, "ada@example.com", "hash", Decimal(1000))
        assert found is not None
        fill(connection, found)
        for statement in OF_NOBODY.values():
            connection.execute(statement)
    return found


@pytest.fixture
def minute(migrated: str) -> Iterator[Database]:
    """The database as the role of the minute's task."""
    found = as_role(migrated, "stratforge_engine")
    yield found
    found.close()


def _count(database: Database, table: str) -> int:
    with database.transaction() as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def _age(database: Database, table: str, word: Forgotten, interval: str) -> None:
    """Makes all rows of a table as old."""
    with database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        if word.old is not None:
            connection.execute(f"UPDATE sessions SET ended_at = now() - interval '{interval}'")
        elif table == "login_attempts":
            age = f"now() - interval '{interval}'"
            connection.execute(f"UPDATE login_attempts SET last_at = {age}, blocked_until = {age}")
        else:
            connection.execute(f"UPDATE {table} SET {word.since} = now() - interval '{interval}'")


def test_every_table_has_its_word(database: Database) -> None:
    with database.transaction() as connection:
        tables = set(columns_of(connection))
    assert tables == set(retention.WORDS), "say in storage/retention.py how long the table's rows are kept"
    assert all(len(word.why) > 15 for word in retention.WORDS.values())


@pytest.mark.parametrize("table", FORGOTTEN)
def test_rows_are_forgotten_when_they_have_been_kept_so_long_and_not_before(
    database: Database, minute: Database, ada: UUID, table: str
) -> None:
    word = FORGOTTEN[table]
    before = _count(database, table)
    assert before > 0
    _age(database, table, word, f"{word.days} days -1 hour")
    assert forget_old(minute, table) == 0
    _age(database, table, word, f"{word.days} days 1 hour")
    assert forget_old(minute, table) == before
    assert _count(database, table) == 0


def test_forgetting_goes_in_steps_and_comes_to_an_end(
    database: Database, minute: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stratforge.application.equity_snapshots._ROWS_AT_ONCE", 3)
    monkeypatch.setattr("stratforge.application.equity_snapshots._TIMES", 4)
    with database.transaction() as connection:
        clock.set_market_clock(connection, datetime.now(UTC))
        connection.execute(
            "INSERT INTO events (kind, data, created_at) SELECT 'order', '{}', now() - interval '8 days' FROM generate_series(1, 17)"
        )
    assert [forget_old(minute, "events") for _ in range(3)] == [12, 5, 0]


def test_in_a_day_more_rows_are_forgotten_than_a_hundred_thousand_sessions_write() -> None:
    """Each table has its turn once in as many minutes as there are such tables; db/TABLES.md says what 1,000 sessions write."""
    turns = 24 * 60 / len(FORGOTTEN)
    lines = (each.split("|") for each in (ROOT / "db" / "TABLES.md").read_text().splitlines() if each.startswith("| `"))
    written = {each[1].strip(" `"): int(each[2].replace(",", "").strip() or 0) for each in lines}
    assert written["events"] > 10_000
    most = equity_snapshots._ROWS_AT_ONCE * equity_snapshots._TIMES * turns
    assert {table for table in FORGOTTEN if 100 * written[table] > most} == set()


def test_a_session_whose_record_is_forgotten_has_no_replay_and_no_differences(database: Database, ada: UUID) -> None:
    with database.transaction() as connection:
        row = connection.execute(
            "UPDATE sessions SET first_bar_time = now(), last_bar_time = now() RETURNING id"
        ).fetchone()
    assert row is not None
    word = FORGOTTEN["signals"]
    _age(database, "signals", word, f"{word.days} days 1 hour")
    assert compare_session(database, row[0]) is None
