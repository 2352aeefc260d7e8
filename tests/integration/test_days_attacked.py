"""Days of the exchange where they change between two readings: a split, a change of symbol, somebody who looked further back, a vendor who answers for some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.broker.history import Found, HistoryUnavailable
from stratforge.market import Bar
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.ledger import announced_actions, corporate_actions
from stratforge.storage.market import daily_bars, days_asked
from stratforge.storage.postgres.database import Database

from functions.ingestor.daily_history import DailyHistoryReader, read_days
from tests.integration.test_days_beside_minutes import CODE, TUESDAY, live_on
from tests.integration.test_longer_bars import MONDAY, assert_replayed, sandbox_of_days
from tests.support.ledger import person

NOW = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)


@dataclass
class Split:
    """A vendor whose symbols have cost 100 for years, or since they began, on every day or on every so manyth, on the scale of today."""

    ratio: int = 1
    every: int = 1
    begins: date = date.min
    asked: list[timedelta] = field(default_factory=list)
    symbols: list[list[str]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Days from start to end."""
        self.symbols.append(list(symbols))
        if self.broken & set(symbols):
            raise HistoryUnavailable("HTTP 500")
        self.asked.append(end - start)
        found = {}
        price = Decimal(100) / self.ratio
        for symbol in symbols:
            days = (start.date() + timedelta(days=number) for number in range(-1, (end - start).days + 2))
            traded = [each for each in days if each.toordinal() % self.every == 0 and each >= self.begins]
            bars = [Bar(symbol, daily_bars.begins_at(symbol, each), *(price,) * 5) for each in traded]
            found[symbol] = [each for each in bars if start <= each.time < end]
        return Found(found)


def closes(database: Database, before: date, length: int) -> set[float]:
    """The closes of the last days of AAPL before one."""
    with database.transaction() as connection:
        return set(daily_bars.days_before(connection, {"AAPL": before}, length)["AAPL"].bars.close.tolist())


def test_days_that_nobody_wanted_when_a_split_came_are_on_its_scale_for_who_wants_them_again(
    database: Database,
) -> None:
    vendor = Split()
    read_days(database, vendor, NOW, lambda _: {"AAPL": 512})
    # Who looked back so far is gone, and a split comes while others look back on less.
    vendor.ratio = 4
    read_days(database, vendor, NOW + timedelta(days=1), lambda _: {"AAPL": 64})
    read_days(database, vendor, NOW + timedelta(days=1), lambda _: {"AAPL": 512})
    assert closes(database, NOW.date() + timedelta(days=1), 512) == {25.0}


def test_days_between_two_who_looked_far_back_are_not_left_out(database: Database) -> None:
    vendor = Split()
    read_days(database, vendor, NOW, lambda _: {"AAPL": 512})
    later = NOW + timedelta(days=400)
    read_days(database, vendor, later, lambda _: {"AAPL": 64})
    read_days(database, vendor, later, lambda _: {"AAPL": 512})
    with database.transaction() as connection:
        found = daily_bars.days_before(connection, {"AAPL": later.date()}, 512)["AAPL"].bars
    assert found.day[-1] - found.day[0] == 511


def test_of_what_trades_on_few_days_as_many_are_read_as_somebody_looks_back_on(database: Database) -> None:
    """Sessions take it that there are no more where there are fewer, and a backtest has them all."""
    vendor = Split(every=3)
    read_days(database, vendor, NOW, lambda _: {"AAPL": 256})
    with database.transaction() as connection:
        found = daily_bars.days_before(connection, {"AAPL": NOW.date()}, 256)["AAPL"].bars
    assert len(found) == 256
    assert len(vendor.asked) == 2


def test_what_began_last_month_is_not_looked_for_for_ever(database: Database) -> None:
    vendor = Split(begins=NOW.date() - timedelta(days=20))
    assert read_days(database, vendor, NOW, lambda _: {"AAPL": 256}) == {"AAPL": 20}
    assert vendor.asked[-1] <= daily_bars.calendar_days(2_048) + timedelta(days=1)
    assert len(vendor.asked) <= 3


def test_a_split_that_is_followed_after_the_days_were_read_has_them_read_again(database: Database) -> None:
    """What was read in the night may be on the scale before it; the bars of a minute are on the new one as soon as it is followed."""
    vendor = Split()
    read_days(database, vendor, NOW, lambda _: {"AAPL": 64})
    vendor.ratio = 4
    assert read_days(database, vendor, NOW, lambda _: {"AAPL": 64}) == {}
    with database.transaction() as connection:
        split = CorporateAction("split-1", "AAPL", ActionKind.SPLIT, NOW.date(), ratio=Decimal(4))
        announced_actions.note_action(connection, split)
        assert corporate_actions.apply_action(connection, split) is None
    assert read_days(database, vendor, NOW, lambda _: {"AAPL": 64})["AAPL"] > 64
    assert closes(database, NOW.date(), 64) == {25.0}
    assert read_days(database, vendor, NOW, lambda _: {"AAPL": 64}) == {}


def test_a_session_waits_for_days_on_the_scale_of_its_minutes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = live_on(database, monkeypatch, CODE)
    live.read(MONDAY)
    live.minutes(MONDAY, "09:30")
    with database.transaction() as connection:
        split = CorporateAction("split-1", "AAPL", ActionKind.SPLIT, MONDAY, ratio=Decimal(2))
        announced_actions.note_action(connection, split)
        assert corporate_actions.apply_action(connection, split) is None
    live.minutes(MONDAY, "09:31")
    assert live.seen()[0] == 1
    before = live.seen()[1]["mean"]
    live.known = {day: close // 2 for day, close in live.known.items()}
    live.read(MONDAY)
    live.minutes(MONDAY, "09:32")
    count, state = live.seen()
    assert count == 3
    assert state["mean"] == pytest.approx(before / 2, abs=0.5)
    assert_replayed(live, 3)


def test_a_symbol_that_is_never_answered_keeps_no_other_from_its_days(database: Database) -> None:
    vendor = Split(broken={"NONE"})
    with pytest.raises(HistoryUnavailable):
        read_days(database, vendor, NOW, lambda _: {"NONE": 512, "AAPL": 64})
    assert closes(database, NOW.date(), 64) == {100.0}


def wish(database: Database, name: str, symbols: Sequence[str], days: int) -> None:
    """Somebody wants to see days."""
    user = person(database, name)
    with database.transaction() as connection:
        days_asked.ask_for_days(connection, user, symbols, days)


def test_days_of_sessions_are_read_before_those_that_somebody_wants_to_see_and_in_requests_of_their_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many symbols previews are wanted of, of as many days as a session needs."""
    live_on(database, monkeypatch, CODE)
    many = [f"A{chr(65 + number)}" for number in range(20)]
    wish(database, "eve", many, 256)
    wish(database, "bob", ["AAPL", "IBM"], 256)
    vendor = Split()
    DailyHistoryReader(database, vendor, lambda: NOW).look()
    assert vendor.symbols == [["AAPL"], many, ["IBM"]]


MANY = [f"{first}{second}" for first in "ABCDE" for second in "QRSTUVWXYZ"]


def test_as_much_is_read_of_wishes_at_a_time_as_keeps_nobody_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody wants to see fifty symbols on all days there are: a session that begins meanwhile waits for a few of them."""
    wish(database, "eve", MANY, 2_048)
    vendor = Split()
    reader = DailyHistoryReader(database, vendor, lambda: NOW)
    reader.look()
    assert vendor.symbols == [MANY[:9]]
    live_on(database, monkeypatch, CODE)
    vendor.symbols.clear()
    reader.look()
    assert vendor.symbols == [["AAPL"], MANY[9:18]]
    for _ in range(6):
        reader.look()
    assert [each for asked in vendor.symbols[1:] for each in asked] == MANY[9:]


def test_nobody_waits_for_all_that_others_want_to_see(database: Database) -> None:
    """Five have asked for fifty symbols each before him, which are read in half a minute each: he has his turn among the first parts of theirs."""
    for number in range(5):
        wish(database, f"eve{number}", [f"{each}{number}" for each in MANY], 2_048)
    wish(database, "bob", ["IBM"], 256)
    vendor = Split()
    reader = DailyHistoryReader(database, vendor, lambda: NOW)
    looks = []
    for _ in range(3):
        vendor.symbols.clear()
        reader.look()
        looks.append([each for asked in vendor.symbols for each in asked])
    assert {each[-1] for each in looks[0]} == {"0", "1", "2", "3"}
    assert "IBM" in looks[1]
    assert {each[-1] for each in looks[1]} == {"4", "M", "0", "1"}
    assert {each[-1] for each in looks[2]} == {"2", "3", "0", "1"}


def test_a_wish_that_is_not_answered_waits_while_those_of_others_are_read(database: Database) -> None:
    wish(database, "eve", ["NONE"], 64)
    wish(database, "bob", ["IBM"], 64)
    wish(database, "cyd", ["MSFT"], 64)
    vendor = Split(broken={"NONE"})
    reader = DailyHistoryReader(database, vendor, lambda: NOW)
    for _ in range(3):
        reader.look()
    assert vendor.symbols == [["NONE"], ["IBM"], ["MSFT"], ["NONE"], ["NONE"]]


def test_requests_for_the_days_of_sessions_are_bounded_and_the_short_ones_come_first(database: Database) -> None:
    """Whoever looks eight years back on hundreds of symbols keeps nobody waiting who looks back on a season."""
    far = {f"{first}{second}": 2_048 for first in "ABCDEF" for second in "ABCDEFGHIJ"}
    vendor = Split()
    read_days(database, vendor, NOW, lambda _: {**far, "IBM": 64})
    assert vendor.symbols[0] == ["IBM"]
    assert max(map(len, vendor.symbols)) * 2_048 <= 100_000
    assert sorted(each for asked in vendor.symbols[1:] for each in asked) == sorted(far)


def test_a_session_whose_symbol_changes_its_name_goes_on_and_is_replayed_on_the_days_that_it_saw(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = live_on(database, monkeypatch, CODE)
    live.read(MONDAY)
    live.minutes(MONDAY, "09:30", "09:31")
    # A day is corrected, so that nobody who asks under the new name is told what it was.
    live.read(MONDAY, _2026_01_02=300)
    live.minutes(MONDAY, "09:32", "09:33")
    with database.transaction() as connection:
        change = CorporateAction("name", "AAPL", ActionKind.SYMBOL_CHANGE, TUESDAY, new_symbol="NEWA")
        announced_actions.note_action(connection, change)
        assert corporate_actions.apply_action(connection, change) is None
        days = [
            Bar("NEWA", daily_bars.begins_at("NEWA", day), *(Decimal(close),) * 5)
            for day, close in sorted({**live.known, MONDAY: 130}.items())
        ]
        daily_bars.store_days(connection, "NEWA", days, TUESDAY, 2_048)
    price = Decimal(100)
    at = datetime.combine(TUESDAY, time(14, 30), UTC)
    evaluate_bar(database, sandbox_of_days, lambda *_: None, Bar("NEWA", at, *(price,) * 5), 0)
    assert live.seen()[1]["mean"] > 140
    assert_replayed(live, 5)


LONG = """
TIMEFRAME = "5min"
def indicators(bars):
    return {"mean": ta.sma(bars.resample("1d").close, length=256)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    state["mean"] = bar.mean
"""


def test_a_bar_that_is_decided_on_with_the_next_days_first_sees_all_days_before_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last minute had no trade. It looks back on as many days as a window has, and that ends a day earlier than the minute's."""
    live = live_on(database, monkeypatch, LONG)
    live.known = {MONDAY - timedelta(days=number): 100 + number for number in range(1, 400)}
    live.read(MONDAY)
    live.minutes(MONDAY, "19:50", "19:54", "19:55", "19:56")
    before = live.seen()
    live.read(TUESDAY, _2026_01_05=900)
    live.minutes(TUESDAY, "04:00")
    assert live.seen() == (before[0] + 1, {"n": before[1]["n"] + 1, "mean": before[1]["mean"]})
    assert before[1]["mean"] == pytest.approx(100 + 257 / 2)
    assert_replayed(live, before[0] + 1)
