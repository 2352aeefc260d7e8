"""The migration runner on a real PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from local_platform.synthesis import ROOT
from stratforge.storage.postgres.migrations import Migration, MigrationError, migrate, read_migrations
from stratforge.storage.users.accounts import register_user

from tests.support.ledger import set_price

FIRST = "CREATE TABLE one (id int);"
SECOND = "CREATE TABLE two (id int);"


def folder(path: Path, *texts: str) -> Path:
    """A folder with these migrations."""
    for number, text in enumerate(texts, 1):
        (path / f"{number:04d}_step.sql").write_text(text)
    return path


def test_missing_migrations_are_applied_once_in_order(empty_database: str, tmp_path: Path) -> None:
    migrations = read_migrations(folder(tmp_path, FIRST, SECOND))
    assert migrate(empty_database, migrations) == ["0001_step", "0002_step"]
    assert migrate(empty_database, migrations) == []


def test_two_runners_at_once_apply_each_migration_once(empty_database: str, tmp_path: Path) -> None:
    migrations = read_migrations(folder(tmp_path, FIRST, SECOND))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: migrate(empty_database, migrations), range(4)))
    assert sorted(len(applied) for applied in results) == [0, 0, 0, 2]


def test_an_edited_migration_is_refused(empty_database: str, tmp_path: Path) -> None:
    migrate(empty_database, read_migrations(folder(tmp_path, FIRST)))
    with pytest.raises(MigrationError, match="was edited"):
        migrate(empty_database, read_migrations(folder(tmp_path, FIRST + " -- changed")))


def test_a_text_that_was_released_besides_is_accepted_and_made_up_for(empty_database: str, tmp_path: Path) -> None:
    edited = read_migrations(folder(tmp_path, FIRST + " -- edited after its release"))
    migrate(empty_database, edited)
    folder(tmp_path, FIRST, SECOND)
    (tmp_path / "also_released.txt").write_text(f"# why\n0001_step {edited[0].checksum} 0002_step\n")
    assert migrate(empty_database, read_migrations(tmp_path)) == ["0002_step"]


@pytest.mark.parametrize("made_up_by", ["0001_step", "0009_missing"])
def test_a_text_released_besides_needs_a_later_migration_that_makes_up_for_it(tmp_path: Path, made_up_by: str) -> None:
    folder(tmp_path, FIRST, SECOND)
    (tmp_path / "also_released.txt").write_text(f"0001_step {'0' * 64} {made_up_by}\n")
    with pytest.raises(MigrationError, match="cannot make up"):
        read_migrations(tmp_path)


@pytest.mark.parametrize("edited", [False, True])
def test_databases_of_both_released_texts_become_the_same(empty_database: str, edited: bool) -> None:
    migrations = read_migrations(ROOT / "db" / "migrations")
    events = next(each for each in migrations if each.name == "0011_events")
    before = migrations[: events.number - 1]
    released = events.sql
    if edited:
        for name in ("orders", "signals", "sessions", "jobs"):
            released = released.replace(
                f"note_changed_{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public",
                f"note_changed_{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET enable_nestloop = off",
            )
        released = released.replace(
            "CREATE FUNCTION note_orders()",
            "-- Nothing is known of the sizes of changed rows when a plan is made and kept, so joins of old and new ones are hashed always.\n"
            "CREATE FUNCTION note_orders()",
        )
    yesterday = Migration(events.number, events.name, released)
    assert (yesterday.checksum == events.checksum) is not edited
    migrate(empty_database, [*before, yesterday])
    migrate(empty_database, migrations)
    with psycopg.connect(empty_database) as connection:
        settings = connection.execute(
            "SELECT proname, proconfig FROM pg_proc WHERE proname LIKE 'note_changed_%' ORDER BY proname"
        ).fetchall()
    assert settings == [
        (f"note_changed_{name}", ["search_path=public", "enable_nestloop=off"])
        for name in ("jobs", "orders", "sessions", "signals")
    ]


def test_a_database_newer_than_the_code_is_refused(empty_database: str, tmp_path: Path) -> None:
    migrate(empty_database, read_migrations(folder(tmp_path, FIRST, SECOND)))
    (tmp_path / "0002_step.sql").unlink()
    with pytest.raises(MigrationError, match="not on disk"):
        migrate(empty_database, read_migrations(tmp_path))


def test_a_failing_migration_leaves_nothing_behind(empty_database: str, tmp_path: Path) -> None:
    migrations = read_migrations(folder(tmp_path, FIRST, "CREATE TABLE half (id int); SELECT broken;"))
    with pytest.raises(MigrationError, match="0002_step failed"):
        migrate(empty_database, migrations)
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT to_regclass('one')::text, to_regclass('half')::text").fetchone() == (
            "one",
            None,
        )


@pytest.mark.parametrize("name", ["1_x.sql", "0003_gap.sql", "0001_Bad-Name.sql"])
def test_misnamed_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FIRST)
    with pytest.raises(MigrationError):
        read_migrations(tmp_path)


def test_what_older_releases_wrote_is_brought_up_to_date(empty_database: str) -> None:
    """Day orders that rest without an end get one, and what was read out of names is told by columns."""
    migrations = read_migrations(ROOT / "db" / "migrations")
    new = next(index for index, each in enumerate(migrations) if each.name.endswith("what_an_auditor_asks"))
    migrate(empty_database, migrations[:new])
    with psycopg.connect(empty_database) as connection:
        set_price(connection, "100")
        user = register_user(connection, "ada@example.com", "hash", Decimal(100_000))
        connection.execute(
            """
            INSERT INTO market_days VALUES ('2026-01-05', '2026-01-05 14:30Z', '2026-01-05 21:00Z'), ('2026-01-06', '2026-01-06 14:30Z', '2026-01-06 18:00Z');
            INSERT INTO assets (symbol, name, asset_class, tradable, fractionable) VALUES ('AAPL', 'Apple', 'us_equity', true, true);
            """
        )
        for tif, decided in (
            ("day", "2026-01-05 15:00Z"),
            ("day", "2026-01-05 22:00Z"),
            ("day", "2026-01-07 15:00Z"),
            ("gtc", "2026-01-05 15:00Z"),
        ):
            connection.execute(
                """
                INSERT INTO orders (user_id, symbol, side, type, time_in_force, origin, size_kind, size, status, quantity, decided_at)
                VALUES (%s, 'AAPL', 'buy', 'market', %s, 'MANUAL', 'quantity', 1, 'RESTING', 1, %s)
                """,
                (user, tif, decided),
            )
        connection.execute(
            "INSERT INTO adjustments (user_id, symbol, kind, quantity, cause) VALUES (%s, 'AAPL', 'CORPORATE_ACTION', 1, 'odd lots 7')",
            (user,),
        )
        connection.commit()
        migrate(empty_database, migrations)
        ends = connection.execute(
            "SELECT expires_at AT TIME ZONE 'UTC' FROM orders ORDER BY time_in_force, decided_at"
        ).fetchall()
        assert [str(each[0]) for each in ends] == [
            "2026-01-05 21:00:00",
            "2026-01-06 18:00:00",
            "2026-01-08 15:00:00",
            "None",
        ]
        assert connection.execute("SELECT kind::text FROM adjustments").fetchall() == [("ODD_LOTS",)]


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize(
    ("step", "done"),
    [
        ("CREATE INDEX CONCURRENTLY by_name ON first (id)", "CREATE INDEX by_name ON first (id)"),
        ("CREATE UNIQUE INDEX CONCURRENTLY by_name ON first (id)", "CREATE UNIQUE INDEX by_name ON first (id)"),
        ("DROP INDEX CONCURRENTLY old", "DROP INDEX old"),
    ],
)
def test_a_runner_that_was_killed_in_a_step_without_a_transaction_goes_on(
    empty_database: str, tmp_path: Path, step: str, done: str, is_whole: bool
) -> None:
    """What it did is there and not noted, whole, or begun and not valid."""
    begin = "CREATE TABLE first (id int); CREATE INDEX old ON first (id)"
    migrate(empty_database, read_migrations(folder(tmp_path, begin)))
    with psycopg.connect(empty_database) as connection:
        connection.execute(done)
        if not is_whole:
            connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('by_name')")
    step = f"-- no transaction\n-- why\n{step};\n"
    assert migrate(empty_database, read_migrations(folder(tmp_path, begin, step))) == ["0002_step"]
    with psycopg.connect(empty_database) as connection:
        found = connection.execute(
            "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relname IN ('old', 'by_name') ORDER BY 1"
        ).fetchall()
    assert found == ([("by_name", True), ("old", True)] if "CREATE" in step else [])
