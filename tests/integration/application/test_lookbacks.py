"""A lookback that another edition of the language measured is not trusted: it is measured again, once, and no session pays for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from stratforge.application import lookbacks
from stratforge.application.evaluate_bar import Evaluated, evaluate_bar
from stratforge.application.lookbacks import with_lookbacks
from stratforge.market import Bar, BarColumns
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations, strategies
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import EDITION, Lookbacks, OfOther, window_length

from tests.support.asking import open_transactions
from tests.support.ledger import OPEN, add_trader

CODE = """
def indicators(bars):
    return {"average": ta.ema(bars.close, length=26)}

def on_bar(bar, position, state):
    if bar.close > bar.average:
        return buy()
"""
WINDOW = window_length(compile_strategy(CODE).lookback)


@pytest.fixture(autouse=True)
def another_edition(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored with the traders' code, and nothing measured yet in this process."""
    monkeypatch.setattr("tests.support.ledger.CODE", CODE)
    lookbacks._measure.cache_clear()


class Evaluator:
    """An evaluator with a sandbox that only looks at what it is sent."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.windows: list[tuple[int, int]] = []

    def sandbox(self, window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
        """Notes how many bars so many sessions were given."""
        self.windows.append((len(window), len(sessions)))
        return [Outcome(session, {}) for session in sessions]

    def evaluate(self, minute: int = 0) -> Evaluated:
        """One bar."""
        return evaluate_bar(self.database, self.sandbox, lambda *_: None, bar(minute), 0)


@pytest.fixture
def evaluator(database: Database) -> Evaluator:
    """An evaluator with enough history for two traders of the same code."""
    with database.transaction() as connection:
        connection.execute("SELECT ensure_market_data_month(%s)", (OPEN,))
        market_data.add_bars(connection, [bar(minute) for minute in range(-WINDOW, 0)], adjusted_at=OPEN)
        for name in ("ada", "bob"):
            add_trader(connection, name)
    return Evaluator(database)


def bar(minute: int) -> Bar:
    """A bar of one price."""
    price = Decimal(100)
    return Bar("AAPL", OPEN + timedelta(minutes=minute), price, price, price, price, Decimal(1000))


def measured_elsewhere(database: Database, edition: int, lookback: int = 3, code: str | None = None) -> None:
    """Has every version measured by another edition, and perhaps its code accepted by that alone."""
    with database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET lookback = %s, lookback_edition = %s", (lookback, edition))
        if code is not None:
            connection.execute(
                "UPDATE strategy_versions SET python_code = %s, source_hash = encode(sha256(%s::bytea), 'hex')",
                (code, code.encode()),
            )


def stored(database: Database) -> set[tuple[int, int]]:
    """What is stored of the versions: lookback and edition."""
    with database.transaction() as connection:
        return set(connection.execute("SELECT lookback, lookback_edition FROM strategy_versions").fetchall())


def test_a_stored_lookback_of_this_edition_is_not_measured_again(evaluator: Evaluator) -> None:
    evaluator.evaluate()
    assert evaluator.windows == [(WINDOW, 2)]
    assert lookbacks._measure.cache_info().misses == 0


def test_a_stale_lookback_is_measured_again_before_the_bar_and_noted(evaluator: Evaluator) -> None:
    measured_elsewhere(evaluator.database, EDITION - 1)
    assert evaluator.evaluate() == Evaluated(sessions=2, signals=0, failures=0)
    assert evaluator.windows == [(WINDOW, 2)]
    assert stored(evaluator.database) == {(compile_strategy(CODE).lookback, EDITION)}
    evaluator.evaluate(1)
    # One source, whoever runs it, once.
    assert lookbacks._measure.cache_info().misses == 1


def test_a_session_whose_stored_window_was_too_short_waits_for_its_history(evaluator: Evaluator) -> None:
    measured_elsewhere(evaluator.database, EDITION - 1)
    with evaluator.database.transaction() as connection:
        connection.execute("DELETE FROM market_data WHERE time < %s", (OPEN - timedelta(minutes=64),))
    assert evaluator.evaluate() == Evaluated(sessions=0, signals=0, failures=0)
    assert evaluator.windows == []
    with evaluator.database.transaction() as connection:
        # What the ingestor fetches is what is needed.
        assert evaluations.symbols_to_stream(connection)["AAPL"].history == WINDOW


def test_nothing_is_measured_while_a_transaction_is_open(
    evaluator: Evaluator, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_elsewhere(evaluator.database, EDITION - 1)
    honest, open_then = lookbacks._measure, []

    def measure(source: str, source_hash: str) -> Lookbacks | str:
        open_then.append(open_transactions(migrated))
        return honest(source, source_hash)

    monkeypatch.setattr(lookbacks, "_measure", measure)
    evaluator.evaluate()
    assert open_then == [0]


def test_code_that_this_edition_refuses_fails_with_the_reason_and_stops_nobody_else(evaluator: Evaluator) -> None:
    measured_elsewhere(evaluator.database, EDITION - 1, code="def on_bar(bar, position, state):\n    return hodl()\n")
    with evaluator.database.transaction() as connection:
        add_trader(connection, "eve")
    assert evaluator.evaluate() == Evaluated(sessions=3, signals=0, failures=2)
    assert evaluator.windows == [(WINDOW, 1)]
    evaluator.evaluate(1)
    evaluator.evaluate(2)
    with evaluator.database.transaction() as connection:
        rows = connection.execute("SELECT status::text, failure_reason FROM sessions ORDER BY started_at").fetchall()
    assert [status for status, _ in rows] == ["FAILED", "FAILED", "RUNNING"]
    assert "on_bar returns a signal or nothing" in rows[0][1]
    assert lookbacks._measure.cache_info().misses == 1


def test_what_there_is_no_time_for_is_measured_on_the_next_bar_and_counts_against_nobody(evaluator: Evaluator) -> None:
    measured_elsewhere(evaluator.database, EDITION - 1)
    with evaluator.database.transaction() as connection:
        sessions = evaluations.sessions_awaiting(connection, "AAPL", 0, OPEN)
    assert with_lookbacks(evaluator.database, sessions, seconds=0.0) == ([], [])
    known, refused = with_lookbacks(evaluator.database, sessions)
    assert [each.lookback for each in known] == [compile_strategy(CODE).lookback] * 2
    assert refused == []


def test_a_later_edition_is_not_overwritten_while_two_are_deployed_side_by_side(evaluator: Evaluator) -> None:
    measured_elsewhere(evaluator.database, EDITION + 1, lookback=9_999)
    evaluator.evaluate()
    assert evaluator.windows == [(WINDOW, 2)]
    assert stored(evaluator.database) == {(9_999, EDITION + 1)}


def test_a_source_that_is_not_the_one_that_was_checked_gives_no_lookback(evaluator: Evaluator) -> None:
    measured_elsewhere(evaluator.database, EDITION - 1)
    with evaluator.database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET python_code = python_code || ' '")
    assert evaluator.evaluate().failures == 2
    assert stored(evaluator.database) == {(3, EDITION - 1)}


def test_the_engine_may_note_what_it_measured_and_change_no_code(evaluator: Evaluator) -> None:
    measured_elsewhere(evaluator.database, EDITION - 1)
    with evaluator.database.transaction() as connection:
        connection.execute("SET LOCAL ROLE stratforge_engine")
        strategies.note_lookbacks(
            connection, {compile_strategy(CODE).source_hash: Lookbacks(77, 5, {"SPY": OfOther(1, 2, 3)})}
        )
    assert stored(evaluator.database) == {(77, EDITION)}
    with evaluator.database.transaction() as connection:
        connection.execute("SET LOCAL ROLE stratforge_engine")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("UPDATE strategy_versions SET python_code = ''")
