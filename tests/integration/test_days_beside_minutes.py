"""Sessions on minutes that look at days: they have the exchange's days before today, wait for them, and are replayed on what they saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from stratforge.application import session_windows
from stratforge.application.bars_beside import with_beside
from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.application.replays import compare_session
from stratforge.application.session_rules import bars_to_trace
from stratforge.backtest.engine import loop_column
from stratforge.market import Bar
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.market.daily_bars import SeenDays
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import evaluations, rebalances, sessions
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy import compile_strategy
from stratforge.strategy.graph import Values

from tests.integration.test_longer_bars import MONDAY, LiveDays, assert_replayed, sandbox_of_days
from tests.support.ledger import add_trader

TUESDAY = MONDAY + timedelta(days=1)
CODE = """
def indicators(bars):
    days = bars.resample("1d")
    return {"mean": ta.sma(days.close, length=3), "last": days.close, "cross": bars.close - days.close.shift(1)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    state["mean"] = bar.mean
    state["cross"] = bar.cross + bar.previous.cross
    if bar.mean > 105 and state["n"] % 2:
        return buy(quantity=1)
"""


def live_on(database: Database, monkeypatch: pytest.MonkeyPatch, code: str) -> LiveDays:
    """A session of some code, with ninety days before Monday that nobody has read yet."""
    monkeypatch.setattr("tests.support.ledger.CODE", code)
    with database.transaction() as connection:
        for month in (1, 2):
            connection.execute("SELECT ensure_market_data_month(%s)", (datetime(2026, month, 2, tzinfo=UTC),))
        found = LiveDays(database, add_trader(connection, "ada").session_id)
        # As many minutes as its window takes lie a month before, where no day matters.
        begin = datetime(2026, 1, 4, 15, tzinfo=UTC)
        price = Decimal(100)
        past = [Bar("AAPL", begin + timedelta(minutes=each), *(price,) * 5) for each in range(520)]
        market_data.add_bars(connection, past, adjusted_at=begin)
    days = [MONDAY - timedelta(days=number) for number in range(1, 130)]
    found.known = {day: 100 + day.day % 9 for day in days if day.weekday() < 5}
    return found


@pytest.fixture
def live(database: Database, monkeypatch: pytest.MonkeyPatch) -> LiveDays:
    return live_on(database, monkeypatch, CODE)


def mean(live: LiveDays, *before: int) -> float:
    """The mean of the closes of days before Monday (1 is the Sunday)."""
    return sum(live.known[MONDAY - timedelta(days=each)] for each in before) / len(before)


def editions(live: LiveDays) -> list[tuple[time, int]]:
    """The bars on which it saw other days than before."""
    with live.database.transaction() as connection:
        rows = connection.execute(
            "SELECT bar_time, day_edition FROM position_views WHERE day_edition IS NOT NULL ORDER BY bar_time"
        ).fetchall()
    return [(at.astimezone(ZoneInfo("America/New_York")).time(), edition) for at, edition in rows]


def test_its_days_are_wanted_by_their_own_number(live: LiveDays) -> None:
    with live.database.transaction() as connection:
        assert rebalances.days_wanted(connection) == {"AAPL": 256}
        assert evaluations.symbols_to_stream(connection)["AAPL"].history == 64


def test_every_minute_sees_the_days_before_its_own(live: LiveDays) -> None:
    live.read(MONDAY)
    live.minutes(MONDAY, "08:00", "09:30", "09:31", "15:55", "18:00")
    count, state = live.seen()
    assert count == 5
    assert state["mean"] == pytest.approx(mean(live, 3, 4, 5))
    live.read(TUESDAY, _2026_01_05=130)
    live.minutes(TUESDAY, "04:00", "09:30")
    count, state = live.seen()
    assert count == 7
    assert state["mean"] == pytest.approx((2 * mean(live, 3, 4) + 130) / 3)
    # Only what changed is recorded.
    assert editions(live) == [(time(8), 1), (time(4), 2)]
    assert_replayed(live, 7)


def test_until_its_days_are_read_it_waits_and_says_so(live: LiveDays) -> None:
    live.minutes(MONDAY, "09:30", "09:31")
    with live.database.transaction() as connection:
        found = sessions.get_session(connection, live.session_id)
    assert found is not None
    assert (found.bars_evaluated, found.missing_bars) == (0, 256)
    live.read(MONDAY)
    live.minutes(MONDAY, "09:32")
    assert live.seen()[0] == 1
    assert_replayed(live, 1)


def test_a_morning_before_the_days_are_read_is_seen_late_and_in_order(live: LiveDays) -> None:
    live.read(MONDAY)
    live.minutes(MONDAY, "09:30", "15:59")
    live.minutes(TUESDAY, "09:30", "09:31")
    assert live.seen()[0] == 2
    live.read(TUESDAY, _2026_01_05=130)
    live.minutes(TUESDAY, "09:32")
    count, state = live.seen()
    assert (count, state["n"]) == (5, 5.0)
    with live.database.transaction() as connection:
        rows = connection.execute("SELECT status::text FROM signals ORDER BY bar_time").fetchall()
    # It buys on every other bar, when the mean of three days is above 105: not on Monday.
    assert [row[0] for row in rows] == ["EXPIRED", "PENDING"]
    assert_replayed(live, 5)


def test_days_that_read_otherwise_later_are_seen_as_they_were(live: LiveDays) -> None:
    """A split overnight has all days on another scale, and a correction within the day changes one of them."""
    live.read(MONDAY)
    live.minutes(MONDAY, "09:30", "09:31")
    live.read(MONDAY, _2026_01_02=300)
    live.minutes(MONDAY, "09:32", "09:33")
    live.known = {day: close // 2 for day, close in live.known.items()}
    live.read(TUESDAY, _2026_01_05=60)
    live.minutes(TUESDAY, "09:30")
    assert editions(live) == [(time(9, 30), 1), (time(9, 32), 2), (time(9, 30), 3)]
    assert_replayed(live, 5)
    # A part of the record begins with the days that were seen then.
    at = datetime.combine(MONDAY, time(14, 33), UTC)
    with live.database.transaction() as connection:
        (traced,) = bars_to_trace(connection, live.session_id, at, at)
    assert traced.bar.window.days is not None
    assert traced.bar.window.days.close[-1] == 300


def test_its_days_are_read_once_until_others_are_known(live: LiveDays, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with every bar: what an edition has never changes."""
    readings: list[dict[str, int] | None] = []
    days_before = daily_bars.days_before

    def counted(
        connection: Connection, before: dict[str, date], length: int, editions: dict[str, int] | None = None
    ) -> dict[str, SeenDays]:
        readings.append(editions)
        return days_before(connection, before, length, editions)

    monkeypatch.setattr(daily_bars, "days_before", counted)
    live.read(MONDAY)
    live.minutes(MONDAY, "09:30", "09:31", "09:32")
    assert readings == [{"AAPL": 1}]
    live.read(MONDAY, _2026_01_02=300)
    live.minutes(MONDAY, "09:33", "09:34")
    assert readings == [{"AAPL": 1}, {"AAPL": 2}]
    count, state = live.seen()
    assert count == 5
    assert state["mean"] == pytest.approx((300 + 2 * mean(live, 4, 5)) / 3)
    assert_replayed(live, 5)


def test_hours_look_at_days_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    live = live_on(database, monkeypatch, f'TIMEFRAME = "5min"\n{CODE}')
    live.read(MONDAY)
    live.minutes(MONDAY, *(f"09:{minute}" for minute in range(30, 46)))
    count, state = live.seen()
    assert count == 3
    assert state["mean"] == pytest.approx(mean(live, 3, 4, 5))
    assert_replayed(live, 3)


def test_what_it_saw_is_what_a_backtest_over_the_same_bars_sees(live: LiveDays) -> None:
    live.read(MONDAY)
    live.minutes(MONDAY, "09:30", "09:31", "09:32")
    live.read(TUESDAY, _2026_01_05=130)
    live.minutes(TUESDAY, "09:30", "09:31")
    state = live.seen()[1]
    with live.database.transaction() as connection:
        minutes = market_data.bars_between(connection, "AAPL", None, None, 5_000)
        known = daily_bars.days_before(connection, {"AAPL": date(2026, 2, 1)}, 2_048)["AAPL"].bars
    strategy = compile_strategy(CODE)
    values = Values(replace(minutes, days=known))
    cross = loop_column(strategy, values, "cross")
    assert state["mean"] == loop_column(strategy, values, "mean")[-1]
    assert state["cross"] == cross[-1] + cross[-2]


def test_what_is_shown_of_it_is_computed_on_the_same_days(live: LiveDays) -> None:
    live.read(MONDAY)
    live.minutes(MONDAY, "09:30", "09:31")
    live.read(TUESDAY, _2026_01_05=130)
    live.minutes(TUESDAY, "09:30", "09:31")
    strategy = compile_strategy(CODE)
    with live.database.transaction() as connection:
        bars = market_data.bars_between(connection, "AAPL", None, None, 5_000)
        shown = with_beside(connection, "AAPL", strategy, bars)
        plain = compile_strategy("def on_bar(bar, position, state):\n    return\n")
        assert with_beside(connection, "AAPL", plain, bars) is bars
        nobody = with_beside(connection, "MSFT", strategy, bars)
    column = Values(shown).series(strategy.columns["mean"])
    assert column[-1] == live.seen()[1]["mean"]
    assert column[-3] == pytest.approx(mean(live, 3, 4, 5))
    # Also of the first of the bars.
    assert column[0] == column[-3]
    # Of a symbol whose days nobody has read nothing is known, whatever its minutes would make.
    assert np.isnan(Values(nobody).series(strategy.columns["mean"])).all()


def test_one_that_another_edition_measured_is_measured_again_with_its_days(live: LiveDays) -> None:
    with live.database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET lookback_edition = 2, lookback = 5800, day_lookback = 0")
        assert rebalances.days_wanted(connection) == {}
    live.minutes(MONDAY, "09:30")
    with live.database.transaction() as connection:
        assert rebalances.days_wanted(connection) == {"AAPL": 256}
    live.read(MONDAY)
    live.minutes(MONDAY, "09:31")
    assert live.seen()[0] == 1


def test_sessions_with_and_without_days_share_a_bar(live: LiveDays, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = "def on_bar(bar, position, state):\n    state['n'] = state.get('n', 0) + 1\n"
    monkeypatch.setattr("tests.support.ledger.CODE", plain)
    with live.database.transaction() as connection:
        other = add_trader(connection, "bob").session_id
    at = datetime.combine(MONDAY, time(14, 30), UTC)
    bar = Bar("AAPL", at, *(Decimal(100),) * 5)
    found = evaluate_bar(live.database, sandbox_of_days, lambda *_: None, bar, 0)
    # Who waits for his days keeps nobody.
    assert found.sessions == 1
    with live.database.transaction() as connection:
        assert sessions.state_of(connection, other) == {"n": 1.0}
    comparison = compare_session(live.database, other)
    assert comparison is not None
    assert comparison.complete


def test_what_was_seen_before_the_days_stood_beside_is_replayed_as_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session from yesterday's database made its days of the minutes of a longer window, and goes on with those of the exchange."""
    live = live_on(database, monkeypatch, CODE)
    strategy = compile_strategy(CODE)
    assert strategy.stored_lookback_of_minutes > 5_000 > 10 * strategy.stored_lookback
    with database.transaction() as connection:
        for day in range(2, 5):
            begin = datetime.combine(MONDAY - timedelta(days=day), time(15), UTC)
            past = [Bar("AAPL", begin + timedelta(minutes=each), *(Decimal(150 + day),) * 5) for each in range(300)]
            market_data.add_bars(connection, past, adjusted_at=begin)
    live.read(MONDAY)

    def as_before(
        sandbox: session_windows.Sandbox,
        seen: session_windows.Seen,
        _window: session_windows.Window,
        group: list[RunningSession],
    ) -> list[Outcome]:
        with database.transaction() as connection:
            last = datetime.fromtimestamp(int(seen.minutes.time[-1]), UTC)
            return sandbox(market_data.trailing_window(connection, "AAPL", last, 8_192), group)

    with monkeypatch.context() as former:
        former.setattr(session_windows, "_on_minutes", as_before)
        live.minutes(MONDAY, "09:30", "09:31", "09:32")
    count, state = live.seen()
    assert count == 3
    assert state["mean"] != pytest.approx(mean(live, 3, 4, 5))
    live.minutes(MONDAY, "09:33", "09:34")
    assert live.seen()[1]["mean"] == pytest.approx(mean(live, 3, 4, 5))
    assert editions(live) == [(time(9, 33), 1)]
    assert_replayed(live, 5)
