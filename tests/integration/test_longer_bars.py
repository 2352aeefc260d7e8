"""Sessions on longer bars: they decide when one is completed, wait in between, and are replayed bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from stratforge.application.access import Caller
from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.application.replays import compare_session
from stratforge.application.session_rules import SessionRules, session_rules
from stratforge.backtest.engine import own_bars
from stratforge.market import Bar, BarColumns
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies import evaluations, rebalances, sessions
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy import compile_strategy
from stratforge.strategy.batch import decode_columns, encode_columns

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
    for minute in range(15):
        evaluate_bar(database, sandbox, lambda *_: None, bar(minute), 0)
    with database.transaction() as connection:
        found = sessions.get_session(connection, session_id)
    assert found is not None
    assert (found.bars_evaluated, found.missing_bars) == (0, 1_024 - 15)


def rules_on(database: Database, session_id: UUID, bar_time: datetime | None = None) -> SessionRules:
    """The session's rules on a bar, as its owner asks for them."""
    with database.transaction() as connection:
        owner = fetch_value(connection, "SELECT user_id FROM sessions WHERE id = %s", (session_id,))
    return session_rules(database, Caller(owner), session_id, bar_time)


@pytest.mark.parametrize("gone", [set(), {14, 29}, {0, 15}])
def test_its_rules_are_told_of_each_of_its_bars_by_when_that_began(live: Live, gone: set[int]) -> None:
    live.evaluate(*(bar(minute) for minute in range(62) if minute not in gone))
    for number in range(4):
        began = next(minute for minute in range(15 * number, 62) if minute not in gone)
        found = rules_on(live.database, live.session_id, BEGIN + timedelta(minutes=began))
        assert (found.evaluated, found.bar_minutes) == (True, 15)
        assert found.bar_time == BEGIN + timedelta(minutes=began)
        (rule,) = found.rules
        assert rule.fired is (number % 2 == 0), "as on that bar, with what it remembered then"
    # What became of a bar is also asked for by the minute that decided it, which is a signal's, unless another one began with that.
    for minute in (minute for minute, _ in signals(live) if minute % 15):
        found = rules_on(live.database, live.session_id, BEGIN + timedelta(minutes=minute))
        assert found.rules[0].fired


def test_now_it_tells_the_bar_that_it_decided_on_last_and_not_the_minute(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(38)))
    found = rules_on(live.database, live.session_id)
    assert (found.bar_time, found.bar_minutes) == (BEGIN + timedelta(minutes=15), 15)


RISING = """
TIMEFRAME = "15min"
LIMIT = 103.5
def indicators(bars):
    return {"mean": ta.sma(bars.close, length=1)}

def on_bar(bar, position, state):
    if bar.mean > LIMIT and bar.close < 0:
        return buy()
"""


def test_since_when_a_condition_stands_is_counted_in_bars_of_its_own(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.ledger.CODE", RISING)
    with live.database.transaction() as connection:
        session_id = add_trader(connection, "bob").session_id
    for minute in range(6 * 15):
        price, at = Decimal(100 + minute // 15), BEGIN + timedelta(minutes=minute)
        evaluate_bar(live.database, sandbox, lambda *_: None, Bar("AAPL", at, price, price, price, price, price), 0)
    bars = [BEGIN + number * timedelta(minutes=15) for number in range(6)]
    for asked, bar_time, since in ((None, bars[5], bars[4]), (bars[4], bars[4], bars[4]), (bars[3], bars[3], bars[0])):
        found = rules_on(live.database, session_id, asked)
        above, below = found.rules[0].conditions
        assert (found.bar_time, above.since, below.since) == (bar_time, since, BEGIN)
        assert found.looked_back_to == BEGIN, "below it has stood for as long as was looked at"


DAILY = """
TIMEFRAME = "1d"
def indicators(bars):
    return {"mean": ta.sma(bars.close, length=3), "obv": ta.obv(bars.close, bars.volume)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    state["mean"] = bar.mean
    state["day"] = bar.time.day
    state["obv"] = bar.obv
    return buy(quantity=1, limit=bar.low / 2, expire_bars=2)
"""
# A Monday.
MONDAY = date(2026, 1, 5)


def day_bar(day: date, close: int) -> Bar:
    """A day's bar."""
    price = Decimal(close)
    return Bar("AAPL", daily_bars.begins_at("AAPL", day), price, price + 1, price - 1, price, Decimal(1_000_000))


@dataclass
class LiveDays:
    """A session on bars of days, and its market."""

    database: Database
    session_id: UUID
    known: dict[date, int] = field(default_factory=dict)

    def read(self, today: date, **closes: int) -> None:
        """Reads the days before one, as the ingestor does before it begins; some have other closes than they had."""
        self.known |= {date.fromisoformat(name[1:].replace("_", "-")): close for name, close in closes.items()}
        bars = [day_bar(day, close) for day, close in sorted(self.known.items()) if day < today]
        with self.database.transaction() as connection:
            daily_bars.store_days(connection, "AAPL", bars, today, 2_048)

    def minutes(self, day: date, *times: str) -> None:
        """Evaluates bars of some minutes of a day, in New York's time."""
        for each in times:
            at = datetime.combine(day, time.fromisoformat(each), ZoneInfo("America/New_York")).astimezone(UTC)
            value = Decimal(100)
            evaluate_bar(
                self.database, sandbox_of_days, lambda *_: None, Bar("AAPL", at, value, value, value, value, value), 0
            )

    def seen(self) -> tuple[int, dict[str, float]]:
        """How many days it decided on, and what it remembers."""
        with self.database.transaction() as connection:
            session = sessions.get_session(connection, self.session_id)
            assert session is not None
            return session.bars_evaluated, sessions.state_of(connection, self.session_id)


def sandbox_of_days(window: BarColumns, waiting: Sequence[RunningSession]) -> list[Outcome]:
    """Through what is sent to the sandbox."""
    return sandbox(decode_columns(encode_columns(window)), waiting)


@pytest.fixture
def days(database: Database, monkeypatch: pytest.MonkeyPatch) -> LiveDays:
    """A session on bars of days, of which ninety are there before Monday."""
    monkeypatch.setattr("tests.support.ledger.CODE", DAILY)
    with database.transaction() as connection:
        for month in (1, 2):
            connection.execute("SELECT ensure_market_data_month(%s)", (datetime(2026, month, 2, tzinfo=UTC),))
        found = LiveDays(database, add_trader(connection, "ada").session_id)
        assert rebalances.days_wanted(connection) == {"AAPL": 2_048}
    past = [MONDAY - timedelta(days=number) for number in range(1, 130)]
    found.known = {day: 100 + day.day % 9 for day in past if day.weekday() < 5}
    return found


def assert_replayed(live: LiveDays, days: int) -> None:
    """Every day that it decided on is decided on again, and the same."""
    comparison = compare_session(live.database, live.session_id)
    assert comparison is not None
    assert (comparison.bars, comparison.complete, comparison.differences) == (days, True, [])


def test_on_days_it_decides_once_a_day_with_the_first_minute_of_the_regular_hours(days: LiveDays) -> None:
    days.read(MONDAY)
    days.minutes(MONDAY, "08:00", "09:29")
    assert days.seen() == (0, {})
    days.minutes(MONDAY, "09:30", "09:31", "12:00", "15:59", "16:05")
    count, state = days.seen()
    friday = MONDAY - timedelta(days=3)
    assert (count, state["day"]) == (1, friday.day)
    assert state["mean"] == pytest.approx(sum(days.known[friday - timedelta(days=each)] for each in range(3)) / 3)
    days.read(MONDAY + timedelta(days=1), _2026_01_05=120)
    # The first minutes have no bars.
    days.minutes(MONDAY + timedelta(days=1), "04:00", "09:33", "09:34")
    count, state = days.seen()
    assert (count, state["day"]) == (2, 5)
    with days.database.transaction() as connection:
        rows = connection.execute("SELECT bar_time, status::text, bar_number FROM signals ORDER BY bar_time").fetchall()
    assert [(at.astimezone(ZoneInfo("America/New_York")).time(), *rest) for at, *rest in rows] == [
        (time(9, 30), "PENDING", 1), (time(9, 33), "PENDING", 2)
    ]  # fmt: skip
    assert_replayed(days, 2)


def test_days_that_read_otherwise_later_are_seen_as_they_were(days: LiveDays) -> None:
    days.read(MONDAY)
    days.minutes(MONDAY, "09:30", "09:31")
    # A split overnight: all days have another scale.
    days.known = {day: close // 2 for day, close in days.known.items()}
    days.read(MONDAY + timedelta(days=1), _2026_01_05=60)
    days.minutes(MONDAY + timedelta(days=1), "09:30")
    assert_replayed(days, 2)


def test_a_day_whose_days_before_are_not_read_yet_is_waited_for_and_seen_late(days: LiveDays) -> None:
    days.read(MONDAY)
    tuesday = MONDAY + timedelta(days=1)
    days.minutes(MONDAY, "09:30", "15:59")
    days.minutes(tuesday, "09:30", "09:31")
    assert days.seen()[0] == 1
    with days.database.transaction() as connection:
        found = sessions.get_session(connection, days.session_id)
    assert found is not None
    assert found.missing_bars > 0
    days.read(tuesday, _2026_01_05=130)
    days.minutes(tuesday, "09:32", "09:33")
    assert days.seen()[0] == 2
    with days.database.transaction() as connection:
        rows = connection.execute("SELECT status::text FROM signals ORDER BY bar_time").fetchall()
    assert [row[0] for row in rows] == ["PENDING", "EXPIRED"]
    assert_replayed(days, 2)


def test_on_days_the_rules_are_told_by_the_day(days: LiveDays) -> None:
    tuesday, friday = MONDAY + timedelta(days=1), MONDAY - timedelta(days=3)
    days.read(MONDAY)
    days.minutes(MONDAY, "09:30", "12:00", "15:59")
    days.read(tuesday, _2026_01_05=120)
    days.minutes(tuesday, "09:31", "12:00")
    for day in (friday, MONDAY):
        found = rules_on(days.database, days.session_id, daily_bars.begins_at("AAPL", day))
        assert (found.evaluated, found.bar_time) == (True, daily_bars.begins_at("AAPL", day))
    now = rules_on(days.database, days.session_id)
    assert (now.bar_time, now.bar_minutes) == (daily_bars.begins_at("AAPL", MONDAY), 1_440)
