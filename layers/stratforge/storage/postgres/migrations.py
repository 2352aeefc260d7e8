"""Forward-only migrations: numbered SQL files, each applied once, in order, under a lock."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_ALSO_RELEASED = "also_released.txt"
_NO_TRANSACTION = "-- no transaction"
# The one step of a migration without a transaction, and the index it makes or drops.
_STEP = re.compile(r"^(CREATE|DROP)\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(\w+)", re.MULTILINE)
_LOCK = 5_730_217_001  # Any number of our own: one runner at a time, whatever starts it.


class MigrationError(RuntimeError):
    """The migrations on disk and in the database do not fit together, or one failed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name, text and checksum; and the checksums of other texts that were released under its name."""

    number: int
    name: str
    sql: str
    also_released: frozenset[str] = frozenset()

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(directory: Path) -> list[Migration]:
    """The migrations in `directory`, in order.

    Raises:
        MigrationError: if a file is misnamed, the numbers have a gap, or a text released besides has no migration that makes up for it.
    """
    also = _read_also_released(directory)
    migrations = []
    for path in sorted(directory.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if not match:
            raise MigrationError(f"{path.name} is not named NNNN_name.sql; rename it")
        sql = path.read_text(encoding="utf-8")
        migrations.append(Migration(int(match[1]), path.stem, sql, frozenset(also.get(path.stem, ()))))
    for expected, migration in enumerate(migrations, 1):
        if migration.number != expected:
            raise MigrationError(
                f"{migration.name} should have the number {expected:04d}; numbers have no gaps or doubles"
            )
    if not migrations:
        raise MigrationError(f"there are no migrations in {directory}")
    return migrations


def _read_also_released(directory: Path) -> dict[str, list[str]]:
    """Checksums by the name of the migration; each line names the later migration after which all databases are the same."""
    found: dict[str, list[str]] = {}
    file = directory / _ALSO_RELEASED
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        if line.startswith("#") or not line.strip():
            continue
        name, checksum, made_up_by = line.split()
        if not (directory / f"{made_up_by}.sql").exists() or made_up_by <= name:
            raise MigrationError(f"{_ALSO_RELEASED}: {made_up_by} cannot make up for {name}; name a later migration")
        found.setdefault(name, []).append(checksum)
    return found


@contextmanager
def _locked(connection: psycopg.Connection) -> Iterator[None]:
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def migrate(conninfo: str, migrations: list[Migration]) -> list[str]:
    """Applies what is missing and returns the names of what was applied.

    Safe to run again and from several places at once.

    Raises:
        MigrationError: if an applied migration was edited or is missing, or one fails; the failed one leaves nothing behind.
    """
    applied: list[str] = []
    with psycopg.connect(conninfo, autocommit=True, connect_timeout=10) as connection, _locked(connection):
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (number integer PRIMARY KEY, name text NOT NULL, "
            "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row[0]: row[1:] for row in connection.execute("SELECT number, name, checksum FROM schema_migrations")}
        known = {migration.number: migration for migration in migrations}
        for number, (name, checksum) in sorted(done.items()):
            if number not in known:
                raise MigrationError(f"the database has {name}, which is not on disk; deploy the newer version instead")
            if checksum not in {known[number].checksum, *known[number].also_released}:
                raise MigrationError(f"{name} was edited after it was applied; restore it and add a new migration")
        for migration in migrations:
            if migration.number not in done:
                _apply(connection, migration)
                applied.append(migration.name)
    return applied


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    record = "INSERT INTO schema_migrations (number, name, checksum) VALUES (%s, %s, %s)"
    values = (migration.number, migration.name, migration.checksum)
    try:
        if migration.sql.startswith(_NO_TRANSACTION):
            if not _is_dropped(connection, migration.sql):
                connection.execute(migration.sql)
            connection.execute(record, values)
        else:
            with connection.transaction():
                connection.execute(migration.sql)
                connection.execute(record, values)
    except psycopg.Error as error:
        raise MigrationError(f"{migration.name} failed: {error}") from error


def _is_dropped(connection: psycopg.Connection, sql: str) -> bool:
    """Whether a runner that was killed before it could note a step without a transaction had dropped its index. One that it made, or half of it, is
    dropped here: it is made anew."""
    step = _STEP.search(sql)
    if step is None:
        return False
    is_there = connection.execute(
        "SELECT FROM pg_class WHERE oid = to_regclass(quote_ident(%s))", (step[2],)
    ).fetchone()
    if step[1] == "CREATE" and is_there is not None:
        connection.execute(SQL("DROP INDEX CONCURRENTLY {}").format(Identifier(step[2])))
    return step[1] == "DROP" and is_there is None
