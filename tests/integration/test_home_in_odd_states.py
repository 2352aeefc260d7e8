"""The account at a glance against the database, in states that are rare: a year and more of days, many sessions that ended, debts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.application.overview import day_profits, read_overview, traded_symbols
from stratforge.storage.ledger.portfolio import DayEquity
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.sessions import SessionStatus, start_session

from tests.support.api import Api
from tests.support.ledger import Trader, add_trader
from tests.support.pages import HTML, with_cookies

_MORE_THAN_ARE_SHOWN = 55


def end_many(connection: Connection, trader: Trader, count: int) -> None:
    """Somebody starts and stops the same strategy again and again."""
    found = sessions.get_session(connection, trader.session_id)
    assert found is not None
    for _ in range(count):
        again = start_session(connection, trader.user_id, found.strategy_id, 1, "MSFT")
        sessions.stop_session(connection, again.session_id)


def test_a_session_that_runs_is_shown_however_many_ended_since_it_was_started(database: Database) -> None:
    with database.transaction() as connection:
        ada = add_trader(connection, "ada")
        connection.execute(
            "UPDATE sessions SET started_at = started_at - interval '3 days', failure_reason = 'too slow'"
        )
        end_many(connection, ada, _MORE_THAN_ARE_SHOWN)
    with database.transaction() as connection:
        found = read_overview(connection, ada.user_id)
        assert [each.session_id for each in found.active] == [ada.session_id]
        assert [each.text for each in found.concerns] == ["test on AAPL had a problem: too slow"]
        assert [each.symbol for each in found.watched] == ["AAPL"]
        assert {each.status for each in found.ended} == {SessionStatus.STOPPED}
        assert traded_symbols(connection, ada.user_id) == ["AAPL"]


def note_days(connection: Connection, user_id: UUID, count: int) -> None:
    """A market day every day for so long, on each of which the account made ten dollars."""
    today = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
    connection.execute("DELETE FROM market_days")
    for number in range(count):
        closes = today - timedelta(days=count - number)
        connection.execute(
            "INSERT INTO market_days (day, opens_at, closes_at) VALUES (%s, %s, %s)", (closes.date(), closes - timedelta(hours=6), closes)
        )  # fmt: skip
        equity = 100_000 + 10 * (number + 1)
        connection.execute(
            "INSERT INTO equity_snapshots (user_id, time, cash, equity) VALUES (%s, ours_at(%s), %s, %s)", (user_id, closes - timedelta(minutes=1), equity, equity)
        )  # fmt: skip


@pytest.mark.parametrize("days", [3, 300])
def test_each_day_made_what_it_made_however_old_the_account_is(database: Database, days: int) -> None:
    """The first of those that are shown is held against the one before, and against the beginning only where it is the first of all."""
    with database.transaction() as connection:
        ada = add_trader(connection, "ada")
        note_days(connection, ada.user_id, days)
    with database.transaction() as connection:
        made = read_overview(connection, ada.user_id).days
    assert {each.profit for each in made} == {Decimal(10)}
    assert len(made) == min(days, 260)


def test_who_owes_more_than_he_has_gains_when_he_owes_less() -> None:
    """Of a debt there is no return: what is owed is no capital."""
    noted = [DayEquity(date(2026, 3, day), Decimal(equity)) for day, equity in ((2, -100), (3, -50), (4, 50), (5, 100))]
    made = day_profits(noted, Decimal(1000))
    assert [each.profit for each in made] == [-1100, 50, 100, 50]
    assert [each.rate for each in made] == [pytest.approx(-1.1), 0.0, 0.0, pytest.approx(1.0)]


def test_the_first_page_says_no_loss_where_a_debt_became_smaller(api: Api, database: Database) -> None:
    user = with_cookies(api)
    with database.transaction() as connection:
        connection.execute("UPDATE users SET short_selling = true, virtual_balance = -50")
        connection.execute(
            """
            INSERT INTO equity_marks (user_id, day, day_equity, peak_equity) SELECT id, current_date, -100, 100000 FROM users
            ON CONFLICT (user_id) DO UPDATE SET day_equity = -100
            """
        )
    page = user.client.get("/home/now", headers=HTML).text
    assert "+$50.00" in page
    assert "-50.00 %" not in page
