"""A session sees every stored bar, in order, whatever got lost on the way to it; and nothing is ordered on a bar that came too late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from local_platform.audit import missed_bars
from psycopg.types.json import Jsonb
from stratforge.application.evaluate_bar import correct_bar, evaluate_bar
from stratforge.application.replays import compare_session
from stratforge.market import BarColumns
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.reasons import Reason
from stratforge.storage.market import clock, market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations, sessions
from stratforge.storage.strategies.evaluations import Outcome, RunningSession

from tests.integration.test_replay import Live, bar, sandbox, time_of
from tests.support.ledger import OPEN


@pytest.fixture
def live(database: Database, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A running session."""
    return Live(database, monkeypatch)


def at(live: Live, now: datetime) -> None:
    """Sets the exchange's clock."""
    with live.database.transaction() as connection:
        clock.set_market_clock(connection, now)


def store(live: Live, *minutes: int) -> None:
    """Stores bars as the ingestor does before it publishes them; the messages get lost."""
    with live.database.transaction() as connection:
        market_data.add_bars(connection, [bar(minute) for minute in minutes])


@dataclass(frozen=True)
class Seen:
    """What a session has come to."""

    bars: int
    last: datetime | None
    state: dict[str, float]
    signals: list[tuple[datetime, str, str | None]]


def seen(live: Live) -> Seen:
    """The session, and its signals with what became of them."""
    with live.database.transaction() as connection:
        session = sessions.get_session(connection, live.session_id)
        assert session is not None
        rows = connection.execute("SELECT bar_time, status::text, reason FROM signals ORDER BY bar_time").fetchall()
        return Seen(
            session.bars_evaluated, session.last_bar_time, sessions.state_of(connection, live.session_id), list(rows)
        )


def told(live: Live) -> list[int]:
    """How many missed bars the session's owner was told of, in order."""
    with live.database.transaction() as connection:
        rows = connection.execute(
            "SELECT data ->> 'missed_bars' FROM events WHERE kind = 'session' AND data ? 'missed_bars' ORDER BY id"
        )
        return [int(row[0]) for row in rows]


def test_stored_bars_that_a_session_did_not_see_are_seen_in_order_before_the_next(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(5)))
    store(live, 5, 6, 7)
    live.evaluate(bar(8))
    found = seen(live)
    assert (found.bars, found.last, found.state["n"]) == (9, time_of(8), 9)
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert comparison.complete
    assert comparison.differences == []
    assert comparison.signals > 0


def test_what_it_says_on_a_bar_it_missed_is_recorded_and_not_acted_on(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(5)))
    store(live, 5, 6, 7)
    live.evaluate(bar(8))
    missed = [signal for signal in seen(live).signals if time_of(5) <= signal[0] <= time_of(7)]
    assert missed
    assert {(status, reason) for _, status, reason in missed} == {("EXPIRED", Reason.LATE_BAR)}
    in_time = [signal for signal in seen(live).signals if signal not in missed]
    assert {status for _, status, _ in in_time} == {"PENDING"}


@pytest.mark.parametrize("begun", [0, 1])
def test_a_bar_that_is_evaluated_while_an_earlier_one_still_is_loses_nothing(live: Live, begun: int) -> None:
    """A message is delivered again when its evaluation takes long, and then the next one does not wait for it."""
    live.evaluate(*(bar(minute) for minute in range(begun)))
    store(live, 5)
    earlier = [bar(5)]

    def slow(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
        found = sandbox(window, waiting)
        while earlier:
            live.evaluate(earlier.pop())
        return found

    evaluate_bar(live.database, slow, lambda *_: None, bar(6), 0)
    found = seen(live)
    assert (found.bars, found.last, found.state["n"]) == (begun + 2, time_of(6), begun + 2)
    live.evaluate(bar(7))
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert comparison.complete
    assert comparison.differences == []


def test_who_gets_no_further_keeps_nobody_else(live: Live) -> None:
    """The sandbox has never time for one of two; the other misses a bar, and sees it with the next."""
    from tests.support.ledger import add_trader

    with live.database.transaction() as connection:
        stuck = add_trader(connection, "bob").session_id
    live.evaluate(bar(0))
    store(live, *range(1, 230))
    with live.database.transaction() as connection:
        connection.execute("UPDATE sessions SET last_bar_time = %s WHERE id <> %s", (time_of(228), stuck))

    def without(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
        return sandbox(window, [each for each in waiting if each.session_id != stuck])

    evaluate_bar(live.database, without, lambda *_: None, bar(230), 0)
    assert seen(live).last == time_of(230)
    # Who is stuck is told that bars were missed once, not with every bar.
    evaluate_bar(live.database, without, lambda *_: None, bar(231), 0)
    assert sorted(told(live)) == [1, 229]


def test_what_is_said_in_time_is_executed_before_others_are_brought_up_to_date(live: Live) -> None:
    from tests.support.ledger import add_trader

    live.evaluate(*(bar(minute) for minute in range(5)))
    store(live, 5, 6)
    with live.database.transaction() as connection:
        add_trader(connection, "bob")
    order: list[object] = []

    def noting(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
        order.append(len(waiting))
        return [Outcome(each, each.state, Side.BUY, 1.0, SizeKind.QUANTITY, 1.0) for each in waiting]

    evaluate_bar(live.database, noting, lambda _symbol, cause, *_: order.append(cause), bar(7), 0)
    assert order == [1, "bar-20260105T143700Z-0-in-time", 1, 1, 1, "bar-20260105T143700Z-0"]


def test_a_session_that_was_stopped_while_it_was_evaluated_stays_as_it_was(live: Live) -> None:
    live.evaluate(bar(0))

    def stopped(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
        with live.database.transaction() as connection:
            sessions.stop_session(connection, live.session_id)
        return sandbox(window, waiting)

    evaluate_bar(live.database, stopped, lambda *_: None, bar(1), 0)
    assert (seen(live).bars, seen(live).last) == (1, time_of(0))


def test_what_is_written_of_a_session_while_it_is_evaluated_is_not_written_over(live: Live) -> None:
    """A split, for one, follows its state: it is evaluated anew, in time."""
    live.evaluate(bar(0))
    meanwhile = [{"n": 100.0}]

    def split(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
        found = sandbox(window, waiting)
        while meanwhile:
            with live.database.transaction() as connection:
                connection.execute("UPDATE sessions SET state = %s", (Jsonb(meanwhile.pop()),))
        return found

    evaluate_bar(live.database, split, lambda *_: None, bar(1), 0)
    found = seen(live)
    assert (found.bars, found.last, found.state["n"]) == (2, time_of(1), 101)
    assert {status for _, status, _ in found.signals} <= {"PENDING"}


def test_its_owner_is_told_of_missed_bars_once(live: Live) -> None:
    live.evaluate(bar(0))
    store(live, 1, 2)
    live.evaluate(bar(3), bar(3), bar(4))
    assert told(live) == [2]
    with live.database.transaction() as connection:
        session = sessions.get_session(connection, live.session_id)
        assert session is not None
        assert session.missed_bars == 2
        assert session.bars_behind == 0


def test_a_missing_minute_is_no_missed_bar(live: Live) -> None:
    live.evaluate(bar(0), bar(1), bar(5), bar(9))
    assert seen(live).bars == 4
    assert told(live) == []


def test_bars_that_no_later_one_follows_are_noticed(live: Live) -> None:
    live.evaluate(bar(0))
    store(live, 1, 2)
    with live.database.transaction() as connection:
        session = sessions.get_session(connection, live.session_id)
        assert session is not None
        assert session.bars_behind == 2
    at(live, time_of(3))
    with live.database.transaction() as connection:
        assert evaluations.overdue_bars(connection) == [], "the message may still be under way"
    at(live, time_of(6))
    with live.database.transaction() as connection:
        (overdue,) = evaluations.overdue_bars(connection)
    assert (overdue.bar, overdue.shard) == (bar(2), 0)
    live.evaluate(overdue.bar)
    assert seen(live).bars == 3
    with live.database.transaction() as connection:
        assert evaluations.overdue_bars(connection) == []


def test_who_is_up_to_date_does_not_wait_for_who_is_behind(live: Live) -> None:
    from tests.support.ledger import add_trader

    live.evaluate(bar(0))
    store(live, 1, 2)
    with live.database.transaction() as connection:
        other = add_trader(connection, "bob").session_id
    asked: list[list[object]] = []

    def watching(window: BarColumns, running: Sequence[RunningSession]) -> list[Outcome]:
        asked.append([each.session_id for each in running])
        return sandbox(window, running)

    evaluate_bar(live.database, watching, lambda *_: None, bar(3), 0)
    assert asked == [[other], [live.session_id], [live.session_id], [live.session_id]]


def test_a_session_that_the_sandbox_skipped_sees_the_bar_with_the_next_one(live: Live) -> None:
    skip = True

    def busy(window: BarColumns, running: Sequence[RunningSession]) -> list[Outcome]:
        return [] if skip else sandbox(window, running)

    live.evaluate(bar(0))
    evaluate_bar(live.database, busy, lambda *_: None, bar(1), 0)
    skip = False
    evaluate_bar(live.database, busy, lambda *_: None, bar(2), 0)
    assert seen(live).bars == 3
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert (comparison.complete, comparison.differences) == (True, [])


@pytest.mark.parametrize("dies_at", range(1, 5))
def test_an_evaluator_that_dies_on_the_way_leaves_nothing_out(live: Live, dies_at: int) -> None:
    live.evaluate(bar(0))
    store(live, 1, 2)
    runs = 0

    def dying(window: BarColumns, running: Sequence[RunningSession]) -> list[Outcome]:
        nonlocal runs
        runs += 1
        if runs == dies_at:
            raise RuntimeError
        return sandbox(window, running)

    for _ in range(2):
        try:
            evaluate_bar(live.database, dying, lambda *_: None, bar(3), 0)
        except RuntimeError:
            continue
    assert seen(live).bars == 4
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert (comparison.complete, comparison.differences) == (True, [])
    assert told(live) == [2]


def test_a_bar_that_was_corrected_meanwhile_is_seen_as_the_others_saw_it(live: Live) -> None:
    """Late evaluation takes the window as it was, so that all sessions and every replay agree."""
    live.evaluate(*(bar(minute) for minute in range(5)))
    store(live, 5, 6)
    with live.database.transaction() as connection:
        market_data.set_bar_price(connection, bar(6))
    assert correct_bar(live.database, bar(5, extra=20))
    live.evaluate(bar(7), bar(8))
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert (comparison.complete, comparison.differences) == (True, [])


Late = Callable[[int], datetime]


def test_a_backfilled_bar_brings_state_up_to_date_and_decides_nothing(live: Live) -> None:
    live.evaluate(bar(0))
    at(live, time_of(21) + timedelta(seconds=3))
    woken: list[str] = []
    for minute in range(1, 21):
        evaluate_bar(live.database, sandbox, lambda symbol, *_: woken.append(symbol), bar(minute), 0)
    found = seen(live)
    assert (found.bars, found.state["n"]) == (21, 21)
    late = [signal for signal in found.signals if time_of(1) <= signal[0] <= time_of(18)]
    timely = [signal for signal in found.signals if signal[0] >= time_of(19)]
    assert late
    assert {(status, reason) for _, status, reason in late} == {("EXPIRED", Reason.LATE_BAR)}
    assert timely
    assert {status for _, status, _ in timely} == {"PENDING"}, "no older than two minutes"
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert comparison.differences == []


def test_the_exchanges_clock_goes_on_between_two_readings(live: Live) -> None:
    with live.database.transaction() as connection:
        assert clock.market_now(connection) is None
        clock.set_market_clock(connection, OPEN)
        first = clock.market_now(connection)
    with live.database.transaction() as connection:
        second = clock.market_now(connection)
    assert first is not None
    assert second is not None
    assert OPEN <= first < second < OPEN + timedelta(minutes=5)


def test_a_bar_that_came_late_makes_no_fresh_price(live: Live) -> None:
    live.evaluate(bar(0))
    with live.database.transaction() as connection:
        connection.execute("UPDATE latest_prices SET received_at = now() - interval '1 hour'")
    at(live, time_of(60))
    live.evaluate(bar(1), bar(2))
    with live.database.transaction() as connection:
        row = connection.execute("SELECT received_at < now() - interval '50 minutes' FROM latest_prices").fetchone()
    assert row == (True,)
    live.evaluate(bar(59))
    with live.database.transaction() as connection:
        row = connection.execute("SELECT received_at < now() - interval '50 minutes' FROM latest_prices").fetchone()
    assert row == (False,)


def test_the_local_audit_misses_what_sessions_did_not_see_and_not_what_filled_a_hole_of_history(live: Live) -> None:
    long_ago = OPEN - timedelta(days=10_000)
    live.evaluate(*(bar(minute) for minute in (0, 1, 2, 4)))
    # Whoever was to send the bar before it died, and it came from history when the next one had been evaluated.
    store(live, 3)
    live.evaluate(bar(5))
    assert seen(live).bars == 5
    with live.database.transaction() as connection:
        assert missed_bars(connection, long_ago) == []
        connection.execute("UPDATE sessions SET bars_evaluated = bars_evaluated - 1")
        (said,) = missed_bars(connection, long_ago)
    assert "saw 4 bars of 5" in said
