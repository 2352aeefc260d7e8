"""How the platform does, minute by minute, and what an operator is told is wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.application.access import Caller
from stratforge.application.equity_snapshots import forget_old, snapshot_equity
from stratforge.application.errors import NotFound
from stratforge.application.incidents import read_incident
from stratforge.bus.dead_letters import QueueState
from stratforge.bus.queue_ages import QueueAge, QueueAgesUnavailable
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.portfolio.calendar import MarketDay
from stratforge.storage.ledger import announced_actions, vital_signs
from stratforge.storage.market import clock, data_notes
from stratforge.storage.market.clock import set_market_clock
from stratforge.storage.market.data_notes import DataNote, NoteKind
from stratforge.storage.market.trading_days import store_calendar
from stratforge.storage.postgres.database import Connection, Database

from tests.support.ledger import OPEN, add_trader, set_price

QUIET = [QueueState("bars", 0, 0, 0)]


@pytest.fixture
def operator(database: Database) -> Caller:
    """An operator with a session that has seen its last bar, while the exchange is open."""
    with database.transaction() as connection:
        trader = add_trader(connection, "operator")
        connection.execute("UPDATE users SET is_operator = true")
        set_market_clock(connection, OPEN + timedelta(minutes=30), 1.0)
        store_calendar(connection, [MarketDay(OPEN, OPEN + timedelta(hours=6), OPEN.date())])
        set_price(connection, "100", minute=29)
        connection.execute("UPDATE sessions SET last_bar_time = %s", (OPEN + timedelta(minutes=29),))
    return Caller(trader.user_id)


def silent(_since: datetime, _until: datetime, _points: int) -> list[QueueAge]:
    """No queue has anything to say."""
    return []


def symptoms(database: Database, operator: Caller, queues: list[QueueState] = QUIET) -> list[str]:
    """What is wrong, after it was noted."""
    snapshot_equity(database)
    return [each.text for each in read_incident(database, operator, queues, silent, 6).symptoms]


def test_nothing_is_wrong_with_a_platform_that_keeps_up(database: Database, operator: Caller) -> None:
    assert symptoms(database, operator) == []


def test_what_lags_first_on_a_bars_way_is_said_first(database: Database, operator: Caller) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE latest_prices SET received_at = now() - interval '10 minutes'")
        connection.execute("UPDATE sessions SET last_bar_time = %s", (OPEN + timedelta(minutes=20),))
        connection.execute(
            "INSERT INTO jobs (user_id, kind, request, created_at) SELECT id, 'GENERATE', '{}', now() - interval '5 minutes' FROM users"
        )
        connection.execute(
            "INSERT INTO orders (user_id, symbol, side, origin, size_kind, size, created_at) "
            "SELECT id, 'AAPL', 'buy', 'MANUAL', 'quantity', 1, now() - interval '2 minutes' FROM users"
        )
    said = symptoms(database, operator, [QueueState("bars", 0, 0, 2)])
    assert said == [
        "Oldest price: 600 s",
        "Session farthest behind: 9 min",
        "Oldest order undecided: 120 s",
        "Oldest job not begun: 300 s",
        "2 dead letters of bars",
    ]


def test_at_night_old_prices_are_no_symptom(database: Database, operator: Caller) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE latest_prices SET received_at = now() - interval '10 hours'")
        connection.execute("DELETE FROM market_days")
    assert symptoms(database, operator) == []


def test_what_waits_for_the_exchange_to_open_is_no_symptom_until_it_has(database: Database, operator: Caller) -> None:
    """An order by hand at night, and a portfolio session that was started then."""
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO orders (user_id, symbol, side, origin, size_kind, size, created_at) "
            "SELECT id, 'AAPL', 'buy', 'MANUAL', 'quantity', 1, now() - interval '9 hours' FROM users"
        )
        connection.execute(
            "UPDATE sessions SET universe = '{AAPL}', symbols = '{AAPL}', schedule = 'daily', daily = true, capital = 1000, decides_at = market_at(now()) - interval '9 hours'"
        )
        connection.execute(
            "UPDATE market_days SET opens_at = opens_at + interval '1 day', closes_at = closes_at + interval '1 day'"
        )
    assert symptoms(database, operator) == []
    with database.transaction() as connection:
        connection.execute("DELETE FROM vital_signs")
        connection.execute(
            "UPDATE market_days SET opens_at = opens_at - interval '1 day', closes_at = closes_at - interval '1 day'"
        )
        # It opened ten minutes ago by our clock, at six times the speed.
        connection.execute("DELETE FROM market_clock_course")
        connection.execute("INSERT INTO market_clock_course VALUES (now() - interval '10 minutes', %s, 6)", (OPEN,))
    assert symptoms(database, operator) == ["Oldest portfolio decision due: 600 s", "Oldest order undecided: 600 s"]


def test_an_order_for_coins_does_not_wait_for_the_exchange(database: Database, operator: Caller) -> None:
    with database.transaction() as connection:
        connection.execute("DELETE FROM market_days")
        connection.execute(
            "INSERT INTO orders (user_id, symbol, side, origin, size_kind, size, created_at) "
            "SELECT id, 'BTC/USD', 'buy', 'MANUAL', 'quantity', 1, now() - interval '2 minutes' FROM users"
        )
    assert symptoms(database, operator) == ["Oldest order undecided: 120 s"]


def test_what_an_operator_has_to_decide_and_what_data_is_missing_is_named(database: Database, operator: Caller) -> None:
    announced = CorporateAction("split", "AAPL", ActionKind.SPLIT, date(2026, 1, 5), Decimal(2))
    merger = CorporateAction(
        "merger", "MSFT", ActionKind.STOCK_MERGER, date(2026, 1, 5), Decimal(0), "AAPL", Decimal(1)
    )
    with database.transaction() as connection:
        for action in (announced, merger):
            announced_actions.note_action(connection, action)
        announced_actions.note_obstacle(connection, merger, "an operator has to approve or dismiss it")
        data_notes.replace_notes(connection, [DataNote("*", NoteKind.STREAM_REFUSED, "406 connection limit exceeded")])
    said = symptoms(database, operator)
    assert said == [
        "AAPL is halted: CORPORATE_ACTION",
        f"MSFT, 2026-01-05: {merger.words} is not followed: an operator has to approve or dismiss it",
        "Live data: stream refused (406 connection limit exceeded)",
    ]


def test_since_when_something_is_wrong_is_without_a_break(database: Database, operator: Caller) -> None:
    def note(connection: Connection, minutes: int, age: float) -> None:
        connection.execute(
            "INSERT INTO vital_signs VALUES (now() - make_interval(mins => %s), 1, 0, %s, 0, 0, 0, 0)", (minutes, age)
        )

    with database.transaction() as connection:
        for minutes, age in ((50, 500.0), (40, 0.0), (30, 70.0), (20, 90.0), (10, 65.0)):
            note(connection, minutes, age)
    (trend,) = [
        each for each in read_incident(database, operator, QUIET, silent, 6).trends if each.sign.field == "signal_age"
    ]
    assert trend.bad_since is not None
    assert timedelta(minutes=29) < datetime.now(UTC) - trend.bad_since < timedelta(minutes=32)
    assert (trend.worst, trend.now) == (500.0, 65.0)


def test_a_long_time_is_told_by_the_worst_of_its_stretches(database: Database, operator: Caller) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO vital_signs SELECT now() - make_interval(mins => n), 1, 0, CASE n WHEN 700 THEN 99 ELSE 0 END, 0, 0, 0, 0 "
            "FROM generate_series(1, 1400) n"
        )
    (trend,) = [
        each for each in read_incident(database, operator, QUIET, silent, 24).trends if each.sign.field == "signal_age"
    ]
    assert 60 < len(trend.values) <= 121
    assert trend.worst == 99


def test_a_message_that_waits_too_long_is_a_symptom_since_when_it_does(database: Database, operator: Caller) -> None:
    until = datetime.now(UTC)

    def old(since: datetime, asked_until: datetime, points: int) -> list[QueueAge]:
        assert until - since == pytest.approx(timedelta(hours=6), abs=timedelta(seconds=30))
        assert (asked_until >= until, points > 1) == (True, True)
        minutes = [until - timedelta(minutes=each) for each in (4, 3, 2, 1)]
        ended = [each - timedelta(hours=1) for each in minutes]
        return [
            QueueAge("bars", minutes, [90.0, 0.0, 61.0, 75.0]),
            QueueAge("jobs", minutes, [0.0, 10.0, 200.0, 299.0]),
            QueueAge("quotes", ended, [80.0] * 4),
            QueueAge("mails", [], []),
        ]

    snapshot_equity(database)
    found = read_incident(database, operator, QUIET, old, 6)
    (symptom,) = found.symptoms
    assert (symptom.text, symptom.since) == ("Oldest message of bars: 75 s", until - timedelta(minutes=2))
    assert found.queue_trends is not None
    assert [(each.now, each.worst) for each in found.queue_trends] == [(75, 90), (299, 299), (None, 80), (None, None)]


def test_the_page_for_incidents_is_there_when_nobody_says_how_old_messages_are(
    database: Database, operator: Caller
) -> None:
    def away(_since: datetime, _until: datetime, _points: int) -> list[QueueAge]:
        raise QueueAgesUnavailable("it is away")

    snapshot_equity(database)
    found = read_incident(database, operator, QUIET, away, 6)
    assert (found.symptoms, found.queue_trends) == ([], None)


def test_what_waits_is_found_by_an_index_of_it_alone(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {vital_signs.NOTE}"))
    for table in ("signals", "orders", "block_orders", "jobs", "webhook_deliveries"):
        assert f"Seq Scan on {table}" not in plan, plan


def test_it_is_for_operators_and_kept_for_two_weeks(database: Database, operator: Caller) -> None:
    with database.transaction() as connection:
        clock.set_market_clock(connection, datetime.now(UTC))
        connection.execute("INSERT INTO vital_signs VALUES (now() - interval '15 days', 1, 0, 0, 0, 0, 0, 0)")
        other = add_trader(connection, "other", symbol="MSFT")
    snapshot_equity(database)
    forget_old(database, "vital_signs")
    with database.transaction() as connection:
        (oldest,) = connection.execute("SELECT min(at) FROM vital_signs").fetchall()[0]
    assert datetime.now(UTC) - oldest < timedelta(minutes=5)
    with pytest.raises(NotFound):
        read_incident(database, Caller(other.user_id), QUIET, silent, 6)
    with database.transaction(UUID(str(other.user_id))) as connection:
        connection.execute("SET LOCAL ROLE stratforge_api")
        assert vital_signs.read_vital_signs(connection, datetime(2020, 1, 1, tzinfo=UTC), 10) == []
