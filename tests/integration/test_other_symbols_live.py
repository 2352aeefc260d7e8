"""Sessions that look at another symbol: they see what was over when their bar began, wait for nothing but its history, and are replayed on what they saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from stratforge.application.access import Caller
from stratforge.application.bars_beside import with_beside
from stratforge.application.evaluate_bar import correct_bar, evaluate_bar
from stratforge.application.replays import compare_session
from stratforge.application.session_chart import session_chart
from stratforge.application.session_rules import bars_to_trace, session_rules
from stratforge.application.watch_market import jumped_symbols
from stratforge.backtest.engine import loop_column, own_bars
from stratforge.market import Bar
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.ledger import announced_actions, corporate_actions
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies import evaluations, rebalances, sessions
from stratforge.storage.strategies.other_bars import OtherMinutes
from stratforge.strategy import compile_strategy
from stratforge.strategy.graph import Values

from tests.integration.test_longer_bars import sandbox_of_days
from tests.support.ledger import OPEN, add_trader

CODE = """
def indicators(bars):
    spy = bars.of("SPY")
    return {"spy": spy.close, "mean": ta.sma(spy.close, 20), "ratio": (bars.close / spy.close).rolling(5).mean(), "longer": spy.resample("5min").high}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    state["spy"] = bar.spy
    state["sum"] = bar.mean + bar.ratio + bar.previous.spy + bar.longer
    if bar.spy > 0:
        return buy(quantity=bar.ratio + bar.mean)
"""
HISTORY = 140


def bar(minute: int, symbol: str = "AAPL", extra: int = 0, ratio: int = 1) -> Bar:
    """A bar of a market that goes up and down, other than that of another symbol."""
    close = Decimal(100 + minute % 7 - minute % 3 + extra + (minute % 11 if symbol == "SPY" else 0)) / ratio
    return Bar(symbol, OPEN + timedelta(minutes=minute), close, close + 1, close - 1, close, Decimal(1000 + minute % 13))  # fmt: skip


class Pair:
    """A session of AAPL that looks at SPY, and the markets of both."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch, code: str = CODE, spy: int = HISTORY):
        monkeypatch.setattr("tests.support.ledger.CODE", code)
        self.database, self.strategy = database, compile_strategy(code)
        with database.transaction() as connection:
            for month in (OPEN - timedelta(days=20), OPEN, OPEN + timedelta(days=30)):
                connection.execute("SELECT ensure_market_data_month(%s)", (month,))
            for symbol, count in (("AAPL", HISTORY), ("SPY", spy)):
                past = [bar(minute, symbol) for minute in range(-count, 0)]
                market_data.add_bars(connection, past, adjusted_at=OPEN)
            self.session_id: UUID = add_trader(connection, "ada").session_id

    def come(self, *bars: Bar) -> None:
        """Bars come, in this order, of whichever symbol they are."""
        for each in bars:
            evaluate_bar(self.database, sandbox_of_days, lambda *_: None, each, 0)

    def both(self, *minutes: int) -> None:
        """A bar of each in each of these minutes."""
        for minute in minutes:
            self.come(bar(minute, "SPY"), bar(minute))

    def seen(self) -> tuple[int, dict[str, float]]:
        """On how many bars it was evaluated, and what it remembers."""
        with self.database.transaction() as connection:
            session = sessions.get_session(connection, self.session_id)
            assert session is not None
            return session.bars_evaluated, sessions.state_of(connection, self.session_id)

    def noted(self) -> dict[int, dict[str, dict[str, int | None]]]:
        """What was recorded of the other symbol, by minute."""
        with self.database.transaction() as connection:
            query = "SELECT bar_time, others FROM position_views WHERE others IS NOT NULL ORDER BY bar_time"
            rows = connection.execute(query).fetchall()
        return {int((at - OPEN) / timedelta(minutes=1)): others for at, others in rows}

    def follow(self, ratio: int, effective: date) -> None:
        """Follows a split of the other symbol."""
        action = CorporateAction("split-spy", "SPY", ActionKind.SPLIT, effective, ratio=Decimal(ratio))
        with self.database.transaction() as connection:
            announced_actions.note_action(connection, action)
            assert corporate_actions.apply_action(connection, action) is None

    def expected(self) -> dict[str, np.ndarray]:
        """What a backtest over the bars that are stored by now sees."""
        with self.database.transaction() as connection:
            own = market_data.bars_between(connection, "AAPL", None, None, 5_000)
            other = market_data.bars_between(connection, "SPY", None, None, 5_000)
        bars = own_bars(self.strategy, replace(own, others={"SPY": other}))
        return {name: loop_column(self.strategy, Values(bars), name) for name in self.strategy.columns}

    def expected_sum(self) -> float:
        """What a backtest remembers of the last of those bars."""
        of = self.expected()
        return float(of["mean"][-1] + of["ratio"][-1] + of["spy"][-2] + of["longer"][-1])


@pytest.fixture
def pair(database: Database, monkeypatch: pytest.MonkeyPatch) -> Pair:
    return Pair(database, monkeypatch)


def replayed(pair: Pair, bars: int) -> None:
    """Its record is whole, and gives the same."""
    comparison = compare_session(pair.database, pair.session_id)
    assert comparison is not None
    assert (comparison.bars, comparison.complete, comparison.differences) == (bars, True, [])
    assert comparison.signals > 0


def last(minute: int) -> int:
    """The time of a minute, as it is recorded."""
    return int((OPEN + timedelta(minutes=minute)).timestamp())


def test_a_bar_sees_the_minute_before_and_nothing_has_to_be_recorded(pair: Pair) -> None:
    pair.both(*range(30))
    count, state = pair.seen()
    assert count == 30
    assert state["spy"] == pytest.approx(float(bar(28, "SPY").close), rel=1e-11)
    assert state["sum"] == pair.expected_sum()
    assert pair.noted() == {}
    replayed(pair, 30)


def test_whichever_of_both_comes_first_in_a_minute_it_sees_the_same(pair: Pair) -> None:
    for minute in range(20):
        first, second = (bar(minute), bar(minute, "SPY"))[:: 1 if minute % 2 else -1]
        pair.come(first, second)
    assert pair.seen()[1]["spy"] == pytest.approx(pair.expected()["spy"][-1])
    assert pair.noted() == {}
    replayed(pair, 20)


def test_what_is_not_there_in_time_is_not_waited_for_and_is_recorded(pair: Pair) -> None:
    pair.both(*range(5))
    # The other's bars of two minutes come after two more of its own.
    pair.come(bar(5), bar(6), bar(7))
    assert pair.seen()[1]["spy"] == pytest.approx(float(bar(4, "SPY").close))
    assert pair.noted() == {6: {"SPY": {"last": last(4)}}, 7: {"SPY": {"last": last(4)}}}
    pair.come(bar(5, "SPY"), bar(6, "SPY"), bar(7, "SPY"))
    pair.both(8, 9)
    assert pair.seen()[1]["spy"] == pytest.approx(float(bar(8, "SPY").close))
    assert len(pair.noted()) == 2
    replayed(pair, 10)


def test_a_hole_that_is_filled_later_is_history_that_nobody_saw_then(pair: Pair) -> None:
    pair.both(*range(5))
    pair.come(bar(5), bar(6), bar(7, "SPY"), bar(7))
    pair.both(8)
    with pair.database.transaction() as connection:
        market_data.add_bars(connection, [bar(5, "SPY", 30), bar(6, "SPY", 40)])
    pair.both(*range(9, 16))
    # The sum looks back on the hole that was filled.
    assert pair.seen()[1]["sum"] == pair.expected_sum()
    replayed(pair, 16)


def test_a_thin_symbol_is_seen_as_it_was_last(pair: Pair) -> None:
    for minute in range(40):
        if minute % 9 == 4:
            pair.come(bar(minute, "SPY"))
        pair.come(bar(minute))
    count, state = pair.seen()
    assert count == 40
    assert state["spy"] == pytest.approx(float(bar(31, "SPY").close)) == pytest.approx(pair.expected()["spy"][-1])
    # Of minutes that follow one of its bars nothing is recorded.
    assert sorted(set(range(40)) - set(pair.noted())) == [0, 5, 14, 23, 32]
    replayed(pair, 40)


def test_a_correction_counts_from_the_other_symbols_next_bar_on(pair: Pair) -> None:
    pair.both(*range(10))
    assert correct_bar(pair.database, bar(9, "SPY", 50))
    pair.come(bar(10))
    # It is the last still, and was new with the price that it had then, whenever that is looked at.
    assert pair.seen()[1]["spy"] == pytest.approx(float(bar(9, "SPY").close))
    pair.come(bar(10, "SPY"))
    pair.both(*range(11, 14))
    assert pair.seen()[1]["sum"] == pair.expected_sum()
    replayed(pair, 14)


def test_a_split_of_the_other_symbol_leaves_windows_on_one_scale(pair: Pair) -> None:
    pair.both(*range(30))
    pair.follow(10, OPEN.date() + timedelta(days=1))
    day = 24 * 60
    # Before its first bar on the new scale it is seen as it was.
    pair.come(bar(day))
    assert pair.seen()[1]["spy"] == pytest.approx(float(bar(29, "SPY").close))
    pair.come(bar(day, "SPY", ratio=10))
    for minute in range(day + 1, day + 4):
        pair.come(bar(minute, "SPY", ratio=10), bar(minute))
    state = pair.seen()[1]
    assert state["spy"] == pytest.approx(float(bar(day + 2, "SPY", ratio=10).close))
    # Twenty of its bars, most of them from before, on today's scale.
    assert pair.expected()["mean"][-1] == pytest.approx(10.5, abs=1)
    assert state["sum"] == pytest.approx(pair.expected_sum(), rel=1e-9)
    replayed(pair, 34)


def test_bars_that_were_missed_are_seen_in_order_and_on_what_is_there_by_then(pair: Pair) -> None:
    pair.both(*range(5))
    with pair.database.transaction() as connection:
        market_data.add_bars(connection, [bar(minute) for minute in range(5, 12)])
    for minute in range(5, 12):
        pair.come(bar(minute, "SPY"))
    pair.both(12, 13)
    count, state = pair.seen()
    assert (count, state["n"]) == (14, 14.0)
    assert pair.noted() == {}
    assert state["sum"] == pair.expected_sum()
    replayed(pair, 14)


def test_until_the_other_symbols_history_is_there_it_waits_and_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(database, monkeypatch, CODE.replace("close, 20", "close, 100"), spy=10)
    with database.transaction() as connection:
        wanted = evaluations.symbols_to_stream(connection)
        assert rebalances.days_wanted(connection) == {}
    assert (wanted["AAPL"].history, wanted["SPY"].history) == (64, 128)
    pair.both(0, 1)
    with database.transaction() as connection:
        found = sessions.get_session(connection, pair.session_id)
        assert found is not None
        assert (found.bars_evaluated, found.missing_bars > 0) == (0, True)
        past = [bar(minute, "SPY") for minute in range(-HISTORY, -10)]
        market_data.add_bars(connection, past, adjusted_at=OPEN)
    # It came after the bar that was the last then, which was seen without it.
    pair.both(2)
    assert pair.seen()[0] == 0
    pair.both(*range(3, 12))
    assert pair.seen()[0] == 9
    replayed(pair, 9)


def test_a_symbol_that_ended_is_unknown_after_a_week(pair: Pair) -> None:
    pair.both(*range(6))
    for days in (1, 6, 8):
        pair.come(*(bar(days * 24 * 60 + minute) for minute in range(3)))
    count, state = pair.seen()
    assert count == 15
    # What is unknown has no value on the next bar.
    assert set(state) == {"n"}
    replayed(pair, 15)


def test_while_the_other_symbols_price_has_jumped_it_waits_for_an_operator(pair: Pair) -> None:
    """As after a split that nobody announced: what it saw of it would be wrong."""
    pair.both(*range(5))
    pair.come(bar(5), bar(5, "SPY", ratio=10), bar(6), bar(6, "SPY", ratio=10), bar(7))
    assert pair.seen()[0] == 6
    with pair.database.transaction() as connection:
        assert jumped_symbols(connection) == {"SPY"}
        connection.execute("DELETE FROM symbol_halts")
    pair.come(bar(7, "SPY", ratio=10), bar(8))
    assert pair.seen()[0] == 9
    with pair.database.transaction() as connection:
        rows = connection.execute(
            "SELECT status::text FROM signals WHERE bar_time BETWEEN %s AND %s",
            (OPEN + timedelta(minutes=6), OPEN + timedelta(minutes=7)),
        ).fetchall()
    assert {each[0] for each in rows} <= {"EXPIRED"}
    replayed(pair, 9)


def test_sessions_on_longer_bars_see_what_was_over_when_these_began(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.test_other_symbols_live.HISTORY", 700)
    pair = Pair(database, monkeypatch, f'TIMEFRAME = "5min"\n{CODE}', 700)
    for minute in range(41):
        if minute % 8 != 3:
            pair.come(bar(minute, "SPY"))
        if minute % 5 != 4 or minute < 20:
            pair.come(bar(minute))
    count, state = pair.seen()
    assert count == 8
    expected = pair.expected()
    assert len(expected["spy"]) >= 8
    assert state["spy"] == expected["spy"][-1]
    assert state["sum"] == pair.expected_sum()
    replayed(pair, 8)


def test_who_looks_at_nothing_else_shares_a_bar_with_who_does(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = "def on_bar(bar, position, state):\n    state['n'] = state.get('n', 0) + 1\n"
    monkeypatch.setattr("tests.support.ledger.CODE", plain)
    with pair.database.transaction() as connection:
        other = add_trader(connection, "bob").session_id
        connection.execute("DELETE FROM market_data WHERE symbol = 'SPY'")
    pair.come(bar(0))
    # Who waits for the history of another symbol keeps nobody.
    with pair.database.transaction() as connection:
        assert sessions.state_of(connection, other) == {"n": 1.0}
    assert pair.seen()[0] == 0


def test_who_looks_at_nothing_else_does_not_wait_for_who_does(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """He is evaluated, his signal written and the executor on its way before anything of another symbol is read."""
    monkeypatch.setattr("tests.support.ledger.CODE", "def on_bar(bar, position, state):\n    return buy(quantity=1)\n")
    with pair.database.transaction() as connection:
        add_trader(connection, "bob")
    steps: list[str] = []
    read = OtherMinutes.read

    def reading(*arguments: Any, **more: Any) -> OtherMinutes:
        with pair.database.transaction() as connection:
            steps.append(f"reads with {fetch_value(connection, 'SELECT count(*) FROM signals')} signals")
        return read(*arguments, **more)

    monkeypatch.setattr(OtherMinutes, "read", reading)
    evaluate_bar(
        pair.database, sandbox_of_days, lambda _, cause, __: steps.append(cause.rpartition("-0-")[2]), bar(0), 0
    )
    assert steps[:2] == ["at-once", "reads with 1 signals"]
    assert pair.seen()[0] == 1


def test_what_is_shown_of_it_is_computed_on_the_other_symbol_too(pair: Pair) -> None:
    pair.both(*range(5))
    pair.come(bar(5), bar(6))
    pair.come(bar(5, "SPY"), bar(6, "SPY"))
    pair.both(7, 8)
    with pair.database.transaction() as connection:
        owner = Caller(fetch_value(connection, "SELECT user_id FROM sessions WHERE id = %s", (pair.session_id,)))
        bars = market_data.bars_between(connection, "AAPL", None, None, 500)
        shown = with_beside(connection, "AAPL", pair.strategy, bars)
        # As it was seen, on a bar for which the other's came late.
        at = OPEN + timedelta(minutes=6)
        (traced,) = bars_to_trace(connection, pair.session_id, at, at)
    assert Values(shown).series(pair.strategy.columns["spy"])[-1] == pair.seen()[1]["spy"]
    assert traced.bar.window.others["SPY"].time[-1] == last(4)
    assert traced.trace.evaluation.state["spy"] == pytest.approx(float(bar(4, "SPY").close))
    (rule,) = session_rules(pair.database, owner, pair.session_id).rules
    assert rule.conditions[0].operands[0].value == pytest.approx(pair.seen()[1]["spy"])
    chart = session_chart(pair.database, owner, pair.session_id)
    lines = {each["name"]: each for each in chart.indicators}
    assert set(lines) == set(pair.strategy.columns)


DAYS = """
def indicators(bars):
    return {"trend": ta.sma(bars.of("SPY").resample("1d").close, 3)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    state["trend"] = bar.trend
    if bar.trend > 100:
        return buy(quantity=bar.trend)
"""
MONDAY = date(2026, 1, 5)


def days_of(pair: Pair, symbol: str, today: date, close: int) -> None:
    """Reads a symbol's days before one; all but the last close at 110, and that at a price."""
    days = [today - timedelta(days=number) for number in range(400, 0, -1)]
    days = [each for each in days if each.weekday() < 5]
    bars = []
    for each in days:
        price = Decimal(close if each == days[-1] else 110)
        bars.append(Bar(symbol, daily_bars.begins_at(symbol, each), price, price, price, price, Decimal(5)))
    with pair.database.transaction() as connection:
        daily_bars.store_days(connection, symbol, bars, today, 2_048)


def at(day: date, clock: str) -> Bar:
    """A bar of AAPL at a time of a day in New York."""
    when = datetime.combine(day, time.fromisoformat(clock), ZoneInfo("America/New_York")).astimezone(UTC)
    return Bar("AAPL", when, *(Decimal(100),) * 5)


def test_the_days_of_another_symbol_are_waited_for_and_their_editions_recorded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(database, monkeypatch, DAYS)
    with database.transaction() as connection:
        assert rebalances.days_wanted(connection) == {"SPY": 256}
        assert "SPY" in evaluations.symbols_to_stream(connection)
    pair.come(at(MONDAY, "09:30"))
    with database.transaction() as connection:
        found = sessions.get_session(connection, pair.session_id)
    assert found is not None
    assert (found.bars_evaluated, found.missing_bars) == (0, 256)
    days_of(pair, "SPY", MONDAY, 140)
    pair.come(at(MONDAY, "09:31"), at(MONDAY, "09:32"))
    assert pair.seen()[1]["trend"] == pytest.approx(120)
    # A correction of Friday within the day, and the next day with the Monday's.
    days_of(pair, "SPY", MONDAY, 170)
    pair.come(at(MONDAY, "09:33"), at(MONDAY, "09:34"))
    assert pair.seen()[1]["trend"] == pytest.approx(130)
    days_of(pair, "SPY", MONDAY + timedelta(days=1), 50)
    pair.come(at(MONDAY + timedelta(days=1), "09:30"), at(MONDAY + timedelta(days=1), "09:31"))
    editions = [each["SPY"] for each in pair.noted().values()]
    assert editions == [{"edition": 1}, {"edition": 2}, {"edition": 3}]
    replayed(pair, 6)


def test_sessions_on_days_see_the_other_symbols_same_days(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f'TIMEFRAME = "1d"\n{DAYS.replace(".resample(" + chr(34) + "1d" + chr(34) + ")", "")}'
    pair = Pair(database, monkeypatch, code)
    with database.transaction() as connection:
        assert rebalances.days_wanted(connection) == {"AAPL": 64, "SPY": 64}
    for symbol in ("AAPL", "SPY"):
        days_of(pair, symbol, MONDAY, 140)
    pair.come(at(MONDAY, "09:30"), at(MONDAY, "09:31"))
    assert pair.seen()[0] == 1
    assert pair.seen()[1]["trend"] == pytest.approx(120)
    tuesday = MONDAY + timedelta(days=1)
    days_of(pair, "AAPL", tuesday, 90)
    pair.come(at(tuesday, "09:30"))
    assert pair.seen()[0] == 1
    days_of(pair, "SPY", tuesday, 170)
    pair.come(at(tuesday, "09:31"))
    # With the minute that opened the day, which it had missed. All but the last of its days are others by now.
    assert pair.seen()[0] == 2
    assert pair.seen()[1]["trend"] == pytest.approx(130)
    replayed(pair, 2)


def test_a_thin_symbol_of_its_own_sees_all_that_the_other_did_in_between(pair: Pair) -> None:
    """Its last five bars are hours apart: the ratio of each needs the other's bar of then."""
    for minute in range(0, 280, 40):
        pair.come(*(bar(each, "SPY") for each in range(minute, minute + 40)))
        pair.come(bar(minute + 40))
    count, state = pair.seen()
    assert count == 7
    assert state["sum"] == pair.expected_sum()
    replayed(pair, 7)
