"""The API's role sees the rows of one user, and cannot write the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from stratforge.storage.postgres.database import Database

from tests.conftest import ROLE_PASSWORD, let_in
from tests.support.ledger import Trader, add_signal, add_trader, set_price

TENANT_TABLES = (
    "users", "refresh_tokens", "strategies", "strategy_versions", "sessions", "signals", "orders", "trades", "positions",
    "equity_snapshots", "jobs", "backtests", "risk_limits", "equity_marks", "adjustments", "api_keys", "idempotency_keys",
    "webhooks", "webhook_deliveries", "mails", "two_factor", "account_events",
)  # fmt: skip


def as_role(owner: str, role: str) -> Database:
    """The database as one of the roles."""
    let_in(owner, role)
    conninfo = make_conninfo(owner, user=role, password=ROLE_PASSWORD)
    return Database(lambda: conninfo, application="test")


@pytest.fixture
def api(migrated: str) -> Iterator[Database]:
    """The database as the API's role."""
    found = as_role(migrated, "stratforge_api")
    yield found
    found.close()


@pytest.fixture
def traders(database: Database) -> list[Trader]:
    """Two users with everything a user has."""
    with database.transaction() as connection:
        found = [add_trader(connection, name) for name in ("ada", "bob")]
        for trader in found:
            add_signal(connection, trader, "buy", set_price(connection, "100"))
    return found


def test_a_user_sees_own_rows_only(api: Database, traders: list[Trader]) -> None:
    for trader in traders:
        with api.transaction(trader.user_id) as connection:
            for table in TENANT_TABLES:
                column = "id" if table == "users" else "user_id"
                seen = connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall()
                assert seen in ([], [(trader.user_id,)]), table
            assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (1,)


def test_nobody_sees_nothing(api: Database, traders: list[Trader]) -> None:
    with api.transaction() as connection:
        for table in TENANT_TABLES:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def test_the_user_of_one_transaction_is_forgotten_in_the_next(api: Database, traders: list[Trader]) -> None:
    with api.transaction(traders[0].user_id):
        pass
    with api.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET virtual_balance = 1e9",
        "INSERT INTO trades (order_id, user_id, symbol, side, quantity, price, execution_id, executed_at) "
        "VALUES (gen_random_uuid(), gen_random_uuid(), 'AAPL', 'buy', 1, 1, 'x', now())",
        "UPDATE positions SET quantity = 100",
        "DELETE FROM signals",
        "DELETE FROM users",
        "SELECT * FROM block_orders",
        "SELECT * FROM fills",
        "TRUNCATE users",
        "UPDATE platform_state SET trading_state = 'HALTED'",
        "DELETE FROM symbol_halts",
        "UPDATE orders SET status = 'FILLED'",
        "UPDATE users SET is_operator = true",
        "UPDATE users SET imposed_state = 'ACTIVE'",
        "INSERT INTO orders (user_id, symbol, side, status) VALUES (app_user_id(), 'AAPL', 'buy', 'WORKING')",
        "INSERT INTO orders (user_id, symbol, side, origin) VALUES (app_user_id(), 'AAPL', 'buy', 'SIGNAL')",
        "INSERT INTO events (kind, data) VALUES ('platform', '{}')",
        "SELECT * FROM reconciliations",
        "SELECT * FROM rate_limits",
        "SELECT * FROM live_connections",
        "SET ROLE stratforge_engine",
    ],
)
def test_the_api_cannot_write_the_ledger_or_steer_the_platform(
    api: Database, traders: list[Trader], statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), api.transaction(traders[0].user_id) as connection:
        connection.execute(statement)


def test_rows_cannot_be_given_to_another_user(api: Database, traders: list[Trader]) -> None:
    ada, bob = traders
    with pytest.raises(psycopg.errors.InsufficientPrivilege), api.transaction(ada.user_id) as connection:
        connection.execute(
            "INSERT INTO strategies (user_id, name, symbol, python_code) VALUES (%s, 'x', 'AAPL', '')", (bob.user_id,)
        )


def test_the_engine_sees_all_and_deletes_nothing(migrated: str, traders: list[Trader]) -> None:
    engine = as_role(migrated, "stratforge_engine")
    with engine.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (2,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), engine.transaction() as connection:
        connection.execute("DELETE FROM trades")
    engine.close()


def test_the_doors_before_login_tell_nothing_but_credentials(api: Database, traders: list[Trader]) -> None:
    with api.transaction() as connection:
        assert connection.execute("SELECT password_hash FROM find_credentials('ADA@example.com')").fetchone() == (
            "hash",
        )
        assert connection.execute("SELECT register_user('ada@example.com', 'x', 1)").fetchone() == (None,)
        assert connection.execute("SELECT * FROM find_refresh_token(%s)", (uuid4().bytes,)).fetchall() == []
