"""Somebody's sessions look at as many other symbols as they may: what is read at once stays small, and nobody else waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.application.replays import compare_session
from stratforge.application.session_windows import Sandbox
from stratforge.market import BarColumns
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.storage.strategies.other_bars import OtherMinutes
from stratforge.storage.strategies.sessions import start_session
from stratforge.storage.strategies.strategies import Description, Origin, add_strategy
from stratforge.strategy import compile_strategy

from tests.integration.test_longer_bars import sandbox_of_days
from tests.integration.test_other_symbols_live import HISTORY, bar
from tests.support.ledger import OPEN, add_trader

MANY = [tuple(f"{letter}{place}" for letter in "XYZ") for place in "ABCDEF"]


def looking_at(*symbols: str) -> str:
    """The code of a strategy that looks at other symbols."""
    columns = ", ".join(f'"{each.lower()}": ta.sma(bars.of("{each}").close, 30)' for each in symbols)
    first = symbols[0].lower()
    return f"""
def indicators(bars):
    return {{{columns}}}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    state["mean"] = bar.{first}
    if bar.{first} > 0:
        return buy(quantity=bar.{first})
"""


class Crowd:
    """A market of many symbols, on one of which Bob looks at SPY, and Ada's sessions at all others; she was there first."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        names = ["AAPL", "SPY", *(each for of_one in MANY for each in of_one)]
        with database.transaction() as connection:
            for month in (OPEN - timedelta(days=20), OPEN, OPEN + timedelta(days=30)):
                connection.execute("SELECT ensure_market_data_month(%s)", (month,))
            for symbol in names:
                past = [bar(minute, symbol) for minute in range(-HISTORY, 0)]
                market_data.add_bars(connection, past, adjusted_at=OPEN)
            monkeypatch.setattr("tests.support.ledger.CODE", looking_at(*MANY[0]))
            self.ada = add_trader(connection, "ada")
            self.hers = [self.ada.session_id, *(self._another(connection, of_one) for of_one in MANY[1:])]
            monkeypatch.setattr("tests.support.ledger.CODE", looking_at("SPY"))
            self.bob = add_trader(connection, "bob").session_id
            # Whatever is decided by ids is decided for her.
            connection.execute("UPDATE sessions SET started_at = started_at - interval '1 hour' WHERE user_id = %s", (self.ada.user_id,))  # fmt: skip

    def _another(self, connection: Connection, symbols: Sequence[str]) -> UUID:
        code = compile_strategy(looking_at(*symbols))
        of = add_strategy(connection, self.ada.user_id, Description("test", "AAPL", ""), code, Origin())
        return start_session(connection, self.ada.user_id, of.strategy_id, 1, "AAPL").session_id

    def seen(self, session_id: UUID) -> int:
        """On how many bars a session was evaluated."""
        with self.database.transaction() as connection:
            found = sessions.get_session(connection, session_id)
        assert found is not None
        return found.bars_evaluated


@pytest.fixture
def crowd(database: Database, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    return Crowd(database, monkeypatch)


def test_no_more_is_read_at_once_than_one_session_may_look_at(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function has memory for the symbols of one strategy, not for those of hundreds."""
    held: list[set[str]] = [set()]
    read = OtherMinutes.read

    def reading(connection: Connection, symbol: str, *more: Any, **named: Any) -> OtherMinutes:
        held[-1].add(symbol)
        return read(connection, symbol, *more, **named)

    def sandbox(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
        held.append(set())
        return sandbox_of_days(window, waiting)

    monkeypatch.setattr(OtherMinutes, "read", reading)
    evaluate_bar(crowd.database, sandbox, lambda *_: None, bar(0), 0)
    assert {crowd.seen(each) for each in (*crowd.hers, crowd.bob)} == {1}
    assert max(map(len, held)) <= 3


class OutOfTimeError(BaseException):
    """The function was ended."""


def ended_in_her_second_turn(crowd: Crowd) -> Sandbox:
    """A sandbox whose function is ended while it is at Ada's second set of symbols."""
    hers = 0

    def sandbox(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
        nonlocal hers
        hers += any(each.user_id == crowd.ada.user_id for each in waiting)
        if hers > 1:
            raise OutOfTimeError
        return sandbox_of_days(window, waiting)

    return sandbox


def test_nobody_loses_his_bar_to_the_many_symbols_of_somebody_else(crowd: Crowd) -> None:
    """The function is ended while it is at somebody's second set of symbols: who looks at one has had his turn by then."""
    with pytest.raises(OutOfTimeError):
        evaluate_bar(crowd.database, ended_in_her_second_turn(crowd), lambda *_: None, bar(0), 0)
    assert crowd.seen(crowd.bob) == 1
    with crowd.database.transaction() as connection:
        assert fetch_value(connection, "SELECT count(*) FROM signals WHERE session_id = %s", (crowd.bob,)) == 1


def test_what_there_was_no_time_for_is_seen_with_the_next_bars_in_order(crowd: Crowd) -> None:
    """The time is over after the first set of symbols; whoever has missed a bar sees it before the next."""

    def come(minute: int, seconds: float) -> None:
        evaluate_bar(
            crowd.database, sandbox_of_days, lambda *_: None, bar(minute), 0, catch_up_seconds=seconds, looking_seconds=seconds
        )  # fmt: skip

    come(0, 60)
    for minute in (1, 2):
        come(minute, 0)
        assert crowd.seen(crowd.bob) == minute + 1
    assert sum(map(crowd.seen, crowd.hers)) < 3 * len(crowd.hers)
    for minute in range(3, 7):
        come(minute, 60)
    for each in (*crowd.hers, crowd.bob):
        comparison = compare_session(crowd.database, each)
        assert comparison is not None
        assert (comparison.bars, comparison.complete, comparison.differences) == (7, True, [])


def test_who_is_behind_is_not_kept_by_the_many_symbols_of_somebody_else(crowd: Crowd) -> None:
    """All have missed a bar; the function is ended while it is at somebody's second set of symbols."""
    evaluate_bar(crowd.database, sandbox_of_days, lambda *_: None, bar(0), 0)
    with crowd.database.transaction() as connection:
        market_data.add_bars(connection, [bar(1)])
    with pytest.raises(OutOfTimeError):
        evaluate_bar(crowd.database, ended_in_her_second_turn(crowd), lambda *_: None, bar(2), 0)
    assert crowd.seen(crowd.bob) == 2
