"""What the evaluator writes: each bar once, failures counted, broken sessions stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.market import Bar, BarColumns
from stratforge.market.sizes import Side
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies import evaluations, sessions
from stratforge.storage.strategies.evaluations import Outcome, Recorded, RunningSession
from stratforge.strategy.lookback import window_length

from tests.support.ledger import OPEN, add_trader


def test_a_bar_is_never_evaluated_twice(database: Database) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        (session,) = evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN)
        outcome = Outcome(session, {"n": 1.0}, Side.BUY, 0.5)
        assert evaluations.record_outcomes(connection, "AAPL", OPEN, [outcome]) == Recorded(1, 1)
        assert evaluations.record_outcomes(connection, "AAPL", OPEN, [outcome]) == Recorded(0, 0)
        assert evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN) == []
        assert evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN - timedelta(minutes=1)) == []
        (later,) = evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN + timedelta(minutes=1))
        assert later.state == {"n": 1.0}


def test_of_two_that_evaluate_a_bar_at_once_the_first_says_what_the_session_saw(database: Database) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        (session,) = evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN)

    def record_again() -> Recorded:
        with database.transaction() as connection:
            filled = replace(session, quantity=10.0, average_entry_price=50.0)
            return evaluations.record_outcomes(connection, "AAPL", OPEN, [Outcome(filled, {}, Side.SELL, 0.5)])

    with database.transaction() as connection:
        assert evaluations.record_outcomes(connection, "AAPL", OPEN, [Outcome(session, {})]) == Recorded(1, 0)
        # Nobody waits for whoever writes it now.
        assert record_again() == Recorded(0, 0)
    assert record_again() == Recorded(0, 0)
    with database.transaction() as connection:
        assert fetch_value(connection, "SELECT count(*) FROM position_views") == 0


def test_three_failures_in_a_row_stop_a_session_and_say_why(database: Database) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        for minute in range(3):
            time = OPEN + timedelta(minutes=minute)
            (session,) = evaluations.sessions_awaiting(connection, "AAPL", 0, time)
            evaluations.record_outcomes(connection, "AAPL", time, [Outcome(session, {}, error="it was stopped")])
        assert connection.execute("SELECT status::text, failure_reason FROM sessions").fetchall() == [
            ("FAILED", "it was stopped")
        ]


def test_a_success_forgives_earlier_failures(database: Database) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        for minute, error in enumerate(["a", "b", None, "c", "d"]):
            time = OPEN + timedelta(minutes=minute)
            (session,) = evaluations.sessions_awaiting(connection, "AAPL", 0, time)
            evaluations.record_outcomes(connection, "AAPL", time, [Outcome(session, {}, error=error)])
        assert connection.execute("SELECT status::text FROM sessions").fetchall() == [("RUNNING",)]


def test_a_bar_that_one_session_has_not_seen_is_not_finished(database: Database) -> None:
    with database.transaction() as connection:
        assert evaluations.last_bars_seen_by_all(connection, ["AAPL"]) == {}
        for name in ("ada", "bob"):
            add_trader(connection, name)
        later = OPEN + timedelta(minutes=1)
        sessions = evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN)
        evaluations.record_outcomes(connection, "AAPL", OPEN, [Outcome(session, {}) for session in sessions])
        # The evaluator died in the middle: one of the two saw the next bar.
        first, second = evaluations.sessions_awaiting(connection, "AAPL", 0, later)
        evaluations.record_outcomes(connection, "AAPL", later, [Outcome(first, {})])
        assert evaluations.last_bars_seen_by_all(connection, ["AAPL"]) == {"AAPL": OPEN}
        evaluations.record_outcomes(connection, "AAPL", later, [Outcome(second, {})])
        assert evaluations.last_bars_seen_by_all(connection, ["AAPL"]) == {"AAPL": later}


def _bar(minute: int) -> Bar:
    return Bar("AAPL", OPEN + timedelta(minutes=minute), *[Decimal(100)] * 5)


def _missing(database: Database, session_id: UUID) -> int:
    with database.transaction() as connection:
        found = sessions.get_session(connection, session_id)
    assert found is not None
    return found.missing_bars


def test_a_session_that_waits_for_history_says_how_much_of_it_is_missing(database: Database) -> None:
    evaluated: list[int] = []

    def sandbox(window: BarColumns, ready: Sequence[RunningSession]) -> list[Outcome]:
        evaluated.append(len(window))
        return [Outcome(each, {}) for each in ready]

    def evaluate(minute: int) -> None:
        evaluate_bar(database, sandbox, lambda *_: None, _bar(minute), 0)

    with database.transaction() as connection:
        connection.execute("SELECT ensure_market_data_month(%s)", (OPEN,))
        trader = add_trader(connection, "ada")
    window = window_length(1)
    evaluate(0)
    assert (_missing(database, trader.session_id), evaluated) == (window - 1, [])
    evaluate(1)
    assert (_missing(database, trader.session_id), evaluated) == (window - 2, [])
    with database.transaction() as connection:
        market_data.add_bars(connection, [_bar(minute) for minute in range(-window, 0)])
    evaluate(2)
    assert (_missing(database, trader.session_id), evaluated) == (0, [window])
