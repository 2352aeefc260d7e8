"""The migration runner on a real PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from stratforge.storage.postgres.migrations import MigrationError, migrate, read_migrations

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
