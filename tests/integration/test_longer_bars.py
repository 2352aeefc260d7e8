"""Sessions on longer bars: they decide when one is completed, wait in between, and are replayed bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.application.replays import compare_session
from stratforge.backtest.engine import own_bars
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations, sessions
from stratforge.strategy import compile_strategy

from tests.integration.test_replay import Live, sandbox
from tests.support.ledger import OPEN, add_trader

# It buys on every other of its bars, at a limit that nothing reaches.
CODE = """
TIMEFRAME = "15min"
def indicators(bars):
    return {"mean": ta.sma(bars.close, length=3)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    state["mean"] = bar.mean
    state["hour"] = bar.time.hour * 60 + bar.time.minute
    if state["n"] % 2:
        return buy(quantity=1, limit=bar.low / 2, expire_bars=2)
"""
HISTORY = 66 * 15 + 100
# 9:30 in New York.
BEGIN = OPEN.replace(hour=14, minute=30)


def bar(minute: int) -> Bar:
    """A bar of a market that goes up and down."""
    close = Decimal(100 + minute % 7 - minute % 3 + minute // 90)
    return Bar("AAPL", BEGIN + timedelta(minutes=minute), close, close + 1, close - 1, close, Decimal(1000))


@pytest.fixture
def live(database: Database, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A session on bars of a quarter of an hour."""
    monkeypatch.setattr("tests.support.ledger.CODE", CODE)
    found = Live.__new__(Live)
    found.database = database
    with database.transaction() as connection:
        connection.execute("SELECT ensure_market_data_month(%s)", (BEGIN,))
        connection.execute("SELECT ensure_market_data_month(%s)", (BEGIN - timedelta(days=31),))
        market_data.add_bars(connection, [bar(minute) for minute in range(-HISTORY, 0)], adjusted_at=BEGIN)
        found.session_id = add_trader(connection, "ada").session_id
    return found


def seen(live: Live) -> tuple[int, dict[str, float]]:
    """How many bars the session was evaluated on, and what it remembers."""
    with live.database.transaction() as connection:
        session = sessions.get_session(connection, live.session_id)
        assert session is not None
        assert session.bar_minutes == 15
        return session.bars_evaluated, sessions.state_of(connection, live.session_id)


def signals(live: Live) -> list[tuple[int, str]]:
    """The minutes with which it gave signals, and what became of them."""
    with live.database.transaction() as connection:
        rows = connection.execute("SELECT bar_time, status::text FROM signals ORDER BY bar_time").fetchall()
    return [((at - BEGIN) // timedelta(minutes=1), status) for at, status in rows]


def test_it_decides_when_a_bar_is_completed_and_waits_in_between(live: Live) -> None:
    for minute in range(14):
        live.evaluate(bar(minute))
        assert seen(live) == (0, {})
    live.evaluate(bar(14))
    count, state = seen(live)
    assert (count, state["hour"]) == (1, 9 * 60 + 30)
    live.evaluate(*(bar(minute) for minute in range(15, 31)))
    count, state = seen(live)
    assert (count, state["hour"]) == (2, 9 * 60 + 45)
    assert signals(live) == [(14, "PENDING")]
    with live.database.transaction() as connection:
        minutes = market_data.bars_between(connection, "AAPL", None, None, 5_000)
        # The symbol's history is fetched for the minutes that it takes.
        assert evaluations.symbols_to_stream(connection)["AAPL"].history == 1_024
    whole = own_bars(compile_strategy(CODE), minutes)
    assert state["mean"] == pytest.approx(whole.close[-3:].mean())


@pytest.mark.parametrize("gone", [{14}, {14, *range(15, 29)}, set(range(5, 16)), {29, 44, 59}])
def test_every_bar_is_decided_on_in_time_whatever_minutes_are_missing(live: Live, gone: set[int]) -> None:
    live.evaluate(*(bar(minute) for minute in range(62) if minute not in gone))
    with live.database.transaction() as connection:
        minutes = market_data.bars_between(connection, "AAPL", BEGIN, None, 5_000)
    expected = len(own_bars(compile_strategy(CODE), minutes))
    assert seen(live)[0] == expected
    assert {status for _, status in signals(live)} == {"PENDING"}
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert (comparison.complete, comparison.differences) == (True, [])
    assert comparison.bars == expected
    assert comparison.signals == (expected + 1) // 2


def test_bars_of_a_minute_that_were_missed_are_seen_in_order(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(10)))
    with live.database.transaction() as connection:
        market_data.add_bars(connection, [bar(minute) for minute in range(10, 40)])
    live.evaluate(bar(40), bar(41))
    assert seen(live)[0] == 2
    # What it said on a bar that had been missed is not acted on.
    assert signals(live) == [(14, "EXPIRED")]
    live.evaluate(*(bar(minute) for minute in range(42, 46)))
    assert signals(live) == [(14, "EXPIRED"), (44, "PENDING")]
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert (comparison.complete, comparison.differences) == (True, [])


def test_a_split_in_between_is_followed_in_the_replay(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(20)))
    live.split(2, BEGIN + timedelta(days=1))
    day = 24 * 60
    live.evaluate(*(bar(day + minute) for minute in range(32)))
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert (comparison.complete, comparison.differences) == (True, [])
    assert comparison.bars == 4


def test_an_order_rests_for_its_bars_and_not_for_minutes(live: Live) -> None:
    """`expire_bars` counts bars of the session."""
    live.evaluate(*(bar(minute) for minute in range(15)))
    with live.database.transaction() as connection:
        row = connection.execute("SELECT bar_number, expire_bars FROM signals").fetchone()
        assert row == (1, 2)
    live.evaluate(*(bar(minute) for minute in range(15, 44)))
    # Two bars after the first are over only now.
    assert seen(live)[0] == 2
    live.evaluate(bar(44))
    assert seen(live)[0] == 3


def test_until_its_history_is_there_it_says_what_is_missing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.ledger.CODE", CODE)
    with database.transaction() as connection:
        connection.execute("SELECT ensure_market_data_month(%s)", (BEGIN,))
        session_id = add_trader(connection, "ada").session_id
    wake: Callable[..., None] = lambda *_: None  # noqa: E731
    for minute in range(15):
        evaluate_bar(database, sandbox, wake, bar(minute), 0)
    with database.transaction() as connection:
        found = sessions.get_session(connection, session_id)
    assert found is not None
    assert (found.bars_evaluated, found.missing_bars) == (0, 1_024 - 15)
