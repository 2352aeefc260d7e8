"""Whether the market is open and how old a signal is go by the exchange's clock, not by the last print."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from stratforge.application.execute_symbol import SymbolExecutor
from stratforge.portfolio.reasons import Reason
from stratforge.storage.market import clock
from stratforge.storage.postgres.database import Database

from tests.integration.ledger import OPEN, FakeBroker, Trader, add_signal, add_trader, set_price


@pytest.fixture
def trader(database: Database) -> Trader:
    """A user with a running session."""
    with database.transaction() as connection:
        return add_trader(connection, "ada")


def place(database: Database, trader: Trader, terms: str) -> None:
    """Places an order by hand."""
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO orders (user_id, symbol, side, origin, size_kind, size, type, limit_price, time_in_force) "
            f"VALUES (%s, 'AAPL', 'buy', 'MANUAL', 'quantity', 1, {terms})",
            (trader.user_id,),
        )


def at(database: Database, now: datetime) -> None:
    """Sets the exchange's clock."""
    with database.transaction() as connection:
        clock.set_market_clock(connection, now)


def the_order(database: Database) -> tuple[str, str | None, datetime | None]:
    """The one order."""
    with database.transaction() as connection:
        (row,) = connection.execute("SELECT status::text, reason, expires_at FROM orders").fetchall()
    return row


CLOSE = OPEN + timedelta(hours=6, minutes=30)


def test_a_last_print_two_minutes_before_the_close_opens_no_market_at_night(database: Database, trader: Trader) -> None:
    broker = FakeBroker()
    with database.transaction() as connection:
        set_price(connection, "100", minute=387)
    at(database, CLOSE + timedelta(hours=5))
    place(database, trader, "'market', NULL, 'day'")
    place(database, trader, "'limit', 110, 'day'")
    SymbolExecutor(database, broker).execute("AAPL")
    assert broker.submissions == []
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT type::text, status::text, expires_at FROM orders ORDER BY type::text DESC"
        ).fetchall()
    assert rows == [("market", "PENDING", None), ("limit", "RESTING", CLOSE + timedelta(days=1))]


def test_a_day_order_ends_at_the_close_although_nothing_trades(database: Database, trader: Trader) -> None:
    with database.transaction() as connection:
        set_price(connection, "100", minute=387)
    at(database, CLOSE - timedelta(minutes=2))
    place(database, trader, "'limit', 90, 'day'")
    executor = SymbolExecutor(database, FakeBroker())
    executor.execute("AAPL")
    assert the_order(database) == ("RESTING", None, CLOSE)
    at(database, CLOSE + timedelta(seconds=1))
    executor.execute("AAPL")
    assert the_order(database)[:2] == ("EXPIRED", Reason.EXPIRED)


@pytest.mark.parametrize(("minutes", "status"), [(3, "EXECUTED"), (4, "EXPIRED"), (225, "EXPIRED")])
def test_a_signals_age_is_measured_by_the_exchanges_clock(
    database: Database, trader: Trader, minutes: int, status: str
) -> None:
    """The bar of the signal is the last that is known, as after a gap in the stream."""
    with database.transaction() as connection:
        time = set_price(connection, "100")
        add_signal(connection, trader, "buy", time)
    at(database, OPEN + timedelta(minutes=minutes, seconds=-30))
    SymbolExecutor(database, FakeBroker()).execute("AAPL")
    with database.transaction() as connection:
        rows = connection.execute("SELECT status::text FROM signals").fetchall()
    assert rows == [(status,)]


def test_while_its_clock_was_never_read_the_last_price_tells_the_time(database: Database, trader: Trader) -> None:
    broker = FakeBroker()
    with database.transaction() as connection:
        time = set_price(connection, str(Decimal(100)))
        add_signal(connection, trader, "buy", time)
    SymbolExecutor(database, broker).execute("AAPL")
    assert len(broker.submissions) == 1
