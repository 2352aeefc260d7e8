"""What a test finds is its template, whatever the one before did to the same database."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from stratforge.storage.postgres.database import Connection, Database

from tests.support.databases import Databases
from tests.support.ledger import add_signal, add_trader, set_price

Use = Callable[[Connection], None]
_PUBLIC = "relkind = 'r' AND relnamespace = 'public'::regnamespace"


def contents(conninfo: str) -> dict[str, object]:
    """Every row of every table, and what the sequences say."""
    with psycopg.connect(conninfo) as connection:
        tables = [
            row[0] for row in connection.execute(f"SELECT relname FROM pg_class WHERE {_PUBLIC} ORDER BY relname")
        ]
        rows = {each: connection.execute(f"SELECT t::text FROM ONLY {each} t ORDER BY 1").fetchall() for each in tables}
        return {**rows, "sequences": connection.execute("SELECT sequencename, last_value FROM pg_sequences").fetchall()}


def name_of(conninfo: str) -> str:
    return str(conninfo_to_dict(conninfo)["dbname"])


def used(databases: Databases, within: Use = lambda _: None, after: Use = lambda _: None) -> int:
    """The server's process of the connection that a test gets, which does something with it within a transaction, or after it."""
    with databases.borrowed() as conninfo:
        database = Database(lambda: conninfo, application="test")
        with database.transaction() as connection:
            pid = connection.info.backend_pid
            within(connection)
        after(connection)
        database.close()
        return pid


def test_what_was_written_changed_and_deleted_is_as_before(databases: Databases) -> None:
    with databases.borrowed() as first:
        before = contents(first)
        database = Database(lambda: first, application="test")
        with database.transaction() as connection:
            trader = add_trader(connection, "ada")
            add_signal(connection, trader, "buy", set_price(connection, "100"))
            connection.execute("UPDATE platform_state SET trading_state = 'HALTED', reason = 'test'")
            connection.execute("DELETE FROM last_audit")
        database.close()
        assert contents(first) != before
    with databases.borrowed() as second:
        assert name_of(second) == name_of(first)
        assert contents(second) == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE one (id int)",
        "CREATE SCHEMA other",
        "ALTER TABLE users ADD COLUMN more int",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1",
        "GRANT SELECT ON users TO PUBLIC",
        "DROP POLICY own ON orders",
        "ALTER TABLE users DISABLE TRIGGER ALL",
        "TRUNCATE platform_state",
        "SELECT lo_create(0)",
        "COMMENT ON TABLE users IS 'other'",
        "INSERT INTO rate_limits (bucket, tokens, updated_at) SELECT n::text, 1, now() FROM generate_series(1, 3000) n",
    ],
)
def test_one_whose_schema_or_size_was_changed_is_lent_no_more(databases: Databases, statement: str) -> None:
    with databases.borrowed() as first:
        before = contents(first)
        with psycopg.connect(first) as connection:
            if "POLICY" in statement:
                row = connection.execute("SELECT policyname FROM pg_policies WHERE tablename = 'orders'").fetchone()
                assert row is not None
                statement = f"DROP POLICY {row[0]} ON orders"
            connection.execute(statement)
    with databases.borrowed() as second:
        assert name_of(second) != name_of(first)
        assert contents(second) == before


def test_who_is_still_connected_is_thrown_out_and_what_he_began_is_undone(databases: Databases) -> None:
    with databases.borrowed() as first:
        left = psycopg.connect(first)
        left.execute("INSERT INTO rate_limits (bucket, tokens, updated_at) VALUES ('one', 1, now())")
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    with databases.borrowed() as second, psycopg.connect(second) as connection:
        assert connection.execute("SELECT count(*) FROM rate_limits").fetchone() == (0,)


def test_a_kept_connection_has_nothing_of_the_test_before(databases: Databases) -> None:
    def pid_of(database: Database) -> int:
        with database.transaction() as connection:
            return connection.info.backend_pid

    with databases.borrowed() as conninfo:
        database = Database(lambda: conninfo, application="test")
        first = pid_of(database)
        with database.transaction() as connection:
            connection.execute("SET statement_timeout = '7s'")
            connection.execute("SET ROLE stratforge_api")
            connection.execute("SELECT set_config('app.user_id', 'somebody', false), pg_advisory_lock(7)")
        database.close()
        # Within a test every connection is a new one.
        again = Database(lambda: conninfo, application="test")
        assert pid_of(again) != first
        again.close()
    with databases.borrowed() as conninfo:
        kept = [Database(lambda: conninfo, application="test") for _ in range(2)]
        assert first in [pid_of(each) for each in kept]
        for each in kept:
            with each.transaction() as connection:
                row = connection.execute(
                    "SELECT current_setting('statement_timeout'), current_user::text, current_setting('app.user_id', true), "
                    "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
                ).fetchone()
            assert row is not None
            assert (row[0], row[1] == "stratforge_api", row[2] or "", row[3]) == ("20s", False, "", 0)
            each.close()


def test_a_connection_that_a_test_used_in_its_own_way_is_not_kept(databases: Databases) -> None:
    """What it was told meanwhile, rows as it wanted them, a plan of its name: each would be the next test's."""

    def dicts(connection: Connection) -> None:
        connection.row_factory = dict_row

    def hears(connection: Connection) -> None:
        connection.execute("LISTEN something")

    def prepares(connection: Connection) -> None:
        connection.execute("PREPARE mine AS SELECT 1")

    for use in (dicts, hears, prepares):
        assert used(databases, within=use) != used(databases), use.__name__


def test_rights_to_a_database_are_as_before(databases: Databases) -> None:
    for statement in ("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", "ALTER DATABASE {} CONNECTION LIMIT 77"):
        with databases.borrowed() as first, psycopg.connect(first) as connection:
            connection.execute(SQL(statement).format(Identifier(name_of(first))))
        with databases.borrowed() as second, psycopg.connect(second) as connection:
            query = "SELECT datacl::text, datconnlimit FROM pg_database WHERE datname = current_database()"
            assert connection.execute(query).fetchone() == (None, -1)


def test_who_ends_all_connections_ends_none_of_the_next_tests(databases: Databases) -> None:
    with databases.borrowed() as first, psycopg.connect(first, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with databases.borrowed() as second, psycopg.connect(second) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_that_a_test_made_stricter_or_that_tells_it_more_is_not_kept(databases: Databases) -> None:
    """What psycopg says at the beginning of each transaction, and whom it tells of notices, no RESET takes away."""
    heard: list[object] = []

    def reads(connection: Connection) -> None:
        connection.read_only = True

    def serializes(connection: Connection) -> None:
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE

    def defers(connection: Connection) -> None:
        connection.deferrable = True

    def listens(connection: Connection) -> None:
        connection.add_notice_handler(heard.append)

    for use in (reads, serializes, defers, listens):
        assert used(databases, after=use) != used(databases), use.__name__
