"""The months behind the demo account: what was played keeps every promise of the ledger, and is what the strategies say on these bars."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from local_platform.history import SYMBOLS, load_ledger, prepare_exchange
from local_platform.postgres import Postgres
from psycopg.conninfo import conninfo_to_dict
from simulators.alpaca.exchange import Exchange
from stratforge.application.replays import compare_session
from stratforge.storage.ledger import equity, invariants, portfolio, reconciliation
from stratforge.storage.postgres.database import Database

from tests.conftest import copied_database

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an exchange that goes on where the history ends."""
    folder = tmp_path_factory.mktemp("exchange")
    prepare_exchange(folder)
    return folder


@pytest.fixture(scope="module")
def history(postgres: Postgres, template: str, exchange: Path) -> Iterator[str]:
    """The name of a database with the history, loaded once, that others are copied from."""
    for conninfo in copied_database(postgres, template):
        assert load_ledger(conninfo, exchange, "a hash")
        yield str(conninfo_to_dict(conninfo)["dbname"])


@pytest.fixture
def loaded(postgres: Postgres, history: str) -> Iterator[Database]:
    """A database of its own with the history."""
    for conninfo in copied_database(postgres, history):
        found = Database(lambda: conninfo, application="test")
        yield found
        found.close()


def test_the_ledger_adds_up_and_is_what_the_exchange_has(loaded: Database, exchange: Path) -> None:
    book = Exchange(exchange / "orders.jsonl")
    with loaded.transaction() as connection:
        assert {name: rows for name, rows in invariants.broken_invariants(connection).items() if rows} == {}
        ours = {symbol: each.quantity for symbol, each in reconciliation.ledger_by_symbol(connection).items()}
        sent = {row[0] for row in connection.execute("SELECT client_order_id FROM block_orders WHERE side IS NOT NULL")}
    assert {symbol: quantity for symbol, quantity in ours.items() if quantity} == {
        symbol: quantity for symbol, quantity in book.positions.items() if quantity
    }
    assert sent == set(book.by_client_id)


def test_it_has_months_of_several_strategies_with_winners_and_losers(loaded: Database) -> None:
    with loaded.transaction() as connection:
        (days, strategies, trades) = connection.execute(
            "SELECT count(DISTINCT executed_at::date), (SELECT count(*) FROM strategies), count(*) FROM trades"
        ).fetchone() or (0, 0, 0)
        made = connection.execute(
            "SELECT sum(realized_pnl) FROM trades WHERE session_id IS NOT NULL GROUP BY session_id"
        ).fetchall()
        stopped = connection.execute("SELECT count(*) FROM orders WHERE origin = 'STOP_LOSS'").fetchone()
        every = connection.execute("SELECT count(*) FROM trades WHERE abs(realized_pnl) > 0").fetchone()
    assert (days > 45, strategies, trades > 200) == (True, 4, True)
    assert {each > Decimal(0) for (each,) in made} == {True, False}
    assert stopped is not None
    assert stopped[0] > 0
    assert every is not None
    assert every[0] > 100


@pytest.mark.long
def test_a_replay_of_a_whole_session_says_the_same(loaded: Database) -> None:
    with loaded.transaction() as connection:
        (session_id,) = connection.execute("SELECT id FROM sessions WHERE status = 'STOPPED'").fetchall()[0]
    found = compare_session(loaded, session_id)
    assert found is not None
    assert found.complete
    assert found.signals > 10
    assert found.differences == []


def test_it_is_put_only_where_nobody_is_and_the_exchange_is_its_own(
    migrated: str, exchange: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "orders.jsonl").write_text(json.dumps({"id": "somebody's"}))
    assert not load_ledger(migrated, other, "a hash")
    assert load_ledger(migrated, exchange, "a hash")
    assert not load_ledger(migrated, exchange, "a hash")


def test_what_comes_next_is_numbered_on(loaded: Database) -> None:
    with loaded.transaction() as connection:
        rows = connection.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE sequencename IN ('trades_id_seq', 'signals_id_seq')"
        ).fetchall()
        highest = dict(
            connection.execute(
                "SELECT 'trades_id_seq', max(id) FROM trades UNION ALL SELECT 'signals_id_seq', max(id) FROM signals"
            ).fetchall()
        )
    assert all(last > highest[name] for name, last in rows)


def test_the_bars_are_there_for_every_symbol_without_a_hole(loaded: Database) -> None:
    with loaded.transaction() as connection:
        counted = connection.execute("SELECT symbol, count(*) FROM market_data GROUP BY symbol").fetchall()
    assert {symbol for symbol, _ in counted} == set(SYMBOLS)
    assert len({bars for _, bars in counted}) == 1


def test_the_last_month_is_drawn_in_full_though_it_was_noted_years_ago(loaded: Database) -> None:
    with loaded.transaction() as connection:
        (user_id,) = connection.execute("SELECT id FROM users").fetchall()[0]
        now = datetime(2012, 10, 1, 14, tzinfo=UTC)
        connection.execute("INSERT INTO market_clock_course VALUES (now() - interval '1 minute', %s, 60)", (now,))
        equity.snapshot_equity(connection, 10)
        found = portfolio.equity_history(connection, user_id, now - timedelta(days=30), now + timedelta(hours=2), 600)
    assert len(found) > 100
    assert found == sorted(found, key=lambda each: each.time)
