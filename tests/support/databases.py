"""Databases for tests, each as its template is. Copying one takes many times what a test writes, so one that a test is done with is emptied and
lent again; one whose schema was touched is dropped. Connections stay with it as they do with a Lambda that is kept: to know the schema takes
each new one longer than most tests ask it for."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
import pytest
from local_platform.postgres import Postgres
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier, Literal
from stratforge.storage.postgres.database import Connection, Database

# A test that wrote more leaves files and indexes of another size behind.
_MOST_ROWS = 2_000
_MOST_TIMES = 200
_BRANCH = SQL(" UNION ALL ")
# What a database is made of is rows of its catalogs, and they are counted. Roles are the server's, and outlive every database.
_TOUCHED = """
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del),
       (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())),
       (SELECT row(datacl, datconnlimit)::text FROM pg_database WHERE datname = current_database())
FROM pg_stat_sys_tables JOIN pg_class ON pg_class.oid = relid WHERE schemaname = 'pg_catalog' AND NOT relisshared
"""
# Whoever ended tells last what he wrote, so nobody may be left when that is read.
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND pid <> ALL(%s)
"""
# What a test did to a connection that the product does to none: what was heard meanwhile, and what is prepared by name, would stay with it.
_OWN = """
SELECT EXISTS (SELECT FROM pg_listening_channels()) OR EXISTS (SELECT FROM pg_prepared_statements WHERE name NOT LIKE '\\_pg3\\_%')
"""
# As a connection begins, but that plans are kept; and what it has written is told.
_FORGET = """
CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES;
SELECT pg_advisory_unlock_all(), pg_stat_force_next_flush()
"""


def copied(administration: Connection, template: str | None) -> str:
    """The name of a database that was made like another, or empty."""
    name = f"test_{secrets.token_hex(6)}"
    like = SQL("") if template is None else SQL("TEMPLATE {}").format(Identifier(template))
    administration.execute(SQL("CREATE DATABASE {} {} STRATEGY FILE_COPY").format(Identifier(name), like))
    return name


def drop(administration: Connection, name: str) -> None:
    """Drops a database, whoever is connected to it."""
    administration.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a template holds, and how that is asked for and put back: its tables by name, those with rows, what its sequences say."""

    filled: Composed
    kept: Composed
    rows: Mapping[str, str]
    copies: Mapping[str, bytes]
    sequences: Composed

    @classmethod
    def of(cls, connection: Connection) -> _Contents:
        """Reads them."""
        tables = [
            str(row[0])
            for row in connection.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        ]
        filled = _any_rows(tables)
        with_rows = sorted(str(row[0]) for row in connection.execute(filled))
        kept = _BRANCH.join(
            SQL("SELECT {}, string_agg(each::text, chr(10) ORDER BY each::text) FROM ONLY {} AS each").format(
                Literal(each), Identifier(each)
            )
            for each in with_rows
        )
        copies = {}
        for each in with_rows:
            with connection.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(each))) as copy:
                copies[each] = b"".join(bytes(part) for part in copy)
        said = connection.execute(
            "SELECT sequencename, start_value, last_value FROM pg_sequences WHERE schemaname = 'public'"
        )
        sequences = SQL("SELECT ") + SQL(", ").join(
            SQL("setval({}, {}, {})").format(Literal(name), Literal(last or start), Literal(last is not None))
            for name, start, last in said
        )
        others = _any_rows([each for each in tables if each not in with_rows])
        return cls(others, kept, dict(connection.execute(kept).fetchall()), copies, sequences)


def _any_rows(tables: list[str]) -> Composed:
    """Which of the tables have any."""
    return _BRANCH.join(
        SQL("SELECT {} WHERE EXISTS (SELECT FROM ONLY {})").format(Literal(each), Identifier(each)) for each in tables
    )


_How = tuple[str, tuple[tuple[str, Any], ...]]


def _manners(connection: Connection) -> tuple[Any, ...]:
    """What a connection does with whatever it is asked."""
    return (
        connection.row_factory,
        connection.cursor_factory,
        connection.autocommit,
        connection.prepare_threshold,
        connection.isolation_level,
        connection.read_only,
        connection.deferrable,
        # Psycopg gives no other way to ask for these.
        tuple(connection._notice_handlers),
        tuple(connection._notify_handlers),
    )


class Connections:
    """Connections of the product's `Database` that were closed by the test before, for the next one to open. Within a test every one that is
    opened after another was closed is new."""

    def __init__(self) -> None:
        self._opened: WeakKeyDictionary[Connection, tuple[_How, tuple[Any, ...]]] = WeakKeyDictionary()
        self._closed: dict[str, list[Connection]] = {}
        self._ready: dict[_How, list[Connection]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Inside, that is so."""
        connect = Database._connect

        def connected(database: Database, **settings: Any) -> Connection:
            how = (database._conninfo(), tuple(sorted(settings.items())))
            while (found := self._take(how)) is not None:
                try:
                    found.execute("SELECT 1")
                except psycopg.OperationalError:
                    found.close()
                else:
                    return found
            made = connect(database, **settings)
            self._opened[made] = how, _manners(made)
            return made

        def close(database: Database) -> None:
            with database._lock:
                idle, database._idle = database._idle, []
            for connection, _ in idle:
                # What is no copy of the template, or was connected to before, is none of ours.
                if not connection.closed and connection in self._opened and connection.info.dbname in self._closed:
                    with self._lock:
                        self._closed[connection.info.dbname].append(connection)
                else:
                    connection.close()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Database, "_connect", connected)
            patch.setattr(Database, "close", close)
            yield

    def _take(self, how: _How) -> Connection | None:
        with self._lock:
            ready = self._ready.get(how)
            return ready.pop() if ready else None

    def expect(self, name: str) -> None:
        """From here on connections to a database are kept."""
        self._closed[name] = []

    def rest(self, name: str) -> list[int]:
        """Makes what a test has closed ready for the next one; the processes of the server that are to stay."""
        with self._lock:
            closed, self._closed[name] = self._closed[name], []
            for each in closed:
                try:
                    as_opened = _manners(each) == self._opened[each][1] and each.execute(_OWN).fetchone() == (False,)
                    each.execute(_FORGET)
                except psycopg.Error:
                    as_opened = False
                if not as_opened:
                    each.close()
                else:
                    self._ready.setdefault(self._opened[each][0], []).append(each)
            return [
                each.info.backend_pid
                for how, ready in self._ready.items()
                for each in ready
                if not each.closed and each.info.dbname == name
            ]

    def forget(self, name: str) -> None:
        """Closes what a database had, and keeps nothing more."""
        with self._lock:
            for each in self._closed.pop(name, ()):
                each.close()
            for ready in self._ready.values():
                for each in [each for each in ready if each.closed or each.info.dbname == name]:
                    each.close()
                    ready.remove(each)


class _Lent:
    """A database that is lent, cleaned, and lent again."""

    def __init__(self, conninfo: str, contents: _Contents | None, others: Connections) -> None:
        self.conninfo = conninfo
        self.name = str(conninfo_to_dict(conninfo)["dbname"])
        self._others = others
        others.expect(self.name)
        self._times = 0
        self._connection = psycopg.connect(conninfo, autocommit=True, application_name="between tests")
        # Without triggers and references, as a restore writes: what is emptied tells nobody.
        self._connection.execute("SET session_replication_role = replica")
        self._touched = self._connection.execute(_TOUCHED).fetchone()
        self.contents = contents or _Contents.of(self._connection)

    def is_as_it_was(self) -> bool:
        """Makes it what it was before it was lent; False if it is to be dropped."""
        try:
            return self._made_as_it_was()
        except psycopg.OperationalError:
            # The test ended this connection among all others.
            return False

    def _made_as_it_was(self) -> bool:
        ask = self._connection.execute
        ask(_END_OTHERS, (self._others.rest(self.name),), prepare=True)
        self._times += 1
        if self._times == _MOST_TIMES or ask(_TOUCHED, prepare=True).fetchone() != self._touched:
            return False
        filled = [str(row[0]) for row in ask(self.contents.filled, prepare=True)]
        removed = sum(ask(SQL("DELETE FROM ONLY {}").format(Identifier(each))).rowcount for each in filled)
        if removed > _MOST_ROWS:
            return False
        for table, rows in ask(self.contents.kept, prepare=True).fetchall():
            if rows != self.contents.rows[table]:
                ask(SQL("DELETE FROM ONLY {}").format(Identifier(table)))
                with self._connection.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as copy:
                    copy.write(self.contents.copies[table])
        ask(self.contents.sequences)
        return True

    def close(self) -> None:
        """Ends the connections to it that are kept."""
        self._others.forget(self.name)
        self._connection.close()


class Databases:
    """Copies of one template, which tests borrow one after another."""

    def __init__(self, postgres: Postgres, administration: Connection, template: str) -> None:
        self.connections = Connections()
        self._postgres = postgres
        self._administration = administration
        self._template = template
        self._contents: _Contents | None = None
        self._idle: list[_Lent] = []

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[str]:
        """The connection string (as owner) of a database that nobody else has; whatever is done to it ends with it."""
        lent = self._idle.pop() if self._idle else self._made()
        yield lent.conninfo
        if lent.is_as_it_was():
            self._idle.append(lent)
        else:
            lent.close()
            drop(self._administration, lent.name)

    def _made(self) -> _Lent:
        made = _Lent(
            self._postgres.conninfo(copied(self._administration, self._template)), self._contents, self.connections
        )
        self._contents = made.contents
        return made

    def close(self) -> None:
        """Ends what holds them; the server takes them with it."""
        for each in self._idle:
            each.close()
