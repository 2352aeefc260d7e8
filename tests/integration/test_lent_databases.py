"""What a test finds is its template, whatever the one before did to the same database."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from stratforge.storage.postgres.database import Database

from tests.support.databases import Databases
from tests.support.ledger import add_signal, add_trader, set_price

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
            connection.execute("LISTEN something")
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
                    "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), (SELECT count(*) FROM pg_listening_channels())"
                ).fetchone()
            assert row is not None
            assert (row[0], row[1] == "stratforge_api", row[2] or "", row[3], row[4]) == ("20s", False, "", 0, 0)
            each.close()
