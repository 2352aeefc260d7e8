"""What the evaluator writes: each bar once, failures counted, broken sessions stopped."""

from __future__ import annotations

from datetime import timedelta

from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import Outcome

from tests.support.ledger import OPEN, add_trader


def test_a_bar_is_never_evaluated_twice(database: Database) -> None:
    with database.transaction() as connection:
        add_trader(connection, "ada")
        (session,) = evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN)
        outcome = Outcome(session, {"n": 1.0}, "buy", 0.5)
        assert evaluations.record_outcomes(connection, "AAPL", OPEN, [outcome]) == 1
        assert evaluations.record_outcomes(connection, "AAPL", OPEN, [outcome]) == 0
        assert evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN) == []
        assert evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN - timedelta(minutes=1)) == []
        (later,) = evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN + timedelta(minutes=1))
        assert later.state == {"n": 1.0}


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
        assert evaluations.last_bar_seen_by_all(connection, "AAPL") is None
        for name in ("ada", "bob"):
            add_trader(connection, name)
        later = OPEN + timedelta(minutes=1)
        sessions = evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN)
        evaluations.record_outcomes(connection, "AAPL", OPEN, [Outcome(session, {}) for session in sessions])
        # The evaluator died in the middle: one of the two saw the next bar.
        evaluations.record_outcomes(connection, "AAPL", later, [Outcome(sessions[0], {})])
        assert evaluations.last_bar_seen_by_all(connection, "AAPL") == OPEN
        evaluations.record_outcomes(connection, "AAPL", later, [Outcome(sessions[1], {})])
        assert evaluations.last_bar_seen_by_all(connection, "AAPL") == later
