"""Somebody's sessions look at as many other symbols as they may: what is read at once stays small, and nobody else waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from stratforge.application.evaluate_bar import Evaluated, evaluate_bar
from stratforge.application.replays import compare_session
from stratforge.application.session_windows import Sandbox, SandboxFailed, SandboxUnavailable
from stratforge.market import BarColumns
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.storage.strategies.other_bars import OtherMinutes
from stratforge.storage.strategies.sessions import SessionStatus, start_session
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


def failing(*sessions: UUID, error: type[SandboxFailed] = SandboxFailed) -> Sandbox:
    """A sandbox that fails whenever it is asked for one of these sessions."""

    def sandbox(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
        if any(each.session_id in sessions for each in waiting):
            raise error("the sandbox failed")
        return sandbox_of_days(window, waiting)

    return sandbox


def in_time(crowd: Crowd, session_id: UUID) -> int:
    """How many signals of a session may become orders."""
    with crowd.database.transaction() as connection:
        count: int = fetch_value(
            connection, "SELECT count(*) FROM signals WHERE session_id = %s AND status = 'PENDING'", (session_id,)
        )
    return count


def come(crowd: Crowd, sandbox: Sandbox, minute: int, seconds: float = 60) -> Evaluated:
    """A bar comes, for which there is so much time."""
    return evaluate_bar(
        crowd.database, sandbox, lambda *_: None, bar(minute), 0, catch_up_seconds=seconds, looking_seconds=seconds
    )


def test_a_set_with_which_the_sandbox_fails_costs_nobody_else_a_bar_and_ends(crowd: Crowd) -> None:
    """It fails with one set of symbols: all other sets are evaluated in time, no message comes again for ever, and the session ends with its third failure."""
    bad, *fine = crowd.hers
    for minute in range(4):
        done = come(crowd, failing(bad), minute)
        assert (done.failures, done.unanswered) == (int(minute < 3), 0)
        assert {crowd.seen(each) for each in (*fine, crowd.bob)} == {minute + 1}
    assert {in_time(crowd, each) for each in (*fine, crowd.bob)} == {4}
    with crowd.database.transaction() as connection:
        ended = sessions.get_session(connection, bad)
    assert ended is not None
    assert (ended.status, ended.failure_reason) == (SessionStatus.FAILED, "the sandbox failed")


def test_one_of_a_set_with_whom_the_sandbox_fails_costs_the_others_of_it_nothing(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.ledger.CODE", looking_at("SPY"))
    with crowd.database.transaction() as connection:
        others = [add_trader(connection, name).session_id for name in ("cyd", "dan", "eve")]
    come(crowd, failing(crowd.bob), 0)
    assert [in_time(crowd, each) for each in (*others, crowd.bob)] == [1, 1, 1, 0]


def test_one_who_looks_at_nothing_else_costs_nobody_either(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = "def on_bar(bar, position, state):\n    return buy(quantity=1)\n"
    monkeypatch.setattr("tests.support.ledger.CODE", plain)
    with crowd.database.transaction() as connection:
        bad, *fine = (add_trader(connection, name).session_id for name in ("cyd", "dan", "eve"))
    done = come(crowd, failing(bad), 0)
    assert done.failures == 1
    assert {in_time(crowd, each) for each in (*fine, *crowd.hers, crowd.bob)} == {1}
    assert in_time(crowd, bad) == 0


def test_whoever_the_sandbox_did_not_answer_for_is_not_to_blame_and_is_in_time_when_it_does(crowd: Crowd) -> None:
    first = crowd.hers[0]
    silent = failing(first, error=SandboxUnavailable)
    done = come(crowd, silent, 0)
    assert (done.failures, done.unanswered) == (0, 1)
    assert crowd.seen(crowd.bob) == 1
    again = come(crowd, sandbox_of_days, 0)
    assert (again.sessions, again.unanswered) == (1, 0)
    assert {in_time(crowd, each) for each in (*crowd.hers, crowd.bob)} == {1}


def test_a_sandbox_that_answers_for_nobody_is_asked_again_and_nobody_is_to_blame(crowd: Crowd) -> None:
    everybody = (*crowd.hers, crowd.bob)
    with pytest.raises(SandboxFailed):
        come(crowd, failing(*everybody), 0)
    done = come(crowd, sandbox_of_days, 0)
    assert (done.sessions, done.failures) == (len(everybody), 0)
    assert {in_time(crowd, each) for each in everybody} == {1}


def test_who_is_behind_is_not_kept_by_a_set_with_which_the_sandbox_fails(crowd: Crowd) -> None:
    """All have missed two bars, one set fails on each of them: the others see them in order all the same."""
    come(crowd, sandbox_of_days, 0)
    with crowd.database.transaction() as connection:
        market_data.add_bars(connection, [bar(1), bar(2)])
    bad, *fine = crowd.hers
    come(crowd, failing(bad), 3)
    assert {crowd.seen(each) for each in (*fine, crowd.bob)} == {4}
    with crowd.database.transaction() as connection:
        found = sessions.get_session(connection, bad)
    assert found is not None
    assert found.status is SessionStatus.RUNNING, "what the sandbox failed with for a moment counts once"


def test_time_that_is_over_after_one_set_is_not_that_of_the_same_one_for_ever(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody is behind, with each bar there is time for one set only, for the first of them the sandbox does not answer, and whoever gets a bar further is less behind than the others from then on."""
    monkeypatch.setattr("tests.support.ledger.CODE", looking_at("XA"))
    with crowd.database.transaction() as connection:
        eve = add_trader(connection, "eve").session_id
    come(crowd, sandbox_of_days, 0)
    with crowd.database.transaction() as connection:
        market_data.add_bars(connection, [bar(1)])
    for minute in range(2, 30):
        # Where there was time for nobody else it raises.
        with suppress(SandboxUnavailable):
            come(crowd, failing(crowd.bob, error=SandboxUnavailable), minute, 0)
    assert crowd.seen(eve) > 1
